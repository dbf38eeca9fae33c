/* DANE for SMTP (RFC 7672, 7671): whether the certificates a server has shown are the ones its TLSA records
 * speak of. No other authority is asked: no store of CAs, no network. GnuTLS's own DANE library is not used;
 * it takes usages 0 and 1, and knows neither digest agility nor names. */
#ifndef DANE_H
#define DANE_H

#include "base.h"
#include "plan.h"
#include "tlsa.h"

#include <gnutls/gnutls.h>
#include <stdbool.h>
#include <stdint.h>

#define DANE_CHAIN_MAX 16   /* certificates looked at; a server may show more */
#define DANE_CERT_MAX 65536 /* bytes of one that is looked at */

/* In the order of how far the server came; names are those of RFC 8460 4.3. */
enum dane_result {
	DANE_UNUSABLE,    /* no record counts (tlsa_usable): tlsa-invalid */
	DANE_NO_MATCH,    /* validation-failure */
	DANE_NOT_TRUSTED, /* an anchor stands there, and the leaf does not hang on it */
	DANE_EXPIRED,
	DANE_HOST_MISMATCH,
	DANE_ANCHOR, /* DANE-TA has matched */
	DANE_LEAF,   /* DANE-EE has matched; name, dates and chain were not looked at (RFC 7671 5.1) */
};

struct dane_verdict {
	enum dane_result result;
	const char *type; /* RFC 8460 result type; NULL: matched */
	const char *why;  /* half a sentence for people, static; NULL: matched */
	size_t record;    /* matched: the record's index in the set */
	unsigned depth;   /* matched: certificates between the leaf and what matched; 0 is the leaf */
};

/* Judges the chain as gnutls_certificate_get_peers answers it, leaf first, the rest in any order, at the time
 * now (microseconds, UTC). names: what the certificate must be for when a DANE-TA record matches (RFC 7672
 * 3.2.2); none: then nothing matches.
 *
 * The anchor of DANE-TA is a certificate of the chain that matches, the leaf included; a full certificate in
 * the record (2 0 0), shown or not; or a full key (2 1 0) that verifies the signature of the topmost
 * certificate: a key that has signed nothing here is no evidence. The way from the leaf to it is verified by
 * GnuTLS, the dates of each certificate on it count, the anchor's too, and each must be good for TLS servers.
 * Bounded work, whatever the chain. */
bool dane_judge(struct dane_verdict *out, const struct tlsa_set *set, const gnutls_datum_t *chain, unsigned n,
    const struct plan_list *names, int64_t now) MUST_USE;

#endif
