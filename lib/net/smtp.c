#include "base.h"

#include "clock.h"
#include "dial.h"
#include "smtp.h"
#include "socks.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

static void
self_note(struct smtp *c)
{
	struct sockaddr_storage a;
	socklen_t n = sizeof a;
	const void *bin = &((struct sockaddr_in *)&a)->sin_addr;

	if (getsockname(c->io.fd, (struct sockaddr *)&a, &n))
		return;
	if (a.ss_family == AF_INET6)
		bin = &((struct sockaddr_in6 *)&a)->sin6_addr;
	inet_ntop(a.ss_family, bin, c->self, sizeof c->self);
}

/* The proxy's address is no mail server's: where it comes from there is what it, or the configuration, says. */
static void
self_set(struct smtp *c, const char *from, const char *ip)
{
	const struct conf_list *l = c->way->remote;
	bool six = strchr(ip, ':');

	if (strcmp(from, "0.0.0.0") != 0 && strcmp(from, "::") != 0)
		snprintf(c->self, sizeof c->self, "%s", from);
	for (size_t i = 0; l && i < l->n && !*c->self; i++)
		if (!strchr(l->v[i], ':') == !six)
			snprintf(c->self, sizeof c->self, "%s", l->v[i]);
}

static int
dial_proxy(struct smtp *c, const char *ip, uint16_t port, const struct dial *how)
{
	const struct smtp_way *w = c->way;
	struct socks s = {
	    .ip = ip, .port = port, .username = w->proxy_username, .password = w->proxy_password};
	int fd = dial(w->proxy, w->proxy_port, how), err;

	c->proxy_fault = fd < 0;
	if (fd < 0) {
		c->refused = strerror(errno);
		return -1;
	}
	if (!socks_connect(&s, fd, how->deadline, how->watch)) {
		self_set(c, s.from, ip);
		return fd;
	}
	err = errno;
	c->refused = s.why;
	c->proxy_fault = s.proxy_fault;
	close(fd);
	errno = err;
	return -1;
}

int
smtp_dial(struct smtp *c, const char *host, const char *ip, uint16_t port, int64_t deadline)
{
	static const struct smtp_way straight;
	const struct smtp_way *w = c->way ? c->way : &straight;
	const struct dial how = {
	    .deadline = deadline, .watch = c->watch, .source4 = w->source4, .source6 = w->source6};
	int fd;

	c->refused = NULL;
	c->proxy_fault = false;
	*c->self = 0;
	fd = w->proxy ? dial_proxy(c, ip, port, &how) : dial(ip, port, &how);
	if (fd < 0)
		return -1;
	stream_open(&c->io, fd, c->watch);
	snprintf(c->host, sizeof c->host, "%s", host);
	snprintf(c->ip, sizeof c->ip, "%s", ip);
	c->port = port;
	if (!w->proxy)
		self_note(c);
	c->ehlo = (struct ehlo){0};
	*c->helo = 0;
	c->waiting = false;
	c->trips = c->waits = 0;
	c->asked = UINT64_MAX;
	c->bad = NULL;
	tap_kind(c->io.tap, TAP_PLAIN);
	tap_note(c->io.tap, "connected to %s[%s] port %u", host, ip, (unsigned)port);
	return 0;
}

bool
smtp_is_open(const struct smtp *c)
{
	return c->io.fd >= 0;
}

void
smtp_close(struct smtp *c)
{
	stream_close(&c->io);
}

void
smtp_quit(struct smtp *c, int64_t timeout)
{
	int64_t cap = c->io.cap;

	if (!smtp_is_open(c))
		return;
	c->io.watch = -1;
	c->io.watch_in = false;
	c->waiting = false;
	c->io.cap = clock_mono() + timeout;
	smtp_command(c, "QUIT", timeout);
	smtp_close(c);
	c->io.cap = cap;
}

enum smtp_got
smtp_from_io(enum io io)
{
	switch (io) {
	case IO_OK: return SMTP_REPLY;
	case IO_WATCH: return SMTP_WATCH;
	case IO_GONE: return SMTP_GONE;
	case IO_EOF:
	case IO_ERROR: return SMTP_LOST;
	case IO_TLS: return SMTP_TLS;
	case IO_TIMEOUT: return SMTP_TIMEOUT;
	case IO_FILE: return SMTP_FILE;
	}
	return SMTP_BAD;
}

static enum smtp_got
broken(const struct smtp *c, enum smtp_got got)
{
	char why[1000];

	if (c->io.tap && got != SMTP_WATCH && got != SMTP_REPLY) {
		smtp_why(c, got, why, sizeof why);
		tap_note(c->io.tap, "%s", why);
	}
	return got;
}

enum smtp_got
smtp_reply(struct smtp *c, int64_t timeout)
{
	struct stream *s = &c->io;

	if (!c->waiting) {
		c->waiting = true;
		c->deadline = clock_mono() + timeout;
		reply_start(&c->reply);
		if (s->in_at == s->in_end) {
			c->waits++;
			c->trips += c->asked != s->written;
			c->asked = s->written;
		}
	}
	for (;;) {
		enum reply_got got = REPLY_MORE;
		size_t used = 0;
		enum io io;

		if (s->in_end > s->in_at)
			got = reply_feed(&c->reply, s->in + s->in_at, s->in_end - s->in_at, &used);
		tap_feed(s->tap, TAP_SERVER, s->in + s->in_at, used);
		s->in_at += used;
		if (got == REPLY_DONE) {
			c->waiting = false;
			return SMTP_REPLY;
		}
		if (got == REPLY_BAD) {
			c->bad = c->reply.bad;
			return broken(c, SMTP_BAD);
		}
		if ((io = stream_fill(s, c->deadline)) != IO_OK)
			return broken(c, smtp_from_io(io));
	}
}

