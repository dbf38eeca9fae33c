/* Message ids (DESIGN 5): 13 characters of lower-case Crockford base32 of a 64-bit number, microseconds since
 * 1970 shifted left by 12 with 12 random low bits; so they sort by time of acceptance. Recipient N of a
 * message is "ID.N", N from 1. */
#ifndef ID_H
#define ID_H

#include "base.h"

#include <stdbool.h>
#include <stdint.h>

#define ID_LEN 13
#define ID_SIZE (ID_LEN + 1)

uint64_t id_make(int64_t now_us);
void id_format(char out[ID_SIZE], uint64_t id);
/* Exactly 13 characters of the alphabet (0-9 a-h j k m n p-t v-z), value below 2^64. */
bool id_parse(const char *s, uint64_t *id) MUST_USE;
/* "ID" (*n = 0: all recipients) or "ID.N". */
bool id_parse_rcpt(const char *s, uint64_t *id, unsigned *n) MUST_USE;
int64_t id_time(uint64_t id); /* microseconds since 1970 */
/* Two hex digits: the directory under cur/. */
void id_bucket(char out[3], uint64_t id);

#endif
