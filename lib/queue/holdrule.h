/* Hold rules: mail that an operator wants to look at before it goes. A rule is a selection by account, sender, recipient
 * and recipient domain, all of which must match; without any it means everything. What comes in and matches is held
 * (`r`); what waits already is held when the rule is added (serve_holdrule.c). Nothing else looks at rules: what is
 * released goes, and a rule that is removed releases nothing. */
#ifndef HOLDRULE_H
#define HOLDRULE_H

#include "queue.h"
#include "select.h"

#define HOLDRULES_MAX 1000

struct holdrule {
	uint32_t number; /* from 1; none is given twice */
	uint32_t uid;    /* who added it */
	int64_t since;
	struct select select; /* as holdrule_check wants it */
};

struct holdrules {
	struct holdrule *rule; /* in order of their numbers */
	size_t n;
	uint32_t last; /* number given */
};

void holdrule_start(struct runq *q); /* reads them from the index */
/* NULL, or why this selection can be none. */
const char *holdrule_check(const struct select *s) MUST_USE;
/* The rule that says the same; NULL: none. */
const struct holdrule *holdrule_same(const struct runq *q, const struct select *s);
const struct holdrule *holdrule_numbered(const struct runq *q, uint32_t number);
/* Both change the index: they hold when that is durable. A rule that is answered lives until the next change. */
const struct holdrule *holdrule_add(struct runq *q, const struct select *s, uint32_t uid);
void holdrule_remove(struct runq *q, uint32_t number);
/* The first that means this recipient; NULL: none. */
const struct holdrule *holdrule_find(const struct runq *q, const struct row *row);
/* For an answer, and for the index; appended. */
void holdrule_write(struct str *out, const struct holdrule *r);
/* "held by rule 3 (from @example.org)", until the next call. */
const char *holdrule_words(const struct holdrule *r);

#endif
