#include "base.h"

#include "die.h"
#include "enter.h"
#include "fdio.h"
#include "inject.h"
#include "rec.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#define PATIENCE                                                                                             \
	600 /* seconds for the next step of mox-inject; a commit on a disk in trouble takes its time */
#define ANSWER_MAX 4096

int
inject_connect(const struct conf *conf)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct timeval patience = {.tv_sec = PATIENCE};
	int dir = open(conf->spool, O_PATH | O_DIRECTORY | O_CLOEXEC), fd = -1, err = 0;

	if (dir < 0)
		return -1;
	/* By way of the directory's descriptor: the path may be longer than a socket address can hold. */
	snprintf(a.sun_path, sizeof a.sun_path, "/proc/self/fd/%d/inject", dir);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) ||
	    connect(fd, (struct sockaddr *)&a, sizeof a)) {
		err = errno;
		if (fd >= 0)
			close(fd);
		fd = -1;
	}
	close(dir);
	errno = err;
	return fd;
}

/* ---- one message ---- */

/* A file without a name. */
static int
scratch_open(void)
{
	int fd = open("/tmp", O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);

	return fd >= 0 ? fd : memfd_create("moxq", MFD_CLOEXEC);
}

struct incoming {
	struct str record;
	bool envelope; /* all of it is there */
	int message;
	uint64_t size;
};

static void
envelope_more(struct incoming *m, int fd)
{
	char buf[8192];
	ssize_t n = enter_read(fd, buf, sizeof buf);
	size_t whole;

	if (n < 0)
		die_temp("unable to read the envelope: %m");
	if (!n)
		die_temp("unable to read the envelope: it stopped before its end, nothing queued");
	str_add(&m->record, buf, (size_t)n);
	whole = rec_whole(str_cstr(&m->record), m->record.len);
	if (m->record.len > REC_MAX || (whole && whole != m->record.len))
		die_perm("unable to read the envelope: %s",
		    whole ? "something follows its end" : "it is too long");
	if (!whole)
		return;
	m->envelope = true;
	str_cut(&m->record, whole - strlen("end\n"));
}

/* false: that was all. */
static bool
message_more(struct incoming *m)
{
	static char buf[65536];
	ssize_t n = enter_read(0, buf, sizeof buf);

	if (n < 0)
		die_temp("unable to read the message: %m");
	if (n && fd_write_all(m->message, buf, (size_t)n))
		die_temp("unable to write the message to a temporary file: %m");
	m->size += (uint64_t)n;
	return n;
}

static void
gather(struct incoming *m, const struct inject *in)
{
	off_t at = lseek(0, 0, SEEK_CUR);
	struct stat st;
	bool text = true;

	if (!in->envelope_fd) {
		envelope_ask(&m->record, in->env);
		m->envelope = true;
	}
	if (at >= 0 && !fstat(0, &st) && S_ISREG(st.st_mode)) {
		m->size = at < st.st_size ? (uint64_t)(st.st_size - at) : 0;
		text = false;
	} else if ((m->message = scratch_open()) < 0) {
		die_temp("unable to make a temporary file: %m");
	}
	while (!m->envelope || text)
		if (!m->envelope && (!text || enter_wait(in->envelope_fd, 0) == in->envelope_fd))
			envelope_more(m, in->envelope_fd);
		else
			text = message_more(m);
	if (m->message && lseek(m->message, 0, SEEK_SET))
		die_temp("unable to read a temporary file: %m");
}

/* A peer that refuses in between has closed its end: its answer tells. */
static void
send_all(const struct incoming *m, int sock)
{
	char buf[65536];
	uint64_t left = m->size;
	bool heard = !fd_write_all(sock, m->record.s, m->record.len);

	while (heard && left) {
		ssize_t n = fd_read(m->message, buf, left < sizeof buf ? (size_t)left : sizeof buf);

		if (n <= 0)
			die_temp("unable to read the message: %s", n ? strerror(errno) : "it became shorter");
		heard = !fd_write_all(sock, buf, (size_t)n);
		left -= (uint64_t)n;
	}
	if (!heard && errno != EPIPE && errno != ECONNRESET)
		die_temp("unable to hand over the message by spool/inject: %m");
}

/* With --sysexits some refusals have a code of their own. */
static int
code_for(int sysexit)
{
	return die_code_perm() == EX_DATAERR ? sysexit : die_code_perm();
}

