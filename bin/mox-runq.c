/* The scheduler: the only owner of the index, never on the network (DESIGN 7). */
#include "base.h"

#include "clock.h"
#include "dialogue.h"
#include "die.h"
#include "dnsbl.h"
#include "fdio.h"
#include "holdrule.h"
#include "limit.h"
#include "local.h"
#include "log.h"
#include "metrics.h"
#include "option.h"
#include "queue.h"
#include "reporting.h"
#include "restore.h"
#include "retire.h"
#include "suppression.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define USAGE "mox-runq [-C file] [-w | -s | -t]"
#define LEAP (15 * MINUTE) /* wall and monotonic time parted by more than this: somebody set the clock */
#define LEAP_MEMORY HOUR
#define LINGER (2 * SECOND) /* with -s: nobody asking for so long is the end */
#define ASKING SECOND       /* who is connected gets that long to ask */
#define CHILD_GRACE (5 * SECOND)
#define AFTER_BREAK "MOX_RUNQ_RESTARTS"

static struct runq queue = {.sync_pipe = -1, .support_fd = -1};
static sigset_t old_signals;

struct runq *
runq_of(void)
{
	return &queue;
}

/* ---- signals ---- */

static void
reload(struct runq *q)
{
	struct str why = {0};
	struct conf *c = conf_try(q->conf_flag, &why);

	if (!c || strcmp(c->spool, q->conf->spool)) {
		log_open(LOG_ALERT, "conf-refused");
		log_s("why", c ? "the spool cannot change while running" : why.s);
		log_close();
		conf_free(c);
		str_free(&why);
		return;
	}
	/* What is out goes on under the old one, which is kept: sites and jobs point into it. */
	q->old_conf = mem_grow(q->old_conf, q->generation + 1, sizeof(struct conf *));
	q->old_conf[q->generation++] = q->conf;
	q->conf = c;
	load_unload_all(q);
	q->due_at = (struct index_due){0};
	q->due_next = q->now;
	ask_stop(q);
	sign_start(q);
	work_close_idle(q, true);
	work_restart_parent(q);
	inject_stop(q);
	log_start((enum log_level)c->log_level, true);
	log_open(LOG_INFO, "conf-read");
	log_s("file", c->file);
	log_close();
}

static void
log_state(const struct runq *q)
{
	log_open(LOG_INFO, "state");
	log_i("loaded", q->loaded);
	log_i("jobs", q->njobs);
	log_i("workers", q->nworkers);
	log_i("sites", (int64_t)q->sites.n);
	log_i("destinations", (int64_t)q->dests.n);
	log_i("domains", (int64_t)q->domains.n);
	log_i("questions", (int64_t)q->asks.n);
	log_i("taken", (int64_t)q->count.taken);
	log_i("sent", (int64_t)q->count.sent);
	log_i("later", (int64_t)q->count.later);
	log_i("never", (int64_t)q->count.never);
	log_i("maybe", (int64_t)q->count.maybe);
	log_i("corrupt", (int64_t)q->count.corrupt);
	log_close();
}

static void
stop(struct runq *q)
{
	q->stop_at = q->stopping ? q->mono : q->mono + q->conf->stop_wait; /* asked twice: no waiting */
	q->stopping = true;
	work_close_idle(q, true);
}

static void
signalled(struct watch *w, uint32_t events)
{
	struct runq *q = &queue;
	struct signalfd_siginfo s;
	pid_t pid;
	int status;

	(void)events;
	while (read(w->fd, &s, sizeof s) == (ssize_t)sizeof s) {
		switch (s.ssi_signo) {
		case SIGTERM:
		case SIGINT: stop(q); break;
		case SIGHUP: reload(q); break;
		case SIGUSR1: log_state(q); break;
		case SIGUSR2: q->leaving = q->mode == RUNQ_SERVE; break;
		case SIGCHLD:
			/* The sockets tell who is gone; here they are only buried. */
			while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
				if (pid == q->nexthop.pid)
					q->nexthop.pid = 0; /* may be another's from now on */
				if (pid == q->sign.co.pid)
					q->sign.co.pid = 0;
				if (pid == q->refresh_pid)
					refresh_ended(q, status);
				if (pid == q->inject.pid)
					inject_ended(q, status);
				notice_child(q, pid, status);
				limit_child(q, pid, status);
				dnsbl_child(q, pid, status);
				reporting_child(pid, status);
				local_child(q, pid);
			}
			break;
		}
	}
}

