/* The lines of aliases(5), and what both their reader and those who walk them need. For aliases.c: others know
 * aliases.h alone. */
#ifndef ALIASES_FILE_H
#define ALIASES_FILE_H

#include "base.h"
#include "str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct alias_entry {
	char *name; /* lower case, without quotes; both stand in the text */
	char *value;
	unsigned line;
	enum { ALIAS_UNSEEN, ALIAS_OPEN, ALIAS_DONE } state;
	bool yields; /* done: something came of it */
};

struct aliases {
	char *file;
	char *text;
	struct alias_entry *v; /* as they stand in the file */
	size_t n;
	uint32_t *slot; /* by hash of the name: index in v, from 1; 0: free */
	size_t nslot;   /* a power of two, at least twice n */
};

/* Where a target stands. */
struct alias_place {
	const char *file;
	unsigned line;
};

/* NULL: the name has no line of its own. */
struct alias_entry *aliases_find(const struct aliases *a, const char *key);
/* A local part as names are compared: without its quotes, lower case. The caller frees. */
char *alias_key(const char *s, size_t n) MUST_USE;
/* A line "FILE:LINE: why" or "FILE:LINE: unable to use WHAT: why", up to a bound on all of them. */
void alias_remark(struct str *out, const struct alias_place *at, const char *what, const char *why);
/* Behind the quoted string at p; NULL: not closed. */
const char *alias_quoted_end(const char *p, const char *end);
bool alias_is_blank(char c);

#endif
