#include "base.h"

#include "date.h"
#include "unit.h"

/* Our calendar agrees with the C library's, some days and hours apart, from 1600 to 2500. */
static int
calendar_differs(void)
{
	static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	int differ = 0;

	for (time_t t = -11676096000; t < 16725225600; t += 100003) {
		char got[DATE_SIZE], want[32];
		struct tm tm;

		gmtime_r(&t, &tm);
		date_utc(got, (int64_t)t * 1000000);
		snprintf(want, sizeof want, "%s, %d ", days[tm.tm_wday], tm.tm_mday);
		differ += !!strncmp(got, want, strlen(want));
		strftime(want, sizeof want, "%b %Y %H:%M:%S +0000", &tm);
		differ += !strstr(got, want);
	}
	return differ;
}

int
main(void)
{
	static const struct {
		const char *tz;
		int64_t us;
		const char *want;
	} t[] = {
	    {NULL, INT64_C(1795228273123456), "Sat, 21 Nov 2026 02:31:13 +0000"},
	    {NULL, 0, "Thu, 1 Jan 1970 00:00:00 +0000"},
	    {NULL, -1, "Wed, 31 Dec 1969 23:59:59 +0000"},
	    {NULL, INT64_C(1709210096000000), "Thu, 29 Feb 2024 12:34:56 +0000"},
	    {"TST-5:30", INT64_C(1795228273000000), "Sat, 21 Nov 2026 08:01:13 +0530"},
	    {"TST+3:30", INT64_C(1795228273000000), "Fri, 20 Nov 2026 23:01:13 -0330"},
	    {"UTC0", INT64_C(1795228273000000), "Sat, 21 Nov 2026 02:31:13 +0000"},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		char got[DATE_SIZE];

		if (t[i].tz) {
			setenv("TZ", t[i].tz, 1);
			date_local(got, t[i].us);
		} else
			date_utc(got, t[i].us);
		STR_EQ(got, t[i].want, t[i].tz ? "local date" : "UTC date");
	}
	INT_EQ(calendar_differs(), 0, "900 years of dates");
	DONE();
}
