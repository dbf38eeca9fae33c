/* Recipients of this machine become those they stand for: by conf's `aliases`, then, where a name has neither
 * alias nor mailbox, by `default-destination`. */
#ifndef EXPAND_H
#define EXPAND_H

#include "base.h"
#include "conf.h"
#include "recipients.h"
#include "str.h"

#include <stdbool.h>

/* For any there are, each is there once afterwards, with its `from` kept. Recipients given without a domain, or in local-domains. false: the file of aliases is there and cannot be
 * read, one sentence in to->why. remarks: what was left out, lines "FILE:LINE: why". */
bool recipients_expand(struct recipients *to, const struct conf *c, struct str *remarks) MUST_USE;

/* The file of aliases, looked over whole: how many names it has, or -1 when there is none; faults as remarks
 * above, or the sentence why it cannot be read. */
long aliases_count_checked(const struct conf *c, struct str *faults);

#endif
