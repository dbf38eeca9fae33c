#include "base.h"

#include "admin.h"
#include "check.h"
#include "clock.h"
#include "die.h"
#include "file.h"
#include "found.h"
#include "half.h"
#include "rec.h"
#include "replica.h"
#include "saved.h"
#include "table.h"

#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <unistd.h>

#define PAUSE_AGAIN (8 * SECOND) /* mox-runq waits for 30 */
#define TRIES 5

static const char usage[] = "mox-queue-backup [-C file] directory\n"
			    "mox-queue-backup [-C file] -verify directory\n"
			    "mox-queue-backup [-C file] -since directory";

enum { OPT_VERIFY = ADMIN_OWN, OPT_SINCE };

static const struct opt options[] = {{"verify", OPT_VERIFY, false}, {"since", OPT_SINCE, false}};

struct backup {
	struct admin admin;
	int verb; /* OPT_VERIFY, OPT_SINCE; 0: a copy is made */
	bool paused, lost;
	int64_t pause_again; /* monotonic */
	struct spool from, to;
	struct replica replica;
	char *target;
	struct str half;
	struct saved saved;
	FILE *out;
	uint64_t done;
};

static struct backup backup;
static volatile sig_atomic_t stopped;

/* ---- nothing half is left ---- */

static void
remove_half(void)
{
	if (backup.half.len)
		half_remove(backup.half.s);
}

static void
on_signal(int number)
{
	stopped = number;
}

static void
catch_signals(void)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction a = {.sa_handler = on_signal};

	for (size_t i = 0; i < ARRAY_LEN(signals); i++)
		sigaction(signals[i], &a, NULL);
}

/* ---- what mox-runq is asked ---- */

/* Not by admin_ask: within the answer to one question another is put. */
static uint64_t
ask(struct backup *b, const char *op, ctl_row *row)
{
	struct str request = {0}, why = {0};
	uint64_t count;
	int code;

	rec_add(&request, "op", op);
	rec_end(&request);
	code = ctl_ask(b->admin.conf, &request, row, b, &count, &why);
	if (code == EXIT_PERM)
		die_perm("unable to back up %s: %s", b->from.path, why.s);
	if (code)
		die_temp("unable to back up %s: %s", b->from.path, why.s);
	str_free(&request);
	str_free(&why);
	return count;
}

/* Intake stands still, or has all the time since the last call. */
static void
pause_intake(struct backup *b)
{
	bool was = ask(b, "pause", NULL);

	b->lost = b->lost || (b->paused && !was);
	b->paused = true;
	b->pause_again = clock_mono() + PAUSE_AGAIN;
}

static void
step(void *arg)
{
	struct backup *b = arg;

	if (stopped)
		die_temp("unable to go on: stopped by signal %d", (int)stopped);
	if (b->paused && clock_mono() >= b->pause_again)
		pause_intake(b);
}

static void
must(struct backup *b, int failed)
{
	if (failed < 0)
		die_temp("%s", str_cstr(&b->replica.why));
}

/* ---- the tables ---- */

static void
saved_entry(const char *table, const struct str *key, struct str *value, void *arg)
{
	struct backup *b = arg;
	struct row row;
	uint64_t id;
	uint32_t n;
	char state;
	int done;

	if (strcmp(table, "retired") || key->len != sizeof id + sizeof n ||
	    row_parse(&row, value->s, value->len))
		return;
	memcpy(&id, key->s, sizeof id);
	memcpy(&n, key->s + sizeof id, sizeof n);
	if (!(state = replica_state(row.result)))
		return;
	must(b, done = replica_mark(&b->replica, be64toh(id), be32toh(n), state));
	b->done += (uint64_t)done;
}

static void
saved_record(char *rec, size_t n, void *arg)
{
	struct backup *b = arg;

	if (fwrite(rec, 1, n, b->out) != n)
		die_temp("unable to write %s/%s: %m", b->half.s, SAVED_FILE);
	if (!saved_take(&b->saved, rec, n))
		die_temp("unable to read the answer of mox-runq: it is none of a table");
	step(b);
}

static void
save_tables(struct backup *b)
{
	int fd = openat(b->to.dir, SAVED_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0 || !(b->out = fdopen(fd, "w")))
		die_temp("unable to make %s/%s: %m", b->half.s, SAVED_FILE);
	b->saved = (struct saved){.each = saved_entry, .arg = b};
	(void)ask(b, "save", saved_record);
	if (!b->saved.ended)
		die_temp("unable to read the answer of mox-runq: the tables have no end");
	saved_free(&b->saved);
	if (!geteuid() && fchown(fd, b->replica.top.st_uid, b->replica.top.st_gid))
		die_temp("unable to give away %s/%s: %m", b->half.s, SAVED_FILE);
	if (fclose(b->out))
		die_temp("unable to write %s/%s: %m", b->half.s, SAVED_FILE);
}

/* ---- the copy ---- */

/* While intake stands still nothing moves to cur/: what a message brings forth (a notice, the mail of an alias) stands in
 * new/ before the message is marked, and stays there. So cur/ is looked at first, then the history, then new/: whatever is
 * seen as done has left in new/ what follows from it. Nothing is lost; what ends between the history and the end of the
 * copy, a moment, is to do there. */
static void
copy_moment(struct backup *b)
{
	for (int i = 0; i < TRIES; i++) {
		b->paused = b->lost = false;
		b->done = 0;
		pause_intake(b);
		must(b, replica_cur(&b->replica));
		save_tables(b);
		must(b, replica_new(&b->replica));
		pause_intake(b);
		if (b->lost)
			continue;
		(void)ask(b, "resume", NULL);
		b->paused = false;
		return;
	}
	die_temp("unable to back up %s: mox-runq went on without waiting for it", b->from.path);
}

