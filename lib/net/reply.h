/* SMTP replies (RFC 5321 4.2, RFC 2034), parsed as the bytes come: one line or many, of any length, without
 * the heap, because a reply to the final dot must be understood when memory is gone.
 *
 * reply_start, then reply_feed with what was read until it answers REPLY_DONE or REPLY_BAD. All lines of a
 * reply must carry the same code (T89): a peer that changes its mind in mid-reply has told us nothing. */
#ifndef REPLY_H
#define REPLY_H

#include "base.h"

#include <stdbool.h>
#include <stddef.h>

#define REPLY_TEXT 8192         /* bytes of text kept; what is longer is read and dropped */
#define REPLY_MAX (1024 * 1024) /* bytes of one reply: more is not a reply */

enum reply_got { REPLY_MORE, REPLY_DONE, REPLY_BAD };

struct reply {
	int code;          /* 200 to 599 */
	char enhanced[12]; /* "5.1.1", only of the class of the code; else "" */
	/* The lines without code, and without the enhanced code where it is that one, parted by LF. No CR, no
	 * NUL (shown as ?). Of a bad reply what was said last. */
	char text[REPLY_TEXT + 1];
	size_t len;
	const char *bad; /* REPLY_BAD: half a sentence */

	char head[4]; /* of the line that is being read */
	unsigned nhead;
	size_t line, total; /* where that line's text begins; bytes of the whole reply */
	bool more;          /* it is followed by another */
};

void reply_start(struct reply *r);
/* *used: how many bytes belonged to the reply; what follows is the next one's. */
enum reply_got reply_feed(struct reply *r, const char *p, size_t n, size_t *used);

/* Reads "D.D{1,3}.D{1,3}" at s, followed by a space or the end: its length, or 0. */
size_t enhanced_len(const char *s, size_t n);

#endif
