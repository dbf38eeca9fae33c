/* spool/ctl: requests of the other commands (mox-rec.5). A long answer is made in slices, each of which seeks
 * anew behind the last row, so that no listing holds up deliveries. What changes something is answered after
 * it is durable. */
#include "base.h"

#include "clock.h"
#include "die.h"
#include "fdio.h"
#include "id.h"
#include "log.h"
#include "queue.h"
#include "rec.h"
#include "select.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define PACKET 24000 /* a packet is full from here on; a row is smaller than the rest of PKT_MAX */
#define CLIENTS_A_UID 4
#define CHANGES_A_SLICE 200
#define STUCK (30 * SECOND) /* a reader who takes nothing for so long is dropped */

enum op { OP_NONE, OP_LIST, OP_HOLD, OP_RELEASE, OP_SCHEDULE, OP_REQUIRETLS, OP_CHECK, OP_REBUILD };

struct client {
	TAILQ_ENTRY(client) in_list;
	struct watch watch;
	uid_t uid;
	bool dead;
	bool unwanted; /* told so, then dropped */
	enum op op;
	struct select select;
	uint64_t limit, count;
	bool done, finishing;
	struct change change;
	/* where the answer stands */
	size_t range; /* of the selection's ids */
	uint64_t id;
	uint32_t n;
	bool full;
	struct str out;   /* the packet being made, or waiting to go */
	int64_t stuck_at; /* monotonic; 0: it takes what we send */
	struct sweep *sweep;
	struct {
		uint64_t id;
		uint32_t n;
	} chosen[CHANGES_A_SLICE];
	size_t nchosen;
	struct runq *q;
};

static void
client_end(struct runq *q, struct client *c)
{
	loop_del(&c->watch);
	close(c->watch.fd);
	TAILQ_REMOVE(&q->clients, c, in_list);
	select_free(&c->select);
	sweep_free(c->sweep);
	str_free(&c->out);
	free(c);
	q->quiet_since = q->mono;
}

static void
client_reset(struct client *c)
{
	select_free(&c->select);
	sweep_free(c->sweep);
	c->select = (struct select){0};
	c->sweep = NULL;
	c->op = OP_NONE;
	c->limit = c->count = 0;
	c->change = (struct change){.privileged = c->change.privileged};
	c->done = c->finishing = false;
	c->range = 0;
	c->id = 0;
	c->n = 0;
}

static void
status(struct client *c, const char *word, const char *text)
{
	rec_add(&c->out, "status", word);
	str_addf(&c->out, "count %llu\n", (unsigned long long)c->count);
	if (text)
		rec_add(&c->out, "text", text);
	rec_end(&c->out);
	c->finishing = true;
}

/* ---- requests ---- */

static const char *
read_set(struct client *c, char *value, int64_t now)
{
	char *what = rec_field(&value), *to = rec_field(&value);
	uint64_t v;
	int64_t d;

	if (!what || !to)
		return "set needs what to set, and to what";
	if (!strcmp(what, "requiretls")) {
		c->change.requiretls = !strcmp(to, "yes") ? 'y' : !strcmp(to, "no") ? 'n' : '.';
		return c->change.requiretls == '.' && strcmp(to, "default")
		           ? "requiretls is yes, no or default"
		           : NULL;
	}
	if (strcmp(what, "next"))
		return "only `set next` and `set requiretls` are known";
	c->change.timed = true;
	c->change.relative = *to == '+' || *to == '-';
	if (!strcmp(to, "now"))
		c->change.next = now;
	else if (c->change.relative && str_duration(to + 1, &d))
		c->change.next = *to == '-' ? -d : d;
	else if (!c->change.relative && str_number(to, INT64_MAX, &v))
		c->change.next = (int64_t)v;
	else
		return "the time to set is none";
	return NULL;
}