static void
answer_take(const struct inject *in, int sock)
{
	char buf[ANSWER_MAX], *key, *value;
	struct rec_in r = {buf, buf};
	enum rec_got got = REC_MORE;

	while (got == REC_MORE && r.end < buf + sizeof buf) {
		ssize_t n = fd_read(sock, r.end, (size_t)(buf + sizeof buf - r.end));

		if (n <= 0)
			die_temp("unable to hear what became of the message, which may be queued: %s",
			    n ? strerror(errno) : "mox-inject's session ended");
		r.end += n;
		got = memchr(buf, '\n', (size_t)(r.end - buf)) ? rec_next(&r, &key, &value) : REC_MORE;
	}
	if (got != REC_LINE || !(value = rec_text(value)))
		die_temp("unable to read the answer by spool/inject; the message may be queued");
	if (!strcmp(key, "never"))
		die_perm("%s", value);
	if (!strcmp(key, "forbidden"))
		die_exit(code_for(EX_NOPERM), "%s", value);
	if (!strcmp(key, "large"))
		die_exit(code_for(EX_UNAVAILABLE), "%s", value);
	if (strcmp(key, "id"))
		die_temp("%s", value);
	if (!in->quiet && dprintf(1, "id %s\n", value) < 0)
		warn("unable to write the id (the message is queued): %m");
}

void
inject_message(const struct inject *in, int sock)
{
	struct incoming m = {0};
	uint64_t max = in->conf->max_message_size;

	gather(&m, in);
	if (max && m.size > max)
		die_exit(code_for(EX_UNAVAILABLE),
		    "unable to take the message: it is larger than %" PRIu64 " bytes", max);
	rec_addi(&m.record, "size", m.size);
	rec_end(&m.record);
	send_all(&m, sock);
	answer_take(in, sock);
	str_free(&m.record);
	if (m.message)
		close(m.message);
	close(sock);
}

/* ---- a stream ---- */

struct pipe {
	int from, to;
	size_t n;
	bool ended;
	char buf[65536];
};

static void
pipe_step(struct pipe *p, short from, short to)
{
	ssize_t n;

	if (p->n && to) {
		n = write(p->to, p->buf, p->n);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			die_temp("unable to pass on the stream: %m");
		if (n > 0) {
			p->n -= (size_t)n;
			memmove(p->buf, p->buf + n, p->n);
		}
	}
	if (p->n < sizeof p->buf && from) {
		n = fd_read(p->from, p->buf + p->n, sizeof p->buf - p->n);
		if (n < 0 && errno != EAGAIN)
			die_temp("unable to read the stream: %m");
		p->ended = !n;
		p->n += n > 0 ? (size_t)n : 0;
	}
}

void
inject_stream(int sock)
{
	static struct pipe out = {.from = 0}, in = {.to = 1};
	static const int ours[] = {SIGTERM, SIGINT, SIGHUP};
	bool shut = false;
	sigset_t none;

	/* What of the stream is queued the answers tell: no need to hold signals back. */
	sigemptyset(&none);
	alarm(0);
	for (size_t i = 0; i < ARRAY_LEN(ours); i++)
		signal(ours[i], SIG_DFL);
	sigprocmask(SIG_SETMASK, &none, NULL);
	out.to = in.from = sock;
	fd_nonblock(sock, true);
	while (!in.ended || in.n) {
		struct pollfd p[] = {
		    {out.ended || out.n == sizeof out.buf ? -1 : 0, POLLIN, 0},
		    {sock, (short)((out.n ? POLLOUT : 0) | (in.ended || in.n == sizeof in.buf ? 0 : POLLIN)),
			0},
		    {in.n ? 1 : -1, POLLOUT, 0},
		};

		if (poll(p, ARRAY_LEN(p), -1) < 0 && errno != EINTR)
			die_temp("unable to wait for the stream: %m");
		pipe_step(&out, p[0].revents, p[1].revents & (POLLOUT | POLLERR | POLLHUP));
		pipe_step(&in, p[1].revents & (POLLIN | POLLERR | POLLHUP), p[2].revents);
		if (out.ended && !out.n && !shut)
			shut = !shutdown(sock, SHUT_WR);
	}
	if (!out.ended || out.n)
		die_temp("unable to pass on the stream: mox-inject's session ended");
	close(sock);
}
