/* Whose mail a message says it is: the domain DKIM signs for, that of From: (RFC 7489 3.1). */
#ifndef DKIM_AUTHOR_H
#define DKIM_AUTHOR_H

#include "base.h"

#include <stddef.h>

/* The domain of all addresses in From:, of a header section of n bytes; lower-case A-labels, the caller frees it. NULL
 * and half a sentence (static): there is no From:, or several, or no address in it, or they differ in their domain, or
 * it is none that can have a key in DNS. */
char *dkim_author(const char *header, size_t n, const char **why) MUST_USE;

#endif