static void
signals_start(struct runq *q)
{
	sigset_t s;
	int fd;

	sigemptyset(&s);
	sigaddset(&s, SIGTERM);
	sigaddset(&s, SIGINT);
	sigaddset(&s, SIGHUP);
	sigaddset(&s, SIGUSR1);
	sigaddset(&s, SIGUSR2);
	sigaddset(&s, SIGCHLD);
	sigprocmask(SIG_BLOCK, &s, &old_signals);
	signal(SIGPIPE, SIG_IGN);
	fd = signalfd(-1, &s, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		die_temp("unable to make a signal descriptor: %m");
	q->signals = (struct watch){fd, signalled};
	loop_add(&q->signals, EPOLLIN);
}

/* ---- starting ---- */

static void
triggered(struct watch *w, uint32_t events)
{
	char buf[4096];

	(void)events;
	/* Emptied before the scan: what is written from here on is seen by the next one. */
	while (read(w->fd, buf, sizeof buf) > 0)
		;
	queue.intake_wanted = true;
	queue.due_next =
	    queue.due_next < queue.now ? queue.due_next : 0; /* a test may have moved the clock */
}

static void
spool_start(struct runq *q)
{
	int fd;

	own_spool(q);
	fd = openat(q->spool.dir, "trigger", O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		die_temp("unable to open %s/trigger: %m", q->conf->spool);
	q->trigger = (struct watch){fd, triggered};
	loop_add(&q->trigger, EPOLLIN);
}

static void
index_start(struct runq *q)
{
	struct str path = {0}, why = {0};
	enum index_found found;

	str_addf(&path, "%s/index", q->conf->spool);
	q->index = index_open(path.s, &found, &why);
	if (!q->index) {
		reserve_spend(q);
		str_reset(&why);
		if (!(q->index = index_open(path.s, &found, &why)))
			die_temp("%s", why.s);
	}
	if (index_lost(q->index)) {
		log_open(LOG_ALERT, "index-lost");
		log_s("tables", index_lost(q->index));
		log_close();
	}
	restore_tables(q);
	suppress_start(q);
	limit_start(q);
	holdrule_start(q);
	if (found != INDEX_CLEAN)
		q->sweep = sweep_new(found, NULL, NULL);
	q->rebuilding = q->sweep && index_unbuilt(q->index);
	str_free(&path);
	str_free(&why);
}

static void
tables_start(struct runq *q)
{
	TAILQ_INIT(&q->refill);
	TAILQ_INIT(&q->to_ask);
	TAILQ_INIT(&q->blocked);
	TAILQ_INIT(&q->active);
	TAILQ_INIT(&q->sleeping);
	TAILQ_INIT(&q->starving);
	TAILQ_INIT(&q->graves);
	TAILQ_INIT(&q->idle);
	TAILQ_INIT(&q->done);
	TAILQ_INIT(&q->clients);
	TAILQ_INIT(&q->local_jobs);
	TAILQ_INIT(&q->notices.waiting);
	TAILQ_INIT(&q->notices.begun);
	STAILQ_INIT(&q->outbox);
	sign_init(q);
	q->nexthop.in.fd = q->nexthop.out.fd = q->deliver.out.fd = q->deliver.in.fd = -1;
	q->intake_wanted = true;
	q->wake_at = INT64_MAX;
}

/* ---- the loop ---- */

static void
look_at_clocks(struct runq *q)
{
	int64_t now = clock_now(), mono = clock_mono();
	int64_t leap = q->now ? (now - q->now) - (mono - q->mono) : 0;

	if (leap > LEAP || leap < -LEAP) {
		q->leapt = mono + LEAP_MEMORY;
		q->due_at = (struct index_due){0};
		q->due_next = now;
		q->wake_at = now;
		q->dates.at = q->leapt; /* it may leap back */
		log_open(LOG_WARN, "clock-leapt");
		log_i("seconds", leap / SECOND);
		log_close();
	}
	q->now = now;
	q->mono = mono;
}

/* The index is to be opened anew. */
static bool
ending(const struct runq *q)
{
	return q->rebuild || index_broken(q->index);
}

static bool
work_waits(const struct runq *q)
{
	if (q->sweep || serve_busy(q))
		return true;
	if (q->stopping)
		return false;
	if (retire_busy(q) || dialogue_busy(q) || failed_busy(q) || metrics_busy(q))
		return true;
	if ((q->intake_wanted || q->intake_more) && !intake_paused(q))
		return true;
	return q->mode != RUNQ_SERVE &&
	       (q->due_more || work_starves(q) || sign_waits(q) || !TAILQ_EMPTY(&q->refill) ||
		   !TAILQ_EMPTY(&q->active) ||
		   (!TAILQ_EMPTY(&q->to_ask) && q->nexthop.start_at <= q->mono && q->asks.n < 1000));
}

static int
time_to_wait(struct runq *q)
{
	int64_t mono = q->mono + 15 * SECOND, wall = q->now + HOUR;

	if (ending(q)) /* nothing can be done but to wait for the jobs that are out */
		return clock_timeout(q->mono + SECOND);
	if (work_waits(q))
		return 0;
	if (q->stopping && q->stop_at < mono)
		mono = q->stop_at;
	if (intake_paused(q) && q->paused_until < mono)
		mono = q->paused_until;
	if (q->intake_at < mono && !q->stopping && !intake_paused(q))
		mono = q->intake_at;
	if (q->dirty && q->sync_at < mono)
		mono = q->sync_at;
	if ((q->mode == RUNQ_SERVE || (q->mode == RUNQ_PASS && !TAILQ_EMPTY(&q->clients))) &&
	    q->mono + SECOND < mono)
		mono = q->mono + SECOND;
	if (q->due_next < wall && q->mode != RUNQ_SERVE && !q->stopping)
		wall = q->due_next;
	work_timers(q, &mono, &wall);
	metrics_timers(q, &mono);
	if (!q->stopping && q->mode != RUNQ_SERVE)
		notice_timers(q, &mono);
	if (q->now + (mono - q->mono) > wall)
		mono = q->mono + (wall > q->now ? wall - q->now : 0);
	return clock_timeout(mono);
}

static bool
nobody_asks(const struct runq *q)
{
	return TAILQ_EMPTY(&q->clients) || serve_quiet(q, ASKING);
}

static bool
is_finished(struct runq *q)
{
	if (ending(q) || q->stopping)
		return !q->njobs && TAILQ_EMPTY(&q->done) && !q->notices.running;
	if (intake_paused(q))
		return false;
	if (q->mode == RUNQ_SERVE)
		return q->leaving ? nobody_asks(q) : serve_quiet(q, LINGER);
	return q->mode == RUNQ_PASS && !work_waits(q) && !q->njobs && !q->asks.n && !q->refresh_pid &&
	       !dnsbl_busy() && !notice_busy(q) && !sign_busy(q) && !limit_busy(q) &&
	       TAILQ_EMPTY(&q->to_ask) && q->due_next > q->now && q->wake_at > q->now + SECOND &&
	       nobody_asks(q);
}

/* Without an index no attempt can be registered and nothing new goes out; what is out may end, but not hold up the
 * recovery for long: a child of our own, which can be made again, shorter than a delivery. */
static void
drop_when_broken(struct runq *q)
{
	bool broken = index_broken(q->index);
	int64_t since;

	if (!ending(q))
		return;
	work_close_idle(q, true);
	if (!q->broken_at)
		q->broken_at = q->mono;
	since = q->mono - q->broken_at;
	if (since > (broken ? CHILD_GRACE : MINUTE)) {
		notice_stop(q);
		local_kill(q, true);
	}
	if (broken && since > MINUTE)
		work_drop_all(q);
}

static void
drop_when_late(struct runq *q)
{
	if (!q->stopping || q->mono < q->stop_at)
		return;
	notice_stop(q);
	if (!q->njobs)
		return;
	log_open(LOG_WARN, "cut-short");
	log_i("jobs", q->njobs);
	log_close();
	work_drop_all(q);
	local_kill(q, true);
}

/* An answer may tell of nothing that a power failure could take back; and with the marks goes what the rows and the
 * history say of them, to the kernel here, and to the disk by the same sync. */
static enum index_sync
how_durable(const struct runq *q)
{
	if (q->answers_wait)
		return INDEX_DURABLE;
	return q->dirty && q->mono >= q->sync_at ? INDEX_WRITTEN : INDEX_LAZY;
}

static void
round_of_work(struct runq *q)
{
	drop_when_late(q);
	intake_round(q);
	if (q->sweep && !sweep_slice(q, q->sweep)) {
		sweep_free(q->sweep);
		q->sweep = NULL;
		q->rebuilding = false;
		index_built(q->index);
	}
	dates_round(q);
	if (!q->stopping && !q->rebuild && q->mode != RUNQ_SERVE) {
		load_due(q);
		load_refill(q);
	}
	sign_round(q);
	ask_round(q);
	work_dispatch(q); /* the next jobs first: the workers are waiting */
	settle_done(q);
	notice_round(q);
	metrics_round(q);
	suppress_round(q);
	limit_round(q);
	dialogue_round(q);
	serve_round(q);
	if (!index_commit(q->index, how_durable(q)) || !q->answers_wait)
		serve_answer(q);
	work_close_idle(q, q->stopping);
	work_reap(q);
	drop_when_broken(q);
	janitor_round(q);
	log_flush();
}

static void
run(struct runq *q)
{
	while (!is_finished(q)) {
		loop_wait(time_to_wait(q));
		look_at_clocks(q);
		round_of_work(q);
	}
}

/* A broken index is closed and recovered by starting anew; when that keeps happening it is thrown away and
 * rebuilt from the spool. */
static void
start_anew(struct runq *q, char **argv, bool rebuild, bool full)
{
	const char *env = getenv(AFTER_BREAK);
	long restarts = env ? strtol(env, NULL, 10) : 0;
	char text[32], *path;
	struct stat st;

	if (q->mono - q->started > 10 * MINUTE)
		restarts = 0;
	snprintf(text, sizeof text, "%ld", rebuild ? 0 : restarts + 1);
	setenv(AFTER_BREAK, text, 1);
	/* No space is no damage: rows thrown away would have to be written anew. */
	if ((rebuild || (restarts >= 2 && !full)) && !fstatat(q->spool.dir, "index/rcpt.db", &st, 0))
		unlinkat(q->spool.dir, "index/rcpt.db", 0);
	if (restarts > 5)
		die_temp("the index breaks again and again");
	sigprocmask(SIG_SETMASK, &old_signals, NULL);
	path = realpath("/proc/self/exe", NULL);
	log_flush();
	if (path)
		execv(path, argv);
	die_temp("unable to start anew: %m");
}

static void
finish(struct runq *q, char **argv)
{
	const char *broken = index_broken(q->index);
	bool rebuild = q->rebuild, again = broken != NULL || rebuild;
	bool full = broken && strstr(broken, "No space left");

	if (broken) {
		log_open(LOG_ALERT, "index-broken");
		log_s("why", broken);
		log_close();
		if (full)
			reserve_spend(q);
	}
	if (again && q->stopping && !rebuild)
		again = false;
	load_unload_all(q);
	notice_stop(q);
	limit_stop(q);
	notice_unload(q);
	serve_stop(q);
	ask_stop(q);
	sign_stop(q);
	work_restart_parent(q);
	tlsrpt_flush(q);
	metrics_stop(q);
	refresh_stop(q);
	dnsbl_stop();
	reporting_stop();
	inject_stop(q);
	index_close(q->index, !broken && !rebuild && !q->sweep);
	log_flush();
	if (again)
		start_anew(q, argv, rebuild, full);
}

static int
test_all(const struct runq *q)
{
	int keys = sign_test(q->conf, q->conf_flag), secrets = own_secrets_test(q->conf);

	return secrets ? secrets : keys;
}

int
main(int argc, char **argv)
{
	struct runq *q = &queue;
	bool test = false;
	int c;

	prog_start("mox-runq");
	fd_sanitise();
	while ((c = option_next(argc, argv, "C:hstVw", NULL)) != -1)
		switch (c) {
		case 'C': q->conf_flag = optarg; break;
		case 'h': print_usage(USAGE);
		case 's': q->mode = RUNQ_SERVE; break;
		case 't': test = true; break;
		case 'V': print_version();
		case 'w': q->mode = RUNQ_STAY; break;
		default: die_usage(USAGE);
		}
	if (optind < argc)
		die_usage(USAGE);
	q->conf = conf_load(q->conf_flag);
	if (test)
		return test_all(q);
	umask(077);
	log_start((enum log_level)q->conf->log_level, true);
	loop_init();
	tables_start(q);
	look_at_clocks(q);
	q->started = q->mono;
	signals_start(q);
	spool_start(q);
	serve_start(q);
	index_start(q);
	sign_start(q);
	metrics_start(q);
	reserve_make(q);
	run(q);
	finish(q, argv);
	return 0;
}
