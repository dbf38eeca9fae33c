/* Plans: questions to the co-process mox-nexthop -w, and what its answers mean for the recipients that wait
 * for them. */
#include "base.h"

#include "child.h"
#include "clock.h"
#include "die.h"
#include "fdio.h"
#include "local.h"
#include "log.h"
#include "plan.h"
#include "queue.h"
#include "rec.h"
#include "way.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <unistd.h>

#define ASK_MAX 1000                  /* questions under way */
#define NO_NETWORK_WAIT (15 * SECOND) /* then it is asked again; no attempt */
#define NEGATIVE_TTL 60
#define ANSWER_MAX (4 * 1024 * 1024)
#define PLANS_MAX (64 * 1024 * 1024) /* bytes of all plans held; beyond, only small ones are taken */
#define PLAN_SMALL 4096
#define ANSWER_WAIT (5 * MINUTE) /* must exceed the time mox-nexthop gives a name server, many times */
#define DEATHS_MAX 3             /* of mox-nexthop at one question */
#define PUT_OFF_A_ROUND 100

static struct dest *
dest_of_hash(struct hnode *n)
{
	return (struct dest *)(void *)((char *)n - offsetof(struct dest, node));
}

void
ask_want(struct runq *q, struct dest *d)
{
	if (local_stays(d->transport)) {
		local_plan(q, d);
		return;
	}
	if (d->queued || d->state == DEST_ASKED)
		return;
	d->queued = true;
	TAILQ_INSERT_TAIL(&q->to_ask, d, in_queue);
}

/* ---- the co-process ---- */

static void asked_end(struct runq *q, struct dest *d);
static void set_text(struct dest *d, const char *code, const char *text);
static void fail_ready(struct runq *q, struct dest *d);

static void
ask_again(struct hnode *n, void *arg)
{
	struct runq *q = arg;
	struct dest *d = dest_of_hash(n);

	if (d->state != DEST_ASKED)
		return;
	asked_end(q, d);
	if (!q->stopping && ++d->deaths >= DEATHS_MAX) {
		/* One question that it cannot bear must not hold up the others. */
		d->deaths = 0;
		d->state = DEST_LATER;
		d->expires = q->now + NEGATIVE_TTL * SECOND;
		set_text(d, "4.3.0", "mox-nexthop ends when it is asked for this domain");
		fail_ready(q, d);
		return;
	}
	ask_want(q, d);
}

static void
nexthop_died(struct runq *q)
{
	/* Where it hangs it would never see that its pipe is gone. */
	co_kill(&q->nexthop);
	co_died(q, &q->nexthop, "mox-nexthop");
	hash_each(&q->dests, ask_again, q);
}

static void answer(struct runq *q, char *rec, size_t n);

static void
readable(struct watch *w, uint32_t events)
{
	struct runq *q = runq_of();
	struct str *in = &q->nexthop.from;
	size_t n;
	ssize_t r;

	(void)events;
	str_reserve(in, 65536);
	r = fd_read(w->fd, in->s + in->len, 65536);
	if (r < 0 && errno == EAGAIN)
		return;
	if (r <= 0) {
		nexthop_died(q);
		return;
	}
	in->len += (size_t)r;
	in->s[in->len] = 0;
	while ((n = rec_whole(str_cstr(in), in->len))) {
		answer(q, in->s, n);
		if (w->fd < 0) /* it was given up, with all it had said */
			return;
		str_shift(in, n);
	}
	if (in->len > ANSWER_MAX)
		nexthop_died(q);
}

static void
flush(struct runq *q)
{
	struct co_process *c = &q->nexthop;
	ssize_t w;

	while (c->out.fd >= 0 && c->to.len) {
		w = write(c->out.fd, c->to.s, c->to.len);
		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0 && errno == EAGAIN) {
			loop_want(&c->out, EPOLLOUT);
			return;
		}
		if (w < 0) {
			nexthop_died(q);
			return;
		}
		str_shift(&c->to, (size_t)w);
	}
	if (c->out.fd >= 0)
		loop_want(&c->out, 0);
}

