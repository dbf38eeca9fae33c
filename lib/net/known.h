/* Does validation work here? Two names tell: one is known to be signed, of the other the signature is known to be
 * wrong (`dns` section). */
#ifndef KNOWN_H
#define KNOWN_H

#include "base.h"
#include "dns.h"
#include "str.h"

enum known_verdict {
	KNOWN_WORKS,
	KNOWN_BROKEN,  /* what is signed came as if it were not, or what is forged came as good */
	KNOWN_UNKNOWN, /* no name server can be reached, or none could tell */
	KNOWN_OFF,     /* by configuration */
};

struct known {
	enum known_verdict verdict;
	const char *good_word,
	    *bad_word; /* what came: secure, insecure, absent, bogus, fail; NULL: not asked */
	char *why;     /* broken: a sentence */
};

/* Asks; the callback comes once both answers are there, from dns_process, or before known_ask returns when nothing is to be
 * asked. *k lives until known_free, which comes after the callback, or after dns_close. c must outlive it. */
typedef void known_done(void *arg, const struct known *k);
struct asking;
struct asking *known_ask(struct dns *d, const struct conf_dns *c, known_done *done, void *arg) MUST_USE;
void known_free(struct asking *q);
/* Appends the record of mox-nexthop -t. */
void known_write(struct str *out, const struct known *k, const struct conf_dns *c);
/* Says it in the log when it is broken. */
void known_log(const struct known *k);

#endif
