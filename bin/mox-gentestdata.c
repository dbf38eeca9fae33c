#include "base.h"

#include "admin.h"
#include "clock.h"
#include "die.h"
#include "spool.h"
#include "testdata.h"

#include <dirent.h>
#include <errno.h>
#include <unistd.h>

static const char usage[] = "mox-gentestdata [-C file] [-at time] [-seed number] directory";

enum { OPT_AT = ADMIN_OWN, OPT_SEED };

static const struct opt options[] = {{"at", OPT_AT, true}, {"seed", OPT_SEED, true}};

struct generating {
	struct admin admin;
	int64_t now;
	uint64_t seed;
	char *directory;
};

static void
parse(struct generating *g, char *argv[])
{
	struct admin *a = &g->admin;
	int code;

	admin_start(a, "mox-gentestdata", usage, ADMIN_PLAIN, argv);
	g->now = a->now;
	while ((code = admin_option(a, options, ARRAY_LEN(options)))) {
		if (code == OPT_AT && (!clock_parse(a->opt.value, &g->now) || g->now < 0))
			die_perm("unable to use -at %s: expected a time such as 2026-11-21T02:31:13Z",
			    a->opt.value);
		if (code == OPT_SEED && !str_number(a->opt.value, INT64_MAX, &g->seed))
			die_perm("unable to use -seed %s: expected a number", a->opt.value);
	}
	if (a->opt.nargs != 1 || !*a->opt.argv[0])
		die_usage(usage);
	g->directory = a->opt.argv[0];
	admin_ready(a, 1);
}

/* Never into a spool that is one. */
static void
check_empty(const char *directory)
{
	DIR *d = opendir(directory);
	struct dirent *e;

	if (!d && errno != ENOENT)
		die_perm("unable to use %s: %m", directory);
	while (d && (e = readdir(d)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			die_perm("unable to use %s: it is not empty", directory);
	if (d)
		closedir(d);
}

int
main(int argc, char *argv[])
{
	struct generating g = {.seed = 1};
	const char *what;

	(void)argc;
	parse(&g, argv);
	check_empty(g.directory);
	if (spool_make(g.directory))
		die_temp("unable to make %s: %m", g.directory);
	if (testdata_write(g.directory, g.seed, g.now, &what))
		die_temp("unable to %s %s: %m", what, g.directory);
	admin_free(&g.admin);
	return 0;
}