enum smtp_got
smtp_put(struct smtp *c, const char *line)
{
	enum io io = stream_puts(&c->io, line);

	if (io == IO_OK)
		io = stream_puts(&c->io, "\r\n");
	return io == IO_OK ? SMTP_REPLY : broken(c, smtp_from_io(io));
}

enum smtp_got
smtp_command(struct smtp *c, const char *line, int64_t timeout)
{
	enum smtp_got got;
	enum io io;

	/* A peer that speaks unasked would have its words taken for the answer to what comes next. */
	if (c->io.in_end > c->io.in_at) {
		c->bad = "more than one answer";
		return broken(c, SMTP_BAD);
	}
	if ((got = smtp_put(c, line)) != SMTP_REPLY)
		return got;
	io = stream_flush(&c->io);
	return io == IO_OK ? smtp_reply(c, timeout) : broken(c, smtp_from_io(io));
}

static bool
not_understood(int code)
{
	return code == 500 || code == 501 || code == 502 || code == 504 || code == 550;
}

/* What a 2xx says: the server's name, and behind EHLO what it offers. */
static void
hello_note(struct smtp *c, bool extended)
{
	if (c->reply.code / 100 != 2)
		return;
	snprintf(c->helo, sizeof c->helo, "%.*s", (int)strcspn(c->reply.text, " \n"), c->reply.text);
	if (extended)
		ehlo_parse(&c->ehlo, c->reply.text, c->reply.len);
}

enum smtp_got
smtp_hello_put(struct smtp *c, const char *name)
{
	char line[300];

	snprintf(line, sizeof line, "EHLO %.255s", name);
	return smtp_put(c, line);
}

enum smtp_got
smtp_hello_take(struct smtp *c, int64_t timeout)
{
	enum smtp_got got = smtp_reply(c, timeout);

	if (got == SMTP_WATCH)
		return got;
	c->ehlo = (struct ehlo){0};
	*c->helo = 0;
	if (got == SMTP_REPLY)
		hello_note(c, true);
	return got;
}

enum smtp_got
smtp_hello(struct smtp *c, const char *name, int64_t timeout)
{
	char line[300];
	enum smtp_got got;

	c->ehlo = (struct ehlo){0};
	*c->helo = 0;
	snprintf(line, sizeof line, "EHLO %.255s", name);
	got = smtp_command(c, line, timeout);
	if (got != SMTP_REPLY)
		return got;
	hello_note(c, true);
	if (not_understood(c->reply.code)) {
		snprintf(line, sizeof line, "HELO %.255s", name);
		got = smtp_command(c, line, timeout);
		if (got == SMTP_REPLY)
			hello_note(c, false);
	}
	return got;
}

/* SNI carries DNS names only (RFC 6066 3). */
static bool
is_dns_name(const char *s)
{
	unsigned char bin[16];

	return s && *s && *s != '[' && inet_pton(AF_INET, s, bin) != 1 && inet_pton(AF_INET6, s, bin) != 1;
}

enum smtp_got
smtp_tls(struct smtp *c, const struct tls_how *how, int64_t timeout)
{
	struct tls_how own = *how;
	enum smtp_got got;
	struct tls *t;

	if (c->io.in_end > c->io.in_at) {
		c->bad = "more behind its answer to STARTTLS";
		return broken(c, SMTP_BAD);
	}
	if (!is_dns_name(how->name))
		own.name = NULL;
	t = tls_new(c->io.fd, &own);
	if (!t) {
		c->io.err = ENOMEM;
		return SMTP_LOST;
	}
	c->ehlo = (struct ehlo){0};
	got = smtp_from_io(stream_starttls(&c->io, t, clock_mono() + timeout));
	c->trips += tls_trips(t);
	if (got == SMTP_REPLY)
		tap_note(
		    c->io.tap, "%s %s%s", tls_version(t), tls_cipher(t), tls_is_resumed(t) ? " resumed" : "");
	return broken(c, got);
}

void
smtp_why(const struct smtp *c, enum smtp_got got, char *out, size_t cap)
{
	int err = c->io.err;

	switch (got) {
	case SMTP_REPLY:
	case SMTP_WATCH: snprintf(out, cap, "%s", c->reply.text); break;
	case SMTP_GONE: snprintf(out, cap, "the delivery was called off"); break;
	case SMTP_LOST:
		snprintf(out, cap, "the connection was lost%s%s", err ? ": " : "", err ? strerror(err) : "");
		break;
	case SMTP_TIMEOUT: snprintf(out, cap, "no answer in time"); break;
	case SMTP_BAD:
		snprintf(out, cap, "the peer sent %s%s%.500s", c->bad ? c->bad : "nonsense",
		    c->reply.bad ? ": " : "", c->reply.bad ? c->reply.text : "");
		break;
	case SMTP_TLS:
		snprintf(out, cap, "TLS failed: %s", c->io.tls ? tls_why(c->io.tls) : "no session");
		break;
	case SMTP_FILE:
		snprintf(out, cap, "unable to read the message: %s",
		    err ? strerror(err) : "it is shorter than its size");
		break;
	}
}
