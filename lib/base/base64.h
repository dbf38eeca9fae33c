/* base64 (RFC 4648 4). */
#ifndef BASE64_H
#define BASE64_H

#include "base.h"
#include "str.h"

#include <stdbool.h>
#include <stddef.h>

/* Appends; no line ends. */
void base64_add(struct str *out, const void *p, size_t n);
/* In one piece and with its padding, as protocols write it; false: it is not, and out may have some of it. */
bool base64_read(struct str *out, const char *s, size_t n) MUST_USE;
/* As mail has it (RFC 2045 6.8): what is no digit is passed over, and padding is the end. */
void base64_scan(struct str *out, const char *s, size_t n);

#endif
