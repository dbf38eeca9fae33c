#include "base.h"

#include "clock.h"
#include "dial.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

union addr {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static socklen_t
addr_fill(union addr *a, const char *ip, uint16_t port)
{
	*a = (union addr){0};
	if (inet_pton(AF_INET, ip, &a->v4.sin_addr) == 1) {
		a->v4.sin_family = AF_INET;
		a->v4.sin_port = htons(port);
		return sizeof a->v4;
	}
	if (inet_pton(AF_INET6, ip, &a->v6.sin6_addr) == 1) {
		a->v6.sin6_family = AF_INET6;
		a->v6.sin6_port = htons(port);
		return sizeof a->v6;
	}
	return 0;
}

/* 0 when connected, else the errno. */
static int
connect_wait(int fd, int64_t deadline, int watch)
{
	struct pollfd p[2] = {{.fd = fd, .events = POLLOUT}, {.fd = watch, .events = POLLRDHUP}};
	socklen_t n = sizeof(int);
	int r, err = 0;

	do
		r = poll(p, 2, clock_timeout(deadline));
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return errno;
	if (p[1].revents)
		return ECANCELED;
	if (!r)
		return ETIMEDOUT;
	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &n) ? errno : err;
}

/* The port is the kernel's choice when it connects, by which the same one serves many targets. */
static int
source_bind(int fd, const char *source)
{
	union addr a;
	socklen_t n = addr_fill(&a, source, 0);
	int on = 1;

	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
	return n && bind(fd, &a.any, n) ? errno : 0;
}

int
dial(const char *ip, uint16_t port, const struct dial *how)
{
	union addr a;
	socklen_t n = addr_fill(&a, ip, port);
	const char *source;
	int fd, err = 0, on = 1;

	if (!n) {
		errno = EINVAL;
		return -1;
	}
	fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on))
		err = errno;
	source = a.any.sa_family == AF_INET ? how->source4 : how->source6;
	if (!err && source)
		err = source_bind(fd, source);
	if (!err && connect(fd, &a.any, n))
		err = errno == EINPROGRESS ? connect_wait(fd, how->deadline, how->watch) : errno;
	if (!err)
		return fd;
	close(fd);
	errno = err;
	return -1;
}
