/* Tables of the index from which old entries go: walked once an hour, a slice a round. */
#ifndef EXPIRE_H
#define EXPIRE_H

#include "base.h"
#include "index.h"
#include "str.h"

#include <stdbool.h>
#include <stdint.h>

struct runq;

struct expiry {
	enum index_table table;
	bool (*is_old)(struct runq *q, struct index_key key, char *value, size_t len);
	int64_t at;          /* monotonic: of the next walk */
	struct str behind;   /* how far this one is */
	uint64_t seen, left; /* entries: in this walk; after the last one, and since */
};

/* A slice, when it is time; true: a walk over the table has come to its end. */
bool expire_round(struct runq *q, struct expiry *x);

#endif
