#include "base.h"

#include "admin.h"
#include "die.h"
#include "rec.h"

static const char usage[] =
    "mox-queue-requiretls [-C file] [-dry-run] [-n count] [-all] [-filter value ...]\n"
    "           yes | no | default [id ... | -]";

int
main(int argc, char *argv[])
{
	struct str set = {0};
	struct admin a;
	const char *what;
	int code;

	(void)argc;
	admin_start(&a, "mox-queue-requiretls", usage, ADMIN_CHANGE, argv);
	while (admin_option(&a, NULL, 0))
		;
	if (!a.opt.nargs)
		die_usage(usage);
	what = a.opt.argv[0];
	if (strcmp(what, "yes") && strcmp(what, "no") && strcmp(what, "default"))
		die_perm("unable to set requiretls to \"%s\": expected yes, no or default", what);
	rec_open(&set, "set");
	rec_put(&set, "requiretls");
	rec_put(&set, what);
	rec_close(&set);
	admin_ready(&a, 1);
	code = admin_change(&a, "requiretls", str_cstr(&set), "changed");
	str_free(&set);
	return code;
}
