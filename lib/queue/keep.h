/* A few values each under some keys, of bounded number and size: when there is no room the oldest go. Values begin with their
 * subject, which may stand there several times. */
#ifndef KEEP_H
#define KEEP_H

#include "base.h"

#include "hash.h"

#include <stdint.h>
#include <sys/queue.h>

struct keep_limits {
	size_t bytes; /* of all keys and values, about */
	unsigned per_key, per_subject;
	size_t value; /* bytes of one; a longer one is not kept */
};

struct kept {
	struct hnode node;
	TAILQ_ENTRY(kept) in_all;
	int64_t until;  /* CLOCK_MONOTONIC */
	size_t subject; /* bytes of the value */
	char *key, *value;
};

struct keep {
	struct hash by_key;
	TAILQ_HEAD(kept_list, kept) all; /* the oldest first; set up by the first keep_put */
	size_t bytes;
};

void keep_put(struct keep *k, const struct keep_limits *max, const char *key, const struct kept *what);
/* All about one subject goes. */
void keep_forget(struct keep *k, const char *key, const struct kept *what);
/* The next one under the key behind prev (NULL: the first), the newest subjects first. */
struct kept *keep_next(const struct keep *k, const char *key, const struct kept *prev);
void keep_drop(struct keep *k, struct kept *e);
/* Bytes of the first n fields of a value; 0: it has fewer. */
size_t keep_subject(const char *value, unsigned n);

#endif
