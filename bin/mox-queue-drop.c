#include "base.h"

#include "admin.h"

static const char usage[] =
    "mox-queue-drop [-C file] [-dry-run] [-n count] [-all] [-filter value ...] [id ... | -]";

int
main(int argc, char *argv[])
{
	struct admin a;

	(void)argc;
	admin_start(&a, "mox-queue-drop", usage, ADMIN_CHANGE, argv);
	while (admin_option(&a, NULL, 0))
		;
	admin_ready(&a, 0);
	return admin_change(&a, "drop", NULL, "dropped");
}
