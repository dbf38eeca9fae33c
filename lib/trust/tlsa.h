/* TLSA records of a mail host (RFC 6698): reading them, and which of them count (RFC 7671, 7672 3.1). Needs no
 * cryptography, so that the planner can tell `dane` from `dane-unusable`; matching is dane.h's.
 *
 * A struct tlsa_set starts as {0}; tlsa_free ends it. It holds one secure RRset whole, also what does not
 * count. */
#ifndef TLSA_H
#define TLSA_H

#include "base.h"
#include "plan.h"
#include "str.h"

#include <stdbool.h>
#include <stddef.h>

#define TLSA_DATA_MAX 4096

enum tlsa_usage { TLSA_PKIX_TA, TLSA_PKIX_EE, TLSA_DANE_TA, TLSA_DANE_EE };
enum tlsa_selector { TLSA_CERT, TLSA_KEY };
enum tlsa_matching { TLSA_FULL, TLSA_SHA256, TLSA_SHA512 };

struct tlsa {
	unsigned usage, selector, matching; /* any number a stranger may have written */
	unsigned char *data;
	size_t len;
	bool counts;
	const char *why; /* it does not: half a sentence, static */
};

struct tlsa_set {
	struct tlsa *v;
	size_t n;
};

void tlsa_free(struct tlsa_set *set);

/* false: not the form of a TLSA record, more than TLSA_DATA_MAX bytes of data, or more than PLAN_TLSA_MAX
 * records; the set is as before. Text is that of plans, "3 1 1 9f86d0...". */
bool tlsa_add_rdata(struct tlsa_set *set, const unsigned char *p, size_t n) MUST_USE;
bool tlsa_add_text(struct tlsa_set *set, const char *text) MUST_USE;
/* All of a hop's records; those that are no records are left out, which never loosens a demand. */
void tlsa_add_list(struct tlsa_set *set, const struct plan_list *list);
void tlsa_text(struct str *out, const struct tlsa *t);

/* Whether any record counts: usage 2 or 3 (0 and 1 are not for mail, RFC 7672 3.1.3), selector and matching
 * type known, data of the digest's length or with the outline of a certificate or key, and no stronger digest
 * for the same usage and selector beside it (RFC 7671 9). A full certificate whose outline is right and whose
 * contents are not counts, and matches nobody: the failing side of the doubt.
 * A secure RRset for which this is false means mandatory TLS with anybody (RFC 7672 2.2). */
bool tlsa_usable(const struct tlsa_set *set);
/* Of one by itself, however large. */
bool tlsa_rdata_usable(const unsigned char *p, size_t n);

#endif
