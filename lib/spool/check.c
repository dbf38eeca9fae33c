#include "base.h"

#include "check_part.h"
#include "clock.h"
#include "corrupt.h"
#include "enter.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

static const char unread[] = "nobody looks at it";

void
check_say(struct check *c, const struct finding *f)
{
	c->faults += !f->note;
	c->found(f, c->arg);
}

void
check_errno(struct check *c, const char *path)
{
	c->unable = true;
	check_say(c, &(struct finding){.path = path, .what = strerror(errno)});
}

void
check_broken(struct check *c, const struct check_at *at, const char *what, const char *then)
{
	struct finding f = {.path = at->path, .what = what, .then = then};

	if (!c->repair) {
		check_say(c, &f);
		return;
	}
	if (corrupt_move(c->spool, at->fd, at->name, at->path, what)) {
		check_errno(c, at->path);
	} else {
		f.done = "it was moved to corrupt/";
		check_say(c, &f);
	}
}

/* ---- rights ---- */

/* Whether the spool's user can open it. */
static bool
is_readable(const struct stat *st, const struct stat *top)
{
	if (!top->st_uid)
		return true;
	if (st->st_uid == top->st_uid)
		return st->st_mode & 0400;
	return st->st_gid == top->st_gid ? (st->st_mode & 0040) != 0 : (st->st_mode & 0004) != 0;
}

static void
check_owner(struct check *c, const char *fd_path, const char *path, const struct stat *st)
{
	struct finding f = {
	    .path = path, .then = "mox-runq cannot read it: its log says so, and nothing else happens"};
	struct str what = {0};

	if (is_readable(st, &c->top))
		return;
	str_addf(&what, "it belongs to uid %lu and has mode %04o, but the spool belongs to uid %lu",
	    (unsigned long)st->st_uid, (unsigned)st->st_mode & 07777, (unsigned long)c->top.st_uid);
	f.what = what.s;
	if (c->repair &&
	    (chown(fd_path, c->top.st_uid, c->top.st_gid) || chmod(fd_path, (st->st_mode | 0400) & 07777)))
		check_errno(c, path);
	else if (c->repair)
		f.done = "it was given to the spool's user";
	check_say(c, &f);
	str_free(&what);
}

void
check_rights(struct check *c, int fd, const char *path, unsigned allowed)
{
	struct finding f = {.path = path, .then = "others than those it is meant for may use it"};
	char fd_path[40], what[80];
	struct stat st;

	if (fstat(fd, &st))
		return;
	snprintf(fd_path, sizeof fd_path, "/proc/self/fd/%d", fd);
	check_owner(c, fd_path, path, &st);
	if (!(st.st_mode & 07777 & ~allowed))
		return;
	snprintf(what, sizeof what, "its mode is %04o, expected no more than %04o",
	    (unsigned)st.st_mode & 07777, allowed);
	f.what = what;
	if (c->repair && chmod(fd_path, st.st_mode & allowed))
		check_errno(c, path);
	else if (c->repair)
		f.done = "it was changed";
	check_say(c, &f);
}

/* ---- what stands at the top ---- */

static const struct {
	const char *name;
	mode_t type;
	unsigned mode;
	bool optional;
} parts[] = {
    {"tmp", S_IFDIR, 0730, false},
    {"new", S_IFDIR, 0770, false},
    {"cur", S_IFDIR, 0700, false},
    {"corrupt", S_IFDIR, 0700, false},
    {"index", S_IFDIR, 0700, true},
    {"tlsrpt", S_IFDIR, 0700, true},
    {"tlsrpt-in", S_IFDIR, 0700, true},
    {"sts", S_IFDIR, 0700, true},
    {"failed", S_IFDIR, 0700, true},
    {"support", S_IFREG, 0600, true},
    {"inject", S_IFSOCK, 0777, true},
    {"trigger", S_IFIFO, 0620, true},
    {"ctl", S_IFSOCK, 0777, true},
    {"lock", S_IFREG, 0600, true},
    {"reserve", S_IFREG, 0600, true},
    {"doubles", S_IFREG, 0600, true},
    {"metrics.prom", S_IFREG, 0644, true},
    {"saved", S_IFREG, 0600, true},
};

static void
check_parts(struct check *c)
{
	struct stat st;

	if (fstat(c->spool->dir, &c->top))
		check_errno(c, ".");
	else
		check_rights(c, c->spool->dir, ".", 0711);
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		const char *name = parts[i].name;
		int fd = openat(c->spool->dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

		if (fd < 0 || fstat(fd, &st)) {
			if (errno != ENOENT)
				check_errno(c, name);
			else if (!parts[i].optional)
				check_say(c, &(struct finding){.path = name,
						 .what = "it is missing",
						 .then = "mox-runq makes it when it starts"});
		} else if ((st.st_mode & S_IFMT) != parts[i].type)
			check_say(c, &(struct finding){.path = name,
					 .what = "it is not the kind of file that belongs there",
					 .then = "mox-runq goes without it, or cannot start"});
		else
			check_rights(c, fd, name, parts[i].mode);
		if (fd >= 0)
			close(fd);
	}
}

/* ---- walking ---- */

typedef void entry_fn(struct check *c, const struct check_at *at);

bool
check_exists(int at, const char *name)
{
	struct stat st;

	return !fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW);
}

