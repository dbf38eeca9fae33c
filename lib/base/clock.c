#include "base.h"

#include "clock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

static int64_t
test_offset(void)
{
	static const char *file;
	static int looked;
	char buf[32];
	ssize_t n;
	int fd, err = errno;
	int64_t off = 0;

	if (!looked) {
		looked = 1;
		file = secure_getenv("MOX_TEST_CLOCK");
	}
	if (!file)
		return 0;
	fd = open(file, O_RDONLY | O_CLOEXEC);
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
	time_t t = (time_t)(us / SECOND);
	struct tm tm;
	size_t n;

	if (!gmtime_r(&t, &tm))
		memset(&tm, 0, sizeof tm);
	n = strftime(out, CLOCK_ISO_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
	if (millis)
		n += (size_t)snprintf(out + n, CLOCK_ISO_SIZE - n, ".%03d", (int)(us % SECOND / 1000));
	snprintf(out + n, CLOCK_ISO_SIZE - n, "Z");
}
