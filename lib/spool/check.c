#include "base.h"

#include "check.h"
#include "envelope.h"
#include "file.h"
#include "rec.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_SIZE 320 /* "cur/HH/" and any name */
#define MESSAGE_MODE 0660
#define AMEND_MODE 0600

static void
say(struct check *c, const char *path, const char *what)
{
	c->faults++;
	c->fault(path, what, c->arg);
}

static void
say_errno(struct check *c, const char *path)
{
	c->unable = true;
	say(c, path, strerror(errno));
}

/* Bits beyond `allowed` give rights nobody was meant to have. */
static void
check_mode(struct check *c, const char *path, const struct stat *st, unsigned allowed)
{
	char text[80];

	if (!(st->st_mode & 07777 & ~allowed))
		return;
	snprintf(text, sizeof text, "its mode is %04o, expected no more than %04o",
	    (unsigned)st->st_mode & 07777, allowed);
	say(c, path, text);
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
    {"sts", S_IFDIR, 0700, true},
    {"failed", S_IFDIR, 0700, true},
    {"support", S_IFREG, 0600, true},
    {"inject", S_IFSOCK, 0777, true},
    {"trigger", S_IFIFO, 0620, true},
    {"ctl", S_IFSOCK, 0777, true},
    {"lock", S_IFREG, 0600, true},
    {"reserve", S_IFREG, 0600, true},
    {"doubles", S_IFREG, 0600, true},
    {"support", S_IFREG, 0600, true},
    {"metrics.prom", S_IFREG, 0644, true},
    {"saved", S_IFREG, 0600, true},
};

static void
check_parts(struct check *c)
{
	struct stat st;

	if (fstat(c->spool->dir, &st))
		say_errno(c, ".");
	else
		check_mode(c, ".", &st, 0711);
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		if (fstatat(c->spool->dir, parts[i].name, &st, AT_SYMLINK_NOFOLLOW)) {
			if (errno != ENOENT)
				say_errno(c, parts[i].name);
			else if (!parts[i].optional)
				say(c, parts[i].name, "it is missing");
		} else if ((st.st_mode & S_IFMT) != parts[i].type)
			say(c, parts[i].name, "it is not the kind of file that belongs there");
		else
			check_mode(c, parts[i].name, &st, parts[i].mode);
	}
}

/* ---- walking ---- */

typedef void entry_fn(struct check *c, const char *dir, int fd, const char *name);

/* Calls f for each name in the directory at/name, whose path from the spool is `path`. */
static void
walk(struct check *c, int at, const char *name, const char *path, entry_fn *f)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!d) {
		if (errno == ENOTDIR || errno == ELOOP)
			say(c, path, "it is not a directory");
		else
			say_errno(c, path);
		if (fd >= 0)
			close(fd);
		return;
	}
	while (errno = 0, (e = readdir(d)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			f(c, path, fd, e->d_name);
	if (errno)
		say_errno(c, path);
	closedir(d);
}

static void
top_entry(struct check *c, const char *dir, int fd, const char *name)
{
	size_t i;

	(void)dir;
	(void)fd;
	for (i = 0; i < ARRAY_LEN(parts) && strcmp(name, parts[i].name); i++)
		;
	if (i == ARRAY_LEN(parts) && !spool_is_half(name))
		say(c, name, "nothing of that name belongs there");
}

static const char *
path_of(char path[PATH_SIZE], const char *dir, const char *name)
{
	snprintf(path, PATH_SIZE, "%s/%s", dir, name);
	return path;
}

static void
tmp_entry(struct check *c, const char *dir, int fd, const char *name)
{
	size_t pid = strspn(name, "0123456789"), seq;
	char path[PATH_SIZE];
	struct stat st;

	seq = name[pid] == '.' ? strspn(name + pid + 1, "0123456789") : 0;
	if (!pid || !seq || name[pid + 1 + seq])
		say(c, path_of(path, dir, name), "nothing of that name belongs there");
	else if (!fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) && !S_ISREG(st.st_mode))
		say(c, path_of(path, dir, name), "it is no regular file");
}

