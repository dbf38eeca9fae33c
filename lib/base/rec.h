/* The one record grammar (DESIGN 4, mox-rec.5): lines `key SP value LF`, closed by the line `end`.
 *
 * Keys are [a-z][a-z0-9-]*. In a value, bytes below 32, 127, backslash and every byte that is not valid UTF-8
 * stand as \xHH; in a line of several fields they are parted by one SP each, a space inside a field stands as
 * \x20, and a field may be empty. `key SP LF` is the empty value. Repeated keys form lists, unknown keys are
 * the reader's to ignore, and a record without `end` does not exist. Envelopes, jobs, plans, reports, control
 * requests and index values are all this. */
#ifndef REC_H
#define REC_H

#include "base.h"
#include "str.h"

#include <stdbool.h>
#include <stddef.h>

#define REC_LINE_MAX 16384        /* bytes of one line with its LF */
#define REC_MAX (8 * 1024 * 1024) /* bytes of one record */

/* ---- writing ---- */
void rec_add(struct str *out, const char *key, const char *value);
void rec_add_if(struct str *out, const char *key, const char *value);      /* unless it is NULL */
void rec_add_encoded(struct str *out, const char *key, const char *value); /* as it was read or written */
void rec_addi(struct str *out, const char *key, int64_t value);
void rec_addn(struct str *out, const char *key, const void *value, size_t n);
void rec_addf(struct str *out, const char *key, const char *fmt, ...) PRINTF(3, 4);
/* A line of fields: rec_open, rec_put..., rec_close. */
void rec_open(struct str *out, const char *key);
void rec_put(struct str *out, const char *field);
void rec_putn(struct str *out, const void *field, size_t n);
void rec_putf(struct str *out, const char *fmt, ...) PRINTF(2, 3);
void rec_close(struct str *out);
void rec_end(struct str *out);

/* ---- reading: in place, destructive ----
 * struct rec_in r = {buf, buf + n}; while (rec_next(&r, &key, &value) == REC_LINE) ...
 * value is still encoded: rec_text decodes it as one value; rec_field cuts off its first field and decodes
 * that. */
struct rec_in {
	char *p, *end;
};

enum rec_got {
	REC_LINE, /* *key and *value are NUL-terminated, inside the buffer */
	REC_END,  /* the line `end`; p stands behind it */
	REC_MORE, /* the buffer ended before a whole line: not an error in a stream, no record in a file */
	REC_BAD,  /* not the grammar, or a line too long */
};

enum rec_got rec_next(struct rec_in *r, char **key, char **value);
/* Decodes in place. Answers the value, or NULL when an escape is broken or a NUL is inside (len: NULs are
 * allowed). */
char *rec_text(char *value) MUST_USE;
char *rec_bytes(char *value, size_t *len) MUST_USE;
/* The next field of *value, decoded; *value moves on, to NULL behind the last. NULL: no field left, or a
 * broken one. */
char *rec_field(char **value) MUST_USE;
/* For optional trailing fields `name=value`: answers value when field begins with name=, else NULL. */
char *rec_option(char *field, const char *name);

/* Length of the record at the head of buf (through its `end` line), 0 when it is not complete yet. */
size_t rec_whole(const char *buf, size_t n);

#endif
