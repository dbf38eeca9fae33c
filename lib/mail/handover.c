#include "base.h"

#include "child.h"
#include "die.h"
#include "fdio.h"
#include "handover.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sysexits.h>
#include <unistd.h>

#define ENVELOPE_FD 3 /* in the child */

struct door_argv {
	char *v[8];
	char fd[16];
};

static void
door_argv(struct door_argv *a, const struct parcel *p, int envelope_fd)
{
	static char name[] = "mox-queue-add", quiet[] = "-q", sysexits[] = "--sysexits", file[] = "-C",
		    e[] = "-e";
	size_t n = 0;

	snprintf(a->fd, sizeof a->fd, "%d", envelope_fd);
	a->v[n++] = name;
	a->v[n++] = sysexits;
	if (!p->say_id)
		a->v[n++] = quiet;
	if (p->conf_file) {
		a->v[n++] = file;
		a->v[n++] = p->conf_file;
	}
	a->v[n++] = e;
	a->v[n++] = a->fd;
	a->v[n] = NULL;
}

/* A file in memory, read from its beginning; -1. Not close-on-exec: it is meant for what comes after us. */
static int
memory_file(const char *head, size_t nhead, const char *tail, size_t ntail)
{
	int fd = memfd_create("moxq", 0);

	if (fd < 0)
		return -1;
	if (fd_write_all(fd, head, nhead) || fd_write_all(fd, tail, ntail) || lseek(fd, 0, SEEK_SET)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Becomes mox-queue-add. Returns when there is no memory to put the message in: the pipe may still do. */
static void
give_in_place(const struct parcel *p)
{
	int message = memory_file(p->header.s, p->header.len, p->body, (size_t)(p->end - p->body)), envelope;
	struct door_argv a = {0};

	if (message < 0)
		return;
	envelope = memory_file(p->envelope.s, p->envelope.len, "", 0);
	if (envelope < 0) {
		close(message);
		return;
	}
	if (dup2(message, 0) < 0)
		die_temp("unable to hand over the message: %m");
	close(message);
	door_argv(&a, p, envelope);
	child_exec(a.v);
	die_exit(EX_OSERR, "unable to run mox-queue-add: %m");
}

/* 0, or -1: mox-queue-add stopped reading, and has said why. */
static int
body_stream(const struct parcel *p, int to)
{
	char buf[65536];
	ssize_t r = 0;

	if (fd_write_all(to, p->header.s, p->header.len) ||
	    fd_write_all(to, p->body, (size_t)(p->end - p->body)))
		return -1;
	while (!p->whole && (r = fd_read_wait(0, buf, sizeof buf)) > 0)
		if (fd_write_all(to, buf, (size_t)r))
			return -1;
	/* Gone before the envelope is written: nothing is queued. */
	if (r < 0)
		die_exit(EX_IOERR, "unable to read the message: %m");
	return 0;
}

/* The envelope, whose `end` commits, follows when the message is complete: should we die before, nothing is
 * queued. */
NORETURN static void
give_in_stream(const struct parcel *p)
{
	int message[2], envelope[2], code;
	struct door_argv a = {0};
	pid_t pid;

	signal(SIGPIPE, SIG_IGN);
	if (pipe2(message, O_CLOEXEC) || pipe2(envelope, O_CLOEXEC))
		die_temp("unable to make a pipe: %m");
	door_argv(&a, p, ENVELOPE_FD);
	pid = child_spawn(a.v, (struct child_fd[]){{message[0], 0}, {envelope[0], ENVELOPE_FD}}, 2);
	if (pid < 0)
		die_exit(EX_OSERR, "unable to run mox-queue-add: %m");
	close(message[0]);
	close(envelope[0]);
	if (!body_stream(p, message[1])) {
		close(message[1]);
		/* A door that refuses in between has closed this: its exit code tells. */
		if (fd_write_all(envelope[1], p->envelope.s, p->envelope.len) && errno != EPIPE)
			warn("unable to hand over the envelope: %m");
	}
	close(message[1]);
	close(envelope[1]);
	code = child_wait(pid);
	if (code < 0 || code >= 128)
		die_exit(EX_OSERR, "mox-queue-add ended by a signal: the message may or may not be queued");
	exit(code);
}

void
handover(const struct parcel *p)
{
	if (p->whole)
		give_in_place(p);
	give_in_stream(p);
}
