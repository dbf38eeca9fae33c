/* Mail addresses as RFC 5321 paths (4.1.2, 4.1.3), with RFC 6531's UTF-8 in local parts and domains.
 * Here an address is the bare path: no <>, no source route. No IDNA here (domain.h): the spool's door links
 * no libidn2. */
#ifndef ADDR_H
#define ADDR_H

#include "base.h"
#include "str.h"

#include <stdbool.h>
#include <stddef.h>

#define ADDR_MAX                                                                                             \
	1000 /* bytes; RFC 5321 4.5.3.1.3 says 256, we carry longer ones and leave the refusal to the peer   \
	      */

/* NULL when s is a mailbox `local-part@domain` (dot-string or quoted-string; domain name or address literal)
 * or, with bare_ok, a local part alone; else half a sentence for a person ("no domain behind @", "control
 * character in the local part"). CR, LF, NUL, other controls, `<`, `>` and spaces outside a quoted string are
 * always refused (T111). */
const char *addr_check(const char *s, size_t n, bool bare_ok);

/* The part behind the last @ outside quotes; NULL for a bare local part. A borrow into s. */
const char *addr_domain(const char *s);

/* Strips what people and callers write around a path: surrounding blanks, <>, a source route "@a,@b:". In
 * place; answers the start. "<>" and "" give "". */
char *addr_unwrap(char *s);

#endif
