#include "base.h"

#include "admin.h"
#include "backup.h"
#include "check.h"
#include "clock.h"
#include "die.h"
#include "file.h"
#include "found.h"
#include "half.h"
#include "rec.h"
#include "saved.h"
#include "table.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <unistd.h>

static const char usage[] = "mox-queue-backup [-C file] directory\n"
			    "mox-queue-backup [-C file] -verify directory\n"
			    "mox-queue-backup [-C file] -since directory";

enum { OPT_VERIFY = ADMIN_OWN, OPT_SINCE };

static const struct opt options[] = {{"verify", OPT_VERIFY, false}, {"since", OPT_SINCE, false}};

struct command {
	struct admin admin;
	int verb; /* OPT_VERIFY, OPT_SINCE; 0: a copy is made */
	struct spool from, to;
	struct backup backup;
	char *target;
	struct str half;
};

static struct command command;
static volatile sig_atomic_t stopped;

/* ---- nothing half is left ---- */

static void
remove_half(void)
{
	if (command.half.len)
		half_remove(command.half.s);
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

/* ---- the copy ---- */

static void
finish(struct command *b)
{
	char *above = mem_dup(b->target), *slash = strrchr(above, '/');
	int dir;

	backup_must(&b->backup, replica_rest(&b->backup.replica));
	backup_must(&b->backup, replica_own(&b->backup.replica));
	if (slash)
		slash[slash == above] = 0;
	dir = open(slash ? above : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || file_sync_fs(b->to.dir))
		die_temp("unable to sync %s: %m", b->half.s);
	backup_step(&b->backup);
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
check_target(struct command *b)
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
make_copy(struct command *b)
{
	struct replica *r = &b->backup.replica;

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
	b->backup.conf = b->admin.conf;
	b->backup.name = b->half.s;
	b->backup.stopped = &stopped;
	backup_copy(&b->backup);
	backup_must(&b->backup, replica_count(r));
	finish(b);
	warn("copied %" PRIu64 " messages; nothing was taken in for %" PRId64 " ms", r->messages,
	    b->backup.stood / 1000);
	if (b->backup.done)
		warn("%" PRIu64 " recipients were done with meanwhile, which the copy knows", b->backup.done);
}

/* ---- verifying one ---- */

static int
verify(struct command *b)
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
	struct command *b = arg;
	struct str rcpt = {0};
	char id[ROW_ID_SIZE], when[CLOCK_ISO_SIZE];
	struct row row;
	int todo;

	admin_row(&row, rec, n);
	if (!replica_state(row.result))
		return;
	backup_must(&b->backup, todo = replica_mark(&b->backup.replica, row.id, row.n, 0));
	if (!todo)
		return;
	row_id(id, &row);
	clock_iso(when, row.retired, 0);
	table_escape(&rcpt, row.rcpt ? row.rcpt : "", row.rcpt ? strlen(row.rcpt) : 0);
	printf("%s\t%s\t%s\t%s\n", id, when, row.result, str_cstr(&rcpt));
	str_free(&rcpt);
	b->backup.done++;
}

/* Of the spool in use, whom its history calls done and the copy does not. */
static void
since(struct command *b)
{
	open_spool(&b->to, b->target);
	b->backup.replica.to = &b->to;
	(void)admin_ask(&b->admin, "retired", NULL, since_row, b);
	admin_flush();
	warn("%" PRIu64 " recipients were done with since, and are to do in %s", b->backup.done, b->target);
}

int
main(int argc, char *argv[])
{
	struct command *b = &command;
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
