/* Who may send as a domain (S16): `accounts` of a `domain` section. Asked by the door alone, which every message passes. Pure, and without
 * IDNA, whose tables the door is too small for: what is not ASCII may be any domain, and where some domain is kept for some it is
 * open to root alone. */
#ifndef RIGHTS_H
#define RIGHTS_H

#include "base.h"
#include "conf.h"

#include <stdbool.h>
#include <stddef.h>

/* Whether any domain is kept for some; where not, everything is allowed. */
bool rights_matter(const struct conf *c);
/* Whether the domain of the address, mailname for a bare one, is open to the account; "" is nobody's address. */
bool rights_allow(const struct conf *c, const char *account, const char *address);
/* The first address of From: whose domain is not; where From: cannot be read, the first @domain in it. The caller frees; NULL: all are open. */
char *rights_forbidden_author(
    const struct conf *c, const char *account, const char *header, size_t n) MUST_USE;

#endif
