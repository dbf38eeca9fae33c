#include "base.h"

#include "die.h"
#include "list.h"
#include "mailq.h"
#include "summary.h"

static const char usage[] =
    "mox-queue-list [-C file] [-j | -mailq] [-summary what] [-o field,...] [-n count] [-sort field] "
    "[-asc | -desc] [-filter value ...] [id ... | -]";

enum { OPT_MAILQ = LIST_OWN, OPT_SUMMARY };

static const struct opt options[] = {
    LIST_OPTIONS, {"mailq", OPT_MAILQ, false}, {"summary", OPT_SUMMARY, true}};

static struct mailq mailq;

static void
show_mailq(struct list *l, const struct row *r)
{
	(void)l;
	mailq_row(&mailq, r);
}

static struct summary summary;

static void
show_summary(struct list *l, const struct row *r)
{
	(void)l;
	summary_add(&summary, r);
}

static void
want_summary(struct list *l)
{
	if (!summary_find(l->admin.opt.value, &summary.by))
		die_perm(
		    "unable to sum up by \"%s\": expected domain, site, error or age", l->admin.opt.value);
	summary.now = l->admin.now;
	l->show = show_summary;
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
		} else if (code == OPT_SUMMARY) {
			want_summary(&l);
		} else {
			list_option(&l, code);
		}
	if (l.show == show_summary && (l.names || l.sorted || l.descending))
		die_perm("unable to combine -summary with -o, -sort or -desc");
	if (l.show == show_mailq && (l.json || l.names || l.sorted || l.descending))
		die_perm("unable to combine -mailq with -j, -o, -sort or -desc");
	list_ready(&l, "id,state,next,rcpt,error", NULL);
	/* -n is of what is shown, not of what is counted. */
	if (l.show == show_summary)
		l.admin.keep_limit = true;
	list_run(&l, "list");
	if (l.show == show_mailq)
		mailq_end(&mailq);
	else if (l.show)
		summary_end(&summary, l.columns.table.form, l.columns.table.width, l.admin.limit);
	list_end(&l);
	return 0;
}
