#include "base.h"

#include "domain.h"
#include "mtasts.h"
#include "rec.h"

static bool
is_wsp(char c)
{
	return c == ' ' || c == '\t';
}

static bool
is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* A letter or digit, then up to 31 of those, "_", "-" and "." (3.1, 3.2). */
static bool
key_ok(const char *s, size_t n)
{
	if (!n || n > 32 || !is_alnum(*s))
		return false;
	for (size_t i = 1; i < n; i++)
		if (!is_alnum(s[i]) && s[i] != '_' && s[i] != '-' && s[i] != '.')
			return false;
	return true;
}

/* ---- the TXT record ---- */

#define VERSION "v=STSv1;"

static bool
id_ok(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!is_alnum(s[i]))
			return false;
	return n && n <= STS_ID_MAX;
}

bool
sts_id_ok(const char *id)
{
	return id_ok(id, strlen(id));
}

/* One field between semicolons, blanks around it cut. */
static const char *
txt_field(const char *s, size_t n, char id[STS_ID_MAX + 1])
{
	const char *eq = memchr(s, '=', n);
	size_t key = eq ? (size_t)(eq - s) : 0, len = eq ? n - key - 1 : 0;

	if (!eq || !key_ok(s, key) || !len)
		return "a field that is not NAME=VALUE";
	if (key == 2 && !memcmp(s, "id", 2)) {
		if (*id)
			return "two ids";
		if (!id_ok(eq + 1, len))
			return "an id that is not 1 to 32 letters and digits";
		memcpy(id, eq + 1, len);
		id[len] = 0;
		return NULL;
	}
	for (size_t i = key + 1; i < n; i++)
		if (s[i] <= ' ' || s[i] > '~' || s[i] == '=')
			return "a value with bytes that no value has";
	return NULL;
}

const char *
sts_txt_parse(const char *s, size_t n, char id[STS_ID_MAX + 1])
{
	const char *end = s + n, *why;

	*id = 0;
	if (n < strlen(VERSION) || memcmp(s, VERSION, strlen(VERSION)))
		return "it does not begin with " VERSION;
	for (s += strlen(VERSION); s < end;) {
		const char *semi = memchr(s, ';', (size_t)(end - s)), *stop = semi ? semi : end, *next = stop;

		while (s < stop && is_wsp(*s))
			s++;
		while (stop > s && is_wsp(stop[-1]))
			stop--;
		if (s == stop && semi)
			return "an empty field";
		if (s < stop && (why = txt_field(s, (size_t)(stop - s), id)))
			return why;
		s = semi ? next + 1 : end;
	}
	return *id ? NULL : "no id";
}

/* The strings of a TXT record in one (3.1, T28). false: malformed. */
static bool
txt_join(struct str *out, const struct dns_rdata *r)
{
	str_reset(out);
	for (size_t i = 0; i < r->n; i += r->p[i] + (size_t)1) {
		if (r->n - i - 1 < r->p[i])
			return false;
		str_add(out, r->p + i + 1, r->p[i]);
	}
	return true;
}

enum sts_txt
sts_txt_read(const struct dns_answer *a, char id[STS_ID_MAX + 1], const char **why)
{
	struct str text = {0};
	size_t found = 0;

	*id = 0;
	*why = NULL;
	if (a->status == DNS_FAIL || a->status == DNS_BOGUS) {
		*why = a->why ? a->why : "no answer";
		return STS_TXT_UNKNOWN;
	}
	for (size_t i = 0; a->status == DNS_DATA && i < a->n; i++) {
		if (!txt_join(&text, &a->data[i]) || text.len < strlen(VERSION) ||
		    memcmp(text.s, VERSION, strlen(VERSION)))
			continue;
		if (!found++)
			*why = sts_txt_parse(text.s, text.len, id);
	}
	str_free(&text);
	if (found > 1)
		*why = "several records";
	if (*why)
		*id = 0;
	return found && !*why ? STS_TXT_GOOD : STS_TXT_NONE;
}

/* ---- the policy ---- */

static const char *const mode_words[] = {
    [STS_MODE_NONE] = "none", [STS_MODE_TESTING] = "testing", [STS_MODE_ENFORCE] = "enforce"};

const char *
sts_mode_word(enum sts_mode m)
{
	return mode_words[m];
}

bool
sts_mode_parse(const char *s, enum sts_mode *m)
{
	for (size_t i = 0; i < ARRAY_LEN(mode_words); i++)
		if (!strcmp(s, mode_words[i])) {
			*m = (enum sts_mode)i;
			return true;
		}
	return false;
}

void
sts_policy_free(struct sts_policy *p)
{
	plan_list_free(&p->mx);
	*p = (struct sts_policy){0};
}

/* The pattern in the form of the header; NULL: it is none. The caller frees. */
static char *
pattern_normalise(const char *s)
{
	bool star = s[0] == '*' && s[1] == '.';
	const char *why = NULL;
	char *name = domain_ascii(star ? s + 2 : s, &why);
	struct str out = {0};

	if (!name || *name == '[') {
		free(name);
		return NULL;
	}
	str_addf(&out, "%s%s", star ? "*." : "", name);
	free(name);
	return str_take(&out);
}

