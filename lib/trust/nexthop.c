#include "base.h"

#include "clock.h"
#include "die.h"
#include "nexthop.h"

#include <errno.h>
#include <sys/queue.h>
#include <sys/random.h>

#define BUCKETS 4096

struct waiter {
	nexthop_done *done;
	void *arg;
};

/* One request and, when it is done, its plan. */
struct entry {
	LIST_ENTRY(entry) bucket;
	TAILQ_ENTRY(entry) age;
	struct nexthop *nexthop;
	char *key;
	struct plan_request request;
	char *name, *self; /* the request's */
	struct lookups lookups;
	size_t missing; /* lookups without an answer */
	struct waiter *waiter;
	size_t nwaiter;
	bool made;
	struct plan plan;
	size_t size; /* about */
	int64_t since, until;
};
LIST_HEAD(entry_bucket, entry);

struct nexthop {
	struct dns *dns;
	struct sts_ask *sts;
	struct entry_bucket bucket[BUCKETS];
	TAILQ_HEAD(entry_age, entry) kept; /* the oldest first */
	size_t nkept, bytes, under_way;
};

/* Which question of an entry an answer is for. */
struct asked {
	struct entry *entry;
	size_t index;
};

struct nexthop *
nexthop_open(struct dns *d, struct sts_ask *s)
{
	struct nexthop *n = mem_zalloc(sizeof *n);

	n->dns = d;
	n->sts = s;
	for (size_t i = 0; i < BUCKETS; i++)
		LIST_INIT(&n->bucket[i]);
	TAILQ_INIT(&n->kept);
	return n;
}

static struct entry_bucket *
bucket_of(struct nexthop *n, const char *key)
{
	uint32_t h = 2166136261;

	for (; *key; key++)
		h = (h ^ (unsigned char)*key) * 16777619;
	return &n->bucket[h % BUCKETS];
}

/* Of a kept plan. */
static void
entry_free(struct entry *e)
{
	LIST_REMOVE(e, bucket);
	TAILQ_REMOVE(&e->nexthop->kept, e, age);
	e->nexthop->nkept--;
	e->nexthop->bytes -= e->size;
	plan_free(&e->plan);
	free(e->key);
	free(e->name);
	free(e->self);
	free(e);
}

void
nexthop_close(struct nexthop *n)
{
	struct entry *e;

	if (n->under_way)
		bug("%zu plans under way", n->under_way);
	while ((e = TAILQ_FIRST(&n->kept)))
		entry_free(e);
	free(n);
}

/* In random order each time, with what is left of its time, and with what happened on the way for the first who asked
 * alone: results are counted once. */
static void
answer_waiter(struct entry *e, const struct waiter *w)
{
	int64_t left = e->until - clock_now();
	uint64_t seed;

	if (getrandom(&seed, sizeof seed, 0) != sizeof seed)
		die_temp("unable to get random bytes: %m");
	plan_shuffle(&e->plan, seed);
	e->plan.ttl = left > SECOND ? (unsigned)((left + SECOND - 1) / SECOND) : 1;
	w->done(w->arg, &e->plan);
	plan_list_free(&e->plan.count);
	plan_list_free(&e->plan.note);
}

/* Of what it will be while it is kept; each word of a line is a little heap. */
static size_t
size_of(const struct entry *e)
{
	struct str lines = {0};
	size_t n;

	plan_lines_write(&lines, &e->plan);
	n = sizeof *e + 1000 + 4 * lines.len;
	str_free(&lines);
	return n;
}

/* The youngest is yet to be given away. */
static void
keep(struct nexthop *n, struct entry *e)
{
	TAILQ_INSERT_TAIL(&n->kept, e, age);
	n->nkept++;
	e->size = size_of(e);
	n->bytes += e->size;
	while ((n->nkept > NEXTHOP_KEPT || n->bytes > NEXTHOP_KEPT_BYTES) && TAILQ_FIRST(&n->kept) != e)
		entry_free(TAILQ_FIRST(&n->kept));
}

