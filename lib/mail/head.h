/* The header section of a message that comes in pieces, held back until it is whole: what is to be changed in it can
 * be changed before the rest goes on.
 *
 *	if (!h.whole) { used = head_take(&h, p, n); ... }      for each piece
 *	when h.whole, or at the end of the message: h.text is the header section with its blank line, if it has one */
#ifndef HEAD_H
#define HEAD_H

#include "base.h"
#include "str.h"

#include <stdbool.h>
#include <stddef.h>

#define HEAD_MAX (1u << 20) /* what is longer is no header that anybody could read, and goes on as it is */

struct head { /* start and end: head_reset */
	struct str text;
	bool whole;
};

/* Takes the bytes that belong to it; answers how many. Lines end in LF or CRLF. */
size_t head_take(struct head *h, const char *p, size_t n);
void head_reset(struct head *h);

#endif
