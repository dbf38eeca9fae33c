/* Networks as people write them: "192.0.2.0/24", "2001:db8::/32"; an address alone is a network of one. */
#ifndef NETWORK_H
#define NETWORK_H

#include "base.h"

#include <stdbool.h>
#include <sys/socket.h>

/* Bits behind the prefix must be 0: whoever writes 10.1.2.3/8 meant something else. */
bool network_ok(const char *s) MUST_USE;
/* Whether the address lies in the network, which must be ok. An IPv4 address mapped into IPv6 counts as the IPv4 address it is.
 * Other families lie in no network. */
bool network_has(const char *s, const struct sockaddr_storage *a) MUST_USE;

#endif
