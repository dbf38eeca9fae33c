/* What a notice gives back of the message it is about: read in bounded memory, and labelled so that any peer
 * can take it (RFC 6522 3, RFC 6532 3.7, RFC 6533 6). */
#ifndef RETURNED_H
#define RETURNED_H

#include "base.h"
#include "str.h"

#include <stdbool.h>
#include <stdint.h>

#define RETURNED_HEADER_MAX (128 * 1024)

struct returned {
	struct str header; /* whole lines with CRLF, without the blank line */
	struct str body;
	bool whole; /* body is all of it */
};

/* At most size bytes of fd are the message; at most limit bytes of it, or its header section if that is
 * longer (as far as RETURNED_HEADER_MAX), are kept. Line ends become CRLF whatever they were. What is left in
 * a pipe is read and dropped, so that its writer is not killed. 0, or -1 with errno. */
int returned_read(struct returned *r, int fd, uint64_t size, uint64_t limit) MUST_USE;
void returned_free(struct returned *r);

/* Value of the one field of that name, unfolded, in *value; false: none, or several. */
bool returned_field(const struct returned *r, const char *name, struct str *value);

/* Can all of it be given back? Not what is not whole, nor what a message/rfc822 part cannot carry: lines over
 * 998 bytes, NUL, header fields in no known charset. */
bool returned_fits(const struct returned *r);
/* The part behind its boundary: Content fields, blank line, message or header section. ascii: what is UTF-8
 * in its header goes encoded. */
void returned_part(struct str *out, const struct returned *r, bool full, bool ascii);

#endif
