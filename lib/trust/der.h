/* Just enough DER to cut an X.509 certificate into the pieces DANE and digests are about, as they stand on the
 * wire: re-encoding them might change a byte. Nothing here judges what is inside a piece. */
#ifndef DER_H
#define DER_H

#include "base.h"

#include <stdbool.h>
#include <stddef.h>

struct der_piece {
	const unsigned char *p; /* into the caller's bytes, tag and length included */
	size_t n;
};

struct der_cert {
	struct der_piece tbs; /* what the issuer has signed */
	struct der_piece key; /* SubjectPublicKeyInfo */
};

/* A certificate that fills p..p+n. */
bool der_cert(struct der_cert *out, const unsigned char *p, size_t n) MUST_USE;
/* Whether p..p+n has the outline of a SubjectPublicKeyInfo. */
bool der_key(const unsigned char *p, size_t n) MUST_USE;

#endif
