/* What waits, or what has left the queue, counted by domain, site, error and so on: for -summary of the lists. Rows come one by
 * one and only groups are kept. */
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

enum summary_by {
	SUMMARY_DOMAIN,
	SUMMARY_SITE,
	SUMMARY_ERROR,
	SUMMARY_SENDER,
	SUMMARY_ACCOUNT,
	SUMMARY_AGE,   /* of the queue alone */
	SUMMARY_RESULT /* of the history alone */
};

struct summary {
	enum summary_by by;
	bool retired; /* rows are those of the history */
	int64_t now;
	void *tree; /* of groups, by their names */
	struct summary_group **group;
	size_t n;
};

/* Sets what is counted by, or ends the program with a sentence: `retired` has been set before. */
void summary_want(struct summary *s, const char *name);
void summary_add(struct summary *s, const struct row *r);
/* Prints the largest `limit` groups (0: all), those of age by age, and frees. On a screen in words. */
void summary_end(struct summary *s, enum table_form form, unsigned width, uint64_t limit);

/* The error of a row without what differs from reply to reply: words with digits in them become *, but for codes at its
 * head. out is emptied first. */
void summary_error(struct str *out, const struct row *r);

#endif
