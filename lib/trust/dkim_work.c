#include "base.h"

#include "clock.h"
#include "die.h"
#include "dkim_author.h"
#include "dkim_message.h"
#include "dkim_work.h"
#include "fdio.h"
#include "keyring.h"
#include "log.h"
#include "owner.h"
#include "rec.h"
#include "sandbox.h"

#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <signal.h>
#include <unistd.h>

#define REQUEST_MAX 4096
#define HEADER_MAX (2 * 1024 * 1024) /* must exceed what the door takes (WIRE_HEADER_MAX) */

struct request {
	uint64_t number, size;
	const char *account;
	int fd;
};

enum verdict { SIGNED, UNSIGNED, LATER };

/* What becomes of one message. */
struct work {
	const struct keyring *keys;
	const char *own;
	const struct request *request;
	const struct keyring_domain *domain;
	enum verdict verdict;
	const char *why;  /* NULL: its domain has no keys here, and nobody expects a signature */
	size_t canon[2];  /* which of the message's hashes is that of DKIM_SIMPLE, DKIM_RELAXED */
	struct str lines; /* of the record */
};

/* ---- one message ---- */

/* Behind the header: whose mail is it, and is it to be signed? The body is hashed in each form that some key wants. */
static void
judge(struct dkim_message *m)
{
	struct work *w = m->arg;
	const char *why;
	char *author = dkim_author(str_cstr(&m->header), m->header.len, &why);
	bool wanted[2] = {false, false};

	w->verdict = UNSIGNED;
	w->why = why;
	w->domain = author ? keyring_find(w->keys, author) : NULL;
	free(author);
	if (!w->domain)
		return;
	if (!keyring_allows(w->domain, w->request->account, w->own)) {
		w->why = "the account may not use the domain in From:";
		return;
	}
	if (w->domain->why) {
		w->verdict = LATER;
		w->why = w->domain->why;
		return;
	}
	w->verdict = SIGNED;
	for (size_t i = 0; i < w->domain->n; i++)
		wanted[w->domain->key[i].conf->body_simple ? DKIM_SIMPLE : DKIM_RELAXED] = true;
	for (int c = DKIM_SIMPLE; c <= DKIM_RELAXED; c++)
		if (wanted[c]) {
			w->canon[c] = m->nbody;
			dkim_message_hash(m, (enum dkim_canon)c, UINT64_MAX);
		}
}

/* false: it cannot be read; *w says why. Stops early when there is nothing to hash. */
static bool
message_read(struct dkim_message *m, struct work *w)
{
	static char buf[65536];
	uint64_t at = 0, size = w->request->size;

	while (at < size && !(m->in_body && !m->nbody)) {
		ssize_t n = pread(w->request->fd, buf,
		    size - at < sizeof buf ? (size_t)(size - at) : sizeof buf, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0 || (!m->in_body && m->header.len > HEADER_MAX)) {
			w->verdict = n > 0 ? UNSIGNED : LATER;
			w->why = n > 0    ? "its header is too large"
			         : n == 0 ? "the message is shorter than it should be"
			                  : "the message cannot be read";
			return false;
		}
		dkim_message_add(m, buf, (size_t)n);
		at += (uint64_t)n;
	}
	dkim_message_end(m);
	return true;
}

/* All keys or none: a peer that takes one signature for good may stumble over the lack of another. */
static void
sign(struct dkim_message *m, struct work *w, unsigned char digest[][DKIM_HASH_SIZE])
{
	struct str one = {0};

	for (size_t i = 0; i < w->domain->n && w->verdict == SIGNED; i++) {
		const struct keyring_key *k = &w->domain->key[i];
		enum dkim_canon body = k->conf->body_simple ? DKIM_SIMPLE : DKIM_RELAXED;
		struct dkim_signer signer = {.key = &k->key,
		    .domain = w->domain->conf->name,
		    .selector = k->conf->selector,
		    .header = k->conf->header_simple ? DKIM_SIMPLE : DKIM_RELAXED,
		    .body = body,
		    .fields = k->fields,
		    .time = clock_now() / SECOND};

		str_reset(&one);
		w->why =
		    dkim_sign(&one, &signer, str_cstr(&m->header), m->header.len, digest[w->canon[body]]);
		if (w->why)
			w->verdict = w->why == dkim_cannot ? LATER : UNSIGNED;
		else
			rec_addn(&w->lines, "lines", one.s, one.len);
	}
	str_free(&one);
}

