/* Header fields with raw 8-bit bytes, as ASCII: encoded words (RFC 2047) in texts, display names and comments. */
#ifndef ENCODED_FIELD_H
#define ENCODED_FIELD_H

#include "base.h"
#include "header.h"
#include "str.h"

#include <stdbool.h>
#include <stddef.h>

/* The field, appended to out, lines over 998 bytes folded where they have a blank. UTF-8 stays with smtputf8. Bytes
 * that are not UTF-8 are taken for iso-8859-1. What stands elsewhere than in a text, a name or a comment stays, and so
 * does what cannot be read. */
void encoded_field_add(struct str *out, const struct header_field *f, bool smtputf8);

/* An address in the header section is not ASCII: the message needs SMTPUTF8 (RFC 6531) in any case. */
bool encoded_field_smtputf8(const char *header, size_t n);

#endif