static void
writable(struct watch *w, uint32_t events)
{
	if (events & (EPOLLERR | EPOLLHUP))
		nexthop_died(runq_of());
	else if (w->fd >= 0)
		flush(runq_of());
}

static bool
nexthop_start(struct runq *q)
{
	struct co_process *c = &q->nexthop;
	int to[2], from[2];
	struct child_fd map[2];
	bool ok;

	if (c->out.fd >= 0)
		return true;
	if (!co_may_start(q, c))
		return false;
	if (pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC))
		die_temp("unable to make a pipe: %m");
	map[0] = (struct child_fd){to[0], 0};
	map[1] = (struct child_fd){from[1], 1};
	ok = co_spawn(q, c, "mox-nexthop", map, 2);
	close(to[0]);
	close(from[1]);
	c->out = (struct watch){to[1], writable};
	c->in = (struct watch){from[0], readable};
	fd_nonblock(to[1], true);
	fd_nonblock(from[0], true);
	loop_add(&c->out, 0);
	loop_add(&c->in, EPOLLIN);
	if (!ok)
		nexthop_died(q);
	return ok;
}

void
ask_stop(struct runq *q)
{
	co_close(&q->nexthop);
	q->nexthop.pid = 0;
	hash_each(&q->dests, ask_again, q);
	q->nexthop.start_at = 0;
}

/* ---- questions ---- */

/* Of the mail that waits for the plan. One zone whose policy cannot be looked up must not hold mail for ever
 * (T46), and new mail for it must not make the old wait anew. */
static unsigned
most_attempts(const struct dest *d)
{
	unsigned most = 0, looked = 0;
	const struct item *it;

	TAILQ_FOREACH (it, &d->ready, in_dest) {
		most = it->attempts > most ? it->attempts : most;
		if (++looked == 1000)
			break;
	}
	return most;
}

static void
ask(struct runq *q, struct dest *d)
{
	struct str *out = &q->nexthop.to;

	d->ask = ++q->ask_no;
	d->state = DEST_ASKED;
	d->asked_at = q->mono;
	hash_add(&q->asks, &d->by_ask, hash_number(d->ask));
	rec_addi(out, "ask", d->ask);
	way_write(out, q->conf, d->transport, d->name);
	if (d->class != CLASS_ORDINARY)
		rec_add(out, "need", d->class == CLASS_SECURE ? "secure" : "lenient");
	rec_addi(out, "attempts", most_attempts(d));
	rec_end(out);
}

/* All that waits there fails, or is put off; each frees its item. */
static void
fail_ready(struct runq *q, struct dest *d)
{
	struct item *it;

	while ((it = TAILQ_FIRST(&d->ready)))
		settle_without_job(q, it, d->state == DEST_NEVER, 0, d->text);
}

static void
set_text(struct dest *d, const char *code, const char *text)
{
	struct str s = {0};

	str_addf(&s, "%s %s", code, text);
	free(d->code);
	free(d->text);
	d->code = mem_dup(code);
	d->text = str_take(&s);
}

/* Transport of type fail: no network, no question. */
static void
refuse(struct runq *q, struct dest *d)
{
	const struct conf_transport *t = d->transport;
	struct item *it;

	while ((it = TAILQ_FIRST(&d->ready)))
		settle_without_job(q, it, t->code >= 500, t->code, t->message);
}

static void
ask_one(struct runq *q, struct dest *d)
{
	if (d->transport && d->transport->type == TRANSPORT_FAIL) {
		refuse(q, d);
		return;
	}
	if (!*d->name && !(d->transport && conf_is_relay(d->transport))) {
		struct item *it;
		while ((it = TAILQ_FIRST(&d->ready)))
			settle_without_job(q, it, true, 0, "5.1.3 the address has no domain");
		return;
	}
	if (d->expires > q->now && d->expires < q->now + DAY) {
		if (d->state == DEST_LATER || d->state == DEST_NEVER) {
			fail_ready(q, d);
			return;
		}
		if (d->state == DEST_PLAN) {
			dest_list_in_site(q, d);
			return;
		}
	}
	dest_forget(q, d);
	ask(q, d);
}

