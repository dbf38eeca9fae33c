/* Any text made fit for the wire in one pass and constant memory (T104: no bare CR, no bare LF, ever).
 *
 * Line ends: any number of CR before an LF, and an LF alone, become CRLF. A CR elsewhere becomes CRLF in the
 * body, and a space in the header section, where it must not begin a new field. A last line without an end
 * gets one. A header section that runs into a line that is no field, or ends the message, gets the blank line
 * it lacks. NUL passes in the body (RFC 5321 4.1.1.4 allows it) and is refused in the header section.
 *
 * wire_start, wire_add..., wire_end; then the findings hold. Once `bad` is set nothing more is put. Ends with
 * wire_free. */
#ifndef WIRE_H
#define WIRE_H

#include "base.h"
#include "str.h"

#include <stdbool.h>
#include <stdint.h>

#define WIRE_HEADER_MAX (1024 * 1024)
#define WIRE_LINE_MAX 998 /* bytes of a line without its CRLF (RFC 5322 2.1.1) */

typedef void wire_put(void *arg, const char *p, size_t n);

struct wire {
	wire_put *put;
	void *arg;
	struct str header; /* the header section as put, without the blank line */
	size_t line;       /* where its last, still open line begins */
	size_t column;     /* body: bytes of the open line */
	size_t crs;        /* CRs at the end of the input so far: the next byte tells what they mean */
	bool in_header;

	bool eightbit;    /* some byte is above 127 */
	bool utf8_header; /* the header section has such bytes, and is valid UTF-8 */
	bool longline;    /* some line is longer than WIRE_LINE_MAX */
	bool dot;         /* some line begins with a dot */
	const char *bad;  /* half a sentence: the message cannot be sent as it is; NULL: all is well */
};

void wire_start(struct wire *w, wire_put *put, void *arg);
/* The same for a body alone. */
void wire_start_body(struct wire *w, wire_put *put, void *arg);
void wire_add(struct wire *w, const char *p, size_t n);
void wire_end(struct wire *w);
void wire_free(struct wire *w);

#endif
