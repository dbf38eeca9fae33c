#include "base.h"

#include "date.h"

static time_t
seconds(int64_t us)
{
	return (time_t)(us / 1000000 - (us % 1000000 < 0));
}

static void
format(char out[DATE_SIZE], const struct tm *tm, long offset)
{
	static const char day[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	static const char month[12][4] = {
	    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	long minutes = (offset < 0 ? -offset : offset) / 60;

	snprintf(out, DATE_SIZE, "%s, %d %s %04d %02d:%02d:%02d %c%02ld%02ld", day[tm->tm_wday], tm->tm_mday,
	    month[tm->tm_mon], tm->tm_year + 1900, tm->tm_hour, tm->tm_min, tm->tm_sec, offset < 0 ? '-' : '+',
	    minutes / 60 % 100, minutes % 60);
}

void
date_utc(char out[DATE_SIZE], int64_t us)
{
	time_t t = seconds(us);
	struct tm tm = {.tm_mday = 1};

	gmtime_r(&t, &tm);
	format(out, &tm, 0);
}

void
date_local(char out[DATE_SIZE], int64_t us)
{
	time_t t = seconds(us);
	struct tm tm = {.tm_mday = 1};

	tzset();
	localtime_r(&t, &tm);
	format(out, &tm, tm.tm_gmtoff);
}
