#include "base.h"

#include "hash.h"
#include "str.h"

uint64_t
hash_number(uint64_t n)
{
	n ^= n >> 32;
	n *= UINT64_C(0xd6e8feb86659fd93);
	n ^= n >> 32;
	n *= UINT64_C(0xd6e8feb86659fd93);
	return n ^ n >> 32;
}

uint64_t
hash_text(const char *s)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * UINT64_C(1099511628211);
	return hash_number(h);
}

static void
grow(struct hash *h)
{
	size_t cap = h->cap ? h->cap * 2 : 64;
	struct hnode **b = mem_zalloc(cap * sizeof(struct hnode *));

	for (size_t i = 0; i < h->cap; i++)
		for (struct hnode *n = h->bucket[i], *next; n; n = next) {
			next = n->next;
			n->next = b[n->hash & (cap - 1)];
			b[n->hash & (cap - 1)] = n;
		}
	free(h->bucket);
	h->bucket = b;
	h->cap = cap;
}

void
hash_add(struct hash *h, struct hnode *node, uint64_t hash)
{
	if (h->n >= h->cap)
		grow(h);
	node->hash = hash;
	node->next = h->bucket[hash & (h->cap - 1)];
	h->bucket[hash & (h->cap - 1)] = node;
	h->n++;
}

void
hash_del(struct hash *h, struct hnode *node)
{
	struct hnode **p = &h->bucket[node->hash & (h->cap - 1)];

	while (*p != node)
		p = &(*p)->next;
	*p = node->next;
	h->n--;
}

struct hnode *
hash_find(const struct hash *h, uint64_t hash, const struct hnode *prev)
{
	struct hnode *n;

	if (!h->cap)
		return NULL;
	for (n = prev ? prev->next : h->bucket[hash & (h->cap - 1)]; n && n->hash != hash; n = n->next)
		;
	return n;
}

void
hash_each(struct hash *h, void (*each)(struct hnode *node, void *arg), void *arg)
{
	for (size_t i = 0; i < h->cap; i++)
		for (struct hnode *n = h->bucket[i], *next; n; n = next) {
			next = n->next;
			each(n, arg);
		}
}
