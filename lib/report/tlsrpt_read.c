#include "base.h"

#include "clock.h"
#include "mime_read.h"
#include "tlsrpt_read.h"

#include <jansson.h>
#include <malloc.h>
#include <zlib.h>

#define JSON_MEMORY                                                                                          \
	(128u << 20) /* what the parser may take of it: a list of lists is a hundred times its text */
#define COUNT_MAX ((json_int_t)1 << 53)

/* ---- memory of the parser, counted ---- */

static size_t held;

static void *
bounded_alloc(size_t n)
{
	void *p = held < JSON_MEMORY && n < JSON_MEMORY - held ? malloc(n) : NULL;

	if (p)
		held += malloc_usable_size(p);
	return p;
}

static void
bounded_free(void *p)
{
	if (p)
		held -= malloc_usable_size(p);
	free(p);
}

/* ---- gzip ---- */

static bool
is_gzip(const char *s, size_t n)
{
	return n >= 2 && (unsigned char)s[0] == 0x1f && (unsigned char)s[1] == 0x8b;
}

static const char *
unzip(struct str *out, const char *s, size_t n)
{
	z_stream z = {.next_in = (Bytef *)(uintptr_t)s, .avail_in = (uInt)n};
	const char *why = NULL;
	int r = Z_OK;

	if (inflateInit2(&z, 16 + MAX_WBITS) != Z_OK)
		return "out of memory";
	while (r == Z_OK && !why) {
		str_reserve(out, 65536);
		z.next_out = (Bytef *)out->s + out->len;
		z.avail_out = 65536;
		r = inflate(&z, Z_NO_FLUSH);
		out->len += 65536 - z.avail_out;
		if (out->len > TLSRPT_READ_JSON)
			why = "it is larger than 10 MB when it is unpacked";
	}
	if (!why && r != Z_STREAM_END)
		why = "its gzip is damaged";
	inflateEnd(&z);
	str_reserve(out, 1);
	out->s[out->len] = 0;
	return why;
}

/* ---- what the JSON says ---- */

static char *
text_of(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);
	const char *s = json_string_value(v);
	size_t n = s ? json_string_length(v) : 0;

	if (n > TLSRPT_READ_TEXT)
		for (n = TLSRPT_READ_TEXT; n && (s[n] & 0xc0) == 0x80; n--)
			;
	return mem_dupn(s ? s : "", n);
}

/* A word as the RFC's are; else "other". */
static char *
word_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));
	size_t n = s ? strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-") : 0;

	return mem_dup(n && n <= 40 && !s[n] ? s : "other");
}

static uint64_t
count_of(const json_t *o, const char *key)
{
	json_int_t v = json_integer_value(json_object_get(o, key));

	return v < 0 ? 0 : (uint64_t)(v < COUNT_MAX ? v : COUNT_MAX);
}

static int64_t
time_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));
	int64_t t;

	return s && strlen(s) < 40 && clock_parse(s, &t) ? t : 0;
}

/* NULL: there is no room for another. */
static struct tlsrpt_read_row *
row_add(struct tlsrpt_read *r)
{
	if (r->nrow == TLSRPT_READ_ROWS) {
		r->ncut++;
		return NULL;
	}
	if (!(r->nrow & (r->nrow - 1)))
		r->row = mem_grow(r->row, r->nrow ? 2 * r->nrow : 1, sizeof *r->row);
	return &r->row[r->nrow++];
}

static void
detail_read(struct tlsrpt_read *r, const json_t *policy, const json_t *d)
{
	struct tlsrpt_read_row *row = row_add(r);
	char *more;

	if (!row)
		return;
	*row = (struct tlsrpt_read_row){
	    .domain = text_of(policy, "policy-domain"),
	    .type = word_of(policy, "policy-type"),
	    .result = word_of(d, "result-type"),
	    .sessions = count_of(d, "failed-session-count"),
	    .mx = text_of(d, "receiving-mx-hostname"),
	    .helo = text_of(d, "receiving-mx-helo"),
	    .from = text_of(d, "sending-mta-ip"),
	    .to = text_of(d, "receiving-ip"),
	    .reason = text_of(d, "failure-reason-code"),
	};
	more = text_of(d, "additional-information");
	if (!*row->reason) {
		free(row->reason);
		row->reason = more;
	} else {
		free(more);
	}
}

/* Sessions of a policy of which only the number is told. */
static void
sum_read(struct tlsrpt_read *r, const json_t *policy, const char *result, uint64_t sessions)
{
	struct tlsrpt_read_row *row = row_add(r);

	if (row)
		*row = (struct tlsrpt_read_row){
		    .domain = text_of(policy, "policy-domain"),
		    .type = word_of(policy, "policy-type"),
		    .result = mem_dup(result),
		    .sessions = sessions,
		    .mx = mem_dup(""),
		    .helo = mem_dup(""),
		    .from = mem_dup(""),
		    .to = mem_dup(""),
		    .reason = mem_dup(""),
		};
}

