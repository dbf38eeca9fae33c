/* Certificates: whether authorities we trust speak for a host name (RFC 5280, 6125), and showing one to people.
 *
 * Of several causes of refusal the first of these is told: ended, not trusted, another name. Ended is looked at
 * in the leaf even when nobody vouches for it: that is what its owner has to mend first. Names are those of
 * subjectAltName alone; a common name counts for nothing (T29, RFC 9525 6.3), and * stands for exactly one
 * label, the leftmost, in front of two or more. */
#ifndef CERT_H
#define CERT_H

#include "base.h"
#include "str.h"

#include <gnutls/x509.h>
#include <stdbool.h>

#define CERT_CHAIN_MAX 16 /* looked at; a server may show more */

struct cert_fault {
	const char *result; /* RFC 8460 4.3 */
	const char *why;    /* half a sentence for people, static */
};

/* chain: DER, the leaf first. The time is clock_now. false: *fault says why not. */
bool cert_check(gnutls_x509_trust_list_t trusted, const gnutls_datum_t *chain, unsigned n, const char *host,
    struct cert_fault *fault) MUST_USE;

/* Appends the line `cert SUBJECT issuer=.. names=a,b not-before=.. not-after=.. spki-sha256=HEX` (mox-deliver.8);
 * of what cannot be read only `cert unreadable`. */
void cert_write(struct str *out, const gnutls_datum_t *der);

#endif
