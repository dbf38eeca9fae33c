/* Reports of a day do not all go out at once (RFC 8460 4.1: others report at midnight, too). */
#ifndef TLSRPT_SPREAD_H
#define TLSRPT_SPREAD_H

#include "base.h"

#include <stddef.h>
#include <stdint.h>

/* The pause before the next of `left` reports, of what is left of the time: equal parts, at most 5 minutes, half as long or
 * half as long again at random; never more than there is. Pure. */
int64_t spread_pause(int64_t time, size_t left, uint32_t random);
/* until: monotonic, when the last one is to go out. What takes longer makes the other pauses shorter. */
void spread_wait(int64_t until, size_t left);

#endif
