#include "base.h"

#include "child.h"
#include "die.h"
#include "fdio.h"
#include "handover.h"
#include "quoted.h"
#include "repair.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#define ENVELOPE_FD 3 /* in the child */

/* ---- repair ---- */

/* What of the body is still on fd 0, when that is a file: a pipe cannot be looked into and then read again. */
static void
look_ahead(struct look *l)
{
	static char buf[65536];
	off_t at = lseek(0, 0, SEEK_CUR);
	struct stat st;
	ssize_t n;

	if (at < 0 || fstat(0, &st) || !S_ISREG(st.st_mode))
		return;
	while ((n = pread(0, buf, sizeof buf, at)) > 0) {
		look_add(l, buf, (size_t)n);
		at += n;
	}
}

void
parcel_repair(struct parcel *p, bool convert_8bit, bool smtputf8)
{
	struct str header = p->header;
	struct repair r = {.smtputf8 = smtputf8};
	struct look l;

	if (repair_is_signed(header.s, header.len))
		return;
	look_start(&l);
	look_add(&l, p->body, (size_t)(p->end - p->body));
	if (!p->whole)
		look_ahead(&l);
	look_end(&l);
	r.quoted = p->quoted = repair_wants_quoted(header.s, header.len, &l, convert_8bit);
	r.utf8 = l.wire.eightbit && l.utf8;
	r.other = l.wire.eightbit && !l.utf8;
	p->header = (struct str){0};
	repair_header(&p->header, header.s, header.len, &r);
	str_free(&header);
}

/* ---- to the door ---- */

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

struct sink {
	int fd;
	bool closed; /* mox-queue-add stopped reading, and has said why */
};

static void
sink_put(void *arg, const char *p, size_t n)
{
	struct sink *s = arg;

	s->closed = s->closed || fd_write_all(s->fd, p, n);
}

/* 0, or -1: mox-queue-add stopped reading. */
static int
body_stream(const struct parcel *p, int to)
{
	struct sink sink = {.fd = to};
	struct quoted q;
	char buf[65536];
	ssize_t r;

	quoted_start(&q, sink_put, &sink);
	sink_put(&sink, p->header.s, p->header.len);
	if (p->quoted)
		quoted_add(&q, p->body, (size_t)(p->end - p->body));
	else
		sink_put(&sink, p->body, (size_t)(p->end - p->body));
	r = p->whole ? 0 : fd_read_wait(0, buf, sizeof buf);
	for (; r > 0 && !sink.closed; r = fd_read_wait(0, buf, sizeof buf))
		if (p->quoted)
			quoted_add(&q, buf, (size_t)r);
		else
			sink_put(&sink, buf, (size_t)r);
	quoted_end(&q);
	/* Gone before the envelope is written: nothing is queued. */
	if (r < 0)
		die_exit(EX_IOERR, "unable to read the message: %m");
	return sink.closed ? -1 : 0;
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

static void
text_put(void *arg, const char *p, size_t n)
{
	str_add(arg, p, n);
}

static void
give_quoted_in_place(const struct parcel *p)
{
	struct parcel done = *p;
	struct str body = {0};
	struct quoted q;

	quoted_start(&q, text_put, &body);
	quoted_add(&q, p->body, (size_t)(p->end - p->body));
	quoted_end(&q);
	done.body = str_cstr(&body);
	done.end = done.body + body.len;
	give_in_place(&done);
	str_free(&body);
}

void
handover(const struct parcel *p)
{
	if (p->whole && p->quoted)
		give_quoted_in_place(p);
	else if (p->whole)
		give_in_place(p);
	give_in_stream(p);
}
