#include "base.h"

#include "clock.h"
#include "log.h"
#include "stsdesk.h"
#include "stsfetch.h"
#include "stskeep.h"

#include <errno.h>
#include <sys/queue.h>

#define TTL_MOST 3600
#define TTL_MEANWHILE 60 /* of an old policy while there is no place to fetch the new one */

struct asker {
	struct sts_question q;
	sts_desk_done *done;
	void *arg;
};

/* A fetch under way, and who waits for it. */
struct errand {
	LIST_ENTRY(errand) link;
	struct sts_desk *desk;
	struct asker *asker; /* the first began it */
	size_t n;
};

LIST_HEAD(errand_list, errand);

struct sts_desk {
	struct sts_keep keep;
	struct sts_fetches *fetches;
	struct errand_list errands;
};

struct sts_desk *
sts_desk_open(const struct conf *c, bool *kept)
{
	struct sts_desk *d = mem_zalloc(sizeof *d);

	*kept = !sts_keep_open(&d->keep, c->spool);
	if (!*kept) {
		log_open(errno == ENOENT ? LOG_DEBUG : LOG_WARN, "sts-unkept");
		log_s("error", strerror(errno));
		log_close();
	}
	d->fetches = sts_fetches_open(&c->sts);
	LIST_INIT(&d->errands);
	return d;
}

static void
errand_free(struct errand *e)
{
	for (size_t i = 0; i < e->n; i++)
		sts_question_free(&e->asker[i].q);
	free(e->asker);
	free(e);
}

void
sts_desk_close(struct sts_desk *d)
{
	struct errand *e;

	sts_fetches_close(d->fetches);
	while ((e = LIST_FIRST(&d->errands))) {
		LIST_REMOVE(e, link);
		errand_free(e);
	}
	sts_keep_close(&d->keep);
	free(d);
}

static void
entry_save(struct sts_desk *d, const struct sts_entry *e)
{
	if (!sts_keep_save(&d->keep, e))
		return;
	log_open(LOG_WARN, "sts-unkept");
	log_s("domain", e->domain);
	log_s("error", strerror(errno));
	log_close();
}

