#include "base.h"

#include "clock.h"
#include "stream.h"

#include <errno.h>
#include <poll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

/* A plain body this large goes by sendfile; below, one copy is cheaper than one more system call. */
#define SENDFILE_MIN 49152

void
stream_open(struct stream *s, int fd, int watch)
{
	s->fd = fd;
	s->watch = watch;
	s->watch_in = false;
	s->tls = NULL;
	s->err = 0;
	s->in_at = s->in_end = s->out_len = 0;
	s->written = 0;
}

void
stream_close(struct stream *s)
{
	if (s->fd < 0)
		return;
	if (s->tls) {
		tls_bye(s->tls);
		tls_free(s->tls);
		s->tls = NULL;
	}
	close(s->fd);
	s->fd = -1;
}

/* IO_OK: the descriptor has (some of) the events. */
static enum io
wait_for(struct stream *s, short events, int64_t deadline)
{
	struct pollfd p[2] = {{.fd = s->fd, .events = events}, {.fd = s->watch, .events = POLLRDHUP}};
	int r;

	if (deadline > s->cap)
		deadline = s->cap;
	if (s->watch_in)
		p[1].events |= POLLIN;
	do
		r = poll(p, 2, clock_timeout(deadline));
	while (r < 0 && errno == EINTR);
	if (r < 0) {
		s->err = errno;
		return IO_ERROR;
	}
	if (p[1].revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL))
		return IO_GONE;
	if (p[0].revents)
		return IO_OK;
	return r ? IO_WATCH : IO_TIMEOUT;
}

/* One read into the free part of in; EAGAIN as IO_OK with nothing new. */
static enum io
take(struct stream *s)
{
	ssize_t r;

	if (s->in_at == s->in_end)
		s->in_at = s->in_end = 0;
	else if (s->in_at && s->in_end == STREAM_IN) {
		memmove(s->in, s->in + s->in_at, s->in_end - s->in_at);
		s->in_end -= s->in_at;
		s->in_at = 0;
	}
	if (s->in_end == STREAM_IN)
		return IO_OK;
	do
		r = s->tls ? tls_recv(s->tls, s->in + s->in_end, STREAM_IN - s->in_end)
		           : recv(s->fd, s->in + s->in_end, STREAM_IN - s->in_end, 0);
	while (r < 0 && errno == EINTR);
	if (r > 0)
		s->in_end += (size_t)r;
	if (r > 0 || (r < 0 && errno == EAGAIN))
		return IO_OK;
	if (!r)
		return IO_EOF;
	s->err = errno;
	return s->tls && errno == EPROTO ? IO_TLS : IO_ERROR;
}

enum io
stream_fill(struct stream *s, int64_t deadline)
{
	size_t had = s->in_end - s->in_at;
	enum io io = IO_OK;

	if (had == STREAM_IN) {
		s->err = EMSGSIZE;
		return IO_ERROR;
	}
	while (io == IO_OK && s->in_end - s->in_at == had) {
		if (!s->tls || !tls_pending(s->tls))
			io = wait_for(s, POLLIN, deadline);
		if (io == IO_OK)
			io = take(s);
	}
	return io;
}

bool
stream_stirs(struct stream *s)
{
	struct pollfd p = {.fd = s->fd, .events = POLLIN};

	/* Under TLS a ticket or a key update is no stir: only taking it in tells. */
	if (s->in_end == s->in_at && poll(&p, 1, 0) && take(s) != IO_OK)
		return true;
	return s->in_end > s->in_at;
}

enum io
stream_starttls(struct stream *s, struct tls *t, int64_t deadline)
{
	enum io io = IO_OK;
	enum tls_got got;

	s->tls = t;
	while ((got = tls_handshake(t)) == TLS_AGAIN && io == IO_OK)
		io = wait_for(s, tls_wants_write(t) ? POLLOUT : POLLIN, deadline);
	return got == TLS_FAILED ? IO_TLS : io;
}

/* ---- writing ---- */

/* The descriptor takes no more: reads what the peer says until it does. */
static enum io
wait_writable(struct stream *s, int64_t deadline)
{
	bool watch_in = s->watch_in, room = s->in_end - s->in_at < STREAM_IN;
	enum io io;

	s->watch_in = false;
	io = wait_for(s, room ? POLLOUT | POLLIN : POLLOUT, deadline);
	s->watch_in = watch_in;
	return io == IO_OK && room ? take(s) : io;
}

static enum io
failed(struct stream *s)
{
	s->err = errno;
	return s->tls && errno == EPROTO ? IO_TLS : IO_ERROR;
}

static enum io
flush(struct stream *s, int flags)
{
	int64_t deadline = 0;
	size_t at = 0;
	enum io io = IO_OK;

	while (at < s->out_len && io == IO_OK) {
		ssize_t w = s->tls ? tls_send(s->tls, s->out + at, s->out_len - at)
		                   : send(s->fd, s->out + at, s->out_len - at, MSG_NOSIGNAL | flags);

		if (w >= 0) {
			at += (size_t)w;
			s->written += (uint64_t)w;
		} else if (errno == EAGAIN) {
			if (!deadline)
				deadline = clock_mono() + s->block;
			io = wait_writable(s, deadline);
		} else if (errno != EINTR) {
			io = failed(s);
		}
	}
	s->out_len = 0;
	return io;
}

