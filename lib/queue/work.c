/* Workers of mox-deliver and the jobs they get. An attempt is registered and written before its job goes out:
 * whatever dies then, nobody is bothered sooner. */
#include "base.h"

#include "child.h"
#include "clock.h"
#include "die.h"
#include "fdio.h"
#include "local.h"
#include "log.h"
#include "queue.h"
#include "rec.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define AHEAD 2            /* jobs at a proved worker: none ahead would halve the rate */
#define PACKETS_A_ROUND 16 /* from one socket, else others starve */
#define SITES_A_ROUND 500
#define JOBS_A_ROUND 256
#define PLAN_WAIT (SECOND / 2)
#define SOCKET_SPACE (200 * 1024) /* the kernel doubles it */
#define REST SECOND /* of a worker, before another site may have its place for a second connection */

/* ---- the warm parent ---- */

static void
parent_gone(struct watch *w, uint32_t events)
{
	struct runq *q = runq_of();

	(void)w;
	(void)events;
	/* Its children go on serving their sockets; only new workers need a parent. */
	co_died(q, &q->deliver, "mox-deliver");
}

bool
deliver_start(struct runq *q)
{
	struct co_process *c = &q->deliver;

	if (c->out.fd >= 0)
		return true;
	if (!co_may_start(q, c))
		return false;
	if (co_start_pair(q, c, "mox-deliver", parent_gone))
		return true;
	co_died(q, c, "mox-deliver");
	return false;
}

void
work_restart_parent(struct runq *q)
{
	struct co_process *c = &q->deliver;

	if (c->out.fd >= 0) {
		loop_del(&c->out);
		close(c->out.fd);
		c->out.fd = -1;
	}
	c->start_at = 0;
}

/* ---- workers ---- */

static void
worker_busy(struct runq *q, struct worker *w)
{
	if (w->idle)
		TAILQ_REMOVE(&q->idle, w, in_idle);
	w->idle = false;
}

static void
worker_ready(struct watch *watch, uint32_t events)
{
	struct worker *w = (struct worker *)(void *)((char *)watch - offsetof(struct worker, watch));
	struct runq *q = runq_of();
	static char buf[PKT_MAX + 1];

	(void)events;
	for (int i = 0; i < PACKETS_A_ROUND && !w->dead; i++) {
		ssize_t n = pkt_recv(watch->fd, buf, PKT_MAX, NULL, MSG_DONTWAIT);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			worker_end(q, w);
			return;
		}
		buf[n] = 0;
		settle_packet(q, w, buf, (size_t)n);
	}
}

/* Its connection is over, or we want it to be. Jobs without a whole report are "later", but what was reported
 * is believed. */
void
worker_end(struct runq *q, struct worker *w)
{
	struct job *j;

	if (w->dead)
		return;
	w->dead = true;
	loop_del(&w->watch);
	close(w->watch.fd);
	worker_busy(q, w);
	if (w->probe)
		q->probing--;
	while ((j = TAILQ_FIRST(&w->jobs))) {
		TAILQ_REMOVE(&w->jobs, j, in_list);
		w->njobs--;
		q->njobs--;
		j->worker = NULL;
		TAILQ_INSERT_TAIL(&q->done, j, in_list);
	}
	TAILQ_REMOVE(&w->site->workers, w, in_site);
	w->site->nworkers--;
	q->nseconds -= w->site->nworkers > 0;
	q->nworkers--;
	q->nclosing -= w->closing;
	if (w->site->ready)
		site_wake(q, w->site);
	TAILQ_INSERT_TAIL(&q->graves, w, in_idle); /* who called us may look at it once more */
}

void
work_reap(struct runq *q)
{
	struct worker *w;

	while ((w = TAILQ_FIRST(&q->graves))) {
		TAILQ_REMOVE(&q->graves, w, in_idle);
		free(w);
	}
}

