#include "base.h"

#include "die.h"
#include "half.h"
#include "spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define HALF ".half"

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
	(void)st;
	(void)where;
	return kind == FTW_DP ? rmdir(path) : unlink(path);
}

void
half_remove(const char *path)
{
	if (nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) && errno != ENOENT)
		warn("unable to remove %s: %m", path);
}

int
half_make(struct str *path, const char *target)
{
	int dir;

	str_addf(path, "%s.%ld" HALF, target, (long)getpid());
	if (mkdir(path->s, 0700))
		return -1;
	/* Never closed: the lock is to hold until the program ends. */
	dir = open(path->s, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir < 0 || flock(dir, LOCK_EX | LOCK_NB) || spool_make(path->s) ? -1 : 0;
}

/* Length of TARGET in TARGET.PID.half; 0: it is no such name. */
static size_t
target_length(const char *name)
{
	size_t len = strlen(name), end = len > strlen(HALF) ? len - strlen(HALF) : 0, pid = end;

	if (!end || strcmp(name + end, HALF) != 0)
		return 0;
	while (pid && name[pid - 1] >= '0' && name[pid - 1] <= '9')
		pid--;
	return pid > 1 && pid < end && name[pid - 1] == '.' ? pid - 1 : 0;
}

static bool
is_dead(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	bool dead = fd >= 0 && !faccessat(fd, "new", F_OK, 0) && !flock(fd, LOCK_EX | LOCK_NB);

	if (fd >= 0)
		close(fd);
	return dead;
}

void
half_clear(const char *target)
{
	const char *slash = strrchr(target, '/'), *base = slash ? slash + 1 : target;
	struct str above = {0}, path = {0};
	struct dirent *e;
	DIR *d;

	str_add(&above, target, (size_t)(base - target));
	str_adds(&above, ".");
	d = opendir(above.s);
	while (d && (e = readdir(d))) {
		size_t n = target_length(e->d_name);

		str_reset(&path);
		str_addf(&path, "%.*s%s", (int)(base - target), target, e->d_name);
		if (!n || !is_dead(path.s))
			continue;
		if (n == strlen(base) && !strncmp(e->d_name, base, n)) {
			warn("removing %s, which a backup has left that was killed", path.s);
			half_remove(path.s);
		} else {
			warn("%s was left by a backup that was killed, and is of no use", path.s);
		}
	}
	if (d)
		closedir(d);
	str_free(&above);
	str_free(&path);
}