static int64_t
lesser(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* What e comes to for this question, for at most ttl seconds. */
static void
answer_for(struct sts_desk *d, struct sts_entry *e, struct asker *a, int64_t ttl)
{
	const struct sts_question *q = &a->q;
	int64_t now = clock_now();
	bool alive = sts_entry_alive(e, now);
	struct sts_reply r = {.ask = q->ask};

	r.kind = alive ? STS_REPLY_POLICY : q->txt == STS_TXT_UNKNOWN ? STS_REPLY_UNDECIDED : STS_REPLY_NONE;
	if (alive) {
		r.policy = e->policy; /* lent */
		memcpy(r.id, e->id, sizeof r.id);
		r.fetched = e->fetched;
		ttl = lesser(ttl, (e->fetched - now) / SECOND + (int64_t)e->policy.max_age);
	}
	/* A failure tells of this question only when it had wanted the fetch. */
	if (sts_entry_backing_off(e, now) &&
	    (q->refetch || (q->txt == STS_TXT_GOOD && !(alive && !strcmp(e->id, q->id))))) {
		r.result = e->result;
		r.why = e->why;
		ttl = lesser(ttl, (e->failed + STS_BACKOFF - now) / SECOND);
	}
	r.ttl = ttl < 1 ? 1 : (unsigned)ttl;
	if (alive && !q->refetch && sts_used_stale(e, now)) {
		e->used = now;
		entry_save(d, e);
	}
	a->done(a->arg, &r);
}

static void
answer(struct sts_desk *d, struct sts_entry *e, struct asker *a)
{
	answer_for(d, e, a, TTL_MOST);
}

static void
entry_fail(struct sts_desk *d, struct sts_entry *e, const char *result, const char *why)
{
	free(e->result);
	free(e->why);
	e->result = mem_dup(result);
	e->why = mem_dup(why);
	e->failed = clock_now();
	entry_save(d, e);
	log_open(LOG_WARN, "sts-failed");
	log_s("domain", e->domain);
	log_s("result", result);
	log_s("error", why);
	log_s("policy", sts_entry_alive(e, e->failed) ? "old" : "none");
	log_close();
}

static void
entry_renew(struct sts_desk *d, struct sts_entry *e, struct sts_policy *policy, const struct sts_question *q)
{
	sts_policy_free(&e->policy);
	e->policy = *policy;
	*policy = (struct sts_policy){0};
	e->has_policy = true;
	e->fetched = clock_now();
	e->failed = 0;
	if (!q->refetch)
		e->used = e->fetched;
	if (q->txt == STS_TXT_GOOD)
		memcpy(e->id, q->id, sizeof e->id);
	entry_save(d, e);
	log_open(LOG_INFO, "sts-fetched");
	log_s("domain", e->domain);
	log_s("mode", sts_mode_word(e->policy.mode));
	log_s("policy", e->id);
	log_i("max-age", (int64_t)e->policy.max_age);
	log_close();
}

static void
errand_done(void *arg, struct sts_policy *policy, const char *result, const char *why)
{
	struct errand *e = arg;
	struct sts_desk *d = e->desk;
	struct sts_entry entry;

	LIST_REMOVE(e, link);
	sts_keep_load(&d->keep, e->asker[0].q.domain, &entry);
	if (result)
		entry_fail(d, &entry, result, why);
	else
		entry_renew(d, &entry, policy, &e->asker[0].q);
	for (size_t i = 0; i < e->n; i++)
		answer(d, &entry, &e->asker[i]);
	sts_entry_free(&entry);
	errand_free(e);
}

static void
errand_join(struct errand *e, const struct asker *a)
{
	e->asker = mem_grow(e->asker, e->n + 1, sizeof *a);
	e->asker[e->n++] = *a;
}

static struct errand *
errand_find(struct sts_desk *d, const char *domain)
{
	struct errand *e;

	LIST_FOREACH(e, &d->errands, link)
	if (!strcmp(e->asker[0].q.domain, domain))
		return e;
	return NULL;
}

static void
errand_begin(struct sts_desk *d, const struct asker *a)
{
	struct errand *e = mem_zalloc(sizeof *e);

	e->desk = d;
	errand_join(e, a);
	LIST_INSERT_HEAD(&d->errands, e, link);
	sts_fetch(d->fetches, a->q.domain, &a->q.addr, errand_done, e);
}

static void
addresses_want(struct asker *a)
{
	const struct sts_reply r = {.ask = a->q.ask, .kind = STS_REPLY_ADDRESSES, .ttl = 1};

	a->done(a->arg, &r);
}

void
sts_desk_ask(struct sts_desk *d, struct sts_question *q, sts_desk_done *done, void *arg)
{
	struct asker a = {*q, done, arg};
	struct errand *running = errand_find(d, q->domain);
	struct sts_entry e;

	*q = (struct sts_question){0};
	sts_keep_load(&d->keep, a.q.domain, &e);
	if (!a.q.refetch && sts_choose(&e, a.q.txt, a.q.id, clock_now()) != STS_FETCH) {
		answer(d, &e, &a);
	} else if (running) {
		errand_join(running, &a);
		a.q = (struct sts_question){0};
	} else if (!a.q.has_addr) {
		addresses_want(&a);
	} else if (!a.q.addr.n) {
		entry_fail(d, &e, STS_FETCH_ERROR, a.q.no_addr);
		answer(d, &e, &a);
	} else if (!a.q.refetch && sts_entry_alive(&e, clock_now()) &&
		   sts_fetch_waits(d->fetches, &a.q.addr)) {
		answer_for(d, &e, &a, TTL_MEANWHILE);
	} else {
		errand_begin(d, &a);
		a.q = (struct sts_question){0};
	}
	sts_question_free(&a.q);
	sts_entry_free(&e);
}

void
sts_desk_wait(struct sts_desk *d, struct pollfd *pfd, unsigned n, int ms)
{
	sts_fetches_wait(d->fetches, pfd, n, ms);
}
