/* Delivery on this machine: recipients in local-domains go to mox-local, a child a recipient, without plan or
 * network. Its report is applied like a worker's (settle.c).
 *
 * The child gets the message's file and how many bytes of it are the message: what stands behind them is not
 * the recipient's to read. */
#include "base.h"

#include "addr.h"
#include "child.h"
#include "clock.h"
#include "log.h"
#include "maildir.h"
#include "queue.h"
#include "rec.h"

#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define AT_ONCE 8
#define CHILD_TIME (10 * MINUTE)
#define ANSWER_MAX 8192

static char transport_name[] = "local", host[] = "localhost";
static const struct conf_transport transport = {.name = transport_name, .type = TRANSPORT_SMTP, .host = host};

bool
local_is(const struct conf_transport *t)
{
	return t == &transport;
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
		d->site = site_get(q, d->transport, transport_name);
		d->site->known++;
		d->site->state.limits.recipients_per_transaction = 1; /* whose Maildir fails, fails alone */
	}
	d->state = DEST_PLAN;
	d->expires = q->now + HOUR;
	dest_list_in_site(q, d);
}

/* ---- whose ---- */

/* The login name for a local part: in lower case, without +detail. */
static char *
user_of(const char *address)
{
	const char *domain = addr_domain(address);
	char *user = mem_dup(address);

	if (domain)
		user[domain - 1 - address] = 0;
	str_lower(user);
	user[strcspn(user, "+")] = 0;
	return user;
}

/* A Maildir that cannot be seen, in a home directory closed to us or on a disk in trouble, is taken to be there. */
static bool
has_mailbox(const struct conf *c, const char *address)
{
	char *user = user_of(address), *path = NULL;
	const struct passwd *pw;
	bool has;

	errno = 0;
	if ((pw = getpwnam(user))) {
		path = maildir_path(c->local_maildir, pw->pw_name, pw->pw_dir);
		has = !access(path, F_OK) || (errno != ENOENT && errno != ENOTDIR);
	} else { /* a user database in trouble, too */
		has = errno && errno != ENOENT && errno != ESRCH;
	}
	free(path);
	free(user);
	return has;
}

bool
local_is_elsewhere(const struct conf *c, const struct row *row)
{
	return c->default_destination && row->rcpt && !(row->transport && *row->transport) &&
	       conf_list_has(&c->local_domains, row->domain) && !str_ieq(row->rcpt, c->default_destination) &&
	       !has_mailbox(c, row->rcpt);
}

/* ---- out ---- */

static bool
spawn(struct runq *q, struct job *j)
{
	const struct envelope *e = &j->env;
	const struct item *it = j->rcpt[0].item;
	char *address = e->rcpt[it->n - 1].address;
	char *user = user_of(it->elsewhere ? q->conf->default_destination : address);
	char name[] = "mox-local", conf[] = "-C", from[] = "-f", to[] = "-r", bytes[] = "-s", who[] = "-u",
	     null[] = "<>", size[24];
	char *argv[12] = {name, from, *e->sender ? e->sender : null, to, address, bytes, size, who, user};
	struct child_fd map[] = {{j->fd, 0}, {j->answer, 1}};

	snprintf(size, sizeof size, "%" PRIu64, e->size);
	if (q->conf_flag) {
		argv[9] = conf;
		argv[10] = (char *)(uintptr_t)q->conf_flag;
	}
	j->pid = lseek(j->fd, 0, SEEK_SET) ? -1 : child_spawn(argv, map, ARRAY_LEN(map));
	free(user);
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
		if (!(j = job_build(q, s)))
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

void
local_send(struct runq *q, struct job *j)
{
	if ((j->answer = memfd_create("report", MFD_CLOEXEC)) < 0 || !spawn(q, j)) {
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

void
local_child(struct runq *q, pid_t pid)
{
	struct job *j;

	TAILQ_FOREACH (j, &q->local_jobs, in_list)
		if (j->pid == pid) {
			read_report(j);
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
