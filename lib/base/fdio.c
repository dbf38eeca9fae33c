#include "base.h"

#include "die.h"
#include "fdio.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

void
fd_sanitise(void)
{
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
			if (open("/dev/null", fd ? O_WRONLY : O_RDONLY) != fd)
				_exit(EXIT_TEMP);
}

int
fd_write_all(int fd, const void *p, size_t n)
{
	const char *s = p;

	while (n) {
		ssize_t w = write(fd, s, n);
		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return -1;
		s += w;
		n -= (size_t)w;
	}
	return 0;
}

ssize_t
fd_read(int fd, void *p, size_t n)
{
	ssize_t r;

	do
		r = read(fd, p, n);
	while (r < 0 && errno == EINTR);
	return r;
}

ssize_t
fd_read_wait(int fd, void *p, size_t n)
{
	struct pollfd ready = {fd, POLLIN, 0};
	ssize_t r;

	while ((r = fd_read(fd, p, n)) < 0 && errno == EAGAIN)
		if (poll(&ready, 1, -1) < 0 && errno != EINTR)
			return -1;
	return r;
}

ssize_t
fd_read_all(int fd, void *p, size_t n)
{
	size_t got = 0;

	while (got < n) {
		ssize_t r = fd_read(fd, (char *)p + got, n - got);
		if (r < 0)
			return -1;
		if (!r)
			break;
		got += (size_t)r;
	}
	return (ssize_t)got;
}

int
fd_nonblock(int fd, bool on)
{
	int fl = fcntl(fd, F_GETFL);

	if (fl < 0)
		return -1;
	return fcntl(fd, F_SETFL, on ? fl | O_NONBLOCK : fl & ~O_NONBLOCK);
}

int
fd_copy(int from, int to)
{
	char buf[65536];
	ssize_t r;

	while ((r = fd_read(from, buf, sizeof buf)) > 0)
		if (fd_write_all(to, buf, (size_t)r))
			return -1;
	return r < 0 ? -1 : 0;
}

int
pkt_pair(int sock[2])
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sock);
}

int
pkt_send(int sock, const void *p, size_t n, int pass, int flags)
{
	union {
		struct cmsghdr h;
		char b[CMSG_SPACE(sizeof(int))];
	} c = {0};
	struct iovec io = {(void *)(uintptr_t)p, n};
	struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1};
	ssize_t r;

	if (pass >= 0) {
		m.msg_control = c.b;
		m.msg_controllen = sizeof c.b;
		c.h.cmsg_level = SOL_SOCKET;
		c.h.cmsg_type = SCM_RIGHTS;
		c.h.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&c.h), &pass, sizeof pass);
	}
	do
		r = sendmsg(sock, &m, MSG_NOSIGNAL | flags);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -1 : 0;
}

ssize_t
pkt_recv(int sock, void *p, size_t cap, int *got, int flags)
{
	/* Room for more than one, so that a peer which sends several cannot make the kernel drop ours. */
	union {
		struct cmsghdr h;
		char b[CMSG_SPACE(4 * sizeof(int))];
	} c;
	struct iovec io = {p, cap};
	struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1, .msg_control = c.b, .msg_controllen = sizeof c.b};
	ssize_t r;
	int fd = -1;

	do
		r = recvmsg(sock, &m, MSG_CMSG_CLOEXEC | MSG_TRUNC | flags);
	while (r < 0 && errno == EINTR);
	if (got)
		*got = -1;
	if (r < 0)
		return -1;
	for (struct cmsghdr *h = CMSG_FIRSTHDR(&m); h; h = CMSG_NXTHDR(&m, h)) {
		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < (h->cmsg_len - CMSG_LEN(0)) / sizeof(int); i++) {
			int one;
			memcpy(&one, CMSG_DATA(h) + i * sizeof one, sizeof one);
			if (fd < 0 && got)
				fd = one;
			else
				close(one);
		}
	}
	if (m.msg_flags & MSG_TRUNC) {
		if (fd >= 0)
			close(fd);
		errno = EMSGSIZE;
		return -1;
	}
	if (got)
		*got = fd;
	return r;
}
