#include "base.h"

#include "fuzz.h"
#include "stsdns.h"
#include "stsrec.h"

/* What was read is written so that it reads the same. */
static void
question(const uint8_t *data, size_t n)
{
	char *p = fuzz_copy(data, n), *copy;
	struct str s = {0}, t = {0};
	struct sts_question q, again;

	if (sts_question_parse(&q, p, n)) {
		MUST_HOLD((q.txt == STS_TXT_GOOD) == (*q.id != 0));
		MUST_HOLD(strlen(q.domain) <= STS_DOMAIN_MAX && !strchr(q.domain, '/'));
		sts_question_write(&s, &q);
		copy = fuzz_copy((const uint8_t *)s.s, s.len);
		MUST_HOLD(sts_question_parse(&again, copy, s.len));
		sts_question_write(&t, &again);
		MUST_HOLD(s.len == t.len && !memcmp(s.s, t.s, s.len));
		sts_question_free(&again);
		free(copy);
	}
	sts_question_free(&q);
	str_free(&s);
	str_free(&t);
	free(p);
}

static void
reply(const uint8_t *data, size_t n)
{
	char *p = fuzz_copy(data, n);
	struct str count = {0};
	struct sts_reply r;

	if (sts_reply_parse(&r, p, n)) {
		MUST_HOLD(r.kind != STS_REPLY_FAILED);
		if (r.kind == STS_REPLY_POLICY)
			MUST_HOLD(r.policy.mx.n || r.policy.mode == STS_MODE_NONE);
		sts_count(&count, "example.com", STS_FETCH_ERROR, NULL, r.why);
		sts_count_policy(&count, &r.policy);
		MUST_HOLD(count.len <= 4096 && !memchr(count.s, '\n', count.len));
	}
	sts_reply_free(&r);
	str_free(&count);
	free(p);
}

static void
dns(const uint8_t *data, size_t n)
{
	char *p = fuzz_copy(data, n), id[STS_ID_MAX + 1];
	struct dns_answer *a = sts_dns_parse(DNS_TXT, p, n);
	const char *why;

	if (sts_txt_read(a, id, &why) == STS_TXT_GOOD)
		MUST_HOLD(sts_id_ok(id));
	dns_answer_free(a);
	free(p);
}

/* The first byte chooses. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	if (!n)
		return 0;
	switch (*data) {
	case 'q': question(data + 1, n - 1); break;
	case 'r': reply(data + 1, n - 1); break;
	default: dns(data + 1, n - 1);
	}
	return 0;
}
