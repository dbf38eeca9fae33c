#include "base.h"

#include "child.h"
#include "clock.h"
#include "doctor_spool.h"
#include "file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/timex.h>
#include <unistd.h>

#define LOCKS_MAX (16 << 20)
#define LEAP_LEAST MINUTE /* a file may be that far in the future: clocks of file servers */
#define LEAP_MUCH HOUR
#define ENTRIES_MAX 100000
#define INTAKE_TIME (5 * MINUTE) /* mox-runq looks at new/ every 15 s */

static const char *
path_of(const struct conf *c, const char *name)
{
	static struct str path;

	str_reset(&path);
	str_addf(&path, "%s%s%s", c->spool, *name ? "/" : "", name);
	return path.s;
}

static const char *
user_name(uid_t uid)
{
	static char number[24];
	const struct passwd *p = getpwuid(uid);

	snprintf(number, sizeof number, "%lu", (unsigned long)uid);
	return p ? p->pw_name : number;
}

static const char *
group_name(gid_t gid)
{
	static char number[24];
	const struct group *g = getgrgid(gid);

	snprintf(number, sizeof number, "%lu", (unsigned long)gid);
	return g ? g->gr_name : number;
}

/* ---- owners and modes (spool-layout.txt) ---- */

static const struct place {
	const char *name;
	mode_t type, mode;
	bool optional; /* made when it is needed */
	const char *what;
} places[] = {
    {"", S_IFDIR, 0711, false, "directory"},
    {"tmp", S_IFDIR, 0730, false, "directory"},
    {"new", S_IFDIR, 0770, false, "directory"},
    {"cur", S_IFDIR, 0700, false, "directory"},
    {"corrupt", S_IFDIR, 0700, false, "directory"},
    {"index", S_IFDIR, 0700, false, "directory"},
    {"tlsrpt", S_IFDIR, 0700, false, "directory"},
    {"sts", S_IFDIR, 0700, false, "directory"},
    {"trigger", S_IFIFO, 0620, false, "fifo"},
    {"failed", S_IFDIR, 0700, true, "directory"},
    {"tlsrpt-in", S_IFDIR, 0700, true, "directory"},
    {"lock", S_IFREG, 0600, true, "file"},
    {"ctl", S_IFSOCK, 0666, true, "socket"},
    {"inject", S_IFSOCK, 0666, true, "socket"},
};

/* Where others get in that should not, it is worse than where the right ones are shut out: mail can be forged, and read. */
static enum weight
mode_weight(mode_t has, mode_t wants)
{
	return has & ~wants & 077 ? FINDING_CRITICAL : FINDING_WARNING;
}

/* Answers whether all is well with it. */
static bool
look_place(struct findings *f, const struct conf *c, const struct place *p, const struct stat *spool)
{
	const char *path = path_of(c, p->name);
	struct stat st;

	if (lstat(path, &st)) {
		if (p->optional && errno == ENOENT)
			return true;
		finding_add(
		    f, FINDING_CRITICAL, "permissions", "%s cannot be looked at: %s", path, strerror(errno));
		finding_todo(f, "make install-users makes what is missing, and mox-runq when it starts");
		return false;
	}
	if ((st.st_mode & S_IFMT) != p->type) {
		finding_add(f, FINDING_CRITICAL, "permissions", "%s is no %s", path, p->what);
		finding_todo(f, "move it away and restart mox-runq");
		return false;
	}
	if (st.st_uid != spool->st_uid) {
		finding_add(f, FINDING_CRITICAL, "permissions", "%s belongs to %s, not to the spool's owner",
		    path, user_name(st.st_uid));
		finding_todo(f, "chown %s %s", user_name(spool->st_uid), path);
		return false;
	}
	if ((p->mode & 070) && st.st_gid != spool->st_gid) {
		finding_add(f, FINDING_CRITICAL, "permissions", "%s is of group %s, not of the spool's", path,
		    group_name(st.st_gid));
		finding_todo(f, "chgrp %s %s", group_name(spool->st_gid), path);
		return false;
	}
	if ((st.st_mode & 07777) != p->mode) {
		finding_add(f, mode_weight(st.st_mode & 07777, p->mode), "permissions",
		    "%s has mode %04o, not %04o", path, st.st_mode & 07777U, p->mode);
		finding_todo(f, "chmod %04o %s", p->mode, path);
		return false;
	}
	return true;
}

