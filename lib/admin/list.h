/* What the commands that list rows share: columns, order, output.
 *
 * admin_start on l->admin; admin_option with a table that has LIST_OPTIONS in it, handing what is not the
 * command's own to list_option; list_ready; list_run; list_end. */
#ifndef LIST_H
#define LIST_H

#include "admin.h"
#include "columns.h"
#include "summary.h"

#include <stdbool.h>

enum { LIST_COLUMNS = ADMIN_OWN, LIST_JSON, LIST_SORT, LIST_ASC, LIST_DESC, LIST_SUMMARY, LIST_OWN };
/* The command's own codes begin at LIST_OWN. */
#define LIST_OPTIONS                                                                                         \
	{"o", LIST_COLUMNS, true}, {"j", LIST_JSON, false}, {"sort", LIST_SORT, true},                       \
	    {"asc", LIST_ASC, false}, {"summary", LIST_SUMMARY, true},                                       \
	{                                                                                                    \
		"desc", LIST_DESC, false                                                                     \
	}

struct list {
	struct admin admin;
	struct columns columns;
	const char *names; /* -o */
	bool json, sorted, descending;
	bool sums; /* groups are shown, not rows */
	struct summary summary;
	enum row_field by;
	/* Shows a row; NULL: as a line of the table, below the line of names. */
	void (*show)(struct list *l, const struct row *r);
	struct list_kept *kept; /* rows that wait to be sorted */
	size_t n, cap;
};

void list_option(struct list *l, int code);
/* The columns where -o names none; json: with -j, NULL: all that a queue has. */
void list_ready(struct list *l, const char *usual, const char *json);
/* Asks for the rows by `op` and shows them. */
void list_run(struct list *l, const char *op);
/* Flushes, and frees. */
void list_end(struct list *l);

#endif
