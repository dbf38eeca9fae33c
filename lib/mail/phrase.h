/* Display names as RFC 5322 phrases: atoms, a quoted string, or encoded words (RFC 2047), folded where long.
 */
#ifndef PHRASE_H
#define PHRASE_H

#include "base.h"
#include "str.h"

/* A name that comes as a quoted string already stays one. Control characters become blanks; bytes that are
 * not UTF-8 are labelled iso-8859-1. */
void phrase_add(struct str *out, const char *name);

#endif
