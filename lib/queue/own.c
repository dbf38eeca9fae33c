/* Becoming the one process that owns a spool. */
#include "base.h"

#include "clock.h"
#include "die.h"
#include "owner.h"
#include "queue.h"
#include "secret.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define LEAVE_WAIT (10 * SECOND) /* for a `mox-runq -s` to answer whom it is serving */
#define GONE_WAIT (2 * SECOND)

int
own_secrets_test(const struct conf *c)
{
	int code = 0;

	owner_become(c->spool);
	for (size_t i = 0; i < c->ntransport; i++) {
		const struct conf_transport *t = &c->transport[i];
		const char *fault = t->password_file ? secret_file_fault(t->password_file) : NULL;

		if (!fault)
			continue;
		warn("%s: transport \"%s\": %s", c->file, t->name, fault);
		code = EXIT_PERM;
	}
	return code;
}

enum owner {
	OWNER_DELIVERS,
	OWNER_SERVES, /* `mox-runq -s`: may be asked to leave, for it delivers nothing */
	OWNER_GONE, /* dead, or it has not written yet who it is: whoever still has the lock will not have it for long */
};

/* The lock file says "run PID" or "serve PID". The pid may be a dead owner's and somebody else's by now, so it must be one of us. */
static enum owner
owner_of(int fd, pid_t *pid)
{
	char text[64], proc[64], his[PATH_MAX], mine[PATH_MAX];
	ssize_t n = pread(fd, text, sizeof text - 1, 0), m;
	const char *number;
	long v;

	if (n <= 0)
		return OWNER_GONE;
	text[n] = 0;
	number = strchr(text, ' ');
	if (!number || (v = strtol(number, NULL, 10)) < 1) /* 1 in a container */
		return OWNER_GONE;
	snprintf(proc, sizeof proc, "/proc/%ld/exe", v);
	n = readlink(proc, his, sizeof his);
	m = readlink("/proc/self/exe", mine, sizeof mine);
	if (n <= 0 || n != m || memcmp(his, mine, (size_t)n))
		return OWNER_GONE;
	*pid = (pid_t)v;
	return strncmp(text, "serve ", 6) ? OWNER_DELIVERS : OWNER_SERVES;
}

/* false: somebody else has it, and goes on having it. */
static bool
lock(const struct runq *q, int fd)
{
	int64_t start = clock_mono();
	pid_t pid;

	while (flock(fd, LOCK_EX | LOCK_NB)) {
		enum owner owner;
		int64_t patience = GONE_WAIT;

		if (errno != EWOULDBLOCK)
			die_temp("unable to lock %s/lock: %m", q->conf->spool);
		owner = owner_of(fd, &pid);
		if (owner == OWNER_DELIVERS || (owner == OWNER_SERVES && q->mode == RUNQ_SERVE))
			return false;
		if (owner == OWNER_SERVES) {
			kill(pid, SIGUSR2);
			patience = LEAVE_WAIT;
		}
		if (clock_mono() - start > patience)
			return false;
		poll(NULL, 0, 20);
	}
	return true;
}

static void
take_lock(struct runq *q)
{
	int fd = openat(q->spool.dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		die_temp("unable to open %s/lock: %m", q->conf->spool);
	if (!lock(q, fd)) {
		if (q->mode != RUNQ_STAY) /* it does what we were to do */
			exit(0);
		die_temp("another mox-runq owns %s", q->conf->spool);
	}
	if (ftruncate(fd, 0) ||
	    dprintf(fd, "%s %ld\n", q->mode == RUNQ_SERVE ? "serve" : "run", (long)getpid()) < 0)
		warn("unable to write %s/lock: %m", q->conf->spool);
	/* Open until we end: the lock goes with it. */
}

void
own_spool(struct runq *q)
{
	const char *what;
	bool root;

	if (spool_make(q->conf->spool))
		die_temp("unable to make the spool %s: %m", q->conf->spool);
	root = !owner_become(q->conf->spool);

	/* Who was root hides its /proc/PID/exe from itself, and the next mox-runq could not see who has the lock. No keys are in here. */
	prctl(PR_SET_DUMPABLE, 1);
	if (root)
		warn("%s belongs to root: running as root%s", q->conf->spool,
		    getpwnam("mox") ? "" : ", for there is no user mox");
	if (spool_open(&q->spool, q->conf->spool, SPOOL_OWNER, &what))
		die_temp("unable to open %s/%s: %m", q->conf->spool, what);
	/* Its process first: it must never have the lock, or it would outlive us as the owner for a moment. */
	sync_start(q);
	take_lock(q);
}