/* Calls f for each name in the directory at/name, whose path from the spool is `path`. */
static void
walk(struct check *c, int at, const char *name, const char *path, entry_fn *f)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct check_at here = {.dir = path, .fd = fd};
	struct dirent *e;

	if (!d) {
		if (errno == ENOTDIR || errno == ELOOP)
			check_say(c, &(struct finding){.path = path,
					 .what = "it is not a directory",
					 .then = "mox-runq goes without it"});
		else
			check_errno(c, path);
		if (fd >= 0)
			close(fd);
		return;
	}
	while (errno = 0, (e = readdir(d))) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		here.name = e->d_name;
		snprintf(here.path, sizeof here.path, "%s%s%s", *path == '.' ? "" : path,
		    *path == '.' ? "" : "/", e->d_name);
		f(c, &here);
	}
	if (errno)
		check_errno(c, path);
	closedir(d);
}

static void
stranger(struct check *c, const struct check_at *at)
{
	check_say(c, &(struct finding){
			 .path = at->path, .what = "nothing of that name belongs there", .then = unread});
}

static void
top_entry(struct check *c, const struct check_at *at)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(parts) && strcmp(at->name, parts[i].name); i++)
		;
	if (i == ARRAY_LEN(parts) && !spool_is_half(at->name))
		stranger(c, at);
}

/* Files carry real times: no test clock. */
static void
check_left(struct check *c, const struct check_at *at, const struct stat *st)
{
	int64_t hours = (time(NULL) - st->st_mtim.tv_sec) / 3600;
	char what[80];

	if (hours * 3600 < ENTER_TIME)
		return;
	snprintf(what, sizeof what, "a writer that died left it %" PRId64 " hours ago", hours);
	check_say(c, &(struct finding){.path = at->path,
			 .what = what,
			 .then = "nothing was promised for it, and mox-runq removes what is 36 hours old",
			 .note = true});
}

static void
tmp_entry(struct check *c, const struct check_at *at)
{
	size_t pid = strspn(at->name, "0123456789"), seq;
	struct stat st;

	seq = at->name[pid] == '.' ? strspn(at->name + pid + 1, "0123456789") : 0;
	if (!pid || !seq || at->name[pid + 1 + seq])
		stranger(c, at);
	else if (fstatat(at->fd, at->name, &st, AT_SYMLINK_NOFOLLOW))
		return;
	else if (!S_ISREG(st.st_mode))
		check_say(
		    c, &(struct finding){.path = at->path, .what = "it is no regular file", .then = unread});
	else
		check_left(c, at, &st);
}

static void
corrupt_entry(struct check *c, const struct check_at *at)
{
	c->kept += *at->name != '.' && !corrupt_is_why(at->name);
}

static void
new_entry(struct check *c, const struct check_at *at)
{
	char place[SPOOL_NAME_SIZE];
	uint64_t id;

	if (!id_parse(at->name, &id)) {
		check_broken(c, at, "nothing of that name belongs there", "mox-runq moves it to corrupt/");
		return;
	}
	check_message(c, at, CHECK_NEW);
	spool_name(place, id);
	/* In this order: a file that is taken in meanwhile is no longer in new/. */
	if (check_exists(c->spool->cur, place) && check_exists(at->fd, at->name))
		check_broken(c, at, "it stands in cur/ as well", "mox-runq moves it to corrupt/");
}

static void
bucket_entry(struct check *c, const struct check_at *at)
{
	const char *suffix = strlen(at->name) > ID_LEN ? at->name + ID_LEN : "";
	char message[ID_SIZE];
	uint64_t id;

	snprintf(message, sizeof message, "%.13s", at->name);
	if (check_is_unfinished(at->name))
		check_amend(c, at);
	else if (!id_parse(message, &id) || (*suffix && strcmp(suffix, ".amend")))
		check_broken(c, at, "nothing of that name belongs there", unread);
	else if (*suffix)
		check_amend(c, at);
	else
		check_message(c, at, CHECK_CUR);
}

/* A file in failed/HH: nobody's mail any more, kept for a while. */
static void
failed_file(struct check *c, const struct check_at *at)
{
	uint64_t id;

	if (id_parse(at->name, &id))
		check_message(c, at, CHECK_FAILED);
	else
		check_broken(c, at, "nothing of that name belongs there", unread);
}

static void
bucket_walk(struct check *c, const struct check_at *at, entry_fn *f)
{
	if (strlen(at->name) != 2 || strspn(at->name, "0123456789abcdef") != 2)
		stranger(c, at);
	else
		walk(c, at->fd, at->name, at->path, f);
}

static void
cur_entry(struct check *c, const struct check_at *at)
{
	bucket_walk(c, at, bucket_entry);
}

static void
failed_entry(struct check *c, const struct check_at *at)
{
	bucket_walk(c, at, failed_file);
}

void
spool_check(struct check *c)
{
	check_parts(c);
	walk(c, c->spool->dir, ".", ".", top_entry);
	walk(c, c->spool->dir, "tmp", "tmp", tmp_entry);
	/* new/ before cur/: what is taken in meanwhile is seen at least once. With the lock nothing is, and what new/ has twice is
	 * known when all in cur/ stands where it belongs. */
	if (!c->repair)
		walk(c, c->spool->dir, "new", "new", new_entry);
	walk(c, c->spool->dir, "cur", "cur", cur_entry);
	if (c->repair)
		walk(c, c->spool->dir, "new", "new", new_entry);
	if (check_exists(c->spool->dir, "failed"))
		walk(c, c->spool->dir, "failed", "failed", failed_entry);
	walk(c, c->spool->dir, "corrupt", "corrupt", corrupt_entry);
}
