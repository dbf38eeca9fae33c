#include "base.h"

#include "file.h"
#include "spool.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static const struct {
	const char *name;
	unsigned mode;
} dirs[] = {{"tmp", 0730}, {"new", 0770}, {"cur", 0700}, {"corrupt", 0700}, {"index", 0700}, {"tlsrpt", 0700},
    {"sts", 0700}};

static int
open_part(int at, const char *name, int how, int *fd, const char **what)
{
	*what = name;
	*fd = openat(at, name, how | O_DIRECTORY | O_CLOEXEC);
	return *fd < 0 ? -1 : 0;
}

int
spool_open(struct spool *s, const char *path, enum spool_part part, const char **what)
{
	bool owner = part == SPOOL_OWNER;
	int err;

	*s = (struct spool){path, -1, -1, -1, -1, -1};
	/* The door may pass through the top and tmp/ but not read them; it reads new/ only because a
	 * directory must be open for reading to be synced. */
	if (open_part(AT_FDCWD, path, owner ? O_RDONLY : O_PATH, &s->dir, what))
		*what = ".";
	else if (!open_part(s->dir, "tmp", owner ? O_RDONLY : O_PATH, &s->tmp, what) &&
		 !open_part(s->dir, "new", O_RDONLY, &s->new, what))
		if (!owner || (!open_part(s->dir, "cur", O_RDONLY, &s->cur, what) &&
				  !open_part(s->dir, "corrupt", O_RDONLY, &s->corrupt, what)))
			return 0;
	err = errno;
	spool_close(s);
	errno = err;
	return -1;
}

void
spool_close(struct spool *s)
{
	int *const fds[] = {&s->dir, &s->tmp, &s->new, &s->cur, &s->corrupt};

	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}

/* mkdir with exactly this mode; what exists is left as it is. */
static int
make_dir(int at, const char *name, unsigned mode)
{
	if (mkdirat(at, name, mode))
		return errno == EEXIST ? 0 : -1;
	return fchmodat(at, name, mode, 0);
}

static int
make_tree(int top)
{
	static const char hex[] = "0123456789abcdef";
	char bucket[] = "cur/00";

	for (size_t i = 0; i < ARRAY_LEN(dirs); i++)
		if (make_dir(top, dirs[i].name, dirs[i].mode))
			return -1;
	for (int i = 0; i < 256; i++) {
		bucket[4] = hex[i >> 4];
		bucket[5] = hex[i & 15];
		if (make_dir(top, bucket, 0700))
			return -1;
	}
	if (mkfifoat(top, "trigger", 0620))
		return errno == EEXIST ? 0 : -1;
	return fchmodat(top, "trigger", 0620, 0);
}

int
spool_make(const char *path)
{
	int top = -1, above = -1, cur = -1, err;

	if (make_dir(AT_FDCWD, path, 0711) || (top = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0 ||
	    make_tree(top))
		goto done;
	/* A message accepted a moment later must not lose the directories above it. */
	if ((cur = openat(top, "cur", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0 || file_sync(cur) ||
	    file_sync(top))
		goto done;
	if ((above = openat(top, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) >= 0 && file_sync(above))
		goto done;
	errno = 0;
done:
	err = errno;
	if (top >= 0)
		close(top);
	if (cur >= 0)
		close(cur);
	if (above >= 0)
		close(above);
	errno = err;
	return err ? -1 : 0;
}

int
spool_room(const struct spool *s, const struct conf *c, uint64_t message_size, bool half)
{
	struct statvfs v;
	uint64_t bytes = c->min_free, inodes = c->min_free_inodes;

	if (half) {
		bytes /= 2;
		inodes /= 2;
	}
	if (fstatvfs(s->dir, &v))
		return -1;
	/* File systems without a fixed number of inodes say 0 of 0. */
	if (v.f_bavail < (bytes + message_size) / v.f_frsize || (v.f_files && v.f_favail < inodes)) {
		errno = ENOSPC;
		return 1;
	}
	return 0;
}

void
spool_trigger(const struct spool *s)
{
	int fd = openat(s->dir, "trigger", O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW), err = errno;

	if (fd >= 0) {
		/* A full fifo means that the reader is awake already; its end meanwhile is what its next scan
		 * is for. */
		if (write(fd, "", 1) < 0) {
		}
		close(fd);
	}
	errno = err;
}

void
spool_name(char out[SPOOL_NAME_SIZE], uint64_t id)
{
	id_bucket(out, id);
	out[2] = '/';
	id_format(out + 3, id);
}

int
spool_open_message(const struct spool *s, uint64_t id, int flags)
{
	char name[SPOOL_NAME_SIZE];

	spool_name(name, id);
	return openat(s->cur, name, flags | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
}

int
spool_open_failed(const struct spool *s, uint64_t id)
{
	char name[sizeof "failed/" + SPOOL_NAME_SIZE] = "failed/";

	spool_name(name + strlen(name), id);
	return openat(s->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
}

bool
spool_is_half(const char *name)
{
	static const char *const whole[] = {"metrics.prom", "doubles"};

	for (size_t i = 0; i < ARRAY_LEN(whole); i++) {
		size_t n = strlen(whole[i]);
		const char *pid = name + n + 2;

		if (*name == '.' && !strncmp(name + 1, whole[i], n) && name[n + 1] == '.' && *pid &&
		    !pid[strspn(pid, "0123456789")])
			return true;
	}
	return false;
}
