/* What programs of this machine hand in and no mail server must be shown (checklist T104-T109): bodies with lines
 * over 998 bytes, 8-bit bytes that nothing labels or NUL become quoted-printable; 8-bit bytes in header fields become
 * encoded words; long header lines are folded. Only where that changes nothing a reader sees and breaks nothing:
 * never in a message that somebody signed, and bodies only of single text parts.
 *
 *	look_start(&l); look_add(&l, p, n)...; look_end(&l);
 *	quoted = repair_wants_quoted(header, n, &l, convert_8bit);
 *	repair_header(&out, header, n, &(struct repair){...});
 *	the body as it is, or with lib/mail/quoted */
#ifndef REPAIR_H
#define REPAIR_H

#include "base.h"
#include "str.h"
#include "wire.h"

#include <stdbool.h>
#include <stddef.h>

/* What is to be known of a body. Constant memory. */
struct look {
	struct wire wire; /* eightbit, longline: of the body as it will be on the wire */
	bool nul;
	bool
	    utf8; /* no byte that is not UTF-8 was seen; a character that is cut off at the end counts as one */
	unsigned char more;      /* bytes the open character still lacks */
	unsigned char low, high; /* what its next byte may be */
};

void look_start(struct look *l);
void look_add(struct look *l, const char *p, size_t n);
void look_end(struct look *l);

/* header: fields and the blank line. Signed messages are nothing for repair_header. */
bool repair_is_signed(const char *header, size_t n);
bool repair_wants_quoted(const char *header, size_t n, const struct look *l, bool convert_8bit);

struct repair {
	bool quoted;   /* the body becomes quoted-printable: MIME fields say so */
	bool utf8;     /* the body has 8-bit bytes, and is UTF-8: a text type without charset gets this one */
	bool other;    /* the body has other 8-bit bytes */
	bool smtputf8; /* an address of the envelope needs SMTPUTF8 anyhow: UTF-8 may stay in the header */
};

/* The header as it is to be, appended to out. */
void repair_header(struct str *out, const char *header, size_t n, const struct repair *r);

#endif