/* root's group is root. */
static bool
writable_by_others(const struct stat *st)
{
	return st->st_mode & 02 || (st->st_mode & 020 && st->st_gid);
}

/* Others queue mail by the group of new/ alone. */
static void
look_door(struct findings *f, const struct stat *spool)
{
	char *path = child_path("mox-queue-add");
	struct statvfs fs;
	struct stat st;

	if (stat(path, &st)) {
		finding_add(f, FINDING_CRITICAL, "door", "%s cannot be looked at: %s", path, strerror(errno));
		finding_todo(f, "make install");
	} else if (writable_by_others(&st)) {
		finding_add(f, FINDING_CRITICAL, "door", "%s can be written by others than its owner", path);
		finding_todo(f, "chmod go-w %s", path);
	} else if (!(st.st_mode & S_ISGID)) {
		finding_add(f, FINDING_WARNING, "door",
		    "%s is not setgid: only %s and the group %s can queue mail", path,
		    user_name(spool->st_uid), group_name(spool->st_gid));
		finding_todo(f, "make install-users");
	} else if (st.st_gid != spool->st_gid) {
		finding_add(f, FINDING_CRITICAL, "door", "%s is setgid %s, and the spool is of another group",
		    path, group_name(st.st_gid));
		finding_todo(f, "make install-users");
	} else if (!statvfs(path, &fs) && fs.f_flag & ST_NOSUID) {
		finding_add(f, FINDING_CRITICAL, "door", "%s lies on a file system mounted nosuid", path);
		finding_todo(f, "mount it without nosuid");
	} else {
		finding_add(f, FINDING_OK, "door", "%s is setgid %s", path, group_name(st.st_gid));
	}
	free(path);
}

int
look_spool(struct findings *f, const struct conf *c)
{
	struct stat spool;
	bool well = true;

	if (stat(c->spool, &spool)) {
		finding_add(
		    f, FINDING_CRITICAL, "spool", "%s cannot be looked at: %s", c->spool, strerror(errno));
		finding_todo(f, "make install-users");
		return -1;
	}
	for (size_t i = 0; i < ARRAY_LEN(places); i++)
		well = look_place(f, c, &places[i], &spool) && well;
	if (well)
		finding_add(f, FINDING_OK, "permissions", "%s belongs to %s, as all in it", c->spool,
		    user_name(spool.st_uid));
	if (geteuid() && geteuid() != spool.st_uid) {
		finding_add(f, FINDING_UNKNOWN, "rights", "what only %s may see was not looked at",
		    user_name(spool.st_uid));
		finding_todo(f, "run this as root or %s", user_name(spool.st_uid));
	}
	look_door(f, &spool);
	return 0;
}

/* ---- room ---- */

static const char *
amount(uint64_t bytes)
{
	static char out[32];

	if (bytes >= (uint64_t)10 << 30)
		snprintf(out, sizeof out, "%lluG", (unsigned long long)(bytes >> 30));
	else
		snprintf(out, sizeof out, "%lluM", (unsigned long long)(bytes >> 20));
	return out;
}

/* Of what is left against a mark: below it mail is refused; below twice the mark it soon will be. */
static enum weight
room_weight(uint64_t left, uint64_t mark)
{
	return left < mark ? FINDING_CRITICAL : left < 2 * mark ? FINDING_WARNING : FINDING_OK;
}

