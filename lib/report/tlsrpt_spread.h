/* Reports of a day do not all go out at once (RFC 8460 4.1: others report at midnight, too). */
#ifndef TLSRPT_SPREAD_H
#define TLSRPT_SPREAD_H

#include "base.h"

#include <stddef.h>
#include <stdint.h>

/* The pause before the next of `left` reports, of a time of `spread`: equal parts, at most 5 minutes, half as long or
 * half as long again at random. Pure. */
int64_t spread_pause(int64_t spread, size_t left, uint32_t random);
void spread_wait(int64_t spread, size_t left);

#endif
