#include "base.h"

#include "clock.h"
#include "socks.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

enum { VERSION = 5, NO_LOGIN = 0, PASSWORD = 2, NONE_FITS = 255, CONNECT = 1, IPV4 = 1, NAME = 3, IPV6 = 4 };

/* ---- the steps ---- */

static size_t
request_put(const struct socks *s, unsigned char *out)
{
	size_t n = 4;

	out[0] = VERSION;
	out[1] = CONNECT;
	out[2] = 0;
	if (inet_pton(AF_INET, s->ip, out + n) == 1) {
		out[3] = IPV4;
		n += 4;
	} else if (inet_pton(AF_INET6, s->ip, out + n) == 1) {
		out[3] = IPV6;
		n += 16;
	} else {
		return 0;
	}
	out[n++] = (unsigned char)(s->port >> 8);
	out[n++] = (unsigned char)s->port;
	return n;
}

static size_t
login_put(const struct socks *s, unsigned char *out)
{
	size_t u = strlen(s->username), p = strlen(s->password);

	out[0] = 1;
	out[1] = (unsigned char)u;
	memcpy(out + 2, s->username, u);
	out[2 + u] = (unsigned char)p;
	memcpy(out + 3 + u, s->password, p);
	return 3 + u + p;
}

static enum socks_got
refuse(struct socks *s, const char *why, bool proxy_fault)
{
	s->why = why;
	s->proxy_fault = proxy_fault;
	return SOCKS_REFUSED;
}

size_t
socks_start(struct socks *s, unsigned char out[SOCKS_MESSAGE_MAX])
{
	s->step = SOCKS_METHOD;
	s->why = NULL;
	s->proxy_fault = false;
	*s->from = 0;
	if (!request_put(s, out)) {
		refuse(s, "what should be connected to is no address", false);
		return 0;
	}
	if (s->username && (!s->password || !*s->username || !*s->password || strlen(s->username) > 255 ||
			       strlen(s->password) > 255)) {
		refuse(s, "name and password for it must have 1 to 255 bytes", true);
		return 0;
	}
	/* With a login it is the only way offered: a proxy that would do without one is not ours. */
	out[0] = VERSION;
	out[1] = 1;
	out[2] = s->username ? PASSWORD : NO_LOGIN;
	return 3;
}

static enum socks_got
method_read(struct socks *s, const unsigned char *in, unsigned char *out, size_t *len)
{
	if (in[0] != VERSION)
		return refuse(s, "it does not speak SOCKS5", true);
	if (in[1] == NONE_FITS)
		return refuse(
		    s, s->username ? "it does not take name and password" : "it asks for a login", true);
	if (in[1] != (s->username ? PASSWORD : NO_LOGIN))
		return refuse(s, "it chose a way to log in that was not offered", true);
	s->step = s->username ? SOCKS_LOGIN : SOCKS_REPLY;
	*len = s->username ? login_put(s, out) : request_put(s, out);
	return SOCKS_SAY;
}

static enum socks_got
login_read(struct socks *s, const unsigned char *in, unsigned char *out, size_t *len)
{
	if (in[0] != 1)
		return refuse(s, "its answer to the login is none", true);
	if (in[1])
		return refuse(s, "it refused name or password", true);
	s->step = SOCKS_REPLY;
	*len = request_put(s, out);
	return SOCKS_SAY;
}

/* RFC 1928 6. */
static enum socks_got
reply_code(struct socks *s, unsigned code)
{
	static const struct {
		const char *why;
		bool proxy_fault;
	} codes[] = {
	    [1] = {"it failed, and does not say why", true},
	    [2] = {"its rules do not allow the connection", true},
	    [3] = {"it has no way to that network", false},
	    [4] = {"it cannot reach the host", false},
	    [5] = {"the host refused the connection", false},
	    [6] = {"the connection took too many hops", false},
	    [7] = {"it does not know how to connect", true},
	    [8] = {"it does not know such addresses", false},
	};

	if (code >= ARRAY_LEN(codes))
		return refuse(s, "it gave a reason that nobody knows", true);
	return refuse(s, codes[code].why, codes[code].proxy_fault);
}