enum io
stream_flush(struct stream *s)
{
	return flush(s, 0);
}

enum io
stream_put(struct stream *s, const void *p, size_t n)
{
	const char *from = p;
	enum io io = IO_OK;

	tap_feed(s->tap, TAP_CLIENT, p, n);
	while (n && io == IO_OK) {
		size_t k = STREAM_OUT - s->out_len;

		if (k > n)
			k = n;
		memcpy(s->out + s->out_len, from, k);
		s->out_len += k;
		from += k;
		n -= k;
		if (s->out_len == STREAM_OUT)
			io = flush(s, 0);
	}
	return io;
}

enum io
stream_puts(struct stream *s, const char *text)
{
	return stream_put(s, text, strlen(text));
}

/* ---- files ---- */

static enum io
by_sendfile(struct stream *s, int fd, uint64_t from, uint64_t to)
{
	off_t at = (off_t)from;
	int64_t deadline = clock_mono() + s->block;
	enum io io = flush(s, MSG_MORE);

	while ((uint64_t)at < to && io == IO_OK) {
		uint64_t left = to - (uint64_t)at;
		ssize_t w = sendfile(s->fd, fd, &at, left > STREAM_OUT * 4 ? STREAM_OUT * 4 : (size_t)left);

		if (w > 0) {
			tap_skip(s->tap, (uint64_t)w);
			s->written += (uint64_t)w;
			deadline = clock_mono() + s->block;
		} else if (!w) {
			s->err = 0;
			return IO_FILE;
		} else if (errno == EAGAIN) {
			io = wait_writable(s, deadline);
		} else if (errno != EINTR) {
			return failed(s);
		}
	}
	return io;
}

/* Reads at least one byte of from..to into out, which has room. */
static enum io
file_take(struct stream *s, int fd, uint64_t *from, uint64_t to)
{
	size_t n = STREAM_OUT - s->out_len;
	ssize_t r;

	if (n > to - *from)
		n = (size_t)(to - *from);
	do
		r = pread(fd, s->out + s->out_len, n, (off_t)*from);
	while (r < 0 && errno == EINTR);
	if (r <= 0) {
		s->err = r ? errno : 0;
		return IO_FILE;
	}
	tap_feed(s->tap, TAP_CLIENT, s->out + s->out_len, (size_t)r);
	s->out_len += (size_t)r;
	*from += (uint64_t)r;
	return IO_OK;
}

enum io
stream_file(struct stream *s, int fd, uint64_t from, uint64_t to)
{
	enum io io = IO_OK;

	tap_kind(s->tap, TAP_DATA);
	if (!s->tls && to - from >= SENDFILE_MIN && !tap_wants_data(s->tap))
		return by_sendfile(s, fd, from, to);
	while (from < to && io == IO_OK) {
		io = file_take(s, fd, &from, to);
		if (io == IO_OK && s->out_len == STREAM_OUT)
			io = flush(s, 0);
	}
	return io;
}

/* Doubles the dots that begin a line among the bytes of buf. */
static enum io
put_stuffed(struct stream *s, const char *buf, size_t n, bool *line_start)
{
	size_t from = 0;
	enum io io = IO_OK;

	for (size_t i = 0; i < n && io == IO_OK;) {
		const char *nl;

		if (*line_start && buf[i] == '.') {
			io = stream_put(s, buf + from, i - from);
			if (io == IO_OK)
				io = stream_put(s, ".", 1);
			from = i;
		}
		nl = memchr(buf + i, '\n', n - i);
		*line_start = nl != NULL;
		i = nl ? (size_t)(nl + 1 - buf) : n;
	}
	return io == IO_OK ? stream_put(s, buf + from, n - from) : io;
}

/* The last two bytes of the file, which most often still stand at the end of out. */
static enum io
last_two(struct stream *s, int fd, uint64_t size, char *last)
{
	size_t n = size < 2 ? 1 : 2;

	if (s->out_len >= n)
		memcpy(last + 2 - n, s->out + s->out_len - n, n);
	else if (pread(fd, last + 2 - n, n, (off_t)(size - n)) < 0) {
		s->err = errno;
		return IO_FILE;
	}
	return IO_OK;
}

enum io
stream_dotted(struct stream *s, int fd, uint64_t size, bool stuff)
{
	static char buf[16384];
	char last[2] = "\r\n";
	bool line_start = true;
	enum io io = IO_OK;

	tap_kind(s->tap, TAP_DATA);
	if (!stuff) {
		io = stream_file(s, fd, 0, size);
	} else {
		for (uint64_t at = 0; at < size && io == IO_OK;) {
			uint64_t left = size - at;
			ssize_t r = pread(fd, buf, left < sizeof buf ? (size_t)left : sizeof buf, (off_t)at);

			if (r < 0 && errno == EINTR)
				continue;
			if (r <= 0) {
				s->err = r ? errno : 0;
				return IO_FILE;
			}
			io = put_stuffed(s, buf, (size_t)r, &line_start);
			at += (uint64_t)r;
		}
	}
	if (io == IO_OK && size)
		io = last_two(s, fd, size, last);
	if (io == IO_OK && memcmp(last, "\r\n", 2) != 0)
		io = stream_puts(s, "\r\n");
	tap_kind(s->tap, TAP_PLAIN);
	return io == IO_OK ? stream_puts(s, ".\r\n") : io;
}