static struct worker *
worker_open(struct runq *q, struct site *s)
{
	struct str rec = {0};
	struct worker *w;
	int sock[2];

	if (!deliver_start(q) || pkt_pair(sock))
		return NULL;
	/* The default holds 196 kB: two of the largest jobs may need more. */
	setsockopt(sock[0], SOL_SOCKET, SO_SNDBUF, &(int){SOCKET_SPACE}, sizeof(int));
	rec_addi(&rec, "worker", ++q->job_no);
	rec_add(&rec, "site", s->name);
	rec_add(&rec, "transport", s->transport ? s->transport->name : "");
	rec_add(&rec, "pkix", s->pkix ? "yes" : "no");
	rec_end(&rec);
	if (pkt_send(q->deliver.out.fd, rec.s, rec.len, sock[1], MSG_DONTWAIT)) {
		close(sock[0]);
		close(sock[1]);
		str_free(&rec);
		return NULL;
	}
	str_free(&rec);
	close(sock[1]);
	w = mem_zalloc(sizeof *w);
	w->watch = (struct watch){sock[0], worker_ready};
	w->site = s;
	w->pkix = s->pkix > 0;
	TAILQ_INIT(&w->jobs);
	TAILQ_INSERT_TAIL(&s->workers, w, in_site);
	q->nseconds += s->nworkers > 0;
	s->nworkers++;
	q->nworkers++;
	w->probe = s->state.fails > 0;
	q->probing += w->probe;
	/* Idle until it has a job, so that its place is never lost. */
	w->idle = true;
	w->idle_since = q->mono;
	TAILQ_INSERT_TAIL(&q->idle, w, in_idle);
	loop_add(&w->watch, EPOLLIN);
	return w;
}

void
work_want_pkix(struct runq *q, struct site *s)
{
	struct worker *w, *next;

	for (w = TAILQ_FIRST(&s->workers); w; w = next) {
		next = TAILQ_NEXT(w, in_site);
		if (w->pkix || w->closing)
			continue;
		if (!w->njobs) {
			worker_end(q, w);
			continue;
		}
		w->closing = true;
		q->nclosing++;
	}
}

void
work_close_idle(struct runq *q, bool all)
{
	struct worker *w;

	while ((w = TAILQ_FIRST(&q->idle)) && (all || w->idle_since + q->conf->idle <= q->mono))
		worker_end(q, w);
}

static void
job_assign(struct runq *q, struct job *j, struct worker *w)
{
	j->worker = w;
	j->started = q->mono;
	TAILQ_INSERT_TAIL(&w->jobs, j, in_list);
	w->njobs++;
	w->served++;
	q->njobs++;
	worker_busy(q, w);
	STAILQ_INSERT_TAIL(&q->outbox, j, in_outbox);
}

static void
outbox_send(struct runq *q)
{
	struct job *j;

	if (STAILQ_EMPTY(&q->outbox))
		return;
	/* Registered, and known to the kernel, before anything goes out. */
	if (index_commit(q->index, INDEX_WRITTEN)) {
		while ((j = STAILQ_FIRST(&q->outbox))) {
			STAILQ_REMOVE_HEAD(&q->outbox, in_outbox);
			if (local_stays(j->site->transport))
				local_drop(q, j);
			else if (j->worker)
				worker_end(q, j->worker);
		}
		return;
	}
	while ((j = STAILQ_FIRST(&q->outbox))) {
		STAILQ_REMOVE_HEAD(&q->outbox, in_outbox);
		if (local_stays(j->site->transport)) {
			local_send(q, j);
			continue;
		}
		if (!j->worker)
			continue; /* its worker died meanwhile */
		if (job_send(j))
			worker_end(q, j->worker);
		close(j->fd);
		j->fd = -1;
		str_free(&j->text);
	}
}

/* ---- who works for whom ---- */

static struct worker *
worker_free_of(struct site *s)
{
	struct worker *w;

	TAILQ_FOREACH (w, &s->workers, in_site)
		if (!w->closing && w->njobs < (w->proved && !s->state.fails ? AHEAD : 1) &&
		    w->served < s->state.limits.messages_per_connection)
			return w;
	return NULL;
}

