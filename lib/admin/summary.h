/* What waits, counted by domain, site, error or age: for mox-queue-list -summary. Rows come one by one and only groups are
 * kept. */
#ifndef SUMMARY_H
#define SUMMARY_H

#include "base.h"
#include "row.h"
#include "table.h"

#include <stdint.h>

/* The classes of age, the youngest first. */
#define SUMMARY_AGES 7
extern const char *const summary_age_names[SUMMARY_AGES];
size_t summary_age(int64_t age);

enum summary_by { SUMMARY_DOMAIN, SUMMARY_SITE, SUMMARY_ERROR, SUMMARY_AGE };

struct summary {
	enum summary_by by;
	int64_t now;
	void *tree; /* of groups, by their names */
	struct summary_group **group;
	size_t n;
};

bool summary_find(const char *name, enum summary_by *by) MUST_USE;
void summary_add(struct summary *s, const struct row *r);
/* Prints the largest `limit` groups (0: all), those of age by age, and frees. On a screen in words. */
void summary_end(struct summary *s, enum table_form form, unsigned width, uint64_t limit);

/* The error of a row without what differs from reply to reply: words with digits in them become *, but for codes at its
 * head. out is emptied first. */
void summary_error(struct str *out, const struct row *r);

#endif
