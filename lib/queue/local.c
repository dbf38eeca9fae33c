/* Delivery on this machine: recipients in local-domains go to mox-local, a child a recipient, without plan or
 * network. Its report is applied like a worker's (settle.c).
 *
 * Aliases, users and Maildirs are looked up by the child alone: a directory service or a file server that
 * hangs holds up eight children and nobody else. It gets the message's file and his own share of the envelope,
 * which says how many bytes of the file are the message: what stands behind them is not his to read. */
#include "base.h"

#include "child.h"
#include "clock.h"
#include "fdio.h"
#include "local.h"
#include "log.h"
#include "queue.h"
#include "rec.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define AT_ONCE 8
#define CHILD_TIME (10 * MINUTE)
#define ANSWER_MAX 8192

static char transport_name[] = "local";
static const struct conf_transport transport = {.name = transport_name, .type = TRANSPORT_LOCAL};

bool
local_is(const struct conf_transport *t)
{
	return t && t->type == TRANSPORT_LOCAL;
}

bool
local_stays(const struct conf_transport *t)
{
	return t && (t->type == TRANSPORT_LOCAL || t->type == TRANSPORT_DISCARD);
}

const struct conf_transport *
local_transport(const struct conf *c, const char *domain)
{
	return conf_list_has(&c->local_domains, domain) ? &transport : NULL;
}

void
local_plan(struct runq *q, struct dest *d)
{
	if (!d->site) {
		d->site = site_get(q, d->transport, d->transport->name);
		d->site->known++;
		d->site->state.limits.recipients_per_transaction = 1; /* whose Maildir fails, fails alone */
	}
	d->state = DEST_PLAN;
	d->expires = q->now + HOUR;
	dest_list_in_site(q, d);
}

/* ---- out ---- */

/* Whose mail it is: what is sent on is his still. */
static const char *
account_of(struct runq *q, const struct job *j)
{
	static struct str buf;
	struct row row;
	uint32_t uid;

	if (j->env.account)
		return j->env.account;
	return row_load(q, &buf, &row, &uid, j->env.id, j->rcpt[0].item->n) && row.account &&
	               envelope_account_valid(row.account)
	           ? row.account
	           : NULL;
}

/* The recipient's share of the envelope. Sent on without a name it would be ours, and we may sign as anybody: then it has
 * no origin. */
static void
write_share(struct runq *q, struct str *out, const struct job *j)
{
	struct envelope share = j->env;
	char *account = (char *)(uintptr_t)account_of(q, j);

	share.rcpt = &j->env.rcpt[j->rcpt[0].item->n - 1];
	share.nrcpt = 1;
	share.account = account;
	share.origin = account && j->env.origin && *j->env.origin ? j->env.origin : NULL;
	share.requiretls = (char *)(uintptr_t)class_word(class_of_mark(share.rcpt->mark));
	share.transport = NULL;
	share.hold_until = 0;
	rec_addi(out, "size", share.size);
	envelope_ask(out, &share);
	rec_end(out);
}

/* A file in memory with his share, to be read from its start. */
static int
share_file(struct runq *q, const struct job *j)
{
	static struct str out;
	int fd = memfd_create("share", MFD_CLOEXEC), err;

	str_reset(&out);
	write_share(q, &out, j);
	if (fd < 0 || (!fd_write_all(fd, out.s, out.len) && !lseek(fd, 0, SEEK_SET)))
		return fd;
	err = errno;
	close(fd);
	errno = err;
	return -1;
}

static bool
spawn(struct runq *q, struct job *j)
{
	char name[] = "mox-local", hand[] = "-R", three[] = "3", conf[] = "-C";
	char *argv[6] = {name, hand, three};
	int share = share_file(q, j), err;
	struct child_fd map[] = {{j->fd, 0}, {j->answer, 1}, {share, 3}};

	if (q->conf_flag) {
		argv[3] = conf;
		argv[4] = (char *)(uintptr_t)q->conf_flag;
	}
	j->pid = share < 0 || lseek(j->fd, 0, SEEK_SET) ? -1 : child_spawn(argv, map, ARRAY_LEN(map));
	err = errno;
	if (share >= 0)
		close(share);
	errno = err;
	return j->pid > 0;
}

