/* INDEX_HOLDRULE: number, big-endian -> the rule; under 0 the last number given. All of them are in memory too. */
#include "base.h"

#include "die.h"
#include "holdrule.h"
#include "rec.h"

#include <endian.h>
#include <inttypes.h>

static const struct {
	enum select_key key;
	const char *name;
} keys[] = {{SELECT_ACCOUNT, "account"}, {SELECT_FROM, "from"}, {SELECT_TO, "to"}, {SELECT_DOMAIN, "domain"}};

static struct index_key
key_of(uint32_t number)
{
	static uint32_t key;

	key = htobe32(number);
	return (struct index_key){&key, sizeof key};
}

/* ---- one ---- */

const char *
holdrule_check(const struct select *s)
{
	if (s->nid)
		return "a rule has no ids";
	for (size_t i = 0; i < s->nterm; i++) {
		size_t k = 0;

		while (k < ARRAY_LEN(keys) && keys[k].key != s->term[i].key)
			k++;
		if (k == ARRAY_LEN(keys))
			return "a rule is by account, from, to and domain";
		for (size_t j = 0; j < i; j++)
			if (s->term[j].key == s->term[i].key)
				return "a rule has each of account, from, to and domain once";
	}
	return NULL;
}

static bool
is_same(const struct select *a, const struct select *b)
{
	for (size_t k = 0; k < ARRAY_LEN(keys); k++) {
		const char *x = select_text(a, keys[k].key), *y = select_text(b, keys[k].key);

		if (!x != !y || (x && (keys[k].key == SELECT_ACCOUNT ? strcmp(x, y) != 0 : !str_ieq(x, y))))
			return false;
	}
	return true;
}

void
holdrule_write(struct str *out, const struct holdrule *r)
{
	rec_addi(out, "rule", r->number);
	rec_addi(out, "since", r->since);
	rec_addi(out, "uid", r->uid);
	for (size_t k = 0; k < ARRAY_LEN(keys); k++) {
		const char *text = select_text(&r->select, keys[k].key);

		if (text)
			select_put(out, keys[k].name, *text ? text : "<>");
	}
	rec_end(out);
}

const char *
holdrule_words(const struct holdrule *r)
{
	static struct str out;
	const char *sep = "";

	str_reset(&out);
	str_addf(&out, "held by rule %" PRIu32 " (%s", r->number, r->select.nterm ? "" : "all");
	for (size_t k = 0; k < ARRAY_LEN(keys); k++) {
		const char *text = select_text(&r->select, keys[k].key);

		if (!text)
			continue;
		str_addf(&out, "%s%s %s", sep, keys[k].name, *text ? text : "<>");
		sep = ", ";
	}
	str_adds(&out, ")");
	return str_cstr(&out);
}

/* ---- all of them ---- */

static struct holdrule *
append(struct holdrules *h, struct holdrule r)
{
	h->rule = mem_grow(h->rule, h->n + 1, sizeof *h->rule);
	h->rule[h->n] = r;
	return &h->rule[h->n++];
}

static bool
load(struct index_key key, char *rec, size_t len, void *arg)
{
	struct holdrules *h = arg;
	struct rec_in in = {rec, rec + len};
	struct holdrule r = {0};
	char *k, *value;
	enum rec_got got;
	uint64_t v;
	bool good = true;

	if (key.n != sizeof r.number)
		return true;
	memcpy(&r.number, key.p, sizeof r.number);
	r.number = be32toh(r.number);
	while ((got = rec_next(&in, &k, &value)) == REC_LINE)
		if (!strcmp(k, "sel"))
			good = good && !select_line(&r.select, value, 0);
		else if (!strcmp(k, "last") && str_number(value, UINT32_MAX, &v))
			h->last = (uint32_t)v;
		else if (!strcmp(k, "since") && str_number(value, INT64_MAX, &v))
			r.since = (int64_t)v;
		else if (!strcmp(k, "uid") && str_number(value, UINT32_MAX, &v))
			r.uid = (uint32_t)v;
	/* One that cannot be read would hold everything. */
	if (r.number && good && got == REC_END && !holdrule_check(&r.select))
		append(h, r);
	else
		select_free(&r.select);
	return true;
}

void
holdrule_start(struct runq *q)
{
	q->holdrules = mem_zalloc(sizeof *q->holdrules);
	index_walk(q->index, INDEX_HOLDRULE, (struct index_key){NULL, 0}, SIZE_MAX, load, q->holdrules);
}

const struct holdrule *
holdrule_same(const struct runq *q, const struct select *s)
{
	for (size_t i = 0; i < q->holdrules->n; i++)
		if (is_same(&q->holdrules->rule[i].select, s))
			return &q->holdrules->rule[i];
	return NULL;
}

const struct holdrule *
holdrule_numbered(const struct runq *q, uint32_t number)
{
	for (size_t i = 0; i < q->holdrules->n; i++)
		if (q->holdrules->rule[i].number == number)
			return &q->holdrules->rule[i];
	return NULL;
}

const struct holdrule *
holdrule_find(const struct runq *q, const struct row *row)
{
	for (size_t i = 0; i < q->holdrules->n; i++)
		if (select_match(&q->holdrules->rule[i].select, row))
			return &q->holdrules->rule[i];
	return NULL;
}

const struct holdrule *
holdrule_add(struct runq *q, const struct select *s, uint32_t uid)
{
	static struct str value;
	struct holdrule r = {.number = ++q->holdrules->last, .uid = uid, .since = q->now};

	for (size_t k = 0; k < ARRAY_LEN(keys); k++) {
		const char *text = select_text(s, keys[k].key);

		if (text && select_add(&r.select, keys[k].name, text, 0))
			bug("a rule was not checked");
	}
	str_reset(&value);
	rec_addi(&value, "last", r.number);
	rec_end(&value);
	index_set(q->index, INDEX_HOLDRULE, key_of(0), &value);
	str_reset(&value);
	holdrule_write(&value, &r);
	index_set(q->index, INDEX_HOLDRULE, key_of(r.number), &value);
	return append(q->holdrules, r);
}

void
holdrule_remove(struct runq *q, uint32_t number)
{
	struct holdrules *h = q->holdrules;

	for (size_t i = 0; i < h->n; i++) {
		if (h->rule[i].number != number)
			continue;
		select_free(&h->rule[i].select);
		memmove(h->rule + i, h->rule + i + 1, (--h->n - i) * sizeof *h->rule);
		index_unset(q->index, INDEX_HOLDRULE, key_of(number));
		return;
	}
}