/* Those that get no more jobs must not hold up what waits, but the limit counts their connections. */
static unsigned
workers_that_serve(const struct site *s)
{
	const struct worker *w;
	unsigned n = 0;

	if (s->nworkers >= s->state.limits.connections)
		return s->nworkers;
	TAILQ_FOREACH (w, &s->workers, in_site)
		n += !w->closing;
	return n;
}

/* An idle one whose site has nothing more for it. */
static struct worker *
spare_worker(const struct runq *q)
{
	struct worker *w, *only = NULL;

	TAILQ_FOREACH (w, &q->idle, in_idle) {
		if (w->site->ready)
			continue;
		if (w->site->nworkers > 1)
			return w;
		if (!only)
			only = w;
	}
	return only;
}

static struct worker *
worker_for(struct runq *q, struct site *s, bool *starving)
{
	struct worker *w = worker_free_of(s);

	if (w || !site_may_open(&s->state, workers_that_serve(s), s->ready))
		return w;
	/* Probes of dead sites must not take all the places. */
	if (s->state.fails && q->probing >= q->conf->workers / 2 + 1)
		return NULL;
	/* Nobody gets a second place while somebody has none. */
	if (s->nworkers && q->nstarving)
		return NULL;
	/* A further place is taken only from who has rested for a while: else sites that all have a place, and mail every few
	 * milliseconds, would close each other's connections for ever. */
	if (q->nworkers >= q->conf->workers && (w = spare_worker(q)) &&
	    (!s->nworkers || w->idle_since + REST <= q->mono))
		worker_end(q, w);
	if (q->nworkers >= q->conf->workers) {
		*starving = true;
		return NULL;
	}
	return worker_open(q, s);
}

/* Another recipient's plan is still being asked for, and may name this very site: then both go in one
 * transaction. Worth a short wait, during which the other messages of the destination go before. */
static bool
wait_for_others(struct runq *q, struct item *it)
{
	struct dest *d = it->dest;
	const struct item *other;

	if (it->msg->loaded_at + PLAN_WAIT < q->mono)
		return false;
	for (other = it->msg->items; other; other = other->of_msg)
		if (other->dest->state == DEST_ASKED && other->dest->class == d->class)
			break;
	if (!other)
		return false;
	TAILQ_REMOVE(&d->ready, it, in_dest);
	TAILQ_INSERT_TAIL(&d->ready, it, in_dest);
	TAILQ_REMOVE(&d->site->dests, d, in_site);
	TAILQ_INSERT_TAIL(&d->site->dests, d, in_site);
	return true;
}

/* Asked for anew: what waited long must not be held to demands of long ago. */
static bool
plan_is_old(struct runq *q, struct dest *d)
{
	if (d->expires > q->now)
		return false;
	dest_unlist(q, d);
	ask_want(q, d);
	return true;
}

/* There is nobody to send it: a round in which it was due. */
static void
put_off(struct runq *q, struct site *s)
{
	while (s->ready)
		settle_without_job(q, TAILQ_FIRST(&TAILQ_FIRST(&s->dests)->ready), false, 0,
		    "4.3.0 mox-deliver does not run");
}

/* As much of a site as can go now. true: it could do more in the next round. */
static bool
site_run(struct runq *q, struct site *s, size_t *jobs)
{
	struct worker *w;
	struct job *j;
	unsigned waiting = 0;
	bool starving = false;

	if (local_stays(s->transport)) {
		local_run(q, s, jobs);
		return false; /* a child that ends wakes it */
	}
	while (s->ready) {
		if (site_is_down(&s->state, q->now)) {
			settle_waiting(q, s);
			if (s->ready)
				site_sleep(q, s);
			return false;
		}
		if (!*jobs)
			return true;
		if (plan_is_old(q, TAILQ_FIRST(&s->dests)))
			continue;
		if (wait_for_others(q, TAILQ_FIRST(&TAILQ_FIRST(&s->dests)->ready))) {
			if (++waiting < s->ready)
				continue;
			site_sleep(q, s);
			return false;
		}
		if (site_is_paced(&s->state, q->now)) {
			settle_waiting(q, s);
			if (s->ready)
				site_sleep(q, s);
			return false;
		}
		if (!(w = worker_for(q, s, &starving))) {
			if (!s->nworkers && co_fails(&q->deliver)) {
				put_off(q, s);
				return false;
			}
			/* A finished job wakes it; without any worker another's end does, or time. */
			if (!s->nworkers && starving)
				site_starve(q, s);
			else if (!s->nworkers)
				site_sleep(q, s);
			return false;
		}
		if ((j = job_build(q, s, !w->served))) {
			site_sends(&s->state, q->now);
			job_assign(q, j, w);
			(*jobs)--;
		}
	}
	return false;
}

