#include "base.h"

#include "addr.h"
#include "fuzz.h"
#include "smtpd.h"

/* What came of a session: all replies, all messages. */
struct outcome {
	struct str replies, body, mails;
};

/* The time. */
static int64_t
still(void)
{
	return INT64_C(1795228273) * 1000000;
}

static bool
message_begin(struct smtpd *s)
{
	struct outcome *o = s->arg;

	MUST_HOLD(s->sender && s->nrcpt && s->nrcpt <= s->setup->max_rcpt);
	MUST_HOLD(!*s->sender || !addr_check(s->sender, strlen(s->sender), false));
	for (size_t i = 0; i < s->nrcpt; i++)
		MUST_HOLD(!addr_check(s->rcpt[i].address, strlen(s->rcpt[i].address), false));
	MUST_HOLD(s->hold_until >= 0 && s->hold_until <= still() + s->setup->max_hold);
	str_reset(&o->body);
	return true;
}

static void
message_body(struct smtpd *s, const char *p, size_t n)
{
	struct outcome *o = s->arg;

	str_add(&o->body, p, n);
}

static void
message_done(struct smtpd *s)
{
	struct outcome *o = s->arg;

	MUST_HOLD(o->body.len == s->size && s->size <= s->setup->max_size);
	for (size_t i = 0; i < o->body.len; i++) {
		if (o->body.s[i] == '\n')
			MUST_HOLD(i && o->body.s[i - 1] == '\r');
		if (o->body.s[i] == '\r')
			MUST_HOLD(i + 1 < o->body.len && o->body.s[i + 1] == '\n');
	}
	str_addf(&o->mails, "%s %zu %zu\n", s->sender, s->nrcpt, o->body.len);
	str_add(&o->mails, str_cstr(&o->body), o->body.len);
	smtpd_answer(s, "250 2.0.0 taken");
}

static void
message_drop(struct smtpd *s)
{
	struct outcome *o = s->arg;

	str_reset(&o->body);
}

static void
session(struct outcome *o, const uint8_t *data, size_t n, size_t step)
{
	static const struct smtpd_setup setup = {.hostname = "mx.example.com",
	    .mailname = "example.com",
	    .max_size = 4000,
	    .max_rcpt = 5,
	    .max_mail = 5,
	    .offer = OFFER_ALL | OFFER_REQUIRETLS | OFFER_FUTURERELEASE,
	    .limits = true,
	    .count_hops = true,
	    .max_hold = INT64_C(86400) * 1000000,
	    .clock = still};
	static const struct smtpd_hooks hooks = {
	    .begin = message_begin, .body = message_body, .done = message_done, .drop = message_drop};
	struct smtpd s;

	smtpd_start(&s, &setup, &hooks, o);
	for (size_t at = 0; at < n; at += step) {
		size_t len = step < n - at ? step : n - at;
		char *p = fuzz_copy(data + at, len);

		smtpd_feed(&s, p, len);
		free(p);
		str_add(&o->replies, str_cstr(&s.out), s.out.len);
		str_reset(&s.out);
	}
	smtpd_end(&s);
	for (size_t i = 0; i < o->replies.len; i++) {
		unsigned char c = (unsigned char)o->replies.s[i];

		MUST_HOLD(
		    (c >= ' ' && c < 127) || c == '\r' || (c == '\n' && i && o->replies.s[i - 1] == '\r'));
	}
}

static bool
same(const struct str *a, const struct str *b)
{
	return a->len == b->len && !memcmp(str_cstr(a), str_cstr(b), a->len);
}

static void
outcome_free(struct outcome *o)
{
	str_free(&o->replies);
	str_free(&o->body);
	str_free(&o->mails);
}

/* The same session, however the bytes come. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const size_t steps[] = {1, 3, 64};
	struct outcome whole = {0};

	session(&whole, data, n, n ? n : 1);
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		struct outcome o = {0};

		session(&o, data, n, steps[i]);
		MUST_HOLD(same(&o.mails, &whole.mails) && same(&o.replies, &whole.replies));
		outcome_free(&o);
	}
	outcome_free(&whole);
	return 0;
}
