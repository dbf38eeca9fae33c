/* The suppression list's policy: which address an entry stands for, and what a failure says of the address it was for. Pure functions.
 *
 * What lists an address is a statement of the recipient's side about that address. A statement about us, about the
 * message, or of policy (any x.7 code) says nothing of it, and our own errors (no plan, no network, no TLS that
 * suffices, a relay that is down) even less: such failures are passed over, they neither count nor end a row. */
#ifndef SUPPRESS_H
#define SUPPRESS_H

#include "base.h"
#include "str.h"

#include <stdbool.h>

/* The address that stands for all its variants, appended: the local part without quotes, cut before its first +
 * and -, without dots, in lower case; the domain in lower case. A local part of which nothing would be left is
 * cut of nothing. Letters beyond ASCII and U-labels stay as they are. */
void suppress_base(struct str *out, const char *address);

enum suppress_verdict {
	SUPPRESS_PASS,  /* says nothing of the address */
	SUPPRESS_COUNT, /* a failure: so many in a row list it */
	SUPPRESS_LIST,  /* lists it at once */
};

struct suppress_failure {
	int code;           /* of the reply; 0: none */
	const char *status; /* RFC 3463; "-" or NULL: none */
	const char *text;
	bool local; /* the words are our own, whatever the code */
	bool
	    relay; /* the next hop, or a proxy, was chosen by our configuration: that it cannot be reached is our own trouble */
};

/* What the end of a recipient says that is not tried any more. */
enum suppress_verdict suppress_judge(const struct suppress_failure *f);

/* postmaster, at any domain: people must be able to reach him. */
bool suppress_is_postmaster(const char *address);

#endif