void
look_room(struct findings *f, const struct conf *c)
{
	struct statvfs v;
	struct stat st;
	uint64_t left;
	enum weight w;

	if (statvfs(c->spool, &v)) {
		finding_add(f, FINDING_UNKNOWN, "disk", "the room in %s cannot be found out: %s", c->spool,
		    strerror(errno));
		return;
	}
	left = (uint64_t)v.f_bavail * v.f_frsize;
	w = room_weight(left, c->min_free);
	finding_add(f, w, "disk", "%s has %s left%s", c->spool, amount(left),
	    w == FINDING_CRITICAL  ? ", less than min-free: new mail is refused"
	    : w == FINDING_WARNING ? ", less than twice min-free"
				   : "");
	if (w)
		finding_todo(f, "make room");
	finding_figure(
	    f, "free", "%" PRIu64 "B;%" PRIu64 ":;%" PRIu64 ":", left, 2 * c->min_free, c->min_free);
	if (v.f_files) { /* 0: a file system that counts none */
		w = room_weight(v.f_favail, c->min_free_inodes);
		finding_add(f, w, "inodes", "%s has %llu inodes left%s", c->spool,
		    (unsigned long long)v.f_favail,
		    w == FINDING_CRITICAL  ? ", fewer than min-free-inodes: new mail is refused"
		    : w == FINDING_WARNING ? ", fewer than twice min-free-inodes"
					   : "");
		if (w)
			finding_todo(f, "remove files");
		finding_figure(f, "inodes", "%" PRIu64 ";%" PRIu64 ":;%" PRIu64 ":", (uint64_t)v.f_favail,
		    2 * c->min_free_inodes, c->min_free_inodes);
	}
	if (c->reserve && stat(path_of(c, "lock"), &st) == 0 && stat(path_of(c, "reserve"), &st) &&
	    errno == ENOENT) {
		finding_add(f, FINDING_WARNING, "disk", "%s was spent: the disk has been full",
		    path_of(c, "reserve"));
		finding_todo(f, "make room; mox-runq then makes it anew");
	}
}

/* ---- clock ---- */

void
look_clock(struct findings *f, const struct conf *c, int64_t now)
{
	static const char *const files[] = {"metrics.prom", "tmp", "new", "cur", "lock", "index", "tlsrpt"};
	struct timex t = {0};
	const char *newest = NULL;
	int64_t latest = 0, ahead;
	struct stat st;
	int state;

	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		if (!stat(path_of(c, files[i]), &st) && st.st_mtim.tv_sec * SECOND > latest) {
			latest = st.st_mtim.tv_sec * SECOND;
			newest = files[i];
		}
	ahead = latest - now;
	if (ahead > LEAP_LEAST) {
		finding_add(f, ahead > LEAP_MUCH ? FINDING_CRITICAL : FINDING_WARNING, "clock",
		    "%s was written %lld minutes from now: the clock was set back, or was wrong before",
		    path_of(c, newest), (long long)(ahead / MINUTE));
		finding_todo(
		    f, "set the clock right, and restart mox-runq, which puts the times of its queue right");
		return;
	}
	state = adjtimex(&t);
	if (state == TIME_ERROR || (state >= 0 && t.status & STA_UNSYNC)) {
		finding_add(f, FINDING_WARNING, "clock", "nothing keeps it right");
		finding_todo(f, "run chrony, or systemd-timesyncd");
	} else if (state < 0) {
		finding_add(f, FINDING_UNKNOWN, "clock", "whether it is kept right cannot be found out: %s",
		    strerror(errno));
	} else {
		finding_add(
		    f, FINDING_OK, "clock", "it is kept right, to %.3f s", (double)t.esterror / SECOND);
	}
}

/* ---- secrets ---- */

static bool
look_secret(struct findings *f, const char *path, const char *what)
{
	struct stat st;

	if (!path || stat(path, &st) || !(st.st_mode & 07))
		return true; /* mox-runq -t tells of those that cannot be read */
	finding_add(f, FINDING_CRITICAL, "secrets", "%s, %s, can be %s by everybody", path, what,
	    st.st_mode & 04 ? "read" : "written");
	finding_todo(f, "chmod o= %s, and make a new one: it may be known", path);
	return false;
}

void
look_secrets(struct findings *f, const struct conf *c)
{
	struct stat st;
	bool well = true;

	for (size_t i = 0; i < c->ntransport; i++) {
		well = look_secret(f, c->transport[i].password_file, "a password") && well;
		well = look_secret(f, c->transport[i].client_key, "the key of a client certificate") && well;
	}
	for (size_t i = 0; i < c->ndomain; i++)
		for (size_t k = 0; k < c->domain[i].ndkim; k++)
			well = look_secret(f, c->domain[i].dkim[k].key, "a DKIM key") && well;
	if (!stat(c->file, &st) && writable_by_others(&st)) {
		finding_add(
		    f, FINDING_CRITICAL, "secrets", "%s can be written by others than its owner", c->file);
		finding_todo(f, "chmod go-w %s", c->file);
		well = false;
	}
	if (well)
		finding_add(f, FINDING_OK, "secrets", "no key or password can be read by everybody");
}

