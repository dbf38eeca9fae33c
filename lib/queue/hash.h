/* Chained hash table of nodes that their owners embed; it owns only its buckets. */
#ifndef HASH_H
#define HASH_H

#include "base.h"

#include <stddef.h>
#include <stdint.h>

struct hnode {
	struct hnode *next;
	uint64_t hash;
};

struct hash {
	struct hnode **bucket;
	size_t n, cap; /* cap: a power of two */
};

uint64_t hash_text(const char *s);
uint64_t hash_number(uint64_t n);
void hash_add(struct hash *h, struct hnode *node, uint64_t hash);
void hash_del(struct hash *h, struct hnode *node);
/* The first node of that hash value behind `prev` (NULL: from the start); compare its key yourself. */
struct hnode *hash_find(const struct hash *h, uint64_t hash, const struct hnode *prev);
/* Visits all; each may delete the node it is given. */
void hash_each(struct hash *h, void (*each)(struct hnode *node, void *arg), void *arg);

#endif
