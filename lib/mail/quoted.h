/* A body in any line ends as quoted-printable (RFC 2045 6.7), in one pass and constant memory: lines of at
 * most 76 bytes, CRLF line ends as lib/mail/wire makes them, no line that begins with a dot.
 *
 * quoted_start, quoted_add..., quoted_end. */
#ifndef QUOTED_H
#define QUOTED_H

#include "base.h"
#include "str.h"
#include "wire.h"

#include <stdbool.h>

struct quoted {
	wire_put *put;
	void *arg;
	struct wire wire; /* makes line ends what they are to be */
	struct str out;   /* not put yet */
	size_t column;
	char
	    blank; /* space or tab that is not written yet: at the end of a line it must be encoded; 0: none */
};

void quoted_start(struct quoted *q, wire_put *put, void *arg);
void quoted_add(struct quoted *q, const char *p, size_t n);
void quoted_end(struct quoted *q); /* puts what is left and frees */

#endif
