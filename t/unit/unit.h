/* Table tests in C: each t/unit/ROOM-name.c is a program that prints TAP. t/0001-units.t runs them all. */
#ifndef UNIT_H
#define UNIT_H

#include "base.h"

#include <stdbool.h>

static int unit_n, unit_failed;

static void
unit_ok(bool good, const char *file, int line, const char *what)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++unit_n, what);
	if (!good) {
		unit_failed++;
		printf("# %s:%d\n", file, line);
	}
}

static inline void
unit_str(const char *got, const char *want, const char *file, int line, const char *what)
{
	bool good = got && want ? !strcmp(got, want) : got == want;

	unit_ok(good, file, line, what);
	if (!good)
		printf("# got:  %s\n# want: %s\n", got ? got : "(null)", want ? want : "(null)");
}

static inline void
unit_int(long long got, long long want, const char *file, int line, const char *what)
{
	unit_ok(got == want, file, line, what);
	if (got != want)
		printf("# got:  %lld\n# want: %lld\n", got, want);
}

#define OK(cond, what) unit_ok(cond, __FILE__, __LINE__, what)
#define STR_EQ(got, want, what) unit_str(got, want, __FILE__, __LINE__, what)
#define INT_EQ(got, want, what) unit_int((long long)(got), (long long)(want), __FILE__, __LINE__, what)
#define DONE()                                                                                               \
	do {                                                                                                 \
		printf("1..%d\n", unit_n);                                                                   \
		return unit_failed != 0;                                                                     \
	} while (0)

#endif
