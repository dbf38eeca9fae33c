/* Text as RFC 2047 encoded words, for header fields. */
#ifndef ENCODED_H
#define ENCODED_H

#include "base.h"
#include "str.h"

#include <stddef.h>

/* Appends the words, in Q encoding and fit for phrases (RFC 2047 5.3), folded so that no line of them passes
 * 76 columns; what stands in out behind its last line end counts. Bytes that are not UTF-8 are labelled
 * iso-8859-1. Where out ends in a blank, the fold may take its place. */
void encoded_add(struct str *out, const char *s, size_t n);

#endif