static const char *
read_request(struct client *c, char *text, size_t n, int64_t now)
{
	static const struct {
		const char *word;
		enum op op;
	} ops[] = {{"list", OP_LIST}, {"show", OP_LIST}, {"hold", OP_HOLD}, {"release", OP_RELEASE},
	    {"schedule", OP_SCHEDULE}, {"requiretls", OP_REQUIRETLS}, {"check", OP_CHECK},
	    {"rebuild", OP_REBUILD}};
	struct rec_in in = {text, text + n};
	char *key, *value;
	const char *why;
	enum rec_got got;

	while ((got = rec_next(&in, &key, &value)) == REC_LINE) {
		if (!strcmp(key, "sel")) {
			if ((why = select_line(&c->select, value, now)))
				return why;
		} else if (!strcmp(key, "set")) {
			if ((why = read_set(c, value, now)))
				return why;
		} else if (!(value = rec_text(value))) {
			return "a broken escape";
		} else if (!strcmp(key, "op")) {
			for (size_t i = 0; i < ARRAY_LEN(ops); i++)
				if (!strcmp(value, ops[i].word))
					c->op = ops[i].op;
		} else if (!strcmp(key, "limit")) {
			if (!str_number(value, UINT64_MAX >> 1, &c->limit))
				return "the limit is no number";
		} else if (!strcmp(key, "after")) {
			if (!id_parse_rcpt(value, &c->id, &c->n))
				return "what to go on after is no id";
		} else if (!strcmp(key, "dry-run")) {
			c->change.dry = !strcmp(value, "yes");
		}
	}
	if (got != REC_END)
		return "the request is not a whole record";
	if (c->op == OP_NONE)
		return "an operation that is not known here";
	if (c->op == OP_SCHEDULE && !c->change.timed)
		return "schedule needs a time";
	if (c->op == OP_REQUIRETLS && !c->change.requiretls)
		return "requiretls needs yes, no or default";
	if (c->select.nid && c->id)
		return "after goes with no ids";
	return NULL;
}

static void
begin(struct runq *q, struct client *c, char *text, size_t n)
{
	const char *why = read_request(c, text, n, q->now);

	q->quiet_since = q->mono;
	if (why)
		status(c, "bad", why);
	else if (!c->change.privileged && (c->op == OP_SCHEDULE || c->op == OP_CHECK || c->op == OP_REBUILD))
		status(c, "denied", "only root and the spool's user may do this");
	else if (c->op == OP_CHECK)
		c->sweep = NULL;
	else if (c->op == OP_REBUILD) {
		q->rebuild = true;
		status(c, "ok", NULL);
	}
}

static void
client_ready(struct watch *w, uint32_t events)
{
	struct client *c = (struct client *)(void *)((char *)w - offsetof(struct client, watch));
	struct runq *q = runq_of();
	static char buf[PKT_MAX + 1];
	ssize_t n;

	if (events & EPOLLOUT) {
		c->stuck_at = 0;
		loop_want(w, EPOLLIN);
		return;
	}
	if (c->op != OP_NONE || c->out.len) {
		if (events & (EPOLLHUP | EPOLLERR))
			c->dead = true;
		else
			loop_want(w, 0); /* one thing after the other */
		return;
	}
	n = pkt_recv(w->fd, buf, PKT_MAX, NULL, MSG_DONTWAIT);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		c->dead = true;
		return;
	}
	begin(q, c, buf, (size_t)n);
}

static void
accept_one(struct watch *w, uint32_t events)
{
	struct runq *q = runq_of();
	struct ucred u;
	socklen_t len = sizeof u;
	struct client *c, *other;
	unsigned same = 0;
	int fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC);

	(void)events;
	if (fd < 0)
		return;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &u, &len)) {
		close(fd);
		return;
	}
	TAILQ_FOREACH (other, &q->clients, in_list)
		same += other->uid == u.uid;
	c = mem_zalloc(sizeof *c);
	c->q = q;
	c->uid = u.uid;
	c->change.privileged = !u.uid || u.uid == geteuid();
	q->quiet_since = q->mono;
	c->watch = (struct watch){fd, client_ready};
	TAILQ_INSERT_TAIL(&q->clients, c, in_list);
	loop_add(&c->watch, EPOLLIN);
	if (same >= CLIENTS_A_UID && u.uid) {
		status(c, "failed", "too many connections of this user");
		c->unwanted = true;
	}
}

/* ---- rows ---- */