/* Without an outcome it is tried again later, as with a worker that died. */
static void
over(struct runq *q, struct job *j)
{
	TAILQ_REMOVE(&q->local_jobs, j, in_list);
	TAILQ_INSERT_TAIL(&q->done, j, in_list);
	q->njobs--;
	q->nlocal--;
	if (j->answer >= 0)
		close(j->answer);
	j->pid = 0;
	if (j->site->ready)
		site_wake(q, j->site);
}

void
local_run(struct runq *q, struct site *s, size_t *jobs)
{
	struct job *j;

	while (s->ready && *jobs && q->nlocal < AT_ONCE) {
		/* This plan never grows old, and job_build passes over what has. */
		TAILQ_FIRST(&s->dests)->expires = q->now + HOUR;
		if (!(j = job_build(q, s, false)))
			continue;
		j->answer = -1;
		j->started = q->mono;
		TAILQ_INSERT_TAIL(&q->local_jobs, j, in_list);
		STAILQ_INSERT_TAIL(&q->outbox, j, in_outbox);
		q->njobs++;
		q->nlocal++;
		(*jobs)--;
	}
}

/* By configuration: it counts as sent, and the log says where to. */
static void
discard(struct runq *q, struct job *j)
{
	char line[80];

	snprintf(
	    line, sizeof line, "%u sent 250 2.0.0 - discarded,\\x20as\\x20configured", j->rcpt[0].item->n);
	j->ended = settle_rcpt(j, line);
	over(q, j);
}

void
local_send(struct runq *q, struct job *j)
{
	if (j->site->transport->type == TRANSPORT_DISCARD)
		discard(q, j);
	else if ((j->answer = memfd_create("report", MFD_CLOEXEC)) < 0 || !spawn(q, j)) {
		log_open(LOG_ALERT, "local-failed");
		log_s("error", strerror(errno));
		log_close();
		over(q, j);
	}
	close(j->fd);
	j->fd = -1;
}

void
local_drop(struct runq *q, struct job *j)
{
	over(q, j);
}

/* ---- back ---- */

/* rcpt 1 OUTCOME CODE STATUS HOST TEXT; there is one. */
static void
read_report(struct job *j)
{
	char text[ANSWER_MAX + 1], line[ANSWER_MAX + 16], *key, *value;
	ssize_t n = pread(j->answer, text, ANSWER_MAX, 0);
	struct rec_in in = {text, text + (n > 0 ? n : 0)};

	if (n <= 0 || !rec_whole(text, (size_t)n))
		return;
	while (rec_next(&in, &key, &value) == REC_LINE) {
		if (strcmp(key, "rcpt") || strncmp(value, "1 ", 2))
			continue;
		snprintf(line, sizeof line, "%u %s", j->rcpt[0].item->n, value + 2);
		if (!settle_rcpt(j, line))
			return;
	}
	j->ended = true;
}

/* It was killed without a word. */
static void
tell_hung(struct job *j, int64_t now)
{
	char line[100];

	if (j->rcpt[0].outcome != OUTCOME_NONE || j->started + CHILD_TIME >= now)
		return;
	snprintf(line, sizeof line,
	    "%u later 0 4.3.0 - mox-local\\x20took\\x20more\\x20than\\x20ten\\x20minutes",
	    j->rcpt[0].item->n);
	(void)!settle_rcpt(j, line);
}

void
local_child(struct runq *q, pid_t pid)
{
	struct job *j;

	TAILQ_FOREACH (j, &q->local_jobs, in_list)
		if (j->pid == pid) {
			read_report(j);
			tell_hung(j, q->mono);
			over(q, j);
			return;
		}
}

void
local_kill(struct runq *q, bool all)
{
	const struct job *j;

	TAILQ_FOREACH (j, &q->local_jobs, in_list)
		if (j->pid > 0 && (all || j->started + CHILD_TIME < q->mono))
			kill(j->pid, SIGKILL);
}
