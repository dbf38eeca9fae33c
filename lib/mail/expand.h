/* Recipients of this machine become those they stand for: by conf's `aliases`, then, where a name has neither
 * alias nor mailbox, by `default-destination`. */
#ifndef EXPAND_H
#define EXPAND_H

#include "aliases.h"
#include "base.h"
#include "conf.h"
#include "recipients.h"
#include "str.h"

#include <stdbool.h>

/* For any there are, each is there once afterwards, with its `from` kept. Recipients given without a domain,
 * or in local-domains; mailing lists there stay what they are. false: the file of aliases is there and cannot
 * be read, one sentence in to->why. remarks: what was left out, lines "FILE:LINE: why". */
bool recipients_expand(struct recipients *to, const struct conf *c, struct str *remarks) MUST_USE;

/* conf's aliases, the caller frees. NULL: none, and *why says so when they are there and cannot be read. A file
 * that is missing at the usual place is an empty one. */
struct aliases *aliases_load(const struct conf *c, struct str *faults, struct str *why) MUST_USE;

/* The file of aliases, looked over whole: how many names it has, or -1 when there is none; faults as remarks
 * above, or the sentence why it cannot be read. */
long aliases_count_checked(const struct conf *c, struct str *faults);

#endif
