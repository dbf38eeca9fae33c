/* Domain names: comparison, and IDNA (RFC 5890-5892, UTS 46 non-transitional, libidn2). */
#ifndef DOMAIN_H
#define DOMAIN_H

#include "base.h"
#include "str.h"

#include <stdbool.h>

/* Lower-case A-labels without trailing dot of a domain in any form, or an address literal "[...]" normalised.
 * The caller frees. NULL: not a domain name (*why: half a sentence, static). At most 253 bytes, labels of 1
 * to 63 letters, digits, - and _. */
char *domain_ascii(const char *s, const char **why) MUST_USE;
/* For showing to people: U-labels. The caller frees. */
char *domain_unicode(const char *ascii) MUST_USE;

#endif
