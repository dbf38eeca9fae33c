/* Becoming the one process that owns a spool. */
#include "base.h"

#include "die.h"
#include "queue.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LEAVE_SECONDS 10 /* for a `mox-runq -s` to answer whom it is serving */

/* As root: become the spool's user. */
static void
become_owner(const char *spool)
{
	struct passwd *p;
	struct stat st;

	if (geteuid())
		return;
	p = getpwnam("mox");
	if (stat(spool, &st))
		return;
	if (!st.st_uid) {
		warn("%s belongs to root: running as root%s", spool, p ? "" : ", for there is no user mox");
		return;
	}
	if (!p || p->pw_uid != st.st_uid)
		p = getpwuid(st.st_uid);
	if ((p ? initgroups(p->pw_name, st.st_gid) : setgroups(0, NULL)) ||
	    setresgid(st.st_gid, st.st_gid, st.st_gid) || setresuid(st.st_uid, st.st_uid, st.st_uid))
		die_temp("unable to become the owner of %s: %m", spool);
}

/* The lock file says who owns it: "serve PID" may be asked to leave, for it delivers nothing. Empty: he has not written it yet. The pid may be
 * a dead owner's, so it must be one of us. */
static bool
ask_to_leave(int fd)
{
	char text[64], proc[64], his[PATH_MAX], mine[PATH_MAX];
	ssize_t n, m;
	long pid;

	for (int i = 0; i < 50 && !(n = pread(fd, text, sizeof text - 1, 0)); i++)
		poll(NULL, 0, 20);
	if (n <= 0)
		return false;
	text[n] = 0;
	if (strncmp(text, "serve ", 6) || (pid = strtol(text + 6, NULL, 10)) <= 1)
		return false;
	snprintf(proc, sizeof proc, "/proc/%ld/exe", pid);
	n = readlink(proc, his, sizeof his);
	m = readlink("/proc/self/exe", mine, sizeof mine);
	return n > 0 && n == m && !memcmp(his, mine, (size_t)n) && !kill((pid_t)pid, SIGUSR2);
}

static void
interrupt(int sig)
{
	(void)sig;
}

static int
take_lock(struct runq *q)
{
	int fd = openat(q->spool.dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	int r;

	if (fd < 0)
		die_temp("unable to open %s/lock: %m", q->conf->spool);
	r = flock(fd, LOCK_EX | LOCK_NB);
	if (r && errno == EWOULDBLOCK && q->mode != RUNQ_SERVE && ask_to_leave(fd)) {
		sigaction(SIGALRM, &(struct sigaction){.sa_handler = interrupt}, NULL);
		alarm(LEAVE_SECONDS);
		r = flock(fd, LOCK_EX);
		alarm(0);
	}
	if (r) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			die_temp("unable to lock %s/lock: %m", q->conf->spool);
		if (q->mode != RUNQ_STAY) /* it does what we were to do */
			exit(0);
		die_temp("another mox-runq owns %s", q->conf->spool);
	}
	if (ftruncate(fd, 0) ||
	    dprintf(fd, "%s %ld\n", q->mode == RUNQ_SERVE ? "serve" : "run", (long)getpid()) < 0)
		warn("unable to write %s/lock: %m", q->conf->spool);
	return fd;
}

int
own_spool(struct runq *q)
{
	const char *what;

	if (spool_make(q->conf->spool))
		die_temp("unable to make the spool %s: %m", q->conf->spool);
	become_owner(q->conf->spool);
	if (spool_open(&q->spool, q->conf->spool, SPOOL_OWNER, &what))
		die_temp("unable to open %s/%s: %m", q->conf->spool, what);
	return take_lock(q);
}
