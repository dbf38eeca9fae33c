/* Memory and growing strings. Out of memory ends the program (die_temp): nothing that is not durable was
 * promised.
 *
 * A struct str owns its bytes: start with {0}, end with str_free. s is NUL-terminated whenever it is not
 * NULL; str_cstr never answers NULL. A bare const char * anywhere in this tree is a borrow. */
#ifndef STR_H
#define STR_H

#include "base.h"

#include <stdbool.h>
#include <stdint.h>

struct str {
	char *s;
	size_t len, cap;
};

void *mem_alloc(size_t n) MUST_USE;
void *mem_zalloc(size_t n) MUST_USE;
/* n elements of size each, overflow checked; old contents kept. */
void *mem_grow(void *p, size_t n, size_t size) MUST_USE;
char *mem_dup(const char *s) MUST_USE;
char *mem_dupn(const void *s, size_t n) MUST_USE;

void str_free(struct str *s);
void str_reset(struct str *s); /* empty, keeps its memory */
void str_reserve(struct str *s, size_t more);
void str_add(struct str *s, const void *p, size_t n);
void str_adds(struct str *s, const char *cstr);
void str_addc(struct str *s, char c);
void str_addi(struct str *s, int64_t v); /* in decimal */
void str_addf(struct str *s, const char *fmt, ...) PRINTF(2, 3);
void str_cut(struct str *s, size_t len); /* shorten to len */
void str_shift(struct str *s, size_t n); /* drop the first n bytes */
const char *str_cstr(const struct str *s);
char *str_take(struct str *s); /* the caller owns the bytes (never NULL); s is empty */

/* ASCII only, whatever the locale. */
bool str_ieq(const char *a, const char *b);
bool str_istarts(const char *s, const char *prefix);
void str_lower(char *s);

/* Decimal number of 1 to 19 digits, the whole of s, at most max. */
bool str_number(const char *s, uint64_t max, uint64_t *out) MUST_USE;
/* "90s", "15m", "2h", "5d", "1w", plain seconds; several in a row add up. Answers microseconds. */
bool str_duration(const char *s, int64_t *us) MUST_USE;
/* "100", "64k", "50M", "1G": bytes, powers of 1024. */
bool str_size(const char *s, uint64_t *bytes) MUST_USE;

/* Length of the valid UTF-8 sequence at s (1 to 4), 0 when there is none. No surrogates, no overlong forms.
 */
size_t utf8_len(const char *s, size_t n);
bool utf8_valid(const char *s, size_t n);
bool text_is_ascii(const char *s, size_t n);
/* Copies s for a person's eyes into out, at most cap bytes, no NUL: control bytes, C1, bidi controls and
 * invalid UTF-8 as \xHH. Answers the bytes written. */
size_t text_visible(char *out, size_t cap, const char *s, size_t n);

#endif
