#include "base.h"

#include "envelope.h"
#include "fdio.h"
#include "replica.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define CLOSE_TO 2 /* seconds: a time of change so near the first look may be that of a later change, too */
#define COPY_AT_ONCE (8U << 20)

static int
fail(struct replica *r, const char *what, const char *name)
{
	str_reset(&r->why);
	str_addf(&r->why, "unable to %s %s: %s", what, name, strerror(errno));
	return -1;
}

/* ---- one file ---- */

static int
copy_bytes(int from, int to)
{
	ssize_t n;

	if (!ioctl(to, FICLONE, from))
		return 0;
	while ((n = copy_file_range(from, NULL, to, NULL, COPY_AT_ONCE, 0)) > 0)
		;
	/* Not between these file systems, or not by this kernel: from where it stopped. */
	if (n < 0 && errno != ENOSPC && errno != EDQUOT && errno != EIO)
		return fd_copy(from, to);
	return n < 0 ? -1 : 0;
}

static int
copy_open(int from, int to, const struct stat *st)
{
	const struct timespec times[] = {st->st_atim, st->st_mtim};

	if (copy_bytes(from, to) || fchmod(to, st->st_mode & 07777))
		return -1;
	if (!geteuid() && fchown(to, st->st_uid, st->st_gid))
		return -1;
	return futimens(to, times);
}

/* What is no regular file, or gone, is none to copy. */
static int
copy_file(struct replica *r, int from, int to, const char *name)
{
	int in = openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC), out, failed, err;
	struct stat st;

	if (in < 0)
		return errno == ENOENT || errno == ELOOP || errno == ENXIO ? 0 : fail(r, "open", name);
	if (fstat(in, &st) || !S_ISREG(st.st_mode)) {
		close(in);
		return 0;
	}
	if ((unlinkat(to, name, 0) && errno != ENOENT) ||
	    (out = openat(to, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)) < 0) {
		failed = fail(r, "make the copy of", name);
		close(in);
		return failed;
	}
	failed = copy_open(in, out, &st);
	err = errno;
	if (close(out) && !failed) {
		failed = -1;
		err = errno;
	}
	close(in);
	errno = err;
	return failed ? fail(r, "copy", name) : 0;
}

static bool
is_same(const struct replica *r, int from, int to, const char *name)
{
	struct stat a, b;

	return !fstatat(from, name, &a, AT_SYMLINK_NOFOLLOW) && !fstatat(to, name, &b, AT_SYMLINK_NOFOLLOW) &&
	       a.st_size == b.st_size && a.st_mtim.tv_sec == b.st_mtim.tv_sec &&
	       a.st_mtim.tv_nsec == b.st_mtim.tv_nsec && a.st_mtim.tv_sec < r->since - CLOSE_TO;
}

/* ---- directories ---- */

typedef int name_fn(struct replica *r, int from, int to, const char *name);

static int
copy_name(struct replica *r, int from, int to, const char *name)
{
	return is_same(r, from, to, name) ? 0 : copy_file(r, from, to, name);
}

static int
drop_name(struct replica *r, int from, int to, const char *name)
{
	struct stat st;

	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW)) {
		if (errno != ENOENT)
			return fail(r, "look at", name);
		if (unlinkat(to, name, 0))
			return fail(r, "remove the copy of", name);
	}
	return 0;
}

/* Names that begin with a dot are half written, or what a crash left. */
static int
each_name(struct replica *r, int walked, name_fn *f, int from, int to)
{
	int fd = openat(walked, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), failed = 0;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!d) {
		if (fd >= 0)
			close(fd);
		return fail(r, "read", "a directory");
	}
	while (!failed && (errno = 0, e = readdir(d))) {
		if (*e->d_name == '.')
			continue;
		failed = f(r, from, to, e->d_name);
		r->step(r->arg);
	}
	if (!failed && errno)
		failed = fail(r, "read", "a directory");
	closedir(d);
	return failed;
}

/* First what is there, then what is there no more. */
static int
copy_dir(struct replica *r, int from, int to)
{
	return each_name(r, from, copy_name, from, to) || each_name(r, to, drop_name, from, to) ? -1 : 0;
}

