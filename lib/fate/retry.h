/* When to try again, and when to stop: pure functions over the schedule (conf.h, mox.conf.5 `retry`). Times
 * in microseconds. */
#ifndef RETRY_H
#define RETRY_H

#include "base.h"
#include "conf.h"

#include <stdbool.h>
#include <stdint.h>

/* Pause after attempt number `attempts` (from 1). The last interval repeats. random: any 32 bits; with jitter
 * the pause is stretched or shortened by at most a sixteenth. */
int64_t retry_pause(const struct conf_retry *r, unsigned attempts, uint32_t random);

/* Rounds in which a message of this age was due, the first at once: what max-attempts counts. */
unsigned retry_rounds(const struct conf_retry *r, int64_t age);

/* A recipient whose attempts have all failed so far: is it enough? By max-attempts, or by age; but age alone ends nothing that was not
 * tried 3 times: it may have been held, or the clock may have leapt (T124). */
bool retry_is_over(const struct conf_retry *r, int64_t age, unsigned attempts);

/* The same for one whose site is down, so that it is not tried: waited is the time since it was due. */
bool retry_is_overdue(const struct conf_retry *r, int64_t age, int64_t waited);

/* Is it time to tell the sender that it is late? By delay-notice (0: never), but not of what was held, or
 * hit by a leap of the clock: it must have been tried twice, or have waited for a site that is down. */
bool retry_is_late(const struct conf_retry *r, int64_t age, unsigned attempts, int64_t waited);

/* Attempts that a message of this age has probably seen: for a rebuild. */
unsigned retry_guess_attempts(const struct conf_retry *r, int64_t age);

/* A hint of the peer ("try again in N", microseconds), kept between 1 minute and 4 hours; 0 when there is
 * none or it is absurd (T129). */
int64_t retry_hint(int64_t wait);

#endif
