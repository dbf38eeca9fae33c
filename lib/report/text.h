/* Text for notices made of what strangers said: nothing here can end a line it did not begin. Every function
 * appends to out. Pure.
 *
 * What is to be shown goes through text_show first; the others take its results. */
#ifndef TEXT_H
#define TEXT_H

#include "base.h"
#include "str.h"

#include <stdbool.h>

#define TEXT_WIDTH 75 /* of what we wrap: with the = of a soft line break it is 76 (RFC 2045 6.7) */
#define TEXT_HARD 900 /* bytes; a longer word is broken, so that no line comes near 998 */

/* One line for a person's eyes: tabs become blanks, control, bidi and broken bytes \xHH; with ascii what is
 * above 127 becomes \x{HEX} (RFC 6533 3). At most max bytes, then "...". */
void text_show(struct str *out, const char *s, bool ascii, size_t max);

/* A header field "name: value", folded where there are blanks, CRLF line ends. An LF in the value is a fold. */
void text_field(struct str *out, const char *name, const char *value);
/* The same, in encoded words (RFC 2047) when the value is not ASCII or looks like one. */
void text_field_encoded(struct str *out, const char *name, const char *value);
void text_encoded_words(struct str *out, size_t column, const char *value);

/* Text of LF lines: lines longer than TEXT_WIDTH are broken at blanks, their indentation kept; CRLF line
 * ends. */
void text_wrap(struct str *out, const char *s);

/* Quoted-printable (RFC 2045 6.7) of text with CRLF line ends. */
void text_qp(struct str *out, const char *s, size_t n);

/* xtext (RFC 3461 4) decoded; what is none stays as it is. */
void text_unxtext(struct str *out, const char *s);
/* \x{HEX} of RFC 6533 3 decoded to UTF-8; what is none stays as it is. */
void text_unescape(struct str *out, const char *s);
/* "type; address" of RFC 3464 2.3.1, 2.3.2: an rfc822 or empty type becomes utf-8 when the address is not
 * ASCII, which stands as utf-8-addr-xtext in the ASCII form. */
void text_typed_address(struct str *out, const char *type, const char *address, bool ascii);

#endif
