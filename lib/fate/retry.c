#include "base.h"

#include "clock.h"
#include "retry.h"

#define LEAST_ATTEMPTS 3

int64_t
retry_pause(const struct conf_retry *r, unsigned attempts, uint32_t random)
{
	size_t i = attempts ? attempts - 1 : 0;
	int64_t pause = r->interval[i < r->n ? i : r->n - 1];

	if (r->jitter)
		pause += pause / 16 * ((int64_t)(random % 2001) - 1000) / 1000;
	return pause;
}

unsigned
retry_rounds(const struct conf_retry *r, int64_t age)
{
	unsigned rounds = 1;
	int64_t last = r->interval[r->n - 1];

	for (size_t i = 0; i < r->n; i++) {
		if (age < r->interval[i])
			return rounds;
		age -= r->interval[i];
		rounds++;
	}
	return age / last > 1000000 ? 1000000 : rounds + (unsigned)(age / last);
}

static bool
is_old(const struct conf_retry *r, int64_t age)
{
	return age >= r->give_up || (r->max_attempts && retry_rounds(r, age) > r->max_attempts);
}

bool
retry_is_over(const struct conf_retry *r, int64_t age, unsigned attempts)
{
	if (r->max_attempts && attempts >= r->max_attempts)
		return true;
	return attempts >= LEAST_ATTEMPTS && is_old(r, age);
}

bool
retry_is_overdue(const struct conf_retry *r, int64_t age, int64_t waited)
{
	return waited >= r->give_up / 5 && is_old(r, age);
}

bool
retry_is_late(const struct conf_retry *r, int64_t age, unsigned attempts, int64_t waited)
{
	return r->delay_notice && age >= r->delay_notice && age < r->give_up &&
	       (attempts >= 2 || waited >= r->delay_notice / 4);
}

unsigned
retry_guess_attempts(const struct conf_retry *r, int64_t age)
{
	return age < 0 ? 0 : retry_rounds(r, age) - 1;
}

int64_t
retry_hint(int64_t wait)
{
	if (wait <= 0 || wait > 7 * DAY)
		return 0;
	if (wait < MINUTE)
		return MINUTE;
	return wait > 4 * HOUR ? 4 * HOUR : wait;
}