/* in[0..need) is a whole reply. */
static void
from_note(struct socks *s, const unsigned char *in)
{
	if (in[3] == IPV4)
		inet_ntop(AF_INET, in + 4, s->from, sizeof s->from);
	else if (in[3] == IPV6)
		inet_ntop(AF_INET6, in + 4, s->from, sizeof s->from);
}

enum socks_got
socks_step(struct socks *s, const unsigned char *in, size_t n, size_t *used,
    unsigned char out[SOCKS_MESSAGE_MAX], size_t *len)
{
	size_t need = 5;

	*used = *len = 0;
	if (s->step == SOCKS_METHOD || s->step == SOCKS_LOGIN) {
		if (n < 2)
			return SOCKS_MORE;
		*used = 2;
		return s->step == SOCKS_METHOD ? method_read(s, in, out, len) : login_read(s, in, out, len);
	}
	if (n >= 1 && in[0] != VERSION)
		return refuse(s, "its answer is none", true);
	if (n >= 2 && in[1])
		return reply_code(s, in[1]);
	if (n < need)
		return SOCKS_MORE;
	if (in[3] != IPV4 && in[3] != IPV6 && in[3] != NAME)
		return refuse(s, "its answer is none", true);
	need = 6 + (in[3] == IPV4 ? 4u : in[3] == IPV6 ? 16u : 1u + in[4]);
	if (n < need)
		return SOCKS_MORE;
	*used = need;
	from_note(s, in);
	s->step = SOCKS_DONE;
	return SOCKS_OPEN;
}

/* ---- over a socket ---- */

static int
wait_for(int fd, short events, int64_t deadline, int watch)
{
	struct pollfd p[2] = {{.fd = fd, .events = events}, {.fd = watch, .events = POLLRDHUP}};
	int r;

	do
		r = poll(p, 2, clock_timeout(deadline));
	while (r < 0 && errno == EINTR);
	if (r > 0 && !p[1].revents)
		return 0;
	if (r >= 0)
		errno = r ? ECANCELED : ETIMEDOUT;
	return -1;
}

static int
say(int fd, const unsigned char *p, size_t n, int64_t deadline, int watch)
{
	while (n) {
		ssize_t w = send(fd, p, n, MSG_NOSIGNAL);

		if (w > 0) {
			p += w;
			n -= (size_t)w;
		} else if (errno != EINTR && (errno != EAGAIN || wait_for(fd, POLLOUT, deadline, watch))) {
			return -1;
		}
	}
	return 0;
}

/* One byte more than is there is never read: what follows the last answer is the target's. */
static int
hear(int fd, unsigned char *p, int64_t deadline, int watch)
{
	for (;;) {
		ssize_t r = recv(fd, p, 1, 0);

		if (r == 1)
			return 0;
		if (!r)
			errno = ECONNRESET;
		if (!r || (errno != EINTR && (errno != EAGAIN || wait_for(fd, POLLIN, deadline, watch))))
			return -1;
	}
}

int
socks_connect(struct socks *s, int fd, int64_t deadline, int watch)
{
	unsigned char in[300], out[SOCKS_MESSAGE_MAX];
	size_t n = 0, used, len = socks_start(s, out);
	enum socks_got got = len ? SOCKS_SAY : SOCKS_REFUSED;
	int r = 0;

	while (!r && (got == SOCKS_SAY || got == SOCKS_MORE)) {
		if (got == SOCKS_SAY) {
			r = say(fd, out, len, deadline, watch);
			n = 0;
		}
		if (!r)
			r = hear(fd, in + n++, deadline, watch);
		if (!r)
			got = socks_step(s, in, n, &used, out, &len);
	}
	explicit_bzero(out, sizeof out);
	if (!r && got == SOCKS_OPEN)
		return 0;
	if (r && !s->why && errno == ECONNRESET) {
		s->why = "it closed the connection";
		s->proxy_fault = true;
	}
	if (!r)
		errno = ECONNREFUSED;
	return -1;
}
