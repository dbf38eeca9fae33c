#include "base.h"

#include "clock.h"
#include "fdio.h"
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

int
file_stamp(int dir, const char *name, int64_t when)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600), r, err;
	struct timespec t[2];

	if (fd < 0)
		return -1;
	t[0].tv_sec = t[1].tv_sec = when / SECOND;
	t[0].tv_nsec = t[1].tv_nsec = when % SECOND * 1000;
	r = futimens(fd, t);
	err = errno;
	close(fd);
	errno = err;
	return r;
}

int
file_sync(int fd)
{
	int r;

	do
		r = fsync(fd);
	while (r && errno == EINTR);
	return r;
}

int
file_sync_data(int fd)
{
	int r;

	do
		r = fdatasync(fd);
	while (r && errno == EINTR);
	return r;
}

int
file_sync_fs(int fd)
{
	return syncfs(fd);
}

int
file_move(int from, const char *name, int to, const char *as)
{
	return renameat2(from, name, to, as, RENAME_NOREPLACE);
}

int
file_move_over(int from, const char *name, int to, const char *as)
{
	return renameat(from, name, to, as);
}

int
file_commit(int fd, int from, const char *name, int to, const char *as, bool *renamed)
{
	int err;

	*renamed = false;
	if (file_sync(fd)) {
		err = errno;
		close(fd);
		errno = err;
		return -1;
	}
	if (close(fd))
		return -1;
	if (file_move(from, name, to, as))
		return -1;
	*renamed = true;
	return file_sync(to);
}

static int
replace(int dir, const char *name, const void *data, size_t n, unsigned mode, bool sync)
{
	struct str tmp = {0};
	int fd, err;

	str_addf(&tmp, ".%s.%ld", name, (long)getpid());
	fd = openat(dir, tmp.s, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0)
		goto fail;
	if (fd_write_all(fd, data, n) || (sync && file_sync(fd))) {
		err = errno;
		close(fd);
		errno = err;
		goto fail;
	}
	if (close(fd) || file_move_over(dir, tmp.s, dir, name) || (sync && file_sync(dir)))
		goto fail;
	str_free(&tmp);
	return 0;
fail:
	err = errno;
	unlinkat(dir, tmp.s, 0);
	str_free(&tmp);
	errno = err;
	return -1;
}

int
file_replace(int dir, const char *name, const void *data, size_t n, unsigned mode)
{
	return replace(dir, name, data, n, mode, true);
}

int
file_replace_unsynced(int dir, const char *name, const void *data, size_t n, unsigned mode)
{
	return replace(dir, name, data, n, mode, false);
}

int
file_read(int dir, const char *name, struct str *out, size_t max)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOCTTY), err;
	size_t start = out->len;
	ssize_t r;

	if (fd < 0)
		return -1;
	do {
		size_t room = max - (out->len - start) + 1;

		if (room > 65536)
			room = 65536;
		str_reserve(out, room);
		r = fd_read(fd, out->s + out->len, room);
		if (r > 0)
			out->len += (size_t)r;
		if (out->len - start > max) {
			errno = EFBIG;
			r = -1;
		}
	} while (r > 0);
	err = errno;
	close(fd);
	if (r < 0) {
		str_cut(out, start);
		errno = err;
		return -1;
	}
	out->s[out->len] = 0;
	return 0;
}