static void
corrupt_entry(struct check *c, const char *dir, int fd, const char *name)
{
	(void)dir;
	(void)fd;
	(void)name;
	c->kept++;
}

/* ---- message files ---- */

/* Out of the way, durable, never over another; the name gets a number when it is taken. */
static void
put_away(struct check *c, int fd, const char *path, const char *name)
{
	char as[PATH_SIZE];
	int r;

	snprintf(as, sizeof as, "%s", name);
	for (int i = 1; (r = file_move(fd, name, c->spool->corrupt, as)) && errno == EEXIST && i < 1000; i++)
		snprintf(as, sizeof as, "%s.%d", name, i);
	if (r || file_sync(c->spool->corrupt) || file_sync(fd))
		say_errno(c, path);
}

/* Checks an open message file; NULL, or what is wrong with it. unread: it cannot be told. */
static const char *
message_fault(int fd, uint64_t id, bool *unread)
{
	struct envelope e;
	const char *why;
	int r;

	*unread = false;
	if (envelope_read(fd, &e, &why)) {
		*unread = errno != 0;
		return why;
	}
	if (e.id != id)
		why = "its envelope has the id of another";
	else if ((r = envelope_check_message(fd, &e)) > 0)
		why = "its message does not match its checksum";
	else if (r < 0) {
		*unread = true;
		why = strerror(errno);
	}
	envelope_free(&e);
	return why;
}

/* false: broken, and put away when that was asked for. */
static bool
check_message(struct check *c, const char *dir, int at, const char *name, uint64_t id)
{
	int fd = openat(at, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	char path[PATH_SIZE];
	const char *why;
	struct stat st = {0};
	bool unread;

	path_of(path, dir, name);
	if (fd < 0) {
		if (errno == ELOOP)
			say(c, path, "it is no regular file");
		else if (errno != ENOENT)
			say_errno(c, path);
		return false;
	}
	c->messages++;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode))
		check_mode(c, path, &st, MESSAGE_MODE);
	if ((why = message_fault(fd, id, &unread))) {
		say(c, path, why);
		c->unable = c->unable || unread;
		if (c->repair && !unread && S_ISREG(st.st_mode))
			put_away(c, at, path, name);
	}
	close(fd);
	return !why;
}

static bool
exists(int at, const char *name)
{
	struct stat st;

	return !fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW);
}

static void
new_entry(struct check *c, const char *dir, int fd, const char *name)
{
	char path[PATH_SIZE], place[SPOOL_NAME_SIZE];
	uint64_t id;

	path_of(path, dir, name);
	if (!id_parse(name, &id)) {
		say(c, path, "nothing of that name belongs there");
		return;
	}
	if (!check_message(c, dir, fd, name, id))
		return;
	spool_name(place, id);
	/* In this order: a file that is taken in meanwhile is no longer in new/. */
	if (exists(c->spool->cur, place) && exists(fd, name))
		say(c, path, "it stands in cur/ as well");
}

/* .ID.amend.PID: an amendment being written, or what a crash left of one. */
static bool
is_unfinished(const char *name)
{
	char message[ID_SIZE];
	uint64_t id;
	size_t n;

	snprintf(message, sizeof message, "%.13s", name + 1);
	if (*name != '.' || !id_parse(message, &id) || strncmp(name + 1 + ID_LEN, ".amend.", 7))
		return false;
	n = strspn(name + ID_LEN + 8, "0123456789");
	return n && !name[ID_LEN + 8 + n];
}

