#include "base.h"

#include "domain.h"
#include "rec.h"
#include "stsrec.h"

#include <arpa/inet.h>
#include <stdarg.h>

#define COUNT_MAX 4000 /* bytes of a `tls` line: 4 kB with its key and count */

static const char *const txt_words[] = {
    [STS_TXT_NONE] = "none", [STS_TXT_GOOD] = "good", [STS_TXT_UNKNOWN] = "unknown"};
static const char *const kind_words[] = {[STS_REPLY_POLICY] = "policy",
    [STS_REPLY_NONE] = "none",
    [STS_REPLY_UNDECIDED] = "undecided",
    [STS_REPLY_ADDRESSES] = "addresses"};

/* The word's place in words; n: it is none of them. */
static size_t
word_find(const char *const *words, size_t n, const char *s)
{
	size_t i = 0;

	while (i < n && strcmp(words[i], s))
		i++;
	return i;
}

static bool
id_take(char id[STS_ID_MAX + 1], const char *value)
{
	if (*value && !sts_id_ok(value))
		return false;
	memcpy(id, value, strlen(value) + 1);
	return true;
}

static bool
text_take(char **to, const char *value)
{
	if (*to)
		return false;
	*to = mem_dup(value);
	return true;
}

/* ---- questions ---- */

void
sts_question_free(struct sts_question *q)
{
	free(q->domain);
	plan_list_free(&q->addr);
	free(q->no_addr);
	*q = (struct sts_question){0};
}

static void
addresses_add(struct sts_question *q, const struct dns_answer *a, unsigned type, size_t most)
{
	char text[INET6_ADDRSTRLEN];

	for (size_t i = 0; a->status == DNS_DATA && i < a->n && q->addr.n < most; i++)
		if (rdata_addr(text, type, a->data[i].p, a->data[i].n))
			plan_list_add(&q->addr, text);
}

void
sts_question_addresses(struct sts_question *q, const struct dns_answer *aaaa, const struct dns_answer *a)
{
	const struct dns_answer *bad = dns_answer_failed(a) ? a : dns_answer_failed(aaaa) ? aaaa : NULL;
	struct str why = {0};

	addresses_add(q, aaaa, DNS_AAAA, STS_ADDR_MAX / 2);
	addresses_add(q, a, DNS_A, STS_ADDR_MAX);
	q->has_addr = true;
	if (q->addr.n)
		return;
	if (bad)
		str_addf(&why, "unable to look up an address of mta-sts.%s: %s", q->domain,
		    bad->why ? bad->why : "no answer");
	else
		str_addf(&why, "mta-sts.%s has no address", q->domain);
	free(q->no_addr);
	q->no_addr = str_take(&why);
}

void
sts_question_write(struct str *out, const struct sts_question *q)
{
	rec_addi(out, "ask", (int64_t)q->ask);
	rec_add(out, "domain", q->domain);
	rec_add(out, "txt", txt_words[q->txt]);
	if (*q->id)
		rec_add(out, "id", q->id);
	if (q->refetch)
		rec_add(out, "refetch", "yes");
	for (size_t i = 0; i < q->addr.n; i++)
		rec_add(out, "addr", q->addr.v[i]);
	if (q->has_addr && !q->addr.n)
		rec_add(out, "no-addr", q->no_addr ? q->no_addr : "no address");
	rec_end(out);
}

static bool
domain_take(struct sts_question *q, const char *value)
{
	const char *why = NULL;

	if (q->domain || *value == '[' || strlen(value) > STS_DOMAIN_MAX)
		return false;
	return (q->domain = domain_ascii(value, &why)) != NULL;
}

static bool
question_line(struct sts_question *q, const char *key, char *value)
{
	size_t i;

	if (!(value = rec_text(value)))
		return false;
	if (!strcmp(key, "ask"))
		return str_number(value, INT64_MAX, &q->ask);
	if (!strcmp(key, "domain"))
		return domain_take(q, value);
	if (!strcmp(key, "txt")) {
		i = word_find(txt_words, ARRAY_LEN(txt_words), value);
		q->txt = (enum sts_txt)i;
		return i < ARRAY_LEN(txt_words);
	}
	if (!strcmp(key, "id"))
		return id_take(q->id, value);
	if (!strcmp(key, "refetch")) {
		q->refetch = !strcmp(value, "yes");
	} else if (!strcmp(key, "addr")) {
		unsigned char b[16];

		if (q->addr.n == STS_ADDR_MAX ||
		    inet_pton(strchr(value, ':') ? AF_INET6 : AF_INET, value, b) != 1)
			return false;
		plan_list_add(&q->addr, value);
		q->has_addr = true;
	} else if (!strcmp(key, "no-addr")) {
		q->has_addr = true;
		return text_take(&q->no_addr, value);
	}
	return true;
}

