#include "base.h"

#include "list.h"

static const char usage[] =
    "mox-retired-list [-C file] [-j] [-summary what] [-o field,...] [-n count] [-sort field] [-asc | -desc] "
    "[-filter value ...] [id ... | -]";

enum { OPT_FILTER = LIST_OWN };

static const struct opt options[] = {
    LIST_OPTIONS, {"result", OPT_FILTER, true}, {"retired", OPT_FILTER, true}};

int
main(int argc, char *argv[])
{
	struct list l = {.by = ROW_ID, .summary.retired = true};
	int code;

	(void)argc;
	admin_start(&l.admin, "mox-retired-list", usage, ADMIN_LIST, argv);
	while ((code = admin_option(&l.admin, options, ARRAY_LEN(options))))
		if (code == OPT_FILTER)
			admin_filter(&l.admin);
		else
			list_option(&l, code);
	list_ready(&l, "id,result,retired,rcpt,error,host",
	    "id,result,retired,sender,rcpt,domain,site,account,queued,attempts,last,code,error,size,"
	    "transport,"
	    "requiretls,messageid,subject,host,tls,duration");
	list_run(&l, "retired");
	list_end(&l);
	return 0;
}