static void
finish(struct backup *b)
{
	char *above = mem_dup(b->target), *slash = strrchr(above, '/');
	int dir;

	must(b, replica_rest(&b->replica));
	must(b, replica_own(&b->replica));
	if (slash)
		slash[slash == above] = 0;
	dir = open(slash ? above : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || file_sync_fs(b->to.dir))
		die_temp("unable to sync %s: %m", b->half.s);
	step(b);
	if (file_move_over(AT_FDCWD, b->half.s, AT_FDCWD, b->target))
		die_temp("unable to rename %s to %s: %m", b->half.s, b->target);
	str_free(&b->half);
	if (file_sync(dir))
		die_temp("unable to sync the directory of %s: %m", b->target);
	close(dir);
	free(above);
}

static void
open_spool(struct spool *s, const char *path)
{
	const char *what;

	if (spool_open(s, path, SPOOL_OWNER, &what))
		die_temp("unable to open %s/%s: %m", path, what);
}

/* What the rename in the end would refuse is seen now. */
static void
check_empty(const char *target)
{
	DIR *d = opendir(target);
	struct dirent *e;

	if (!d && errno != ENOENT)
		die_perm("unable to use %s: %m", target);
	while (d && (e = readdir(d)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			die_perm("unable to use %s: it is not empty", target);
	if (d)
		closedir(d);
}

static void
check_target(struct backup *b)
{
	char spool[PATH_MAX], *above = mem_dup(b->target), real[PATH_MAX], *slash = strrchr(above, '/');
	size_t n;

	check_empty(b->target);
	if (slash)
		slash[slash == above] = 0;
	if (!realpath(b->from.path, spool) || !realpath(slash ? above : ".", real))
		die_temp("unable to find the directory of %s: %m", b->target);
	n = strlen(spool);
	if (!strncmp(real, spool, n) && (!real[n] || real[n] == '/'))
		die_perm("unable to use %s: it is in the spool itself", b->target);
	free(above);
}

static void
make_copy(struct backup *b)
{
	struct replica *r = &b->replica;

	if (stat(b->admin.conf->spool, &r->top))
		die_temp("unable to look at %s: %m", b->admin.conf->spool);
	if (geteuid() && geteuid() != r->top.st_uid)
		die_perm("unable to back up %s: only root and the spool's user may", b->admin.conf->spool);
	open_spool(&b->from, b->admin.conf->spool);
	check_target(b);
	half_clear(b->target);
	atexit(remove_half);
	catch_signals();
	if (half_make(&b->half, b->target))
		die_temp("unable to make %s: %m", b->half.s);
	open_spool(&b->to, b->half.s);
	r->from = &b->from;
	r->to = &b->to;
	r->since = time(NULL);
	r->step = step;
	r->arg = b;
	must(b, replica_cur(r));
	copy_moment(b);
	finish(b);
	warn("copied %" PRIu64 " messages", r->messages);
	if (b->done)
		warn("%" PRIu64 " recipients were done with meanwhile, which the copy knows", b->done);
}

/* ---- verifying one ---- */

static int
verify(struct backup *b)
{
	struct check c = {.spool = &b->to, .found = found_print};

	open_spool(&b->to, b->target);
	spool_check(&c);
	if (!check_saved(&c)) {
		found_print(&(struct finding){.path = SAVED_FILE,
				.what = "it is missing",
				.then = "the history, the lists and the rules are not in this copy"},
		    NULL);
		c.faults++;
	}
	admin_flush();
	return c.unable ? EXIT_TEMP : c.faults ? EXIT_PERM : 0;
}

/* ---- what was done since ---- */

static void
since_row(char *rec, size_t n, void *arg)
{
	struct backup *b = arg;
	struct str rcpt = {0};
	char id[ROW_ID_SIZE], when[CLOCK_ISO_SIZE];
	struct row row;
	int todo;

	admin_row(&row, rec, n);
	if (!replica_state(row.result))
		return;
	must(b, todo = replica_mark(&b->replica, row.id, row.n, 0));
	if (!todo)
		return;
	row_id(id, &row);
	clock_iso(when, row.retired, 0);
	table_escape(&rcpt, row.rcpt ? row.rcpt : "", row.rcpt ? strlen(row.rcpt) : 0);
	printf("%s\t%s\t%s\t%s\n", id, when, row.result, str_cstr(&rcpt));
	str_free(&rcpt);
	b->done++;
}

/* Of the spool in use, whom its history calls done and the copy does not. */
static void
since(struct backup *b)
{
	open_spool(&b->to, b->target);
	b->replica.to = &b->to;
	(void)admin_ask(&b->admin, "retired", NULL, since_row, b);
	admin_flush();
	warn("%" PRIu64 " recipients were done with since, and are to do in %s", b->done, b->target);
}

int
main(int argc, char *argv[])
{
	struct backup *b = &backup;
	size_t n;
	int code = 0;

	(void)argc;
	admin_start(&b->admin, "mox-queue-backup", usage, ADMIN_PLAIN, argv);
	while ((code = admin_option(&b->admin, options, ARRAY_LEN(options)))) {
		if (b->verb && b->verb != code)
			die_usage(usage);
		b->verb = code;
	}
	if (b->admin.opt.nargs != 1 || !*b->admin.opt.argv[0])
		die_usage(usage);
	b->target = b->admin.opt.argv[0];
	for (n = strlen(b->target); n > 1 && b->target[n - 1] == '/'; n--)
		b->target[n - 1] = 0;
	admin_ready(&b->admin, 1);
	if (b->verb == OPT_VERIFY)
		code = verify(b);
	else if (b->verb == OPT_SINCE)
		since(b);
	else
		make_copy(b);
	admin_free(&b->admin);
	return code;
}
