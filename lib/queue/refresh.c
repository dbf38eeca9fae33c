/* Cached MTA-STS policies are fetched anew before they expire (RFC 8461 3.3): mox-mtasts refresh, once a day.
 * The time of the last run is the mtime of sts/.refreshed, so that passes and restarts keep to it; the next is
 * 22 to 26 hours later, which the mtime itself decides. */
#include "base.h"

#include "child.h"
#include "clock.h"
#include "file.h"
#include "log.h"
#include "queue.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define STAMP "sts/.refreshed"
#define LEAST (22 * HOUR)
#define SPREAD (4 * HOUR)

static bool
any_policy(const struct runq *q)
{
	int fd = openat(q->spool.dir, "sts", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;

	if (!d) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	while ((e = readdir(d)) && *e->d_name == '.')
		;
	closedir(d);
	return e != NULL;
}

/* In our own time, which a test may have moved. */
static int
stamp(struct runq *q)
{
	return file_stamp(q->spool.dir, STAMP, q->now);
}

static int64_t
next_after(int64_t last)
{
	return last + LEAST + (int64_t)(hash_number((uint64_t)last) % SPREAD);
}

static void
log_failure(const char *what, int64_t status, const char *error)
{
	log_open(LOG_WARN, "refresh-failed");
	if (what)
		log_i(what, status);
	log_s("error", error);
	log_close();
}

static void
start(struct runq *q)
{
	char *argv[5] = {(char[]){"mox-mtasts"}}, flag[] = "-C", refresh[] = "refresh";
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), n = 1;
	struct child_fd map[] = {{null, 0}, {null, 1}};
	pid_t pid;

	if (q->conf_flag) {
		argv[n++] = flag;
		argv[n++] = (char *)(uintptr_t)q->conf_flag;
	}
	argv[n] = refresh;
	if ((pid = child_spawn(argv, map, null < 0 ? 0 : 2)) > 0)
		q->refresh_pid = pid;
	else
		log_failure(NULL, 0, strerror(errno));
	if (null >= 0)
		close(null);
}

void
refresh_round(struct runq *q)
{
	struct stat st;
	int64_t due;

	if (q->mode == RUNQ_SERVE || q->stopping || q->refresh_pid || q->now < q->refresh_at)
		return;
	q->refresh_at = q->now + 10 * MINUTE;
	if (!any_policy(q))
		return;
	if (fstatat(q->spool.dir, STAMP, &st, AT_SYMLINK_NOFOLLOW)) {
		/* The first policies have only just come. */
		if (errno != ENOENT || stamp(q))
			log_failure(NULL, 0, strerror(errno));
		return;
	}
	due = next_after(st.st_mtim.tv_sec * SECOND + st.st_mtim.tv_nsec / 1000);
	/* A stamp from the future is a clock that was wrong. */
	if (q->now < due && due <= q->now + LEAST + SPREAD)
		return;
	/* Before it begins: one that fails is not tried again and again. */
	if (stamp(q))
		log_failure(NULL, 0, strerror(errno));
	else
		start(q);
}

void
refresh_ended(struct runq *q, int status)
{
	q->refresh_pid = 0;
	if (WIFSIGNALED(status))
		log_failure("signal", WTERMSIG(status), NULL);
	else if (WEXITSTATUS(status))
		log_failure("code", WEXITSTATUS(status), NULL);
}

void
refresh_stop(struct runq *q)
{
	if (q->refresh_pid)
		kill(q->refresh_pid, SIGTERM);
}
