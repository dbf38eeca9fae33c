#include "base.h"

#include "fdio.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int
open_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 100; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void
packets(void)
{
	static char big[PKT_MAX + 1];
	char buf[16];
	int s[2], got = 99, fds = open_fds(), in[2];
	struct stat a, b;

	OK(!pkt_pair(s), "a pair");
	OK(fcntl(s[0], F_GETFD) & FD_CLOEXEC, "close-on-exec");
	OK(!pkt_send(s[0], "one", 3, -1, 0) && !pkt_send(s[0], "second", 6, -1, 0), "two packets");
	INT_EQ(pkt_recv(s[1], buf, sizeof buf, &got, 0), 3, "arrive one by one");
	INT_EQ(got, -1, "with no descriptor");
	INT_EQ(pkt_recv(s[1], buf, sizeof buf, NULL, 0), 6, "in their order");
	INT_EQ(pkt_recv(s[1], buf, sizeof buf, NULL, MSG_DONTWAIT), -1, "nothing is there");
	INT_EQ(errno, EAGAIN, "and that is EAGAIN");

	OK(!pipe2(in, O_CLOEXEC) && !pkt_send(s[0], "fd", 2, in[0], 0), "a descriptor goes along");
	INT_EQ(pkt_recv(s[1], buf, sizeof buf, &got, 0), 2, "arrives");
	OK(got >= 0 && !fstat(got, &a) && !fstat(in[0], &b) && a.st_ino == b.st_ino, "is the same pipe");
	OK(fcntl(got, F_GETFD) & FD_CLOEXEC, "close-on-exec here too");
	close(got);
	OK(!pkt_send(s[0], "fd", 2, in[0], 0) && pkt_recv(s[1], buf, sizeof buf, NULL, 0) == 2,
	    "one that nobody asked for");
	close(in[0]);
	close(in[1]);
	INT_EQ(open_fds(), fds + 2, "is closed");

	OK(!pkt_send(s[0], big, sizeof big, -1, 0), "too long a packet");
	errno = 0;
	INT_EQ(pkt_recv(s[1], buf, sizeof buf, &got, 0), -1, "is an error");
	OK(errno == EMSGSIZE && got == -1, "EMSGSIZE, no descriptor");
	OK(!pipe2(in, O_CLOEXEC) && !pkt_send(s[0], big, sizeof big, in[0], 0) &&
		pkt_recv(s[1], buf, sizeof buf, &got, 0) == -1 && got == -1,
	    "too long a packet with a descriptor");
	close(in[0]);
	close(in[1]);
	INT_EQ(open_fds(), fds + 2, "leaves none open");
	OK(!pkt_send(s[0], "a", 1, -1, 0) && pkt_recv(s[1], buf, sizeof buf, &got, 0) == 1,
	    "and the next is fine");

	close(s[0]);
	INT_EQ(pkt_recv(s[1], buf, sizeof buf, &got, 0), 0, "the peer is gone");
	INT_EQ(pkt_send(s[1], "x", 1, -1, 0), -1, "sending to nobody fails, without SIGPIPE");
	INT_EQ(errno, EPIPE, "EPIPE");
	close(s[1]);
	INT_EQ(open_fds(), fds, "nothing is left open");
}

/* A peer that sends several descriptors in one packet, against the rules. */
static void
many_descriptors(void)
{
	union {
		struct cmsghdr h;
		char b[CMSG_SPACE(3 * sizeof(int))];
	} c = {0};
	char text[] = "x";
	struct iovec io = {text, 1};
	struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1, .msg_control = c.b, .msg_controllen = sizeof c.b};
	int s[2], three[3] = {1, 1, 1}, got, fds = open_fds();

	OK(!pkt_pair(s), "a pair");
	c.h.cmsg_level = SOL_SOCKET;
	c.h.cmsg_type = SCM_RIGHTS;
	c.h.cmsg_len = CMSG_LEN(sizeof three);
	memcpy(CMSG_DATA(&c.h), three, sizeof three);
	INT_EQ(sendmsg(s[0], &m, 0), 1, "three descriptors sent");
	OK(pkt_recv(s[1], text, 1, &got, 0) == 1 && got >= 0, "one is kept");
	INT_EQ(open_fds(), fds + 3, "the others are closed");
	close(got);
	close(s[0]);
	close(s[1]);
}

static void
tick(int sig)
{
	(void)sig;
}

/* Signals interrupt both ends all the while; not a byte is lost. */
static void
interrupted(void)
{
	enum { SIZE = 1 << 20 };
	char *out = malloc(SIZE), *in = calloc(1, SIZE);
	struct sigaction sa = {.sa_handler = tick};
	int p[2], st;
	pid_t pid, parent = getpid();

	if (!out || !in || pipe2(p, O_CLOEXEC))
		abort();
	for (int i = 0; i < SIZE; i++)
		out[i] = (char)(i * 7);
	sigaction(SIGUSR1, &sa, NULL);
	fflush(stdout);
	if (!(pid = fork())) {
		close(p[0]);
		for (int i = 0; i < SIZE; i += SIZE / 64) {
			kill(parent, SIGUSR1);
			if (fd_write_all(p[1], out + i, SIZE / 64))
				_exit(1);
		}
		_exit(0);
	}
	close(p[1]);
	INT_EQ(fd_read_all(p[0], in, SIZE), SIZE, "all bytes arrive, whatever interrupts");
	OK(!memcmp(in, out, SIZE), "the same bytes");
	INT_EQ(fd_read_all(p[0], in, SIZE), 0, "then the end");
	close(p[0]);
	OK(waitpid(pid, &st, 0) == pid && !st, "the writer is content");
	free(in);
	free(out);
}

static void
closed(void)
{
	pid_t pid;
	int st;

	fflush(stdout);
	if (!(pid = fork())) {
		close(0);
		close(1);
		close(2);
		fd_sanitise();
		for (int fd = 0; fd < 3; fd++)
			if (fcntl(fd, F_GETFD) < 0)
				_exit(1);
		_exit(open("/dev/null", O_RDONLY) == 3 ? 0 : 2);
	}
	OK(waitpid(pid, &st, 0) == pid && WIFEXITED(st), "S36: closed 0, 1, 2");
	INT_EQ(WEXITSTATUS(st), 0, "S36: are /dev/null, and no file lands there");
	INT_EQ(fd_write_all(-1, "x", 1), -1, "a bad descriptor");
	INT_EQ(fd_read(-1, &st, 1), -1, "to read from");
	INT_EQ(fd_nonblock(-1, true), -1, "to set");
}

int
main(void)
{
	packets();
	many_descriptors();
	interrupted();
	closed();
	DONE();
}
