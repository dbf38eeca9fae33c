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
	    month[tm->tm_mon], tm->tm_year + 1900, tm->tm_hour, tm->tm_min, tm->tm_sec,
	    offset < 0 ? '-' : '+', minutes / 60 % 100, minutes % 60);
}

/* The Gregorian calendar by arithmetic: gmtime_r reads the time zone's file first, seven system calls that
 * the spool's door need not make for every message. Years are counted from 1 March of year 0, in cycles of
 * 400 years of 146097 days. */
void
date_utc(char out[DATE_SIZE], int64_t us)
{
	int64_t t = seconds(us), day = t / 86400 - (t % 86400 < 0), s = t - day * 86400, z = day + 719468;
	int64_t cycle = z / 146097 - (z % 146097 < 0), d = z - cycle * 146097;
	int64_t year = (d - d / 1460 + d / 36524 - d / 146096) / 365, m;
	struct tm tm = {.tm_hour = (int)(s / 3600), .tm_min = (int)(s / 60 % 60), .tm_sec = (int)(s % 60)};

	d -= 365 * year + year / 4 - year / 100;
	m = (5 * d + 2) / 153;
	tm.tm_mday = (int)(d - (153 * m + 2) / 5 + 1);
	tm.tm_mon = (int)(m < 10 ? m + 2 : m - 10);
	tm.tm_year = (int)(year + cycle * 400 + (m >= 10) - 1900);
	tm.tm_wday = (int)((day % 7 + 11) % 7);
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
