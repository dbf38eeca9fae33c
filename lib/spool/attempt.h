/* One attempt to deliver to a recipient, as it is kept in its row and in the history: the value of a line
 * `attempt START DURATION OUTCOME CODE STATUS HOST TLS TRANSPORT TEXT` (mox-rec.5). Strings are borrows. */
#ifndef ATTEMPT_H
#define ATTEMPT_H

#include "base.h"
#include "str.h"

#include <stdbool.h>
#include <stdint.h>

#define ATTEMPT_TEXT_MAX 500 /* bytes of the reply that are kept */
#define ATTEMPT_HOST_MAX 300

struct attempt {
	int64_t start, duration; /* microseconds since 1970; microseconds */
	const char *outcome;     /* sent, later or never */
	unsigned code;           /* of the reply; 0: our own words */
	/* NULL as "-" */
	const char *status;    /* enhanced code */
	const char *host;      /* name and address */
	const char *tls;       /* none, opportunistic, pkix, dane */
	const char *transport; /* its name; "-": direct */
	const char *text;      /* of the reply; NULL: empty */
};

/* The value, encoded, without key and LF, appended. */
void attempt_write(struct str *out, const struct attempt *a);
/* In place. false: it is none. */
bool attempt_read(struct attempt *a, char *value) MUST_USE;

#endif