static void
unblock(struct runq *q)
{
	struct dest *d, *next;

	for (d = TAILQ_FIRST(&q->blocked); d; d = next) {
		next = TAILQ_NEXT(d, in_queue);
		if (d->try_at > q->mono)
			continue;
		TAILQ_REMOVE(&q->blocked, d, in_queue);
		d->queued = d->blocked = false;
		ask_want(q, d);
	}
}

/* While it cannot be started at all, mail must grow old as if there were no plans. */
static void
put_off_some(struct runq *q)
{
	struct dest *d;

	for (unsigned i = 0; i < PUT_OFF_A_ROUND && co_fails(&q->nexthop) && (d = TAILQ_FIRST(&q->to_ask));
	     i++) {
		TAILQ_REMOVE(&q->to_ask, d, in_queue);
		d->queued = false;
		dest_forget(q, d);
		d->state = DEST_LATER;
		d->expires = q->now + NEGATIVE_TTL * SECOND;
		set_text(d, "4.3.0", "mox-nexthop does not run");
		fail_ready(q, d);
	}
}

void
ask_round(struct runq *q)
{
	struct dest *d;

	if (q->stopping || q->mode == RUNQ_SERVE)
		return;
	unblock(q);
	if (q->mode == RUNQ_PASS) /* which ends before ask_sweep comes */
		put_off_some(q);
	while ((d = TAILQ_FIRST(&q->to_ask)) && q->asks.n < ASK_MAX && nexthop_start(q)) {
		TAILQ_REMOVE(&q->to_ask, d, in_queue);
		d->queued = false;
		if (d->items) /* some may wait for their signature meanwhile */
			ask_one(q, d);
	}
	if (q->nexthop.to.len)
		flush(q);
}

/* ---- answers ---- */

struct reading {
	uint64_t ask;
	char *plan, *site, *fit;
	const char *code, *text;
	bool never, later, no_network, pkix;
	uint64_t ttl;
	struct str hops, tls;
};

/* Lines that go on to mox-deliver as they are. */
static bool
is_hop_line(const char *key)
{
	static const char *const keys[] = {"partial", "sts", "hop", "names", "addr", "tlsa"};

	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (!strcmp(key, keys[i]))
			return true;
	return false;
}

/* A policy that is enforced or tested is judged by authorities. */
static bool
is_judged(const char *key, const char *value)
{
	return !strcmp(key, "sts") && strncmp(value, "none ", 5) != 0;
}

static void
no_room(struct reading *a, const char *text)
{
	a->later = true;
	a->code = "4.3.0";
	a->text = text;
	a->ttl = NEGATIVE_TTL;
}

static bool
read_answer(struct runq *q, struct reading *a, char *rec, size_t n)
{
	struct rec_in in = {rec, rec + n};
	char *key, *value;
	enum rec_got got;

	while ((got = rec_next(&in, &key, &value)) == REC_LINE) {
		if (is_hop_line(key)) {
			str_addf(&a->hops, "%s %s\n", key, value);
			a->pkix |= is_judged(key, value);
		} else if (!strcmp(key, "tls")) {
			str_addf(&a->tls, "%s\n", value);
		} else if (!strcmp(key, "later") || !strcmp(key, "never")) {
			a->never = *key == 'n';
			a->later = !a->never;
			a->code = rec_field(&value);
			a->text = rec_field(&value);
			if (!a->code || !a->text)
				return false;
		} else if (!(value = rec_text(value))) {
			return false;
		} else if (!strcmp(key, "ask")) {
			if (!str_number(value, UINT64_MAX >> 1, &a->ask))
				return false;
		} else if (!strcmp(key, "plan")) {
			a->plan = value;
		} else if (!strcmp(key, "site")) {
			a->site = value;
		} else if (!strcmp(key, "fit")) {
			a->fit = value;
		} else if (!strcmp(key, "network")) {
			a->no_network = !strcmp(value, "no");
		} else if (!strcmp(key, "ttl")) {
			if (!str_number(value, 86400, &a->ttl))
				return false;
		}
	}
	if (a->hops.len > PLAN_LINES_MAX)
		no_room(a, "the domain's mail servers and their TLSA records are too many");
	else if (a->hops.len > PLAN_SMALL && q->plan_bytes + a->hops.len > PLANS_MAX)
		no_room(a, "there is no room now for a plan of so many mail servers and TLSA records");
	return got == REC_END && a->ask && (a->never || a->later || (a->site && a->hops.len));
}