/* What only memory knows: where it is, and what ails its site. */
static void
complete(struct runq *q, struct row *row)
{
	struct item *it = item_find(q, row->id, row->n);
	struct dest *d = it ? it->dest : NULL;
	struct site *s;

	if (!d)
		d = dest_look(q, row);
	s = d ? d->site : NULL;
	row->site = s ? s->name : NULL;
	if (row->hold != HOLD_NONE) {
		row->state = ROW_HELD;
		return;
	}
	if (row->fate) {
		row->state = ROW_NOTICING;
		row->next = 0;
		return;
	}
	row->state = it && it->job ? ROW_DELIVERING : row->next <= q->now ? ROW_DUE : ROW_WAITING;
	if (s && row->state == ROW_DUE && site_is_down(&s->state, q->now)) {
		row->code = (unsigned)s->code;
		row->error = s->error;
		row->next = s->state.down_until;
		row->state = ROW_WAITING;
	}
}

static bool
visit(uint64_t id, uint32_t n, char *rec, size_t len, void *arg)
{
	struct client *c = arg;
	const struct select *sel = &c->select;
	struct row row;
	uint32_t uid;

	if (sel->nid && sel->id[c->range].id != id) {
		c->done = true; /* of this range */
		return false;
	}
	if (c->out.len > PACKET || c->nchosen == CHANGES_A_SLICE) {
		c->full = true;
		return false;
	}
	c->id = id;
	c->n = n;
	if (!row_read(&row, &uid, rec, len) || (!c->change.privileged && uid != c->uid))
		return true;
	complete(c->q, &row);
	if (!select_match(sel, &row))
		return true;
	if (c->op == OP_LIST) {
		row_write(&c->out, &row);
		c->count++;
	} else {
		c->chosen[c->nchosen].id = id;
		c->chosen[c->nchosen++].n = n;
	}
	if (c->limit && c->count + c->nchosen >= c->limit) {
		c->done = true;
		c->range = sel->nid;
		return false;
	}
	return true;
}

static void
change(struct runq *q, struct client *c)
{
	static struct str buf;

	for (size_t i = 0; i < c->nchosen; i++) {
		struct row row;
		uint32_t uid;
		bool changed;

		if (!row_load(q, &buf, &row, &uid, c->chosen[i].id, c->chosen[i].n))
			continue;
		switch (c->op) {
		case OP_HOLD: changed = change_hold(q, &c->change, &row, uid); break;
		case OP_RELEASE: changed = change_release(q, &c->change, &row, uid); break;
		case OP_REQUIRETLS: changed = change_requiretls(q, &c->change, &row, uid); break;
		default: changed = change_schedule(q, &c->change, &row, uid); break;
		}
		if (changed) {
			char id[ROW_ID_SIZE];
			row_id(id, &(struct row){.id = c->chosen[i].id, .n = c->chosen[i].n});
			rec_add(&c->out, "id", id);
			rec_end(&c->out);
			c->count++;
		}
	}
	c->nchosen = 0;
	q->answers_wait = true;
}

/* ---- the comparison an operator asked for ---- */

static void
fault(struct runq *q, void *arg, uint64_t id, uint32_t n, const char *what)
{
	struct client *c = arg;
	char text[ROW_ID_SIZE];

	(void)q;
	row_id(text, &(struct row){.id = id, .n = n});
	rec_add(&c->out, "id", text);
	rec_add(&c->out, "error", what);
	rec_end(&c->out);
	c->count++;
}

static void
check_slice(struct runq *q, struct client *c)
{
	if (!c->sweep)
		c->sweep = sweep_new(INDEX_CLEAN, fault, c);
	if (!sweep_slice(q, c->sweep))
		status(c, "ok", NULL);
}

/* ---- rounds ---- */

