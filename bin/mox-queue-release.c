#include "base.h"

#include "admin.h"

static const char usage[] = "mox-queue-release [-C file] [-spread span] [-dry-run] [-n count] [-all] "
			    "[-filter value ...] [id ... | -]";

enum { OPT_SPREAD = ADMIN_OWN };
static const struct opt options[] = {{"spread", OPT_SPREAD, true}};

int
main(int argc, char *argv[])
{
	struct str set = {0};
	struct admin a;
	int code;

	(void)argc;
	admin_start(&a, "mox-queue-release", usage, ADMIN_CHANGE, argv);
	while (admin_option(&a, options, ARRAY_LEN(options))) {
		str_reset(&set);
		admin_put_spread(&set, a.opt.value);
	}
	admin_ready(&a, 0);
	code = admin_change(&a, "release", set.len ? str_cstr(&set) : NULL, "released");
	str_free(&set);
	return code;
}
