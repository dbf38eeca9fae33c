#include "base.h"

#include "keep.h"
#include "str.h"

static size_t
size_of(const struct kept *e)
{
	return sizeof *e + strlen(e->key) + strlen(e->value);
}

void
keep_drop(struct keep *k, struct kept *e)
{
	hash_del(&k->by_key, &e->node);
	TAILQ_REMOVE(&k->all, e, in_all);
	k->bytes -= size_of(e);
	explicit_bzero(e->value, strlen(e->value)); /* it may be a secret */
	free(e->key);
	free(e->value);
	free(e);
}

struct kept *
keep_next(const struct keep *k, const char *key, const struct kept *prev)
{
	uint64_t h = hash_text(key);

	for (struct hnode *n = hash_find(&k->by_key, h, prev ? &prev->node : NULL); n;
	     n = hash_find(&k->by_key, h, n)) {
		struct kept *e = (struct kept *)(void *)((char *)n - offsetof(struct kept, node));

		if (!strcmp(e->key, key))
			return e;
	}
	return NULL;
}

static bool
is_of(const struct kept *e, const struct kept *what)
{
	return e->subject == what->subject && !memcmp(e->value, what->value, what->subject);
}

void
keep_forget(struct keep *k, const char *key, const struct kept *what)
{
	struct kept *e, *next;

	for (e = keep_next(k, key, NULL); e; e = next) {
		next = keep_next(k, key, e);
		if (is_of(e, what))
			keep_drop(k, e);
	}
}

/* The one that has least time left goes where the key, or the subject, has as many as it may have. */
static void
make_room(struct keep *k, const struct keep_limits *max, const char *key, const struct kept *what)
{
	struct kept *e, *oldest = NULL, *same = NULL;
	unsigned n = 0, nsame = 0;

	for (e = keep_next(k, key, NULL); e; e = keep_next(k, key, e)) {
		n++;
		if (!oldest || e->until <= oldest->until)
			oldest = e;
		if (!is_of(e, what))
			continue;
		nsame++;
		if (!same || e->until <= same->until)
			same = e;
	}
	if (nsame >= max->per_subject)
		keep_drop(k, same);
	else if (n >= max->per_key)
		keep_drop(k, oldest);
}

void
keep_put(struct keep *k, const struct keep_limits *max, const char *key, const struct kept *what)
{
	struct kept *e;

	if (strlen(what->value) > max->value)
		return;
	if (!k->all.tqh_last)
		TAILQ_INIT(&k->all);
	make_room(k, max, key, what);
	e = mem_zalloc(sizeof *e);
	e->until = what->until;
	e->subject = what->subject;
	e->key = mem_dup(key);
	e->value = mem_dup(what->value);
	hash_add(&k->by_key, &e->node, hash_text(key));
	TAILQ_INSERT_TAIL(&k->all, e, in_all);
	k->bytes += size_of(e);
	while (k->bytes > max->bytes && TAILQ_FIRST(&k->all) != e)
		keep_drop(k, TAILQ_FIRST(&k->all));
}

size_t
keep_subject(const char *value, unsigned n)
{
	const char *p = value;

	while (n--) {
		size_t field = strcspn(p, " ");

		if (!field)
			return 0;
		p += field;
		if (n && !*p++)
			return 0;
	}
	return (size_t)(p - value);
}
