/* A report on TLS that somebody sent us (RFC 8460), whatever it comes in: the JSON, the same in gzip, or a mail that has either.
 * Anybody may have written it: what it takes to read is bounded, and nothing in it is believed. */
#ifndef TLSRPT_READ_H
#define TLSRPT_READ_H

#include "base.h"
#include "str.h"

#include <stdint.h>

#define TLSRPT_READ_MAX (32 * 1024 * 1024) /* bytes of a mail */
#define TLSRPT_READ_JSON (10 * 1024 * 1024)
#define TLSRPT_READ_ROWS 10000
#define TLSRPT_READ_TEXT 500 /* bytes of any text; longer ones are cut */

/* Sessions with one result. The texts are the sender's words; "" where he says nothing. */
struct tlsrpt_read_row {
	char *domain; /* of the policy */
	char *type;   /* "sts", "tlsa", "no-policy-found" */
	char *result; /* "ok", of RFC 8460 4.3, or "failed": those that no detail tells of */
	uint64_t sessions;
	char *mx, *helo, *from, *to, *reason;
};

struct tlsrpt_read {
	char *organization, *contact, *id;
	int64_t begin, end; /* microseconds since 1970; 0: it does not say */
	struct tlsrpt_read_row *row;
	size_t nrow, ncut; /* of so many more there was no room */
};

/* NULL, or half a sentence: why it is none. Free r in any case. */
const char *tlsrpt_read(struct tlsrpt_read *r, const char *bytes, size_t n) MUST_USE;
void tlsrpt_read_free(struct tlsrpt_read *r);

#endif
