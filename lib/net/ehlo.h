/* What a server offers in its answer to EHLO (RFC 5321 4.1.1.1). Keywords are whole words in any case (T90);
 * parameters that are no good count as absent. */
#ifndef EHLO_H
#define EHLO_H

#include "base.h"

#include <stdbool.h>
#include <stdint.h>

struct ehlo {
	bool pipelining, chunking, eightbit, smtputf8, dsn, starttls, requiretls, size;
	bool pipeconnect;  /* PIPECONNECT, or X_PIPE_CONNECT: it takes commands ahead of its greeting */
	uint64_t size_max; /* SIZE: 0 no limit known */
	unsigned auth; /* mechanisms known here, as bits (sasl.h); the old AUTH=... is no keyword (T117) */
	/* LIMITS (RFC 9422); 0: none given. A malformed LIMITS line or a name that stands in it twice drops
	 * all of them (T81), a bad value only itself. */
	unsigned rcpt_max, mail_max, rcpt_domain_max;
};

/* text: lines parted by LF, the first of them the server's name and no keyword. */
void ehlo_parse(struct ehlo *e, const char *text, size_t n);

/* All of it as one word, equal for equal offers, and back; false: it is no such word. */
#define EHLO_WORD 256
void ehlo_write(char out[EHLO_WORD], const struct ehlo *e);
bool ehlo_read(struct ehlo *e, const char *word) MUST_USE;
bool ehlo_same(const struct ehlo *a, const struct ehlo *b);

#endif
