/* What is counted by name, in bounded memory: when there are TOP_MAX names, the half with the lowest counts goes, and
 * those that come back begin anew. So the counts of the names that matter are exact but where there are very many names,
 * and then never too high; `cut` says so.
 *
 * An entry is a struct of the caller's that begins with a struct top_entry, zeroed when it is new; it owns nothing but its
 * name. The caller adds to `count`. */
#ifndef TOP_H
#define TOP_H

#include "base.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TOP_MAX 4096

struct top_entry {
	char *name;
	uint64_t count;
};

struct top {
	size_t size; /* of an entry */
	bool cut;
	void *tree;
	struct top_entry **v;
	size_t n;
};

/* Lives until the next top_get. */
void *top_get(struct top *t, const char *name);
/* NULL: it is not counted. */
void *top_find(const struct top *t, const char *name);
/* The largest counts first, names in order where they are equal: t->v. */
void top_sort(struct top *t);
void top_free(struct top *t);

#endif
