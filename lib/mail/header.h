/* Walking the header section of a message in memory (RFC 5322 2.2). Lines may end in CRLF or LF. */
#ifndef HEADER_H
#define HEADER_H

#include "base.h"
#include "str.h"

#include <stdbool.h>
#include <stddef.h>

struct header_field {
	const char *name; /* borrow, namelen bytes, no colon */
	size_t namelen;
	const char
	    *value; /* behind the colon, folding and line ends as they stand, without the last line end */
	size_t len;
	const char *start, *end; /* the whole field with its last line end */
};

/* The next field at *p; *p moves behind it. false: the blank line (then *p stands behind it), the end, or a
 * line that is no field
 * (*p stands at it: the body began without a blank line). */
bool header_next(const char **p, const char *end, struct header_field *f);
bool header_is(const struct header_field *f, const char *name); /* case-insensitive */
/* Value unfolded, outer blanks cut, appended to out. */
void header_unfold(struct str *out, const struct header_field *f);
/* Whether the header section, n bytes, says `TLS-Required: No` (RFC 8689 3): once and with that value. Given twice, or
 * with another value, it says nothing (T67). */
bool header_tls_optional(const char *header, size_t n);

#endif
