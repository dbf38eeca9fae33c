/* The TXT record of _smtp._tls.DOMAIN: where reports on TLS to DOMAIN are wanted (RFC 8460 3, T49). Pure.
 *
 * One record counts that begins with v=TLSRPTv1, its strings joined; of several none does. Unknown fields and URIs
 * of other schemes are passed over, as are those that nobody could reach: a mailto: that is no address (of ASCII), an
 * https: without a host or with a user's name in it. */
#ifndef TLSRPT_RECORD_H
#define TLSRPT_RECORD_H

#include "answer.h"
#include "base.h"

#include <stdbool.h>

#define TLSRPT_RUA_MAX 8 /* of one record; more could make us write to anybody */

struct tlsrpt_rua {
	bool https;
	char *to;  /* address, its domain in lower-case A-labels; or URL as it stands */
	char *uri; /* mailto:ADDRESS, or the URL: what two of one meaning have in common */
};

struct tlsrpt_record {
	struct tlsrpt_rua rua[TLSRPT_RUA_MAX];
	size_t n;
	unsigned passed_over; /* URIs */
};

enum tlsrpt_found {
	TLSRPT_WANTED,  /* and *r is it; n may be 0 */
	TLSRPT_NONE,    /* no record that counts */
	TLSRPT_UNKNOWN, /* the lookup failed */
};

/* *why: half a sentence, static or of the answer; NULL when there is nothing to say. */
enum tlsrpt_found tlsrpt_record_read(struct tlsrpt_record *r, const struct dns_answer *a, const char **why);
/* One record's text. NULL, or half a sentence: what is wrong. */
const char *tlsrpt_record_parse(struct tlsrpt_record *r, const char *s, size_t n) MUST_USE;
void tlsrpt_record_free(struct tlsrpt_record *r);

/* mailto: or https: as above. false: it is passed over. */
bool tlsrpt_rua_parse(struct tlsrpt_rua *u, const char *s, size_t n) MUST_USE;

#endif
