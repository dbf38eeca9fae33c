#include "base.h"

#include "admin.h"
#include "check.h"
#include "die.h"
#include "found.h"
#include "rec.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/file.h>
#include <unistd.h>

static const char usage[] = "mox-queue-check [-C file] [-i] [-r] [directory]";

enum { OPT_INDEX = ADMIN_OWN, OPT_REPAIR };

static const struct opt options[] = {{"i", OPT_INDEX, false}, {"r", OPT_REPAIR, false}};

struct checking {
	struct admin admin;
	struct check check;
	struct spool spool;
	bool index, repair;
	bool copy; /* a backup that no mox-runq has read: it has no index */
	int lock;  /* -1: not ours */
};

static void
parse(struct checking *k, char *argv[])
{
	struct admin *a = &k->admin;
	int code;

	admin_start(a, "mox-queue-check", usage, ADMIN_PLAIN, argv);
	while ((code = admin_option(a, options, ARRAY_LEN(options)))) {
		k->index = k->index || code == OPT_INDEX;
		k->repair = k->repair || code == OPT_REPAIR;
	}
	if (a->opt.nargs > 1)
		die_usage(usage);
	/* A mox-runq that we start must mean the same spool. */
	if (a->opt.nargs && setenv("MOX_SPOOL", a->opt.argv[0], 1))
		die_temp("unable to set MOX_SPOOL: %m");
	admin_ready(a, a->opt.nargs);
}

/* A directory that was a spool, of which a part is gone. */
static bool
make_parts(struct checking *k, const char *what)
{
	struct finding f = {
	    .path = what, .what = "it is missing", .then = "mox-runq makes it when it starts"};
	struct str path = {0};
	int err = errno;
	bool is_one;

	str_addf(&path, "%s/%s", k->admin.conf->spool, strcmp(what, "new") ? "new" : "cur");
	is_one = err == ENOENT && strcmp(what, ".") && !access(path.s, F_OK);
	str_free(&path);
	errno = err;
	if (!is_one)
		return false;
	if (k->repair && spool_make(k->admin.conf->spool))
		die_temp("unable to make %s/%s: %m", k->admin.conf->spool, what);
	if (k->repair)
		f.done = "it was made";
	k->check.faults++;
	found_print(&f, NULL);
	return k->repair;
}

static void
open_spool(struct checking *k)
{
	const char *what;

	if (!spool_open(&k->spool, k->admin.conf->spool, SPOOL_OWNER, &what))
		return;
	if (!make_parts(k, what) || spool_open(&k->spool, k->admin.conf->spool, SPOOL_OWNER, &what))
		die_temp("unable to open %s/%s: %m", k->admin.conf->spool, what);
}

/* -r may move files only while nobody owns the spool. */
static void
take_lock(struct checking *k)
{
	k->lock = openat(k->spool.dir, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (k->lock < 0)
		die_temp("unable to open %s/lock: %m", k->spool.path);
	if (!flock(k->lock, LOCK_EX | LOCK_NB))
		return;
	if (errno != EWOULDBLOCK)
		die_temp("unable to lock %s/lock: %m", k->spool.path);
	close(k->lock);
	k->lock = -1;
	warn(
	    "a mox-runq owns %s: its files are left as they are, and its index is built anew", k->spool.path);
}

static void
check_files(struct checking *k)
{
	open_spool(k);
	k->lock = -1;
	if (k->repair)
		take_lock(k);
	k->check.spool = &k->spool;
	k->check.repair = k->lock >= 0;
	k->check.found = found_print;
	spool_check(&k->check);
	k->copy = check_saved(&k->check);
	if (k->lock >= 0)
		close(k->lock);
	spool_close(&k->spool);
	if (k->check.kept)
		warn("%" PRIu64 " files lie in %s/corrupt", k->check.kept, k->admin.conf->spool);
}

/* ---- the index, of which its owner knows ---- */

static void
index_fault(char *rec, size_t n, void *arg)
{
	struct checking *k = arg;
	struct finding f = {.what = "the index and the files differ"};
	struct rec_in in = {rec, rec + n};
	struct str path = {0};
	char *key, *value, *table = NULL;

	while (rec_next(&in, &key, &value) == REC_LINE) {
		if (!(value = rec_text(value)))
			continue;
		if (!strcmp(key, "id") || !strcmp(key, "entry"))
			f.path = value;
		else if (!strcmp(key, "table"))
			table = value;
		else if (!strcmp(key, "error") && *value)
			f.what = value;
		else if (!strcmp(key, "then"))
			f.then = value;
	}
	if (!f.path)
		die_temp("unable to read the answer of mox-runq: it names nothing");
	if (table)
		str_addf(&path, "index: table %s: %s", table, f.path);
	else
		str_adds(&path, f.path);
	f.path = path.s;
	k->check.faults++;
	found_print(&f, NULL);
	str_free(&path);
}

static void
check_index(struct checking *k)
{
	bool owned = ctl_listens(k->admin.conf);

	if (k->copy && !owned) {
		warn("%s is a backup that nobody has used yet: it has no index", k->admin.conf->spool);
		return;
	}
	if (k->repair)
		(void)admin_ask(&k->admin, "rebuild", NULL, NULL, NULL);
	else if (owned || k->index)
		(void)admin_ask(&k->admin, "check", NULL, index_fault, k);
	else
		warn("no mox-runq runs: the index was not looked at (-i starts one)");
}

int
main(int argc, char *argv[])
{
	struct checking k = {0};

	(void)argc;
	parse(&k, argv);
	check_files(&k);
	check_index(&k);
	admin_flush();
	admin_free(&k.admin);
	if (k.check.unable)
		return EXIT_TEMP;
	return k.check.faults ? EXIT_PERM : 0;
}