/* at/name, when it exists there; it is made in the copy. */
static int
copy_named(struct replica *r, int from_at, int to_at, const char *name)
{
	int from = openat(from_at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), to, failed;

	if (from < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? 0 : fail(r, "open", name);
	if ((mkdirat(to_at, name, 0700) && errno != EEXIST) ||
	    (to = openat(to_at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) < 0)
		failed = fail(r, "make the copy of", name);
	else {
		failed = copy_dir(r, from, to);
		if (!failed && !geteuid() && fchown(to, r->top.st_uid, r->top.st_gid))
			failed = fail(r, "give away", name);
		close(to);
	}
	close(from);
	return failed;
}

static int
copy_buckets(struct replica *r, int from, int to)
{
	char name[3];

	for (unsigned i = 0; i < 256; i++) {
		snprintf(name, sizeof name, "%02x", i);
		if (copy_named(r, from, to, name))
			return -1;
	}
	return 0;
}

int
replica_cur(struct replica *r)
{
	return copy_buckets(r, r->from->cur, r->to->cur);
}

int
replica_new(struct replica *r)
{
	return copy_dir(r, r->from->new, r->to->new);
}

/* ---- what has changed ---- */

/* As it is now: copied, or gone. */
static int
copy_again(struct replica *r, int from, int to, const char *name)
{
	struct stat st;

	if (!fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW))
		return copy_file(r, from, to, name);
	if (errno != ENOENT)
		return fail(r, "look at", name);
	return unlinkat(to, name, 0) && errno != ENOENT ? fail(r, "remove the copy of", name) : 0;
}

int
replica_again(struct replica *r, uint64_t id, bool in_new)
{
	char name[SPOOL_NAME_SIZE], amend[SPOOL_NAME_SIZE + sizeof ".amend"];

	if (in_new) {
		id_format(name, id);
		return copy_again(r, r->from->new, r->to->new, name);
	}
	spool_name(name, id);
	snprintf(amend, sizeof amend, "%s.amend", name);
	return copy_again(r, r->from->cur, r->to->cur, name) || copy_again(r, r->from->cur, r->to->cur, amend)
	           ? -1
	           : 0;
}

/* ---- the rest ---- */

static int
copy_failed(struct replica *r)
{
	int from = openat(r->from->dir, "failed", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), to,
	    failed;

	if (from < 0)
		return errno == ENOENT ? 0 : fail(r, "open", "failed");
	if ((mkdirat(r->to->dir, "failed", 0700) && errno != EEXIST) ||
	    (to = openat(r->to->dir, "failed", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) < 0)
		failed = fail(r, "make the copy of", "failed");
	else {
		failed = copy_buckets(r, from, to);
		close(to);
	}
	close(from);
	return failed;
}

int
replica_rest(struct replica *r)
{
	static const char *const dirs[] = {"corrupt", "sts", "tlsrpt"}, *const files[] = {
									    "doubles", "support"};
	int failed = copy_failed(r);

	for (size_t i = 0; i < ARRAY_LEN(dirs) && !failed; i++)
		failed = copy_named(r, r->from->dir, r->to->dir, dirs[i]);
	for (size_t i = 0; i < ARRAY_LEN(files) && !failed; i++)
		failed = copy_file(r, r->from->dir, r->to->dir, files[i]);
	return failed;
}

int
replica_own(struct replica *r)
{
	static const char *const names[] = {
	    ".", "tmp", "new", "cur", "corrupt", "index", "tlsrpt", "sts", "failed", "trigger"};

	for (size_t i = 0; i < ARRAY_LEN(names) && !geteuid(); i++)
		if (fchownat(r->to->dir, names[i], r->top.st_uid, r->top.st_gid, AT_SYMLINK_NOFOLLOW) &&
		    errno != ENOENT)
			return fail(r, "give away", names[i]);
	return 0;
}

static int
count_name(struct replica *r, int from, int to, const char *name)
{
	(void)from;
	(void)to;
	r->messages += strlen(name) == ID_LEN;
	return 0;
}

int
replica_count(struct replica *r)
{
	int failed = each_name(r, r->to->new, count_name, -1, -1);
	char name[3];

	for (unsigned i = 0; i < 256 && !failed; i++) {
		int fd;

		snprintf(name, sizeof name, "%02x", i);
		if ((fd = openat(r->to->cur, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
			continue;
		failed = each_name(r, fd, count_name, -1, -1);
		close(fd);
	}
	return failed;
}

/* ---- what the history knows ---- */

char
replica_state(const char *result)
{
	static const struct {
		const char *word;
		char state;
	} words[] = {{"delivered", STATE_DELIVERED}, {"relayed", STATE_DELIVERED},
	    {"expanded", STATE_DELIVERED}, {"discarded", STATE_DELIVERED}, {"failed", STATE_FAILED},
	    {"suppressed", STATE_FAILED}, {"cancelled", STATE_CANCELLED}};

	for (size_t i = 0; i < ARRAY_LEN(words) && result; i++)
		if (!strcmp(result, words[i].word))
			return words[i].state;
	return 0;
}

static bool
all_done(const struct envelope *e)
{
	for (size_t i = 0; i < e->nrcpt; i++)
		if (e->rcpt[i].mark[MARK_STATE] == STATE_TODO)
			return false;
	return true;
}

static int
remove_message(struct replica *r, uint64_t id)
{
	char name[SPOOL_NAME_SIZE], amend[SPOOL_NAME_SIZE + sizeof ".amend"];

	spool_name(name, id);
	if (unlinkat(r->to->cur, name, 0))
		return fail(r, "remove the copy of", name);
	snprintf(amend, sizeof amend, "%s.amend", name);
	if (unlinkat(r->to->cur, amend, 0) && errno != ENOENT)
		return fail(r, "remove the copy of", amend);
	return 0;
}

int
replica_mark(struct replica *r, uint64_t id, unsigned n, char state)
{
	int fd = spool_open_message(r->to, id, state ? O_RDWR : O_RDONLY), todo = 0;
	struct envelope e;
	const char *why;

	if (fd < 0)
		return 0;
	/* A damaged one is mox-queue-check's to tell of. */
	if (!envelope_read(fd, &e, &why)) {
		todo = n >= 1 && n <= e.nrcpt && e.rcpt[n - 1].mark[MARK_STATE] == STATE_TODO;
		if (todo && state && envelope_mark(fd, &e, n, MARK_STATE, state))
			todo = fail(r, "mark the copy of", "a message");
		else if (todo && state && !r->keep && all_done(&e) && remove_message(r, id))
			todo = -1;
		envelope_free(&e);
	}
	close(fd);
	return todo;
}
