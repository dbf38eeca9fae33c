/* One connection's bytes, plain or TLS, with absolute deadlines.
 *
 * Writing gathers in `out` and goes out by stream_flush, or when out is full, so that a group of commands and
 * a small body are one system call. While it waits to write it reads (T87): two peers that both only write
 * would wait for each other for ever. No heap is used between stream_open and stream_close but GnuTLS's own.
 *
 * watch is the job socket. When its other side is gone nobody wants this connection any more, and every wait
 * ends with IO_GONE. */
#ifndef STREAM_H
#define STREAM_H

#include "base.h"

#include "tap.h"
#include "tls.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define STREAM_IN 65536 /* answers to the largest group fit */
#define STREAM_OUT 65536

enum io {
	IO_OK,
	IO_WATCH, /* a packet waits at watch (only when watch_in) */
	IO_GONE,  /* the other side of watch is gone */
	IO_EOF,   /* the peer closed */
	IO_ERROR, /* err */
	IO_TLS,   /* tls_why() */
	IO_TIMEOUT,
	IO_FILE, /* the file that was to be sent: err; 0: it is shorter than it should be */
};

struct stream {
	int fd; /* -1: closed */
	int watch;
	bool watch_in; /* let a packet at watch end stream_fill */
	struct tls *tls;
	struct tap *tap; /* set once, before the first stream_open; NULL: nobody reads along */
	int err;
	int64_t cap;   /* no wait lasts beyond this (CLOCK_MONOTONIC) */
	int64_t block; /* how long one block (at most STREAM_OUT bytes) may take to go out, microseconds */
	uint64_t written;
	size_t in_at, in_end; /* what was read and not yet used */
	size_t out_len;
	char in[STREAM_IN], out[STREAM_OUT];
};

/* fd becomes the stream's. */
void stream_open(struct stream *s, int fd, int watch);
void stream_close(struct stream *s);

/* From here on in TLS; the peer must have said nothing since its 220 (T97: whoever calls has looked at in_at
 * and in_end). t becomes the stream's, whatever comes. */
enum io stream_starttls(struct stream *s, struct tls *t, int64_t deadline);

/* Waits for more bytes. deadline is absolute. */
enum io stream_fill(struct stream *s, int64_t deadline);
/* Between transactions: bytes have come, or the peer has closed. Does not wait. */
bool stream_stirs(struct stream *s);

enum io stream_put(struct stream *s, const void *p, size_t n);
enum io stream_puts(struct stream *s, const char *text);
enum io stream_flush(struct stream *s);
/* Bytes from..to of a file, as they are; they may stay in out. For the tap they are a message. */
enum io stream_file(struct stream *s, int fd, uint64_t from, uint64_t to);
/* The same with the dots of SMTP's DATA (RFC 5321 4.5.2) and its end: every line that begins with a dot gets
 * another, a last line without an end gets one, then the final dot. stuff false: no line begins with a dot.
 */
enum io stream_dotted(struct stream *s, int fd, uint64_t size, bool stuff);

#endif
