#include "base.h"

#include "die.h"
#include "known.h"
#include "rec.h"

#include <stdarg.h>

struct asking {
	struct known known;
	const struct conf_dns *conf;
	struct dns_answer *good, *bad;
	unsigned missing;
	known_done *done;
	void *arg;
};

void
known_write(struct str *out, const struct known *k, const struct conf_dns *c)
{
	static const char *const words[] = {"works", "broken", "unknown", "off"};

	rec_add(out, "validation", words[k->verdict]);
	if (k->good_word)
		rec_addf(out, "known-good", "%s %s", c->known_good, k->good_word);
	if (k->bad_word)
		rec_addf(out, "known-bad", "%s %s", c->known_bad, k->bad_word);
	if (k->why)
		rec_add(out, "why", k->why);
	rec_end(out);
}

void
known_log(const struct known *k)
{
	if (k->verdict == KNOWN_BROKEN)
		dns_broken_say(k->why);
}

static const char *
word_of(const struct dns_answer *a)
{
	if (!a)
		return NULL;
	if (dns_answer_failed(a))
		return a->status == DNS_BOGUS ? "bogus" : "fail";
	return a->status != DNS_DATA ? "absent" : a->secure ? "secure" : "insecure";
}

static void PRINTF(2, 3) broken(struct known *k, const char *fmt, ...)
{
	va_list ap;

	if (k->verdict == KNOWN_BROKEN)
		return;
	k->verdict = KNOWN_BROKEN;
	va_start(ap, fmt);
	if (vasprintf(&k->why, fmt, ap) < 0)
		die_temp("out of memory");
	va_end(ap);
}

/* A name that does not exist, or that nobody could look up, tells nothing of validation. A denial that is proved is as
 * good as an answer. */
static void
judge(struct asking *q)
{
	const struct dns_answer *good = q->good, *bad = q->bad;
	struct known *k = &q->known;
	bool told = false;

	k->good_word = word_of(good);
	k->bad_word = word_of(bad);
	if (good && !dns_answer_failed(good)) {
		if (!good->secure && good->status != DNS_NXDOMAIN)
			broken(k, "%s is signed, and its answer came without what validation needs",
			    q->conf->known_good);
		told = told || good->secure;
	}
	if (good && good->status == DNS_BOGUS)
		broken(
		    k, "%s is signed, and its answer failed validation: %s", q->conf->known_good, good->why);
	if (bad && bad->status == DNS_DATA)
		broken(k, "the signature of %s is wrong, and it was taken for good", q->conf->known_bad);
	told = told || (!good && bad && bad->status == DNS_BOGUS);
	if (k->verdict != KNOWN_BROKEN)
		k->verdict = told ? KNOWN_WORKS : KNOWN_UNKNOWN;
}

void
known_free(struct asking *q)
{
	if (!q)
		return;
	dns_answer_free(q->good);
	dns_answer_free(q->bad);
	free(q->known.why);
	free(q);
}

static void
answered(struct asking *q)
{
	if (--q->missing)
		return;
	judge(q);
	q->done(q->arg, &q->known);
}

static void
good_answered(void *arg, struct dns_answer *a)
{
	struct asking *q = arg;

	q->good = a;
	answered(q);
}

static void
bad_answered(void *arg, struct dns_answer *a)
{
	struct asking *q = arg;

	q->bad = a;
	answered(q);
}

struct asking *
known_ask(struct dns *d, const struct conf_dns *c, known_done *done, void *arg)
{
	struct asking *q = mem_zalloc(sizeof *q);
	bool off = c->trust_anchor && !strcmp(c->trust_anchor, "none");

	*q = (struct asking){.conf = c, .done = done, .arg = arg};
	q->missing = off ? 0 : !!*c->known_good + !!*c->known_bad;
	if (!q->missing) {
		q->known.verdict = KNOWN_OFF;
		done(arg, &q->known);
		return q;
	}
	if (*c->known_good)
		dns_ask(d, c->known_good, DNS_A, false, good_answered, q);
	if (*c->known_bad)
		dns_ask(d, c->known_bad, DNS_A, false, bad_answered, q);
	return q;
}
