/* Whether the public keys that our reports are signed with may sign reports: their record's s= (RFC 8460 3, T56). */
#ifndef TLSRPT_KEY_H
#define TLSRPT_KEY_H

#include "base.h"
#include "tlsrpt_submitter.h"

#include <stdbool.h>

/* Looks each key's record up; one that is for other services alone is told in the log. */
void tlsrpt_key_check(const struct tlsrpt_signer *s, const char *conf_file);
/* Of a key record's text: no s=, or one with tlsrpt or * in it. Pure. */
bool tlsrpt_key_serves(const char *record);

#endif