/* ---- what lies about ---- */

static void
look_new(struct findings *f, const struct conf *c, int64_t now)
{
	DIR *d = opendir(path_of(c, "new"));
	const struct dirent *e;
	unsigned late = 0;
	struct stat st;

	for (unsigned i = 0; d && i < ENTRIES_MAX && (e = readdir(d)); i++)
		late += *e->d_name != '.' && !fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) &&
		        now - st.st_ctim.tv_sec * SECOND > INTAKE_TIME;
	if (d)
		closedir(d);
	if (!late)
		return;
	finding_add(f, FINDING_CRITICAL, "intake", "%u message%s in %s not taken in for five minutes", late,
	    late == 1 ? "" : "s", path_of(c, "new"));
	finding_todo(f, "restart mox-runq, and look at its log");
}

void
look_leftovers(struct findings *f, const struct conf *c, int64_t now)
{
	unsigned bad = 0;
	const struct dirent *e;
	DIR *d;

	look_new(f, c, now);
	if (!(d = opendir(path_of(c, "corrupt"))))
		return;
	while (bad < ENTRIES_MAX && (e = readdir(d)))
		bad += *e->d_name != '.';
	closedir(d);
	finding_figure(f, "corrupt", "%u;0", bad);
	if (bad) {
		finding_add(f, FINDING_WARNING, "corrupt", "%u damaged message%s in %s", bad,
		    bad == 1 ? "" : "s", path_of(c, "corrupt"));
		finding_todo(f, "look at what can be saved, then remove them");
	}
}

/* ---- the lock ---- */

/* file of /proc/PID. false: not to be had. */
static bool
proc_read(struct str *out, long pid, const char *file)
{
	char name[64];

	str_reset(out);
	snprintf(name, sizeof name, "/proc/%ld/%s", pid, file);
	return pid > 0 && !file_read(AT_FDCWD, name, out, 65536) && out->len;
}

static enum holder_kind
kind_of(long pid)
{
	struct str words = {0};
	enum holder_kind kind = HOLDER_PASS;

	if (!proc_read(&words, pid, "cmdline")) {
		str_free(&words);
		return HOLDER_UNKNOWN;
	}
	for (size_t i = strlen(words.s) + 1; kind == HOLDER_PASS && i < words.len;
	     i += strlen(words.s + i) + 1) {
		const char *w = words.s + i;

		if (*w == '-' && strspn(w + 1, "ws") == strlen(w + 1))
			kind = strchr(w, 's') ? HOLDER_SERVES : strchr(w, 'w') ? HOLDER_STAYS : kind;
	}
	str_free(&words);
	return kind;
}

static bool
is_runq(long pid)
{
	struct str name = {0};
	bool is = proc_read(&name, pid, "comm") && !strcmp(name.s, "mox-runq\n");

	str_free(&name);
	return is;
}

struct holder
spool_holder(const struct conf *c)
{
	struct holder h = {0};
	struct str locks = {0};
	struct stat st;
	char *line, *next;

	if (stat(path_of(c, "lock"), &st) || file_read(AT_FDCWD, "/proc/locks", &locks, LOCKS_MAX)) {
		str_free(&locks);
		return h;
	}
	for (line = locks.s; line && !h.kind; line = next) {
		unsigned major_no, minor_no;
		unsigned long long inode;
		long pid;

		if ((next = strchr(line, '\n')))
			*next++ = 0;
		if (sscanf(line, "%*d: FLOCK %*s WRITE %ld %x:%x:%llu", &pid, &major_no, &minor_no, &inode) !=
			4 ||
		    inode != st.st_ino)
			continue;
		/* The device may be another than stat tells, on overlays for one. */
		if ((major_no == major(st.st_dev) && minor_no == minor(st.st_dev)) || is_runq(pid))
			h = (struct holder){kind_of(pid), (pid_t)pid};
	}
	str_free(&locks);
	return h;
}
