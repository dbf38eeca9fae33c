#include "base.h"

#include "clock.h"
#include "tlsrpt_spread.h"

#include <poll.h>
#include <sys/random.h>

#define PAUSE_MAX (5 * MINUTE)

int64_t
spread_pause(int64_t time, size_t left, uint32_t random)
{
	int64_t part = left && time > 0 ? time / (int64_t)left : 0, pause;

	if (part > PAUSE_MAX)
		part = PAUSE_MAX;
	pause = part / 2 + (int64_t)((uint64_t)part * (random & 0xffff) / 0xffff);
	return pause < time ? pause : part;
}

void
spread_wait(int64_t until, size_t left)
{
	uint32_t random = 0;
	int64_t now = clock_mono(), deadline;

	if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
		random = (uint32_t)now;
	deadline = now + spread_pause(until - now, left, random);
	while (clock_mono() < deadline)
		poll(NULL, 0, clock_timeout(deadline));
}
