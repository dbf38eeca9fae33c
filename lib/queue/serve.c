/* spool/ctl: connections of the other commands, their requests (mox-rec.5), and the packets of the answers. What is
 * asked is answered by the ops of serve_*.c. A long answer is made in slices, each of which seeks anew behind the
 * last row, so that no listing holds up deliveries. What changes something is answered after it is durable. */
#include "base.h"

#include "clock.h"
#include "die.h"
#include "fdio.h"
#include "id.h"
#include "rec.h"
#include "serve.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define CLIENTS_A_UID 4
#define SLICES 8            /* of one client a round */
#define STUCK (30 * SECOND) /* a reader who takes nothing for so long is dropped */

static const struct serve_op *const tables[] = {serve_queue_ops, serve_retired_ops, serve_suppress_ops,
    serve_check_ops, serve_backup_ops, serve_holdrule_ops, NULL};

static void
request_free(struct client *c)
{
	select_free(&c->select);
	sweep_free(c->sweep);
	free(c->own);
	c->sweep = NULL;
	c->own = NULL;
}

static void
client_end(struct runq *q, struct client *c)
{
	loop_del(&c->watch);
	close(c->watch.fd);
	TAILQ_REMOVE(&q->clients, c, in_list);
	request_free(c);
	str_free(&c->out);
	free(c);
	q->quiet_since = q->mono;
}

static void
client_reset(struct client *c)
{
	request_free(c);
	c->op = NULL;
	c->limit = c->count = 0;
	c->change = (struct change){.privileged = c->privileged, .uid = c->uid};
	c->done = c->finishing = c->attempts = c->transcripts = false;
	c->told = 0;
	c->range = 0;
	c->id = 0;
	c->n = 0;
	c->nchosen = c->nchanged = 0;
}

void
serve_status(struct client *c, const char *word, const char *text)
{
	rec_add(&c->out, "status", word);
	str_addf(&c->out, "count %llu\n", (unsigned long long)c->count);
	if (text)
		rec_add(&c->out, "text", text);
	rec_end(&c->out);
	c->finishing = true;
}

/* ---- requests ---- */

static const struct serve_op *
op_find(const char *word)
{
	for (size_t i = 0; tables[i]; i++)
		for (const struct serve_op *op = tables[i]; op->word; op++)
			if (!strcmp(word, op->word))
				return op;
	return NULL;
}

/* false: none of the lines that all requests may have. */
static bool
common_line(struct client *c, const char *key, char *value, int64_t now, const char **why)
{
	*why = NULL;
	if (!strcmp(key, "sel")) {
		*why = select_line(&c->select, value, now);
	} else if (!strcmp(key, "op")) {
		if (!(value = rec_text(value)) || !(c->op = op_find(value)))
			*why = "an operation that is not known here";
	} else if (!strcmp(key, "limit")) {
		if (!str_number(value, UINT64_MAX >> 1, &c->limit))
			*why = "the limit is no number";
	} else if (!strcmp(key, "after")) {
		if (!id_parse_rcpt(value, &c->id, &c->n))
			*why = "what to go on after is no id";
	} else {
		return false;
	}
	return true;
}

static const char *
read_lines(struct client *c, char *text, size_t n, int64_t now)
{
	struct rec_in in = {text, text + n};
	char *key, *value;
	const char *why = NULL;
	enum rec_got got;

	while (!why && (got = rec_next(&in, &key, &value)) == REC_LINE)
		if (!common_line(c, key, value, now, &why) && c->op && c->op->line)
			why = c->op->line(c, key, value, now);
	if (why)
		return why;
	if (got != REC_END)
		return "the request is not a whole record";
	if (!c->op)
		return "an operation that is not known here";
	if (c->select.nid && c->id)
		return "after goes with no ids";
	return NULL;
}

static void
begin(struct runq *q, struct client *c, char *text, size_t n)
{
	const char *why = read_lines(c, text, n, q->now);

	q->quiet_since = q->mono;
	if (!why && c->op->privileged && !c->privileged)
		serve_status(c, "denied", "only root and the spool's user may do this");
	else if (why || (c->op->begin && (why = c->op->begin(q, c))))
		serve_status(c, "bad", why);
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
	if (c->op || c->out.len) {
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
	c->uid = c->change.uid = u.uid;
	c->privileged = c->change.privileged = !u.uid || u.uid == geteuid();
	q->quiet_since = q->mono;
	c->watch = (struct watch){fd, client_ready};
	TAILQ_INSERT_TAIL(&q->clients, c, in_list);
	loop_add(&c->watch, EPOLLIN);
	if (same >= CLIENTS_A_UID && u.uid) {
		serve_status(c, "failed", "too many connections of this user");
		c->unwanted = true;
	}
}

/* ---- rounds ---- */

static void
slices(struct runq *q, struct client *c)
{
	unsigned left = c->op->slices ? c->op->slices : SLICES;
	int64_t until = clock_mono() + SERVE_TIME;

	for (; left && c->out.len <= SERVE_PACKET && !c->finishing && clock_mono() < until; left--)
		if (index_broken(q->index))
			serve_status(c, "failed", "the index is broken and about to be recovered");
		else
			c->op->slice(q, c);
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
		if (!c->op || c->stuck_at || c->finishing)
			continue;
		/* Nobody who asked in the middle of a rebuild should take half an answer for the whole. */
		if (q->sweep && (q->rebuilding || !c->op->reads))
			serve_status(c, "starting", "the index is being compared with the spool");
		else
			slices(q, c);
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
		if (c->dead || (!c->stuck_at && (c->op || c->out.len)))
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