static void
entry_made(struct entry *e)
{
	struct nexthop *n = e->nexthop;
	struct waiter *waiter = e->waiter;
	size_t nwaiter = e->nwaiter;

	e->waiter = NULL;
	e->nwaiter = 0;
	lookups_free(&e->lookups);
	e->made = true;
	if (e->plan.kind == PLAN_HOPS)
		e->plan.fit = plan_fit(&e->plan);
	e->since = clock_now();
	e->until = e->since + e->plan.ttl * SECOND;
	n->under_way--;
	keep(n, e);
	for (size_t i = 0; i < nwaiter; i++)
		answer_waiter(e, &waiter[i]);
	free(waiter);
}

static void entry_step(struct entry *e);

static void
asked_end(struct asked *q)
{
	struct entry *e = q->entry;

	free(q);
	if (!--e->missing)
		entry_step(e);
}

static void
dns_answered(void *arg, struct dns_answer *a)
{
	struct asked *q = arg;

	q->entry->lookups.v[q->index].answer = a;
	asked_end(q);
}

static void
sts_answered(void *arg, struct sts_reply *r)
{
	struct asked *q = arg;
	struct lookup *l = &q->entry->lookups.v[q->index];

	l->reply = mem_alloc(sizeof *r);
	*l->reply = *r;
	*r = (struct sts_reply){0};
	asked_end(q);
}

/* One round of the rules: either it is done, or what is missing is asked. */
static void
entry_step(struct entry *e)
{
	size_t old = e->lookups.n;

	if (plan_make(&e->plan, &e->request, &e->lookups)) {
		entry_made(e);
		return;
	}
	e->missing = e->lookups.n - old;
	for (size_t i = old; i < e->lookups.n; i++) {
		const struct lookup *l = &e->lookups.v[i];
		struct asked *q = mem_zalloc(sizeof *q);

		q->entry = e;
		q->index = i;
		if (l->kind == LOOKUP_STS)
			sts_ask(e->nexthop->sts, l->question, sts_answered, q);
		else
			dns_ask(e->nexthop->dns, l->name, l->type, l->hosts, dns_answered, q);
	}
}

static char *
key_of(const struct plan_request *r)
{
	struct str s = {0};

	str_addf(&s, "%d%d %u %d%d%d %d %d %d ", r->host, r->srv, r->port, r->loopback, r->ipv4, r->ipv6,
	    (int)r->tls, (int)r->need, r->attempts >= PLAN_STS_PATIENCE);
	str_adds(&s, r->name);
	return str_take(&s);
}

/* A clock that was set back ends a plan too. */
static bool
entry_over(const struct entry *e)
{
	int64_t now = clock_now();

	return e->made && (now >= e->until || now < e->since);
}

static struct entry *
entry_find(struct nexthop *n, const char *key)
{
	struct entry *e;

	for (e = LIST_FIRST(bucket_of(n, key)); e; e = LIST_NEXT(e, bucket)) {
		if (strcmp(e->key, key))
			continue;
		if (!entry_over(e))
			return e;
		entry_free(e);
		return NULL;
	}
	return NULL;
}

void
nexthop_ask(struct nexthop *n, const struct plan_request *r, nexthop_done *done, void *arg)
{
	char *key = key_of(r);
	struct entry *e = entry_find(n, key);
	struct waiter w = {done, arg};
	bool fresh = !e;

	if (e && e->made) {
		free(key);
		answer_waiter(e, &w);
		return;
	}
	if (fresh) {
		e = mem_zalloc(sizeof *e);
		e->nexthop = n;
		e->key = key;
		e->request = *r;
		e->request.name = e->name = mem_dup(r->name);
		e->request.self = e->self = r->self ? mem_dup(r->self) : NULL;
		LIST_INSERT_HEAD(bucket_of(n, key), e, bucket);
		n->under_way++;
	} else {
		free(key);
	}
	e->waiter = mem_grow(e->waiter, e->nwaiter + 1, sizeof w);
	e->waiter[e->nwaiter++] = w;
	if (fresh)
		entry_step(e);
}
