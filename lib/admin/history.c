#include "base.h"

#include "history.h"

struct past {
	char *rec; /* owns what the row points to */
	struct row row;
	bool shown;
};

static void
take_row(char *rec, size_t n, void *arg)
{
	struct history *h = arg;
	struct past *p;

	if (!(h->n & (h->n - 1)))
		h->past = mem_grow(h->past, h->n ? 2 * h->n : 1, sizeof *h->past);
	p = &h->past[h->n++];
	p->rec = mem_dupn(rec, n);
	p->shown = false;
	admin_row(&p->row, p->rec, n);
}

static int
by_id(const void *x, const void *y)
{
	const struct row *a = &((const struct past *)x)->row, *b = &((const struct past *)y)->row;

	if (a->id != b->id)
		return a->id < b->id ? -1 : 1;
	return (a->n > b->n) - (a->n < b->n);
}

void
history_ask(struct history *h, struct admin *a)
{
	uint64_t limit = a->limit;
	size_t kept = 0;

	history_free(h);
	admin_rewind(a);
	(void)admin_ask(a, "retired", "attempts yes\ntranscripts yes\n", take_row, h);
	a->limit = limit;
	if (!h->n)
		return;
	qsort(h->past, h->n, sizeof *h->past, by_id);
	/* An id asked for twice. */
	for (size_t i = 0; i < h->n; i++)
		if (kept && !by_id(&h->past[kept - 1], &h->past[i]))
			free(h->past[i].rec);
		else
			h->past[kept++] = h->past[i];
	h->n = kept;
}

void
history_free(struct history *h)
{
	for (size_t i = 0; i < h->n; i++)
		free(h->past[i].rec);
	free(h->past);
	*h = (struct history){0};
}

/* The first that is not before (id, n). */
static size_t
place(const struct history *h, uint64_t id, unsigned n)
{
	size_t lo = 0, hi = h->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const struct row *r = &h->past[mid].row;

		if (r->id < id || (r->id == id && r->n < n))
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static struct past *
find(const struct history *h, uint64_t id, unsigned n)
{
	for (size_t i = place(h, id, n); i < h->n && h->past[i].row.id == id; i++)
		if (!h->past[i].shown)
			return &h->past[i];
	return NULL;
}

struct row *
history_first(const struct history *h, uint64_t id)
{
	struct past *p = find(h, id, 1);

	return p ? &p->row : NULL;
}

struct row *
history_next(struct history *h, uint64_t id)
{
	struct past *p = find(h, id, 0);

	if (!p)
		return NULL;
	p->shown = true;
	return &p->row;
}

void
history_skip(struct history *h, uint64_t id, unsigned n)
{
	size_t i = place(h, id, n);

	if (i < h->n && h->past[i].row.id == id && h->past[i].row.n == n)
		h->past[i].shown = true;
}
