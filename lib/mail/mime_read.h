/* The leaves of a MIME message in memory (RFC 2045, 2046), for who looks for one of them. Strangers wrote it: what is malformed is
 * read as far as it makes sense, in time that grows with its size alone. */
#ifndef MIME_READ_H
#define MIME_READ_H

#include "base.h"
#include "str.h"

#include <stdbool.h>
#include <stddef.h>

#define MIME_DEPTH 5    /* multiparts within each other; what is deeper is passed over */
#define MIME_LEAVES 200 /* of one message */

struct mime_leaf {
	char type[128]; /* lower-case, "text/plain" when there is none; longer ones are cut */
	enum { MIME_PLAIN, MIME_BASE64, MIME_QUOTED } encoding;
	const char *body; /* a borrow of the message, still encoded */
	size_t n;
};

/* Calls each for one leaf after the other until it answers false. Lines end in CRLF or LF; a `From ` line before the header
 * counts for nothing. */
typedef bool mime_each(void *arg, const struct mime_leaf *leaf);
void mime_walk(const char *message, size_t n, mime_each *each, void *arg);

/* The leaf's body decoded, appended. Bytes that its encoding does not know are passed over (RFC 2045 6.8). */
void mime_decode(struct str *out, const struct mime_leaf *leaf);

#endif
