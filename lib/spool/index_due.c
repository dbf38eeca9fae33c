/* `due` and `domain`: when, and when of one domain. Plain files, derived from the rows. */
#include "base.h"

#include "index_db.h"

#include <endian.h>

#define KEY_DUE 20
#define DOMAIN_MAX 1000 /* longer ones are cut: they only share a queue */

static void
key_due(unsigned char k[KEY_DUE], const struct index_due *d)
{
	uint64_t a = htobe64((uint64_t)d->next);

	memcpy(k, &a, 8);
	index_key_row(k + 8, d->id, d->n);
}

static void
unkey_due(const unsigned char *k, struct index_due *d)
{
	uint64_t a;

	memcpy(&a, k, 8);
	d->next = (int64_t)be64toh(a);
	index_unkey_row(k + 8, &d->id, &d->n);
}

struct domain_key {
	unsigned char b[DOMAIN_MAX + 1 + KEY_DUE];
	size_t prefix, n;
};

static void
key_domain(struct domain_key *k, const char *domain, const struct index_due *d)
{
	size_t len = strnlen(domain, DOMAIN_MAX);

	memcpy(k->b, domain, len);
	k->b[len] = 0;
	k->prefix = len + 1;
	key_due(k->b + k->prefix, d);
	k->n = k->prefix + KEY_DUE;
}

/* ---- when ---- */

void
index_due_put(struct index *ix, const struct index_due *d, const char *domain)
{
	unsigned char kb[KEY_DUE];
	struct domain_key dk;
	DBT k, v = {0};
	int r;

	if (ix->broken.len)
		return;
	key_due(kb, d);
	key_domain(&dk, domain, d);
	k = index_dbt(dk.b, dk.n);
	r = ix->domain->put(ix->domain, NULL, &k, &v, 0);
	if (!r) {
		k = index_dbt(kb, sizeof kb);
		v = index_dbt(dk.b, dk.prefix);
		r = ix->due->put(ix->due, NULL, &k, &v, 0);
	}
	if (r)
		index_fail(ix, "write to", r);
}

void
index_due_del(struct index *ix, const struct index_due *d, const char *domain)
{
	unsigned char kb[KEY_DUE];
	struct domain_key dk;
	DBT k;
	int r, s;

	if (ix->broken.len)
		return;
	key_due(kb, d);
	key_domain(&dk, domain, d);
	k = index_dbt(dk.b, dk.n);
	r = ix->domain->del(ix->domain, NULL, &k, 0);
	k = index_dbt(kb, sizeof kb);
	s = ix->due->del(ix->due, NULL, &k, 0);
	if ((r && r != DB_NOTFOUND) || (s && s != DB_NOTFOUND))
		index_fail(ix, "write to", r && r != DB_NOTFOUND ? r : s);
}

/* The key just behind d. */
static struct index_due
behind(const struct index_due *d)
{
	struct index_due b = *d;

	if (++b.n == 0)
		b.id++;
	return b;
}

size_t
index_due_scan(
    struct index *ix, struct index_due *from, int64_t until, size_t max, index_each_due *each, void *arg)
{
	unsigned char kb[KEY_DUE];
	struct index_due start = behind(from), d;
	DBC *c = NULL;
	DBT k, v = {0};
	size_t seen = 0;
	int r;

	if (ix->broken.len)
		return 0;
	key_due(kb, &start);
	k = index_dbt(kb, sizeof kb);
	r = ix->due->cursor(ix->due, NULL, &c, 0);
	if (!r)
		r = c->get(c, &k, &v, DB_SET_RANGE);
	while (!r && seen < max) {
		unkey_due(k.data, &d);
		if (d.next > until || !each(&d, v.data, arg))
			break;
		*from = d;
		if (++seen < max)
			r = c->get(c, &k, &v, DB_NEXT);
	}
	if (r && r != DB_NOTFOUND)
		index_fail(ix, "read", r);
	if (c)
		c->close(c);
	return seen;
}

size_t
index_domain_load(struct index *ix, const char *domain, int64_t until, size_t max, struct index_due *out)
{
	struct domain_key dk;
	struct index_due zero = {0}, d;
	DBC *c = NULL;
	DBT k, v = {0};
	size_t got = 0;
	int r;

	if (ix->broken.len || !max)
		return 0;
	key_domain(&dk, domain, &zero);
	k = index_dbt(dk.b, dk.n);
	r = ix->domain->cursor(ix->domain, NULL, &c, 0);
	if (!r)
		r = c->get(c, &k, &v, DB_SET_RANGE);
	while (!r && got < max) {
		if (k.size != dk.n || memcmp(k.data, dk.b, dk.prefix))
			break;
		unkey_due((unsigned char *)k.data + dk.prefix, &d);
		if (d.next > until)
			break;
		out[got] = d;
		if (++got < max)
			r = c->get(c, &k, &v, DB_NEXT);
	}
	if (r && r != DB_NOTFOUND)
		index_fail(ix, "read", r);
	if (c)
		c->close(c);
	return got;
}

static bool
take_next(const struct index_due *d, const char *domain, void *arg)
{
	(void)domain;
	*(int64_t *)arg = d->next;
	return false;
}

int64_t
index_due_next(struct index *ix, const struct index_due *from)
{
	struct index_due at = *from;
	int64_t next = INT64_MAX;

	index_due_scan(ix, &at, INT64_MAX, 1, take_next, &next);
	return next;
}