static void
policy_read(struct tlsrpt_read *r, const json_t *one)
{
	const json_t *policy = json_object_get(one, "policy"), *summary = json_object_get(one, "summary"),
		     *details = json_object_get(one, "failure-details");
	uint64_t ok = count_of(summary, "total-successful-session-count"),
		 failed = count_of(summary, "total-failure-session-count"), told = 0;

	if (ok || !failed)
		sum_read(r, policy, "ok", ok);
	for (size_t i = 0; i < json_array_size(details); i++) {
		const json_t *d = json_array_get(details, i);

		told += count_of(d, "failed-session-count");
		detail_read(r, policy, d);
	}
	if (failed > told)
		sum_read(r, policy, "failed", failed - told);
}

static const char *
json_read(struct tlsrpt_read *r, const char *s, size_t n)
{
	json_malloc_t usual_alloc;
	json_free_t usual_free;
	json_error_t error;
	const json_t *range, *policies;
	const char *why = NULL;
	json_t *o;

	if (n > TLSRPT_READ_JSON)
		return "it is larger than 10 MB";
	json_get_alloc_funcs(&usual_alloc, &usual_free);
	json_set_alloc_funcs(bounded_alloc, bounded_free);
	o = json_loadb(s, n, JSON_DISABLE_EOF_CHECK, &error);
	policies = json_object_get(o, "policies");
	if (!o)
		why = "its JSON cannot be read";
	else if (!json_is_array(policies) || !json_is_string(json_object_get(o, "report-id")))
		why = "its JSON has no report-id or no policies";
	if (!why) {
		range = json_object_get(o, "date-range");
		r->organization = text_of(o, "organization-name");
		r->contact = text_of(o, "contact-info");
		r->id = text_of(o, "report-id");
		r->begin = time_of(range, "start-datetime");
		r->end = time_of(range, "end-datetime");
		for (size_t i = 0; i < json_array_size(policies); i++)
			policy_read(r, json_array_get(policies, i));
	}
	json_decref(o);
	json_set_alloc_funcs(usual_alloc, usual_free);
	return why;
}

/* ---- what it comes in ---- */

static size_t
json_begins(const char *s, size_t n)
{
	size_t i = n >= 3 && !memcmp(s, "\xef\xbb\xbf", 3) ? 3 : 0;

	while (i < n && (s[i] == ' ' || s[i] == '\t' || s[i] == '\r' || s[i] == '\n'))
		i++;
	return i < n && s[i] == '{' ? i : n;
}

/* JSON or gzip; "": neither. */
static const char *
bare_read(struct tlsrpt_read *r, const char *s, size_t n)
{
	struct str json = {0};
	const char *why = "";
	size_t from;

	if (is_gzip(s, n)) {
		why = unzip(&json, s, n);
		from = why ? 0 : json_begins(str_cstr(&json), json.len);
		if (!why)
			why = from < json.len ? json_read(r, json.s + from, json.len - from)
			                      : "what its gzip has is no JSON";
	} else if ((from = json_begins(s, n)) < n) {
		why = json_read(r, s + from, n - from);
	}
	str_free(&json);
	return why;
}

struct search {
	struct tlsrpt_read *r;
	const char *why;
};

/* Its own type, or one that mail programs give to files. */
static bool
may_be_report(const char *type)
{
	static const char *const types[] = {"application/tlsrpt+gzip", "application/tlsrpt+json",
	    "application/gzip", "application/x-gzip", "application/json", "application/octet-stream"};

	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (!strcmp(type, types[i]))
			return true;
	return false;
}

static bool
leaf_read(void *arg, const struct mime_leaf *leaf)
{
	struct search *s = arg;
	struct str body = {0};
	const char *why;

	if (!may_be_report(leaf->type))
		return true;
	mime_decode(&body, leaf);
	why = bare_read(s->r, str_cstr(&body), body.len);
	str_free(&body);
	if (why && !*why)
		return true;
	/* No second one is looked at: a mail of many that unpack to much would cost as much as they do. */
	s->why = why;
	return false;
}

const char *
tlsrpt_read(struct tlsrpt_read *r, const char *bytes, size_t n)
{
	struct search s = {r, "it has no part that is a report, and is none itself"};
	const char *why;

	*r = (struct tlsrpt_read){0};
	if (n > TLSRPT_READ_MAX)
		return "it is larger than 32 MB";
	why = bare_read(r, bytes, n);
	if (!why || *why)
		return why;
	mime_walk(bytes, n, leaf_read, &s);
	return s.why;
}

void
tlsrpt_read_free(struct tlsrpt_read *r)
{
	for (size_t i = 0; i < r->nrow; i++) {
		char *text[] = {r->row[i].domain, r->row[i].type, r->row[i].result, r->row[i].mx,
		    r->row[i].helo, r->row[i].from, r->row[i].to, r->row[i].reason};

		for (size_t k = 0; k < ARRAY_LEN(text); k++)
			free(text[k]);
	}
	free(r->row);
	free(r->organization);
	free(r->contact);
	free(r->id);
	*r = (struct tlsrpt_read){0};
}
