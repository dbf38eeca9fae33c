#include "base.h"

#include "clock.h"
#include "unit.h"

#include <limits.h>
#include <unistd.h>

static char path[] = "/tmp/moxq-clock.XXXXXX";

static void
set(const char *text)
{
	FILE *f = fopen(path, "w");

	if (!f || fputs(text, f) < 0 || fclose(f))
		abort();
}

static void
moved(void)
{
	static const struct {
		const char *text;
		int64_t by;
	} t[] = {
	    {"0\n", 0}, {"3600\n", HOUR}, {"-86400", -DAY}, {"864000", 10 * DAY}, {"", 0}, {"nonsense", 0}};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		int64_t off;

		set(t[i].text);
		off = clock_now() - (int64_t)time(NULL) * SECOND - t[i].by;
		OK(off > -2 * SECOND && off < 2 * SECOND, t[i].text);
	}
	unlink(path);
	OK(clock_now() - (int64_t)time(NULL) * SECOND < 2 * SECOND, "no file: no offset");
}

static void
shown(void)
{
	static const struct {
		int64_t us;
		int millis;
		const char *text;
	} t[] = {
	    {0, 0, "1970-01-01T00:00:00Z"},
	    {INT64_C(1795228273123456), 0, "2026-11-21T02:31:13Z"},
	    {INT64_C(1795228273123456), 1, "2026-11-21T02:31:13.123Z"},
	    {INT64_C(1795228273009999), 1, "2026-11-21T02:31:13.009Z"},
	    {INT64_C(951782400000000), 0, "2000-02-29T00:00:00Z"},
	    {-1, 1, "1969-12-31T23:59:59.999Z"},
	};
	char out[CLOCK_ISO_SIZE];

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		clock_iso(out, t[i].us, t[i].millis);
		STR_EQ(out, t[i].text, t[i].text);
	}
}

int
main(void)
{
	int fd = mkstemp(path);
	int64_t now = clock_mono();

	if (fd < 0)
		abort();
	close(fd);
	setenv("MOX_TEST_CLOCK", path, 1);
	moved();
	shown();
	INT_EQ(clock_timeout(now - 1), 0, "a deadline that is past");
	OK(clock_timeout(clock_mono() + 1) == 1 || clock_timeout(clock_mono() + 100) <= 1,
	    "rounded up: never a hot loop");
	OK(clock_timeout(clock_mono() + MINUTE) > 59000, "a minute");
	INT_EQ(clock_timeout(INT64_MAX), INT_MAX, "for ever");
	OK(clock_mono() >= now, "never backwards");
	DONE();
}
