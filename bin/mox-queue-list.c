#include "base.h"

#include "die.h"
#include "list.h"
#include "mailq.h"

static const char usage[] =
    "mox-queue-list [-C file] [-j | -mailq] [-summary what] [-o field,...] [-n count] [-sort field] "
    "[-asc | -desc] [-filter value ...] [id ... | -]";

enum { OPT_MAILQ = LIST_OWN };

static const struct opt options[] = {LIST_OPTIONS, {"mailq", OPT_MAILQ, false}};

static struct mailq mailq;

static void
show_mailq(struct list *l, const struct row *r)
{
	(void)l;
	mailq_row(&mailq, r);
}

int
main(int argc, char *argv[])
{
	struct list l = {.by = ROW_ID};
	int code;

	(void)argc;
	admin_start(&l.admin, "mox-queue-list", usage, ADMIN_LIST, argv);
	while ((code = admin_option(&l.admin, options, ARRAY_LEN(options))))
		if (code == OPT_MAILQ) {
			l.show = show_mailq;
			l.admin.sysexits = true;
		} else {
			list_option(&l, code);
		}
	if (l.show && (l.json || l.names || l.sorted || l.descending || l.sums))
		die_perm("unable to combine -mailq with -j, -summary, -o, -sort or -desc");
	list_ready(&l, "id,state,next,rcpt,error", NULL);
	list_run(&l, "list");
	if (l.show)
		mailq_end(&mailq);
	list_end(&l);
	return 0;
}
