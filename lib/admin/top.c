#include "base.h"

#include "die.h"
#include "str.h"
#include "top.h"

#include <search.h>

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const struct top_entry *)a)->name, ((const struct top_entry *)b)->name);
}

static int
by_count(const void *x, const void *y)
{
	const struct top_entry *a = *(struct top_entry *const *)x, *b = *(struct top_entry *const *)y;

	if (a->count != b->count)
		return a->count > b->count ? -1 : 1;
	return strcmp(a->name, b->name);
}

static void
entry_drop(struct top *t, struct top_entry *e)
{
	tdelete(e, &t->tree, by_name);
	free(e->name);
	free(e);
}

static void
halve(struct top *t)
{
	top_sort(t);
	while (t->n > TOP_MAX / 2)
		entry_drop(t, t->v[--t->n]);
	t->cut = true;
}

void *
top_find(const struct top *t, const char *name)
{
	char *copy = mem_dup(name);
	struct top_entry want = {.name = copy}, **found = tfind(&want, &t->tree, by_name);

	free(copy);
	return found ? *found : NULL;
}

void *
top_get(struct top *t, const char *name)
{
	struct top_entry *e = top_find(t, name);

	if (e)
		return e;
	if (t->n == TOP_MAX)
		halve(t);
	if (!t->v)
		t->v = mem_zalloc(TOP_MAX * sizeof(struct top_entry *));
	e = mem_zalloc(t->size);
	e->name = mem_dup(name);
	if (!tsearch(e, &t->tree, by_name))
		die_temp("out of memory");
	t->v[t->n++] = e;
	return e;
}

void
top_sort(struct top *t)
{
	if (t->n)
		qsort(t->v, t->n, sizeof(struct top_entry *), by_count);
}

void
top_free(struct top *t)
{
	while (t->n)
		entry_drop(t, t->v[--t->n]);
	free(t->v);
	*t = (struct top){.size = t->size};
}