struct policy_reading {
	struct sts_policy *p;
	bool version, mode, max_age;
	size_t mx_bytes;
};

static const char *
mx_take(struct policy_reading *r, const char *value)
{
	char *pattern = pattern_normalise(value);

	if (!pattern)
		return "an mx that is no host name or pattern";
	r->mx_bytes += strlen(pattern) + 1;
	plan_list_add(&r->p->mx, pattern);
	free(pattern);
	return r->mx_bytes > STS_MX_BYTES_MAX ? "too many mx" : NULL;
}

/* Of keys other than mx all but the first are ignored, whatever they say (3.2). */
static const char *
policy_field(struct policy_reading *r, const char *key, const char *value)
{
	uint64_t n;

	if (!strcmp(key, "mx"))
		return mx_take(r, value);
	if (!strcmp(key, "version") && !r->version) {
		r->version = true;
		return strcmp(value, "STSv1") ? "a version other than STSv1" : NULL;
	}
	if (!strcmp(key, "mode") && !r->mode) {
		r->mode = true;
		return sts_mode_parse(value, &r->p->mode) ? NULL : "an unknown mode";
	}
	if (!strcmp(key, "max_age") && !r->max_age) {
		r->max_age = true;
		if (strlen(value) > 10 || !str_number(value, INT64_MAX, &n))
			return "a max_age that is no number of seconds";
		r->p->max_age = n < STS_MAX_AGE_MAX ? n : STS_MAX_AGE_MAX;
	}
	return NULL;
}

static const char *
policy_line(struct policy_reading *r, const char *s, size_t n)
{
	const char *colon, *why;
	size_t key;
	char *text;

	while (n && is_wsp(s[n - 1]))
		n--;
	if (!n)
		return NULL;
	colon = memchr(s, ':', n);
	key = colon ? (size_t)(colon - s) : 0;
	if (!key_ok(s, key))
		return "a line that is not KEY: VALUE";
	if (!utf8_valid(s, n))
		return "bytes that are not UTF-8";
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] < ' ' ? s[i] != '\t' : s[i] == 127)
			return "control bytes";
	text = mem_dupn(s, n);
	text[key] = 0;
	for (key++; is_wsp(text[key]);)
		key++;
	why = policy_field(r, text, text + key);
	free(text);
	return why;
}

const char *
sts_policy_parse(struct sts_policy *p, const char *s, size_t n)
{
	struct policy_reading r = {.p = p};
	const char *end = s + n, *why;

	*p = (struct sts_policy){0};
	if (n > STS_BODY_MAX)
		return "longer than 64 kB";
	while (s < end) {
		const char *lf = memchr(s, '\n', (size_t)(end - s)), *stop = lf ? lf : end;

		if ((why = policy_line(&r, s, (size_t)(stop - s) - (lf && stop > s && stop[-1] == '\r'))))
			return why;
		s = lf ? lf + 1 : end;
	}
	if (!r.version)
		return "no version";
	if (!r.mode)
		return "no mode";
	if (!r.max_age)
		return "no max_age";
	return p->mode != STS_MODE_NONE && !p->mx.n ? "no mx" : NULL;
}

static bool
pattern_match(const char *pattern, const char *host)
{
	const char *dot;

	if (pattern[0] != '*' || pattern[1] != '.')
		return !strcmp(pattern, host);
	dot = strchr(host, '.');
	return dot && dot > host && !strcmp(dot, pattern + 1);
}

bool
sts_mx_match(const struct plan_list *mx, const char *host)
{
	const char *why = NULL;
	char *name = domain_ascii(host, &why);
	bool found = false;

	for (size_t i = 0; name && i < mx->n && !found; i++) {
		char *pattern = pattern_normalise(mx->v[i]);

		found = pattern && pattern_match(pattern, name);
		free(pattern);
	}
	free(name);
	return found;
}

bool
sts_media_type_ok(const char *s)
{
	size_t n = strlen("text/plain");

	s += strspn(s, " \t");
	if (!str_istarts(s, "text/plain"))
		return false;
	s += n;
	s += strspn(s, " \t");
	return !*s || *s == ';';
}

/* ---- what is kept ---- */

void
sts_entry_free(struct sts_entry *e)
{
	free(e->domain);
	sts_policy_free(&e->policy);
	free(e->result);
	free(e->why);
	*e = (struct sts_entry){0};
}

void
sts_entry_write(struct str *out, const struct sts_entry *e)
{
	rec_add(out, "sts", "1");
	rec_add(out, "domain", e->domain);
	if (e->has_policy) {
		rec_add(out, "id", e->id);
		rec_add(out, "mode", sts_mode_word(e->policy.mode));
		rec_addi(out, "max-age", (int64_t)e->policy.max_age);
		for (size_t i = 0; i < e->policy.mx.n; i++)
			rec_add(out, "mx", e->policy.mx.v[i]);
		rec_addf(out, "fetched", "%jd", (intmax_t)e->fetched);
	}
	rec_addf(out, "used", "%jd", (intmax_t)e->used);
	if (e->failed) {
		rec_addf(out, "failed", "%jd", (intmax_t)e->failed);
		rec_add(out, "result", e->result ? e->result : STS_FETCH_ERROR);
		rec_add(out, "why", e->why ? e->why : "");
	}
	rec_end(out);
}

