#include "base.h"

#include "clock.h"
#include "envelope.h"
#include "id.h"
#include "rec.h"
#include "select.h"

#include <strings.h>

static const char *const keys[SELECT_KEYS] = {"from", "to", "domain", "site", "account", "hold", "state",
    "next", "queued", "attempts", "error", "transport", "extra", "result", "retired", "id"};

void
select_free(struct select *s)
{
	for (size_t i = 0; i < s->nterm; i++)
		free(s->term[i].text);
	free(s->term);
	free(s->id);
	*s = (struct select){0};
}

static int
id_order(const struct select_id *a, const struct select_id *b)
{
	if (a->id != b->id)
		return a->id < b->id ? -1 : 1;
	return a->n < b->n ? -1 : a->n > b->n;
}

/* Where the id stands, or would have to be inserted. */
static size_t
id_place(const struct select *s, const struct select_id *want)
{
	size_t lo = 0, hi = s->nid;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (id_order(&s->id[mid], want) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static const char *
add_id(struct select *s, const char *value)
{
	struct select_id one;
	size_t at;

	if (!id_parse_rcpt(value, &one.id, &one.n))
		return "not an id";
	at = s->nid && id_order(&s->id[s->nid - 1], &one) < 0 ? s->nid : id_place(s, &one);
	if (at < s->nid && !id_order(&s->id[at], &one))
		return NULL;
	if (!(s->nid & (s->nid - 1)))
		s->id = mem_grow(s->id, s->nid ? 2 * s->nid : 1, sizeof *s->id);
	memmove(s->id + at + 1, s->id + at, (s->nid - at) * sizeof *s->id);
	s->id[at] = one;
	s->nid++;
	return NULL;
}

/* "now", a duration from now, or microseconds since 1970 with @ behind them; for `queued` and `retired` a
 * duration is an age, which turns the comparison around. */
static const char *
parse_time(struct select_term *t, const char *v, int64_t now)
{
	char digits[24];
	size_t n = strlen(v);
	int64_t span;
	uint64_t at;

	if (!strcmp(v, "now")) {
		t->number = now;
		return NULL;
	}
	if (n > 1 && n < sizeof digits && v[n - 1] == '@') {
		memcpy(digits, v, n - 1);
		digits[n - 1] = 0;
		if (!str_number(digits, INT64_MAX, &at))
			return "not a time in microseconds";
		t->number = (int64_t)at;
		return NULL;
	}
	if (!str_duration(v, &span))
		return "not a duration such as 30m, 2h or 5d";
	if (t->key == SELECT_QUEUED || t->key == SELECT_RETIRED) {
		t->number = now - span;
		t->op = t->op == '<' ? '>' : '<';
	} else
		t->number = now + span;
	return NULL;
}

static const char *
parse_comparison(struct select_term *t, const char *v, int64_t now)
{
	uint64_t count;

	t->op = '=';
	if (*v == '<' || *v == '>' || (*v == '=' && t->key == SELECT_ATTEMPTS))
		t->op = *v++;
	if (t->key == SELECT_ATTEMPTS) {
		if (!str_number(v, UINT32_MAX, &count))
			return "not a number of attempts";
		t->number = (int64_t)count;
		return NULL;
	}
	if (t->op == '=')
		return "expected < or > before the time";
	return parse_time(t, v, now);
}

/* As it stands in a row: encoded. */
static const char *
parse_extra(struct select_term *t, const char *value)
{
	struct str s = {0};

	if (!*value || *value == '=')
		return "expected KEY or KEY=VALUE";
	envelope_extra_item(&s, value);
	t->text = str_take(&s);
	return NULL;
}

static const char *
parse_term(struct select_term *t, const char *value, int64_t now)
{
	static const char *const holds[] = {"yes", "no", "u", "o", "r", "l", "f"};
	static const char *const results[] = {
	    "delivered", "relayed", "expanded", "failed", "cancelled", "suppressed", "discarded", "gone"};
	size_t i;

	switch (t->key) {
	case SELECT_NEXT:
	case SELECT_QUEUED:
	case SELECT_RETIRED:
	case SELECT_ATTEMPTS: return parse_comparison(t, value, now);
	case SELECT_STATE:
		for (i = 0; i < ROW_STATES && strcmp(value, row_state_names[i]); i++)
			;
		t->number = (int64_t)i;
		return i < ROW_STATES ? NULL : "expected due, waiting, delivering, held or noticing";
	case SELECT_HOLD:
		for (i = 0; i < ARRAY_LEN(holds) && strcmp(value, holds[i]); i++)
			;
		if (i == ARRAY_LEN(holds))
			return "expected yes, no, u, o, r, l or f";
		break;
	case SELECT_RESULT:
		for (i = 0; i < ARRAY_LEN(results) && strcmp(value, results[i]); i++)
			;
		if (i == ARRAY_LEN(results))
			return "expected delivered, relayed, expanded, failed, cancelled, suppressed, "
			       "discarded or gone";
		break;
	case SELECT_EXTRA: return parse_extra(t, value);
	case SELECT_FROM: /* the null sender is written as people know it */
		if (!strcmp(value, "<>"))
			value = "";
		break;
	case SELECT_TO:
	case SELECT_DOMAIN:
	case SELECT_SITE:
	case SELECT_ERROR:
		if (!*value)
			return "expected a value that is not empty";
		break;
	default: break;
	}
	t->text = mem_dup(value);
	return NULL;
}

const char *
select_add(struct select *s, const char *key, const char *value, int64_t now)
{
	struct select_term t = {0};
	const char *why;
	size_t k;

	for (k = 0; k < SELECT_KEYS && strcmp(key, keys[k]); k++)
		;
	if (k == SELECT_KEYS)
		return "unknown key of a selection";
	if (k == SELECT_ID)
		return add_id(s, value);
	t.key = (enum select_key)k;
	if ((why = parse_term(&t, value, now)))
		return why;
	s->term = mem_grow(s->term, s->nterm + 1, sizeof t);
	s->term[s->nterm++] = t;
	return NULL;
}

const char *
select_line(struct select *s, char *value, int64_t now)
{
	char *key = value, *sp = strchr(value, ' ');

	if (!sp)
		return "a selection without value";
	*sp = 0;
	if (!(value = rec_text(sp + 1)))
		return "a broken escape";
	return select_add(s, key, value, now);
}

void
select_put(struct str *request, const char *key, const char *value)
{
	rec_open(request, "sel");
	rec_put(request, key);
	rec_put(request, value);
	rec_close(request);
}

/* ---- matching ---- */

static const char *
domain_of(const char *address)
{
	const char *at = strrchr(address, '@');

	return at ? at + 1 : NULL;
}

/* want: an address, or @domain. */
static bool
address_fits(const char *want, const char *address)
{
	const char *domain;

	if (*want != '@')
		return str_ieq(want, address);
	domain = domain_of(address);
	return domain && str_ieq(want + 1, domain);
}

/* want: a name, or .name for it and what lies below. */
static bool
domain_fits(const char *want, const char *domain)
{
	size_t n = strlen(domain), w = strlen(want);

	if (*want != '.')
		return str_ieq(want, domain);
	return str_ieq(want + 1, domain) || (n > w && str_ieq(domain + n - w, want));
}

/* A site is the list of its hosts, parted by commas. */
static bool
site_fits(const char *want, const char *site)
{
	size_t w = strlen(want);

	if (str_ieq(want, site))
		return true;
	for (const char *p = site; p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL)
		if (strcspn(p, ",") == w && !strncasecmp(p, want, w))
			return true;
	return false;
}

/* Where the first n bytes of want begin in text; NULL: nowhere. */
static const char *
find_part(const char *text, const char *want, size_t n)
{
	for (size_t left = strlen(text); left >= n; text++, left--)
		if (!strncasecmp(text, want, n))
			return text;
	return NULL;
}

/* A * in want is any text, as in the errors of a summary. */
static bool
text_within(const char *want, const char *text)
{
	for (; text; want++) {
		size_t n = strcspn(want, "*");

		text = find_part(text, want, n);
		want += n;
		if (!text || !*want)
			break;
		text += n;
	}
	return text != NULL;
}

static const char *
or_empty(const char *s)
{
	return s ? s : "";
}

/* Lists name an error by its code, which may not stand in its text. */
static bool
error_fits(const char *want, const struct row *r)
{
	char text[1200]; /* longer than an error ever is */

	if (text_within(want, or_empty(r->error)))
		return true;
	snprintf(text, sizeof text, "%u %s", r->code, or_empty(r->error));
	return r->code && text_within(want, text);
}

/* extra: items KEY=VALUE, parted by spaces. */
static bool
extra_fits(const char *want, const char *extra)
{
	size_t key = strcspn(want, "=");

	for (const char *p = extra; *p; p += *p == ' ') {
		size_t n = strcspn(p, " "), k = strcspn(p, "= ");

		if (k == key && !strncasecmp(p, want, key) &&
		    (!want[key] || (n == strlen(want) && !memcmp(p + key, want + key, n - key))))
			return true;
		p += n;
	}
	return false;
}

static bool
compare(const struct select_term *t, int64_t v)
{
	switch (t->op) {
	case '<': return v < t->number;
	case '>': return v > t->number;
	default: return v == t->number;
	}
}

static bool
hold_fits(const char *want, char hold)
{
	bool held = hold && hold != '-';

	if (!strcmp(want, "yes"))
		return held;
	if (!strcmp(want, "no"))
		return !held;
	return *want == hold;
}

static bool
term_fits(const struct select_term *t, const struct row *r)
{
	switch (t->key) {
	case SELECT_FROM: return address_fits(t->text, or_empty(r->sender));
	case SELECT_TO: return address_fits(t->text, or_empty(r->rcpt));
	case SELECT_DOMAIN: return domain_fits(t->text, or_empty(r->domain));
	case SELECT_SITE: return site_fits(t->text, or_empty(r->site));
	case SELECT_ACCOUNT: return !strcmp(t->text, or_empty(r->account));
	case SELECT_HOLD: return hold_fits(t->text, r->hold);
	case SELECT_STATE: return t->number == (int64_t)r->state;
	case SELECT_NEXT: return r->next && compare(t, r->next);
	case SELECT_QUEUED: return compare(t, r->queued);
	case SELECT_ATTEMPTS: return compare(t, r->attempts);
	case SELECT_RESULT: return !strcmp(t->text, or_empty(r->result));
	case SELECT_RETIRED: return r->retired && compare(t, r->retired);
	case SELECT_ERROR: return error_fits(t->text, r);
	case SELECT_EXTRA: return extra_fits(t->text, or_empty(r->extra));
	case SELECT_TRANSPORT: return !strcmp(t->text, or_empty(r->transport));
	default: return false;
	}
}

bool
select_has_id(const struct select *s, uint64_t id, unsigned n)
{
	struct select_id all = {id, 0}, one = {id, n};
	size_t at;

	if (!s->nid)
		return true;
	at = id_place(s, &all);
	if (at == s->nid || s->id[at].id != id)
		return false;
	if (!n || !s->id[at].n)
		return true;
	at = id_place(s, &one);
	return at < s->nid && !id_order(&s->id[at], &one);
}

bool
select_match(const struct select *s, const struct row *r)
{
	if (!select_has_id(s, r->id, r->n))
		return false;
	for (size_t i = 0; i < s->nterm; i++)
		if (!term_fits(&s->term[i], r))
			return false;
	return true;
}

const char *
select_text(const struct select *s, enum select_key key)
{
	for (size_t i = 0; i < s->nterm; i++)
		if (s->term[i].key == key)
			return s->term[i].text;
	return NULL;
}