static struct dest *
asked_find(struct runq *q, uint64_t ask)
{
	uint64_t h = hash_number(ask);

	for (struct hnode *n = hash_find(&q->asks, h, NULL); n; n = hash_find(&q->asks, h, n)) {
		struct dest *d = (struct dest *)(void *)((char *)n - offsetof(struct dest, by_ask));
		if (d->ask == ask)
			return d;
	}
	return NULL;
}

/* The question is no longer under way. */
static void
asked_end(struct runq *q, struct dest *d)
{
	hash_del(&q->asks, &d->by_ask);
	d->state = DEST_NEW;
}

static void
apply(struct runq *q, struct dest *d, struct reading *a)
{
	int64_t ttl = a->ttl ? (int64_t)a->ttl : NEGATIVE_TTL;

	d->expires = q->now + ttl * SECOND;
	if (a->never || a->later) {
		d->state = a->never ? DEST_NEVER : DEST_LATER;
		set_text(d, a->code, a->text);
		if (a->no_network) {
			/* No network is no attempt (T128): they go on waiting here. */
			d->state = DEST_NEW;
			d->queued = d->blocked = true;
			d->try_at = q->mono + NO_NETWORK_WAIT;
			TAILQ_INSERT_TAIL(&q->blocked, d, in_queue);
			return;
		}
		fail_ready(q, d);
		return;
	}
	d->state = DEST_PLAN;
	q->plan_bytes += a->hops.len;
	d->hops = str_take(&a->hops);
	d->fit = a->fit ? mem_dup(a->fit) : NULL;
	d->ascii = mem_dup(a->plan ? a->plan : d->name);
	d->site = site_get(q, d->transport, a->site);
	d->site->known++;
	d->pkix = a->pkix;
	d->site->pkix += d->pkix;
	if (d->pkix)
		work_want_pkix(q, d->site);
	route_anew(q, d);
	dest_list_in_site(q, d);
}

/* What planning found counts once; not when nothing but reports on TLS wanted the plan, which would have reports follow
 * from reports (T58). */
static void
count_results(struct runq *q, const struct dest *d, struct str *lines)
{
	char *p = str_take(lines), *start = p, *nl;

	if (!d || !d->items || d->reports < d->items)
		for (; (nl = strchr(p, '\n')); p = nl + 1) {
			*nl = 0;
			tlsrpt_count(q, p);
		}
	free(start);
}

static void
answer(struct runq *q, char *rec, size_t n)
{
	struct reading a = {0};
	struct dest *d;

	if (!read_answer(q, &a, rec, n)) {
		log_open(LOG_ALERT, "nonsense");
		log_s("command", "mox-nexthop");
		log_close();
		a.never = false;
		a.later = true;
		a.code = "4.3.0";
		a.text = "mox-nexthop answered nonsense";
	}
	d = a.ask ? asked_find(q, a.ask) : NULL;
	count_results(q, d, &a.tls);
	if (d) {
		asked_end(q, d);
		d->deaths = 0;
		apply(q, d, &a);
	} else if (!a.ask) /* whose question it was cannot be told: all are asked again */
		nexthop_died(q);
	str_free(&a.hops);
}

static void
look_at_age(struct hnode *n, void *arg)
{
	const struct dest *d = dest_of_hash(n);
	bool *late = arg;

	if (d->state == DEST_ASKED && d->asked_at + ANSWER_WAIT < clock_mono())
		*late = true;
}

void
ask_sweep(struct runq *q)
{
	bool late = false;

	hash_each(&q->dests, look_at_age, &late);
	if (late)
		nexthop_died(q);
	if (!q->stopping && q->mode != RUNQ_SERVE)
		put_off_some(q);
}