static void
work_on(struct work *w)
{
	static struct dkim_message m;
	unsigned char digest[2][DKIM_HASH_SIZE];
	bool whole;

	m.header_done = judge;
	m.arg = w;
	m.in_body = false;
	m.nbody = 0;
	str_reset(&m.header);
	whole = message_read(&m, w);
	for (size_t i = 0; i < m.nbody; i++)
		dkim_body_end(&m.body[i], digest[i]);
	if (whole && w->verdict == SIGNED)
		sign(&m, w, digest);
	if (m.header.cap > 65536)
		str_free(&m.header);
}

/* ---- the socket ---- */

static bool
request_parse(struct request *r, char *buf, size_t n)
{
	struct rec_in in = {buf, buf + n};
	char *key, *value;
	enum rec_got got;

	while ((got = rec_next(&in, &key, &value)) == REC_LINE) {
		if (!(value = rec_text(value)))
			return false;
		if (!strcmp(key, "sign") && !str_number(value, INT64_MAX, &r->number))
			return false;
		if (!strcmp(key, "size") && !str_number(value, INT64_MAX, &r->size))
			return false;
		if (!strcmp(key, "account"))
			r->account = value;
	}
	return got == REC_END && r->number && r->account && r->fd >= 0;
}

static void
answer(const struct work *w)
{
	static const char *const words[] = {[SIGNED] = "signed", [UNSIGNED] = "unsigned", [LATER] = "later"};
	struct str out = {0};

	rec_addf(&out, words[w->verdict], "%" PRIu64, w->request->number);
	if (w->verdict == SIGNED) {
		rec_add(&out, "domain", w->domain->conf->name);
		str_add(&out, w->lines.s, w->lines.len);
	} else if (w->why) {
		rec_add(&out, "why", w->why);
	}
	rec_end(&out);
	if (out.len > PKT_MAX)
		bug("%zu bytes of signatures", out.len);
	if (pkt_send(0, out.s, out.len, -1, 0) && errno != EPIPE)
		die_temp("unable to answer: %m");
	str_free(&out);
}

/* false: nobody asks any more. */
static bool
serve(const struct keyring *keys, const char *own)
{
	static char buf[REQUEST_MAX + 1];
	struct request r = {.fd = -1};
	struct work w = {.keys = keys, .own = own, .request = &r};
	ssize_t n = pkt_recv(0, buf, REQUEST_MAX, &r.fd, 0);

	if (!n)
		return false;
	if (n < 0)
		die_temp("unable to read a question: %m");
	buf[n] = 0;
	if (!request_parse(&r, buf, (size_t)n))
		die_temp("unable to read a question: it is malformed");
	work_on(&w);
	answer(&w);
	str_free(&w.lines);
	close(r.fd);
	return true;
}

static const char *
own_name(char number[24])
{
	const struct passwd *p = getpwuid(geteuid());

	/* As mox-runq names who has no name. */
	snprintf(number, 24, "%u", (unsigned)geteuid());
	return p ? mem_dup(p->pw_name) : number;
}

int
dkim_work(const struct conf *c)
{
	static const int ignored[] = {SIGPIPE, SIGINT, SIGTERM, SIGHUP};
	struct keyring keys;
	const char *own, *lack = sandbox_lacks();
	char number[24];

	for (size_t i = 0; i < ARRAY_LEN(ignored); i++)
		signal(ignored[i], SIG_IGN);
	log_start((enum log_level)c->log_level, false);
	keyring_load(&keys, c);
	for (size_t i = 0; i < keys.n; i++)
		if (keys.v[i].why) {
			log_open(LOG_ALERT, "key-unusable");
			log_s("domain", keys.v[i].conf->name);
			log_s("why", keys.v[i].why);
			log_close();
		}
	if (lack) {
		log_open(LOG_WARN, "sandbox-incomplete");
		log_s("missing", lack);
		log_close();
	}
	own = own_name(number);
	clock_now(); /* the test clock is a file */
	sandbox_enter_alone();
	while (serve(&keys, own))
		;
	/* Nothing of exit(3) is needed, and leak checkers cannot run in here. */
	_exit(0);
}

/* ---- the test ---- */

int
dkim_test(const struct conf *c)
{
	struct keyring keys;
	bool bad = false, passes = true;

	owner_become(c->spool);
	keyring_load(&keys, c);
	for (size_t i = 0; i < keys.n; i++)
		if (keys.v[i].why) {
			warn("%s: %s", c->file, keys.v[i].why);
			bad = true;
			passes = passes && keys.v[i].passes;
		}
	keyring_free(&keys);
	return !bad ? 0 : passes ? EXIT_TEMP : EXIT_PERM;
}
