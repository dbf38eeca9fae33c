/* A recipient of this machine with his share of the envelope, as mox-runq hands it to mox-local (mox-rec.5). */
#ifndef HANDED_H
#define HANDED_H

#include "base.h"
#include "str.h"

#include <stdbool.h>
#include <stdint.h>

struct handed { /* borrows into the record's text; NULL: not given */
	const char *sender, *address, *notify, *orcpt;
	const char *origin, *account, *ret, *envid, *requiretls;
	bool exact; /* no aliases are asked */
	uint64_t size;
	struct str extra; /* the lines of extra values, encoded */
};

/* text, n bytes through `end`, is taken apart in place. NULL, or half a sentence of what is wrong. */
const char *handed_parse(struct handed *h, char *text, size_t n);
void handed_free(struct handed *h);

#endif
