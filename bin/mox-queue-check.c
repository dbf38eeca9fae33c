#include "base.h"

#include "admin.h"
#include "check.h"
#include "die.h"
#include "table.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/file.h>
#include <unistd.h>

static const char usage[] = "mox-queue-check [-C file] [-r] [directory]";

enum { OPT_REBUILD = ADMIN_OWN };

static const struct opt options[] = {{"r", OPT_REBUILD, false}};

struct checking {
	struct admin admin;
	struct check check;
	struct spool spool;
	bool rebuild;
	int lock; /* -1: not ours */
};

static void
fault(const char *path, const char *what, void *arg)
{
	struct str text = {0};

	(void)arg;
	table_escape(&text, path, strlen(path));
	printf("%s: %s\n", str_cstr(&text), what);
	str_free(&text);
}

static void
index_fault(char *rec, size_t n, void *arg)
{
	struct checking *k = arg;
	char id[ROW_ID_SIZE];
	struct row r;

	admin_row(&r, rec, n);
	row_id(id, &r);
	k->check.faults++;
	fault(id, r.error && *r.error ? r.error : "the index and the files differ", NULL);
}

static void
parse(struct checking *k, char *argv[])
{
	struct admin *a = &k->admin;

	admin_start(a, "mox-queue-check", usage, ADMIN_PLAIN, argv);
	while (admin_option(a, options, ARRAY_LEN(options)))
		k->rebuild = true;
	if (a->opt.nargs > 1)
		die_usage(usage);
	/* A mox-runq that we start must mean the same spool. */
	if (a->opt.nargs && setenv("MOX_SPOOL", a->opt.argv[0], 1))
		die_temp("unable to set MOX_SPOOL: %m");
	admin_ready(a, a->opt.nargs);
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
}

static void
check_files(struct checking *k)
{
	const char *what;

	if (spool_open(&k->spool, k->admin.conf->spool, SPOOL_OWNER, &what))
		die_temp("unable to open %s/%s: %m", k->admin.conf->spool, what);
	k->lock = -1;
	if (k->rebuild)
		take_lock(k);
	k->check.spool = &k->spool;
	k->check.repair = k->lock >= 0;
	k->check.fault = fault;
	spool_check(&k->check);
	if (k->lock >= 0)
		close(k->lock);
	spool_close(&k->spool);
	if (k->check.kept)
		warn("%" PRIu64 " files lie in %s/corrupt", k->check.kept, k->admin.conf->spool);
}

int
main(int argc, char *argv[])
{
	struct checking k = {0};

	(void)argc;
	parse(&k, argv);
	check_files(&k);
	if (k.rebuild)
		(void)admin_ask(&k.admin, "rebuild", NULL, NULL, NULL);
	else if (ctl_listens(k.admin.conf))
		(void)admin_ask(&k.admin, "check", NULL, index_fault, &k);
	admin_flush();
	admin_free(&k.admin);
	if (k.check.unable)
		return EXIT_TEMP;
	return k.check.faults ? EXIT_PERM : 0;
}
