/* Which addresses anybody may be made to connect to by what stands in somebody's DNS (T96). */
#ifndef TARGET_H
#define TARGET_H

#include "base.h"

#include <stdbool.h>

/* b: 4 or 16 bytes. Refused are multicast and broadcast, where no server is, and, unless loopback, this machine's
 * own loopback and the unspecified address, also in IPv6's spelling of IPv4 addresses. */
bool target_allowed(int family, const unsigned char *b, bool loopback) MUST_USE;
/* The same for the text of an address; false too for what is none. */
bool target_text_allowed(const char *s, bool loopback) MUST_USE;
/* Of networks that nobody outside can reach: RFC 1918, 6598, 3927, 4193, 4291 2.5.6. */
bool target_text_private(const char *s) MUST_USE;

#endif