static void
slice(struct runq *q, struct client *c)
{
	const struct select *sel = &c->select;
	size_t got;

	if (index_broken(q->index)) {
		status(c, "failed", "the index is broken and about to be recovered");
		return;
	}
	if (c->op == OP_CHECK) {
		check_slice(q, c);
		return;
	}
	c->full = false;
	if (sel->nid && c->id != sel->id[c->range].id) {
		c->id = sel->id[c->range].id;
		c->n = sel->id[c->range].n ? sel->id[c->range].n - 1 : 0;
	}
	got = index_scan(q->index, c->id, c->n, CHANGES_A_SLICE, visit, c);
	if (c->op != OP_LIST)
		change(q, c);
	if (got == CHANGES_A_SLICE && !c->done)
		return;
	if (c->full)
		return;
	c->done = false;
	if (sel->nid && c->range < sel->nid && ++c->range < sel->nid)
		return;
	status(c, "ok", NULL);
}

void
serve_round(struct runq *q)
{
	struct client *c, *next;

	for (c = TAILQ_FIRST(&q->clients); c; c = next) {
		next = TAILQ_NEXT(c, in_list);
		if (c->stuck_at && c->stuck_at + STUCK < q->mono)
			c->dead = true;
		if (c->dead) {
			client_end(q, c);
			continue;
		}
		if (c->op == OP_NONE || c->stuck_at || c->finishing)
			continue;
		/* Nobody who asked in the middle of a rebuild should take half an answer for the whole. */
		if (q->sweep && (q->rebuilding || c->op != OP_LIST)) {
			status(c, "starting", "the index is being compared with the spool");
			continue;
		}
		for (int i = 0; i < (c->op == OP_SCHEDULE ? 1 : 8) && c->out.len <= PACKET && !c->finishing;
		     i++)
			slice(q, c);
	}
}

/* Length of the first packet of out: whole records, as many as fit. */
static size_t
packet_length(const struct str *out)
{
	size_t n = 0, one;

	while (n < out->len && (one = rec_whole(out->s + n, out->len - n)) && n + one <= PKT_MAX)
		n += one;
	return n ? n : out->len;
}

static void
answer_client(struct runq *q, struct client *c)
{
	while (c->out.len) {
		size_t n = c->out.len <= PKT_MAX ? c->out.len : packet_length(&c->out);

		if (!pkt_send(c->watch.fd, c->out.s, n, -1, MSG_DONTWAIT)) {
			str_shift(&c->out, n);
			continue;
		}
		c->dead = errno != EAGAIN;
		if (!c->dead) {
			c->stuck_at = q->mono;
			loop_want(&c->watch, EPOLLOUT);
		}
		return;
	}
	if (c->unwanted) {
		c->dead = true;
	} else if (c->finishing) {
		client_reset(c);
		loop_want(&c->watch, EPOLLIN);
	}
}

void
serve_answer(struct runq *q)
{
	struct client *c;

	q->answers_wait = false;
	TAILQ_FOREACH (c, &q->clients, in_list)
		if (!c->dead && !c->stuck_at && c->out.len)
			answer_client(q, c);
}

bool
serve_busy(const struct runq *q)
{
	const struct client *c;

	TAILQ_FOREACH (c, &q->clients, in_list)
		if (c->dead || (!c->stuck_at && (c->op != OP_NONE || c->out.len)))
			return true;
	return false;
}

bool
serve_quiet(const struct runq *q, int64_t linger)
{
	return !serve_busy(q) && q->mono - q->quiet_since >= linger;
}

void
serve_start(struct runq *q)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		die_temp("unable to make a socket: %m");
	/* By way of the directory's descriptor: the path may be longer than a socket address can hold. */
	snprintf(a.sun_path, sizeof a.sun_path, "/proc/self/fd/%d/ctl", q->spool.dir);
	unlinkat(q->spool.dir, "ctl", 0);
	if (bind(fd, (struct sockaddr *)&a, sizeof a) || fchmodat(q->spool.dir, "ctl", 0666, 0) ||
	    listen(fd, 64))
		die_temp("unable to listen on %s/ctl: %m", q->conf->spool);
	q->listener = (struct watch){fd, accept_one};
	q->quiet_since = q->mono;
	loop_add(&q->listener, EPOLLIN);
}

void
serve_stop(struct runq *q)
{
	struct client *c;

	while ((c = TAILQ_FIRST(&q->clients)))
		client_end(q, c);
	loop_del(&q->listener);
	close(q->listener.fd);
	unlinkat(q->spool.dir, "ctl", 0);
}
