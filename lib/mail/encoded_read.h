/* Encoded words (RFC 2047) read back, for people: a Subject as its author wrote it. */
#ifndef ENCODED_READ_H
#define ENCODED_READ_H

#include "base.h"
#include "str.h"

#include <stddef.h>

#define ENCODED_READ_MAX 4000 /* bytes that are looked at; the rest is passed over */

/* Appends n bytes of an unfolded header field with its encoded words as UTF-8. Blanks between two words go (RFC 2047
 * 6.2), a character cut in two by its writer comes together. What is not of the grammar, or in a charset that is not
 * known here, stays as it is. Charsets are known by a list: no stranger names what libc is to load. Bytes that mean
 * nothing in theirs become U+FFFD, and so does NUL; control characters and, outside of words and in those that claim
 * to be UTF-8, broken UTF-8 stay: the result is no less hostile than its source, and at most 4 times as long. */
void encoded_read(struct str *out, const char *s, size_t n);

/* libc reads a file for each charset. Who is to lose the file system calls this before. */
void encoded_read_prepare(void);

#endif
