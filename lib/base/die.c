#include "base.h"

#include "die.h"
#include "str.h"
#include "version.h"

#include <errno.h>
#include <stdarg.h>
#include <unistd.h>

const char *prog = "mox";
static int code_perm = EXIT_PERM, code_temp = EXIT_TEMP;

void
prog_start(const char *name)
{
	prog = name;
}

void
die_codes(int perm, int temp)
{
	code_perm = perm;
	code_temp = temp;
}

int
die_code_perm(void)
{
	return code_perm;
}

int
die_code_temp(void)
{
	return code_temp;
}

/* One write, without the heap: this must work when memory is gone. */
static void
say(const char *fmt, va_list ap)
{
	char text[2048], line[4 * sizeof text + 64];
	size_t n;
	int err = errno;

	errno = err;
	vsnprintf(text, sizeof text, fmt, ap);
	n = (size_t)snprintf(line, 64, "%.60s: ", prog);
	n += text_visible(line + n, sizeof line - n - 1, text, strlen(text));
	line[n++] = '\n';
	for (size_t off = 0; off < n;) {
		ssize_t w = write(2, line + off, n - off);
		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0)
			break;
		off += (size_t)w;
	}
	errno = err;
}

void
warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
}

#define DIE(code)                                                                                            \
	do {                                                                                                 \
		va_list ap;                                                                                  \
		va_start(ap, fmt);                                                                           \
		say(fmt, ap);                                                                                \
		va_end(ap);                                                                                  \
		exit(code);                                                                                  \
	} while (0)

void
die_temp(const char *fmt, ...)
{
	DIE(code_temp);
}

void
die_perm(const char *fmt, ...)
{
	DIE(code_perm);
}

void
die_exit(int code, const char *fmt, ...)
{
	DIE(code);
}

void
die_usage(const char *usage)
{
	fprintf(stderr, "usage: %s\n", usage);
	exit(code_perm);
}

void
print_usage(const char *usage)
{
	printf("usage: %s\n", usage);
	exit(fflush(stdout) ? code_temp : 0);
}

void
print_version(void)
{
	printf("%s (moxq) %s\n", prog, MOXQ_VERSION);
	exit(fflush(stdout) ? code_temp : 0);
}

void
bug(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
	abort();
}
