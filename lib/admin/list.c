#include "base.h"

#include "die.h"
#include "list.h"

struct list_kept { /* a row that waits to be sorted; rec owns what it points to */
	char *rec;
	struct row row;
};

/* qsort has no argument for it. */
static enum row_field sort_by;
static bool sort_down;

static int
number_order(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int
field_order(const struct row *a, const struct row *b)
{
	struct str x = {0}, y = {0};
	int order;

	switch (sort_by) {
	case ROW_ID: return 0;
	case ROW_QUEUED: return number_order((uint64_t)a->queued, (uint64_t)b->queued);
	case ROW_NEXT: return number_order((uint64_t)a->next, (uint64_t)b->next);
	case ROW_LAST: return number_order((uint64_t)a->last, (uint64_t)b->last);
	case ROW_ATTEMPTS: return number_order(a->attempts, b->attempts);
	case ROW_CODE: return number_order(a->code, b->code);
	case ROW_SIZE: return number_order(a->size, b->size);
	case ROW_DURATION: return number_order(a->duration, b->duration);
	case ROW_RETIRED: return number_order((uint64_t)a->retired, (uint64_t)b->retired);
	default: break;
	}
	row_text(&x, a, sort_by);
	row_text(&y, b, sort_by);
	order = strcmp(str_cstr(&x), str_cstr(&y));
	str_free(&x);
	str_free(&y);
	return order;
}

/* Rows that are equal stand in order of id, then recipient. */
static int
kept_order(const void *x, const void *y)
{
	const struct row *a = &((const struct list_kept *)x)->row, *b = &((const struct list_kept *)y)->row;
	int order = field_order(a, b);

	if (!order)
		order = number_order(a->id, b->id);
	if (!order)
		order = number_order(a->n, b->n);
	return sort_down ? -order : order;
}

static void
kept_cut(struct list *l)
{
	if (l->n) /* qsort takes no null pointer */
		qsort(l->kept, l->n, sizeof *l->kept, kept_order);
	while (l->admin.limit && l->n > l->admin.limit)
		free(l->kept[--l->n].rec);
}

/* With -n, no more than a few times that many are kept at once. */
static void
keep(struct list *l, const char *rec, size_t n)
{
	struct list_kept *k;

	if (l->admin.limit && l->n >= 1000 && l->n / 4 >= l->admin.limit)
		kept_cut(l);
	if (l->n == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 256;
		l->kept = mem_grow(l->kept, l->cap, sizeof *l->kept);
	}
	k = &l->kept[l->n++];
	k->rec = mem_dupn(rec, n);
	admin_row(&k->row, k->rec, n);
}

static void
show(struct list *l, const struct row *r)
{
	if (l->sums)
		summary_add(&l->summary, r);
	else if (l->show)
		l->show(l, r);
	else
		columns_print(&l->columns, r);
}

static void
take_row(char *rec, size_t n, void *arg)
{
	struct list *l = arg;
	struct row r;

	if (l->sorted) {
		keep(l, rec, n);
		return;
	}
	admin_row(&r, rec, n);
	show(l, &r);
}

void
list_option(struct list *l, int code)
{
	switch (code) {
	case LIST_COLUMNS: l->names = l->admin.opt.value; break;
	case LIST_JSON: l->json = true; break;
	case LIST_SORT:
		if (!row_field_find(l->admin.opt.value, &l->by))
			die_perm("unable to sort by \"%s\": fields are named in mox-queue-list(8)",
			    l->admin.opt.value);
		l->sorted = true;
		break;
	case LIST_SUMMARY:
		summary_want(&l->summary, l->admin.opt.value);
		l->sums = true;
		break;
	case LIST_ASC: l->descending = false; break;
	default: l->descending = true; break;
	}
}

void
list_ready(struct list *l, const char *usual, const char *json)
{
	unsigned width = 0;
	enum table_form form;

	if (l->sums && (l->names || l->sorted || l->descending))
		die_perm("unable to combine -summary with -o, -sort or -desc");
	/* Rows come in order of id: the other order, too, needs them all. */
	if (l->descending)
		l->sorted = true;
	/* Of a summary, -n is of what is shown, not of what is counted. */
	l->admin.keep_limit = l->sorted || l->sums;
	l->summary.now = l->admin.now;
	sort_by = l->by;
	sort_down = l->descending;
	admin_ready(&l->admin, 0);
	form = table_form_of(1, &width);
	if (!l->names)
		l->names = l->json ? json : usual;
	columns_start(&l->columns, l->names, l->json ? TABLE_JSON : form, width, l->admin.now);
}

void
list_run(struct list *l, const char *op)
{
	if (!l->show && !l->sums)
		table_head(&l->columns.table);
	(void)admin_ask(&l->admin, op, NULL, take_row, l);
	if (l->sorted)
		kept_cut(l);
	for (size_t i = 0; i < l->n; i++) {
		show(l, &l->kept[i].row);
		free(l->kept[i].rec);
	}
	free(l->kept);
	if (l->sums)
		summary_end(&l->summary, l->columns.table.form, l->columns.table.width, l->admin.limit);
}

void
list_end(struct list *l)
{
	columns_free(&l->columns);
	admin_flush();
	admin_free(&l->admin);
}
