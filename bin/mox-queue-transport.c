#include "base.h"

#include "admin.h"
#include "die.h"
#include "rec.h"

static const char usage[] = "mox-queue-transport [-C file] [-dry-run] [-n count] [-all] [-filter value ...]\n"
			    "           name | default [id ... | -]";

int
main(int argc, char *argv[])
{
	struct str set = {0};
	struct admin a;
	const char *name;
	int code;

	(void)argc;
	admin_start(&a, "mox-queue-transport", usage, ADMIN_CHANGE, argv);
	while (admin_option(&a, NULL, 0))
		;
	if (!a.opt.nargs)
		die_usage(usage);
	name = a.opt.argv[0];
	admin_ready(&a, 1);
	if (!strcmp(name, "default"))
		name = "";
	else if (!conf_transport(a.conf, name))
		die_perm("unable to send by \"%s\": %s has no transport of that name", name, a.conf->file);
	rec_open(&set, "set");
	rec_put(&set, "transport");
	rec_put(&set, name);
	rec_close(&set);
	code = admin_change(&a, "transport", str_cstr(&set), "changed");
	str_free(&set);
	return code;
}