bool
sts_result_ok(const char *s)
{
	return !strcmp(s, STS_FETCH_ERROR) || !strcmp(s, STS_POLICY_INVALID) ||
	       !strcmp(s, STS_WEBPKI_INVALID);
}

static bool
time_parse(const char *s, int64_t *t)
{
	uint64_t n;

	if (!str_number(s, INT64_MAX / 2, &n))
		return false;
	*t = (int64_t)n;
	return true;
}

static bool
mx_parse(struct sts_entry *e, const char *s)
{
	char *pattern = pattern_normalise(s);

	if (pattern)
		plan_list_add(&e->policy.mx, pattern);
	free(pattern);
	return pattern != NULL;
}

static bool
entry_line(struct sts_entry *e, const char *key, char *value)
{
	const char *why = NULL;

	if (!(value = rec_text(value)))
		return false;
	if (!strcmp(key, "domain"))
		return !e->domain && (e->domain = domain_ascii(value, &why));
	if (!strcmp(key, "id")) {
		if (*value && !sts_id_ok(value))
			return false;
		memcpy(e->id, value, strlen(value) + 1);
		return true;
	}
	if (!strcmp(key, "mode"))
		return e->has_policy = sts_mode_parse(value, &e->policy.mode);
	if (!strcmp(key, "max-age"))
		return str_number(value, STS_MAX_AGE_MAX, &e->policy.max_age);
	if (!strcmp(key, "mx"))
		return mx_parse(e, value);
	if (!strcmp(key, "fetched"))
		return time_parse(value, &e->fetched);
	if (!strcmp(key, "used"))
		return time_parse(value, &e->used);
	if (!strcmp(key, "failed"))
		return time_parse(value, &e->failed);
	if (!strcmp(key, "result") || !strcmp(key, "why")) {
		char **to = *key == 'r' ? &e->result : &e->why;

		if (*to || (*key == 'r' && !sts_result_ok(value)))
			return false;
		*to = mem_dup(value);
	}
	return true;
}

bool
sts_entry_parse(struct sts_entry *e, char *buf, size_t n)
{
	struct rec_in in = {buf, buf + n};
	char *key, *value;
	enum rec_got got;
	bool good = true;

	*e = (struct sts_entry){0};
	if (rec_next(&in, &key, &value) != REC_LINE || strcmp(key, "sts") || strcmp(value, "1"))
		return false;
	while (good && (got = rec_next(&in, &key, &value)) != REC_END)
		good = got == REC_LINE && entry_line(e, key, value);
	/* An enforced policy that names no host would let nothing through for its max_age. */
	good = good && e->domain && (!e->has_policy || e->policy.mode == STS_MODE_NONE || e->policy.mx.n);
	if (!good)
		sts_entry_free(e);
	return good;
}

/* ---- decisions ---- */

bool
sts_entry_alive(const struct sts_entry *e, int64_t now)
{
	int64_t life = (int64_t)e->policy.max_age * 1000000;

	return e->has_policy && now < e->fetched + life && e->fetched < now + life;
}

bool
sts_entry_backing_off(const struct sts_entry *e, int64_t now)
{
	return e->failed && now >= e->failed && now < e->failed + STS_BACKOFF;
}

enum sts_choice
sts_choose(const struct sts_entry *e, enum sts_txt txt, const char *id, int64_t now)
{
	bool alive = sts_entry_alive(e, now);

	if (txt == STS_TXT_GOOD && !(alive && !strcmp(e->id, id)) && !sts_entry_backing_off(e, now))
		return STS_FETCH;
	if (alive)
		return STS_APPLY;
	return txt == STS_TXT_UNKNOWN ? STS_UNDECIDED : STS_NO_POLICY;
}

bool
sts_used_stale(const struct sts_entry *e, int64_t now)
{
	return now - e->used >= STS_USED_GRAIN || e->used > now;
}

enum sts_chore
sts_refresh(const struct sts_entry *e, enum sts_txt txt, int64_t now)
{
	int64_t needed = e->used ? e->used : e->fetched;

	if (!e->has_policy)
		return sts_entry_backing_off(e, now) ? STS_KEEP : STS_DROP;
	if (now - needed >= STS_UNUSED)
		return STS_DROP;
	if (e->policy.mode == STS_MODE_NONE && txt == STS_TXT_NONE)
		return STS_DROP;
	if (!sts_entry_alive(e, now) && txt == STS_TXT_NONE)
		return STS_DROP;
	if (sts_entry_backing_off(e, now) || (now - e->fetched < STS_REFRESH && e->fetched <= now))
		return STS_KEEP;
	return STS_REFETCH;
}
