/* Time. Wall time is microseconds since 1970 UTC; deadlines are microseconds of CLOCK_MONOTONIC.
 *
 * The test clock: MOX_TEST_CLOCK names a file that holds a decimal number of seconds (may be negative), added
 * to wall time; it is read anew at each call, so that a test can move a running daemon (and pull its
 * trigger). Ignored under AT_SECURE. */
#ifndef CLOCK_H
#define CLOCK_H

#include "base.h"

#include <stdbool.h>
#include <stdint.h>

#define SECOND INT64_C(1000000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

int64_t clock_now(void);
void clock_use(const char *file); /* a borrow for good; NULL: no test clock */
int64_t clock_mono(void);
/* poll(2) timeout in ms until the monotonic deadline: 0 when past, rounded up, at most INT_MAX. */
int clock_timeout(int64_t deadline);
/* "2026-11-21T02:31:13Z" into out (21 bytes with NUL; 25 with milliseconds, "...13.123Z"). */
#define CLOCK_ISO_SIZE 32
void clock_iso(char out[CLOCK_ISO_SIZE], int64_t us, int millis);
/* "20261121", the day in UTC, as names of files have it. */
#define CLOCK_DAY_SIZE 9
void clock_day(char out[CLOCK_DAY_SIZE], int64_t us);

/* ISO 8601: "2026-11-21", "2026-11-21T02:31", with seconds, with Z or an offset such as "+01:00" or "+0100";
 * a blank may stand for the T. Without a zone it is local time. */
bool clock_parse(const char *s, int64_t *us) MUST_USE;

#endif