static void
wake_sleepers(struct runq *q)
{
	struct site *s, *next;
	int64_t least = INT64_MAX;

	if (q->now < q->wake_at)
		return;
	for (s = TAILQ_FIRST(&q->sleeping); s; s = next) {
		int64_t at = site_wakes_at(&s->state, q->now);

		next = TAILQ_NEXT(s, in_list);
		if (at > q->now + SECOND / 5)
			least = at < least ? at : least;
		else
			site_wake(q, s);
	}
	q->wake_at = least;
}

/* Free places go to who has waited longest. Who does not want one any more just leaves the line; work_starves says whether to come again. */
static void
feed_starving(struct runq *q)
{
	unsigned places = q->nworkers < q->conf->workers ? q->conf->workers - q->nworkers : 0;
	struct worker *w;
	struct site *s, *after = NULL;

	TAILQ_FOREACH (w, &q->idle, in_idle)
		places += !w->site->ready;
	for (; places && (s = TAILQ_FIRST(&q->starving)); places--) {
		site_wake(q, s);
		TAILQ_REMOVE(&q->active, s, in_list);
		if (after)
			TAILQ_INSERT_AFTER(&q->active, after, s, in_list);
		else
			TAILQ_INSERT_HEAD(&q->active, s, in_list);
		after = s;
	}
}

bool
work_starves(const struct runq *q)
{
	return !TAILQ_EMPTY(&q->starving) && (q->nworkers < q->conf->workers || spare_worker(q));
}

bool
work_lacks_places(const struct runq *q)
{
	return q->nworkers + q->nstarving > q->conf->workers + q->nclosing;
}

void
work_dispatch(struct runq *q)
{
	struct site *s;
	size_t jobs = JOBS_A_ROUND;

	if (q->stopping || q->rebuild || q->mode == RUNQ_SERVE || index_broken(q->index))
		return;
	wake_sleepers(q);
	feed_starving(q);
	for (size_t i = 0; i < SITES_A_ROUND && jobs && (s = TAILQ_FIRST(&q->active)); i++) {
		TAILQ_REMOVE(&q->active, s, in_list);
		s->where = SITE_QUIET;
		if (site_run(q, s, &jobs))
			site_wake(q, s);
	}
	outbox_send(q);
}

void
work_timers(struct runq *q, int64_t *mono_deadline, int64_t *wall_deadline)
{
	struct worker *w = TAILQ_FIRST(&q->idle);
	struct dest *d;

	if (w && w->idle_since + q->conf->idle < *mono_deadline)
		*mono_deadline = w->idle_since + q->conf->idle;
	if (q->stopping)
		return;
	TAILQ_FOREACH (d, &q->blocked, in_queue)
		if (d->try_at < *mono_deadline)
			*mono_deadline = d->try_at;
	if (q->wake_at < *wall_deadline)
		*wall_deadline = q->wake_at;
	sign_timers(q, mono_deadline);
	if (!TAILQ_EMPTY(&q->to_ask) && q->nexthop.out.fd < 0 && q->nexthop.start_at < *mono_deadline)
		*mono_deadline = q->nexthop.start_at;
}

void
work_drop_all(struct runq *q)
{
	for (size_t i = 0; i < q->sites.cap; i++)
		for (struct hnode *n = q->sites.bucket[i]; n; n = n->next) {
			struct worker *w;
			struct site *s = (struct site *)(void *)((char *)n - offsetof(struct site, node));
			while ((w = TAILQ_FIRST(&s->workers)))
				worker_end(q, w);
		}
}