bool
sts_question_parse(struct sts_question *q, char *buf, size_t n)
{
	struct rec_in in = {buf, buf + n};
	char *key, *value;
	enum rec_got got;
	bool good = true;

	*q = (struct sts_question){.txt = STS_TXT_UNKNOWN};
	while (good && (got = rec_next(&in, &key, &value)) != REC_END)
		good = got == REC_LINE && question_line(q, key, value);
	if (good && q->ask && q->domain && (q->txt == STS_TXT_GOOD) == (*q->id != 0))
		return true;
	sts_question_free(q);
	return false;
}

/* ---- replies ---- */

void
sts_reply_free(struct sts_reply *r)
{
	sts_policy_free(&r->policy);
	free(r->result);
	free(r->why);
	*r = (struct sts_reply){0};
}

void
sts_reply_write(struct str *out, const struct sts_reply *r)
{
	rec_addi(out, "ask", (int64_t)r->ask);
	rec_add(out, "answer", kind_words[r->kind]);
	if (r->kind == STS_REPLY_POLICY) {
		rec_add(out, "mode", sts_mode_word(r->policy.mode));
		rec_add(out, "id", r->id);
		rec_addi(out, "max-age", (int64_t)r->policy.max_age);
		for (size_t i = 0; i < r->policy.mx.n; i++)
			rec_add(out, "mx", r->policy.mx.v[i]);
		rec_addf(out, "fetched", "%jd", (intmax_t)r->fetched);
	}
	if (r->result) {
		rec_add(out, "result", r->result);
		rec_add(out, "why", r->why ? r->why : "");
	}
	rec_addi(out, "ttl", r->ttl);
	rec_end(out);
}

static bool
reply_line(struct sts_reply *r, const char *key, char *value)
{
	uint64_t n = 0;
	size_t i;

	if (!(value = rec_text(value)))
		return false;
	if (!strcmp(key, "ask"))
		return str_number(value, INT64_MAX, &r->ask);
	if (!strcmp(key, "answer")) {
		i = word_find(kind_words, ARRAY_LEN(kind_words), value);
		r->kind = (enum sts_kind)i;
		return i < ARRAY_LEN(kind_words);
	}
	if (!strcmp(key, "mode"))
		return sts_mode_parse(value, &r->policy.mode);
	if (!strcmp(key, "id"))
		return id_take(r->id, value);
	if (!strcmp(key, "max-age"))
		return str_number(value, STS_MAX_AGE_MAX, &r->policy.max_age);
	if (!strcmp(key, "mx")) {
		plan_list_add(&r->policy.mx, value);
	} else if (!strcmp(key, "fetched")) {
		if (!str_number(value, INT64_MAX / 2, &n))
			return false;
		r->fetched = (int64_t)n;
	} else if (!strcmp(key, "ttl")) {
		if (!str_number(value, UINT32_MAX, &n))
			return false;
		r->ttl = (unsigned)n;
	} else if (!strcmp(key, "result")) {
		return sts_result_ok(value) && text_take(&r->result, value);
	} else if (!strcmp(key, "why")) {
		return text_take(&r->why, value);
	}
	return true;
}

bool
sts_reply_parse(struct sts_reply *r, char *buf, size_t n)
{
	struct rec_in in = {buf, buf + n};
	char *key, *value;
	enum rec_got got;
	bool good = true;

	*r = (struct sts_reply){.kind = STS_REPLY_FAILED};
	while (good && (got = rec_next(&in, &key, &value)) != REC_END)
		good = got == REC_LINE && reply_line(r, key, value);
	good = good && r->ask && r->kind != STS_REPLY_FAILED;
	/* Nothing would match, and nothing be delivered. */
	if (good && r->kind == STS_REPLY_POLICY && r->policy.mode != STS_MODE_NONE && !r->policy.mx.n)
		good = false;
	if (!good)
		sts_reply_free(r);
	return good;
}

/* ---- for TLSRPT ---- */

void
sts_count(struct str *out, const char *domain, const char *result, const char *mx, const char *why)
{
	str_reset(out);
	str_addf(out, "sts %s %s", domain, result);
	if (mx)
		rec_putf(out, "mx=%s", mx);
	if (why)
		rec_putf(out, "reason=%.500s", why);
}

static void PRINTF(2, 3) count_put(struct str *out, const char *fmt, ...)
{
	size_t old = out->len;
	char text[600];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	rec_put(out, text);
	if (out->len > COUNT_MAX)
		str_cut(out, old);
}

void
sts_count_policy(struct str *out, const struct sts_policy *p)
{
	size_t n = p->mx.n < PLAN_STS_MX_MAX ? p->mx.n : PLAN_STS_MX_MAX;

	for (size_t i = 0; i < n; i++)
		count_put(out, "mxp=%s", p->mx.v[i]);
	count_put(out, "policy=version: STSv1");
	count_put(out, "policy=mode: %s", sts_mode_word(p->mode));
	for (size_t i = 0; i < n; i++)
		count_put(out, "policy=mx: %s", p->mx.v[i]);
	count_put(out, "policy=max_age: %ju", (uintmax_t)p->max_age);
}
