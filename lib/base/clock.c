#include "base.h"

#include "clock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

static const char *file;
static int looked;

void
clock_use(const char *name)
{
	looked = 1;
	file = name;
}

static int64_t
test_offset(void)
{
	char buf[32];
	static int64_t off;
	ssize_t n;
	int fd, err = errno;

	if (!looked) {
		looked = 1;
		file = secure_getenv("MOX_TEST_CLOCK");
	}
	if (!file)
		return 0;
	fd = open(file, O_RDONLY | O_CLOEXEC);
	/* Within a sandbox the last one stays. */
	if (fd >= 0 || (errno != EACCES && errno != EPERM))
		off = 0;
	if (fd >= 0) {
		if ((n = read(fd, buf, sizeof buf - 1)) > 0) {
			buf[n] = 0;
			off = strtoll(buf, NULL, 10) * SECOND;
		}
		close(fd);
	}
	errno = err;
	return off;
}

static int64_t
micros(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return ts.tv_sec * SECOND + ts.tv_nsec / 1000;
}

int64_t
clock_now(void)
{
	return micros(CLOCK_REALTIME) + test_offset();
}

int64_t
clock_mono(void)
{
	return micros(CLOCK_MONOTONIC);
}

int
clock_timeout(int64_t deadline)
{
	int64_t left = deadline - clock_mono();

	if (left <= 0)
		return 0;
	left = (left + 999) / 1000;
	return left > INT_MAX ? INT_MAX : (int)left;
}

void
clock_iso(char out[CLOCK_ISO_SIZE], int64_t us, int millis)
{
	/* A log has many lines in a second. */
	static _Thread_local char text[CLOCK_ISO_SIZE];
	static _Thread_local time_t second;
	static _Thread_local size_t length;
	int64_t part = (us % SECOND + SECOND) % SECOND; /* of times before 1970 too */
	time_t t = (time_t)((us - part) / SECOND);
	struct tm tm;
	size_t n;

	if (!length || t != second) {
		if (!gmtime_r(&t, &tm))
			memset(&tm, 0, sizeof tm);
		length = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
		second = t;
	}
	n = length;
	memcpy(out, text, n);
	if (millis && n + 5 < CLOCK_ISO_SIZE) {
		out[n++] = '.';
		for (int unit = 100000; unit >= 1000; unit /= 10)
			out[n++] = (char)('0' + part / unit % 10);
	}
	memcpy(out + n, "Z", 2);
}

void
clock_day(char out[CLOCK_DAY_SIZE], int64_t us)
{
	char iso[CLOCK_ISO_SIZE];

	clock_iso(iso, us, 0);
	snprintf(out, CLOCK_DAY_SIZE, "%.4s%.2s%.2s", iso, iso + 5, iso + 8);
}

/* Two digits at *s, at most max; *s moves on. */
static bool
two_digits(const char **s, int max, int *out)
{
	const char *d = *s;

	if (d[0] < '0' || d[0] > '9' || d[1] < '0' || d[1] > '9')
		return false;
	*out = (d[0] - '0') * 10 + d[1] - '0';
	*s = d + 2;
	return *out <= max;
}

static bool
parse_date(const char **s, struct tm *tm)
{
	int century, year;

	if (!two_digits(s, 99, &century) || !two_digits(s, 99, &year) || *(*s)++ != '-' ||
	    !two_digits(s, 12, &tm->tm_mon) || *(*s)++ != '-' || !two_digits(s, 31, &tm->tm_mday))
		return false;
	tm->tm_year = century * 100 + year - 1900;
	return tm->tm_mon-- && tm->tm_mday && tm->tm_year >= 70;
}

/* [T]HH:MM[:SS[.digits]]; fractions are dropped. */
static bool
parse_time(const char **s, struct tm *tm)
{
	if (!two_digits(s, 23, &tm->tm_hour) || *(*s)++ != ':' || !two_digits(s, 59, &tm->tm_min))
		return false;
	if (**s != ':')
		return true;
	++*s;
	if (!two_digits(s, 60, &tm->tm_sec))
		return false;
	if (**s == '.')
		*s += 1 + strspn(*s + 1, "0123456789");
	return true;
}

static bool
parse_zone(const char *s, int64_t *offset)
{
	int sign = *s == '-' ? -1 : 1, hours, minutes = 0;

	*offset = 0;
	if (!strcmp(s, "Z"))
		return true;
	if (*s != '+' && *s != '-')
		return false;
	s++;
	if (!two_digits(&s, 23, &hours))
		return false;
	if (*s == ':')
		s++;
	if (*s && !two_digits(&s, 59, &minutes))
		return false;
	*offset = sign * (hours * HOUR + minutes * MINUTE);
	return !*s;
}

bool
clock_parse(const char *s, int64_t *us)
{
	struct tm tm = {.tm_isdst = -1};
	int64_t offset = 0;
	int day;
	time_t t;

	if (!parse_date(&s, &tm))
		return false;
	if ((*s == 'T' || *s == ' ') && (s++, !parse_time(&s, &tm)))
		return false;
	if (*s && !parse_zone(s, &offset))
		return false;
	day = tm.tm_mday;
	t = *s ? timegm(&tm) : mktime(&tm);
	*us = (int64_t)t * SECOND - offset;
	return tm.tm_mday == day; /* 30 February moved on */
}
