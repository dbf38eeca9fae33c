#include "base.h"

#include "clock.h"
#include "retry.h"
#include "unit.h"

static int64_t steps[] = {
    450 * SECOND, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR, 16 * HOUR};
static const struct conf_retry usual = {
    .interval = steps, .n = 8, .give_up = 5 * DAY, .delay_notice = 2 * HOUR};
static const struct conf_retry mox = {.interval = steps, .n = 8, .give_up = 100 * DAY, .max_attempts = 8};

int
main(void)
{
	static const struct {
		unsigned attempts;
		int64_t pause;
	} pauses[] = {{0, 450 * SECOND}, {1, 450 * SECOND}, {2, 15 * MINUTE}, {8, 16 * HOUR}, {9, 16 * HOUR},
	    {1000, 16 * HOUR}};
	static const struct {
		int64_t age;
		unsigned rounds;
	} ages[] = {
	    {0, 1}, {449 * SECOND, 1}, {450 * SECOND, 2}, {1350 * SECOND, 3}, {32 * HOUR, 9}, {5 * DAY, 14}};
	static const struct {
		const struct conf_retry *r;
		int64_t age;
		unsigned attempts;
		bool over;
		const char *what;
	} ends[] = {
	    {&usual, 5 * DAY - 1, 14, false, "before give-up: no"},
	    {&usual, 5 * DAY, 14, true, "at give-up: yes"},
	    {&usual, 10 * DAY, 1, false, "T124 old, but tried once only: no, it was held or the clock leapt"},
	    {&usual, 10 * DAY, 3, true, "T124 but after three attempts: yes"},
	    {&usual, -DAY, 9, false, "T124 clock went back: no"},
	    {&mox, HOUR, 7, false, "seven of eight attempts: no"},
	    {&mox, HOUR, 8, true, "eight of eight: yes"},
	    {&mox, 40 * HOUR, 3, true, "eight rounds went by: yes"},
	};
	struct conf_retry jitter = usual;

	for (size_t i = 0; i < ARRAY_LEN(pauses); i++)
		INT_EQ(retry_pause(&usual, pauses[i].attempts, 77), pauses[i].pause, "pause");
	for (size_t i = 0; i < ARRAY_LEN(ages); i++)
		INT_EQ(retry_rounds(&usual, ages[i].age), ages[i].rounds, "rounds by age");
	for (size_t i = 0; i < ARRAY_LEN(ends); i++)
		OK(retry_is_over(ends[i].r, ends[i].age, ends[i].attempts) == ends[i].over, ends[i].what);
	OK(retry_is_overdue(&usual, 6 * DAY, 2 * DAY),
	    "not tried for two days of six, the site is down: yes");
	OK(!retry_is_overdue(&usual, 6 * DAY, HOUR), "held for six days, due for an hour: no");
	OK(!retry_is_overdue(&usual, 4 * DAY, 4 * DAY), "four days: no");
	OK(!retry_is_late(&usual, 2 * HOUR - 1, 4, 0), "T78 not two hours old: no notice of the delay");
	OK(retry_is_late(&usual, 2 * HOUR, 4, 0), "T78 two hours: one");
	OK(!retry_is_late(&usual, DAY, 1, 0), "a day old, tried once: it was held, or scheduled");
	OK(retry_is_late(&usual, DAY, 0, HOUR), "not tried, but its site has been down for an hour: one");
	OK(!retry_is_late(&usual, 5 * DAY, 9, 0), "at the end the notice is that of the failure");
	OK(!retry_is_late(&mox, 50 * HOUR, 9, HOUR), "delay-notice = 0: none");
	jitter.jitter = true;
	for (uint32_t i = 0; i < 5000; i += 499) {
		int64_t p = retry_pause(&jitter, 2, i);
		OK(p >= 15 * MINUTE * 15 / 16 && p <= 15 * MINUTE * 17 / 16,
		    "T128 jitter stays within a sixteenth");
	}
	INT_EQ(retry_hint(0), 0, "no hint");
	INT_EQ(retry_hint(SECOND), MINUTE, "T129 a hint of a second is a minute");
	INT_EQ(retry_hint(10 * HOUR), 4 * HOUR, "T129 a hint of ten hours is four");
	INT_EQ(retry_hint(300 * SECOND), 300 * SECOND, "T129 five minutes are five minutes");
	INT_EQ(retry_hint(30 * DAY), 0, "T129 a month is absurd");
	DONE();
}
