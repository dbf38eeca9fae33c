/* For t/perf/instructions: as on a kernel without landlock and seccomp, so that callgrind may write its file behind the fence. */
#include "base.h"

#include <dlfcn.h>
#include <errno.h>
#include <linux/prctl.h>
#include <sys/syscall.h>

typedef long call(long, long, long, long, long, long, long);

static call *
real(const char *name)
{
	call *f;

	*(void **)&f = dlsym(RTLD_NEXT, name);
	return f;
}

long
syscall(long number, long a, long b, long c, long d, long e, long f)
{
	if (number >= SYS_landlock_create_ruleset && number <= SYS_landlock_restrict_self) {
		errno = ENOSYS;
		return -1;
	}
	return real("syscall")(number, a, b, c, d, e, f);
}

int prctl(int what, long a, long b, long c, long d);
long syscall(long number, long a, long b, long c, long d, long e, long f);

int
prctl(int what, long a, long b, long c, long d)
{
	if (what == PR_SET_SECCOMP)
		return 0;
	return (int)real("prctl")(what, a, b, c, d, 0, 0);
}
