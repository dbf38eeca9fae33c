/* SOCKS5, client side (RFC 1928, 1929): a connection to an address through a proxy, without a login or with name and
 * password. Names are never handed to the proxy: whoever asks for a connection has looked them up and judged them.
 *
 * The dialogue is made of pure steps, so that it can be fuzzed; socks_connect runs them over a socket. */
#ifndef SOCKS_H
#define SOCKS_H

#include "base.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct socks {
	const char *ip; /* of the target, text */
	uint16_t port;
	const char *username, *password; /* NULL: no login */
	/* Where the target sees the connection come from, as the proxy says; "" or an unspecified address: it does not say. */
	char from[64];
	const char *why;  /* refused: half a sentence */
	bool proxy_fault; /* the proxy itself is the trouble, not the target */
	enum { SOCKS_METHOD, SOCKS_LOGIN, SOCKS_REPLY, SOCKS_DONE } step;
};

#define SOCKS_MESSAGE_MAX 520

/* What to say first, into out: its length, 0: the address is none, or name or password are too long (why). */
size_t socks_start(struct socks *s, unsigned char out[SOCKS_MESSAGE_MAX]);
enum socks_got { SOCKS_MORE, SOCKS_SAY, SOCKS_OPEN, SOCKS_REFUSED };
/* What the proxy said so far, in[0..n). SAY: *used bytes are dealt with, and *len in out go to the proxy. */
enum socks_got socks_step(struct socks *s, const unsigned char *in, size_t n, size_t *used,
    unsigned char out[SOCKS_MESSAGE_MAX], size_t *len);

/* fd: connected to the proxy, non-blocking. 0, or -1 with errno as dial; with s->why when the proxy refuses (ECONNREFUSED). */
int socks_connect(struct socks *s, int fd, int64_t deadline, int watch) MUST_USE;

#endif