/* An amendment without its message means nothing and is swept: no fault. */
static void
check_amend(struct check *c, const char *dir, int fd, const char *name)
{
	struct str rec = {0};
	struct rec_in in;
	char path[PATH_SIZE], *key, *value;
	struct stat st;
	enum rec_got got;
	bool broken = false;

	path_of(path, dir, name);
	if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW))
		return;
	check_mode(c, path, &st, AMEND_MODE);
	if (!S_ISREG(st.st_mode))
		say(c, path, "it is no regular file");
	else if (file_read(fd, name, &rec, REC_MAX)) {
		if (errno != ENOENT)
			say_errno(c, path);
	} else {
		str_reserve(&rec, 1);
		in = (struct rec_in){rec.s, rec.s + rec.len};
		while ((got = rec_next(&in, &key, &value)) == REC_LINE)
			broken = broken || !rec_text(value);
		broken = broken || got != REC_END || in.p != in.end;
		if (broken)
			say(c, path, "it is no whole record");
	}
	if (broken && c->repair)
		put_away(c, fd, path, name);
	str_free(&rec);
}

static void
to_its_bucket(struct check *c, int fd, const char *path, const char *name, uint64_t id)
{
	char place[SPOOL_NAME_SIZE], bucket[3];
	int to;

	spool_name(place, id);
	id_bucket(bucket, id);
	to = openat(c->spool->cur, bucket, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (to < 0 || file_move(fd, name, to, name) || file_sync(to) || file_sync(fd))
		say_errno(c, path);
	if (to >= 0)
		close(to);
}

/* A file in cur/HH; dir is "cur/HH". */
static void
bucket_entry(struct check *c, const char *dir, int fd, const char *name)
{
	char path[PATH_SIZE], message[ID_SIZE], bucket[3];
	const char *suffix = strlen(name) > ID_LEN ? name + ID_LEN : "";
	uint64_t id;

	snprintf(message, sizeof message, "%.13s", name);
	path_of(path, dir, name);
	if (is_unfinished(name))
		return;
	if (!id_parse(message, &id) || (*suffix && strcmp(suffix, ".amend"))) {
		say(c, path, "nothing of that name belongs there");
		return;
	}
	id_bucket(bucket, id);
	if (*suffix)
		check_amend(c, dir, fd, name);
	else if (!check_message(c, dir, fd, name, id))
		return;
	if (strcmp(dir + strlen("cur/"), bucket)) {
		say(c, path, "it stands in the wrong bucket");
		if (c->repair)
			to_its_bucket(c, fd, path, name, id);
	}
}

static void
bucket_walk(struct check *c, const char *dir, int fd, const char *name, entry_fn *f)
{
	static const char hex[] = "0123456789abcdef";
	char path[PATH_SIZE];

	path_of(path, dir, name);
	if (strlen(name) != 2 || strspn(name, hex) != 2)
		say(c, path, "nothing of that name belongs there");
	else
		walk(c, fd, name, path, f);
}

static void
cur_entry(struct check *c, const char *dir, int fd, const char *name)
{
	bucket_walk(c, dir, fd, name, bucket_entry);
}

/* A file in failed/HH: nobody's mail any more, kept for a while. */
static void
failed_file(struct check *c, const char *dir, int fd, const char *name)
{
	char path[PATH_SIZE], bucket[3];
	uint64_t id;

	path_of(path, dir, name);
	if (!id_parse(name, &id)) {
		say(c, path, "nothing of that name belongs there");
		return;
	}
	id_bucket(bucket, id);
	if (strcmp(dir + strlen("failed/"), bucket))
		say(c, path, "it stands in the wrong bucket");
	(void)check_message(c, dir, fd, name, id);
}

static void
failed_entry(struct check *c, const char *dir, int fd, const char *name)
{
	bucket_walk(c, dir, fd, name, failed_file);
}

void
spool_check(struct check *c)
{
	check_parts(c);
	walk(c, c->spool->dir, ".", ".", top_entry);
	walk(c, c->spool->dir, "tmp", "tmp", tmp_entry);
	/* new/ before cur/: what is taken in meanwhile is seen at least once. */
	walk(c, c->spool->dir, "new", "new", new_entry);
	walk(c, c->spool->dir, "cur", "cur", cur_entry);
	if (exists(c->spool->dir, "failed"))
		walk(c, c->spool->dir, "failed", "failed", failed_entry);
	walk(c, c->spool->dir, "corrupt", "corrupt", corrupt_entry);
}
