#include "base.h"

#include "child.h"
#include "clock.h"
#include "die.h"
#include "file.h"
#include "log.h"
#include "reporting.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define STAMP "tlsrpt/sending"
#define SETTLE (5 * MINUTE) /* as mox-tlsrpt-send has it: until the last of a day is written */
#define JITTER HOUR
#define DAYS 2 /* whose results are not 48 hours old */
#define LOOK_EVERY MINUTE
#define AGAIN (30 * MINUTE)
#define TIME_MAX DAY /* of a child: spreading takes 12 hours at most; then it is killed */
#define WHOLE "whole "
#define LINE_MAX_WHOLE 64 /* bytes; longer than that line */

static struct {
	pid_t pid;       /* 0: none */
	int64_t until;   /* monotonic */
	int64_t look_at; /* not to be thought of before */
} child;

static void
log_failure(const char *what, int64_t status, const char *error)
{
	log_open(LOG_WARN, "tlsrpt-failed");
	if (what)
		log_i(what, status);
	log_s("error", error);
	log_close();
}

/* ---- what is left ---- */

/* The last line of the ledger says that nothing is. */
static bool
is_whole(const struct runq *q, const char *day)
{
	char name[40], tail[LINE_MAX_WHOLE + 1], *line;
	struct stat st;
	ssize_t n = -1;
	int fd;

	snprintf(name, sizeof name, "tlsrpt/%s.sent", day);
	fd = openat(q->spool.dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (!fstat(fd, &st))
		n = pread(
		    fd, tail, LINE_MAX_WHOLE, st.st_size > LINE_MAX_WHOLE ? st.st_size - LINE_MAX_WHOLE : 0);
	close(fd);
	if (n <= 0 || tail[n - 1] != '\n')
		return false;
	tail[n - 1] = 0;
	line = strrchr(tail, '\n');
	line = line ? line + 1 : tail;
	return !strncmp(line, WHOLE, strlen(WHOLE));
}

static bool
has_results(const struct runq *q, const char *day)
{
	char name[40];

	snprintf(name, sizeof name, "tlsrpt/%s", day);
	return !faccessat(q->spool.dir, name, F_OK, 0);
}

/* Not all hosts at once: each day some other minute. */
static int64_t
delay_of(const struct runq *q, const char *day)
{
	uint64_t h = hash_text(q->conf->hostname) ^ hash_text(day);

	return SETTLE + (int64_t)(hash_number(h) % JITTER);
}

static bool
is_due(const struct runq *q)
{
	const int64_t today = q->now - q->now % DAY;

	for (int i = 1; i <= DAYS; i++) {
		char day[CLOCK_DAY_SIZE];

		clock_day(day, today - i * DAY);
		if (q->now >= today - (i - 1) * DAY + delay_of(q, day) && has_results(q, day) &&
		    !is_whole(q, day))
			return true;
	}
	return false;
}

/* A stamp from the future is a clock that was wrong. */
static bool
is_time(const struct runq *q)
{
	struct stat st;
	int64_t last;

	if (fstatat(q->spool.dir, STAMP, &st, AT_SYMLINK_NOFOLLOW))
		return true;
	last = st.st_mtim.tv_sec * SECOND + st.st_mtim.tv_nsec / 1000;
	return q->now >= last + AGAIN || last > q->now + MINUTE;
}

/* ---- the child ---- */

static void
start(struct runq *q)
{
	char *argv[4] = {(char[]){"mox-tlsrpt-send"}}, flag[] = "-C";
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	pid_t pid;

	if (q->conf_flag) {
		argv[1] = flag;
		argv[2] = (char *)(uintptr_t)q->conf_flag;
	}
	pid = null < 0 ? -1 : child_spawn(argv, (struct child_fd[]){{null, 0}, {null, 1}}, 2);
	if (pid < 0)
		log_failure(NULL, 0, strerror(errno));
	else
		child.pid = pid;
	child.until = q->mono + TIME_MAX;
	if (null >= 0)
		close(null);
}

void
reporting_round(struct runq *q)
{
	if (child.pid && q->mono > child.until)
		kill(child.pid, SIGKILL);
	if (child.pid || q->mode != RUNQ_STAY || q->stopping || q->conf->no_outgoing_tlsrpt)
		return;
	if (q->now < child.look_at && child.look_at <= q->now + LOOK_EVERY)
		return;
	child.look_at = q->now + LOOK_EVERY;
	if (!is_due(q) || !is_time(q))
		return;
	tlsrpt_flush(q);
	/* Before it begins: one that fails is not tried again and again. */
	if (file_stamp(q->spool.dir, STAMP, q->now))
		log_failure(NULL, 0, strerror(errno));
	else
		start(q);
}

void
reporting_child(pid_t pid, int status)
{
	if (pid != child.pid)
		return;
	child.pid = 0;
	if (WIFSIGNALED(status))
		log_failure("signal", WTERMSIG(status), NULL);
	else if (WEXITSTATUS(status) && WEXITSTATUS(status) != EXIT_TEMP)
		log_failure("code", WEXITSTATUS(status), NULL);
}

void
reporting_stop(void)
{
	if (child.pid)
		kill(child.pid, SIGTERM);
}
