/* What a list of bad senders in DNS says of an address (RFC 5782). Pure. */
#ifndef LISTING_H
#define LISTING_H

#include "base.h"
#include "posture.h"
#include "str.h"

#include <stdbool.h>

/* "1.2.0.192.ZONE", or nibbles of an IPv6 address (RFC 5782 2.1, 2.4). false: ip is no address. */
bool listing_name(struct str *out, const char *ip, const char *zone) MUST_USE;

enum listing {
	LISTING_CLEAR,
	LISTING_LISTED,
	LISTING_REFUSED, /* 127.255.255.x: the list will not answer us, and says why */
	LISTING_ODD,     /* an address outside 127.0.0.0/8: no list, but somebody who answers everything */
	LISTING_UNKNOWN  /* no answer */
};
/* codes: the addresses answered, parted by spaces, appended; or why there is none. */
enum listing listing_read(struct str *codes, const struct lookup *l);
/* What 127.255.255.x means; NULL: no such code is known. */
const char *listing_refusal(const char *code);

/* Whether a list works, of the answers for its two test entries: 127.0.0.2 must be listed, 127.0.0.1 must not (RFC
 * 5782 5; mapped into IPv6 likewise). */
enum listing_test { LIST_WORKS, LIST_EMPTY, LIST_ALL, LIST_REFUSES, LIST_ODD, LIST_SILENT };
enum listing_test listing_test(enum listing must, enum listing must_not);

#endif
