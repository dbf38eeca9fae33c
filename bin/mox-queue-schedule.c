#include "base.h"

#include "admin.h"
#include "clock.h"
#include "die.h"
#include "rec.h"

#include <inttypes.h>

static const char usage[] = "mox-queue-schedule [-C file] [-spread span] [-dry-run] [-n count] [-all] "
			    "[-filter value ...] when [id ... | -]";

/* What mox-runq knows: now, a duration behind a sign that moves the planned time, or a time in microseconds.
 */
static void
when_put(struct str *set, const char *when, int64_t now)
{
	int64_t us;

	rec_open(set, "set");
	rec_put(set, "next");
	if (!strcmp(when, "now") || ((*when == '+' || *when == '-') && str_duration(when + 1, &us)))
		rec_put(set, when);
	else if (clock_parse(when, &us))
		rec_putf(set, "%" PRId64, us);
	else if (str_duration(when, &us))
		rec_putf(set, "%" PRId64, now + us);
	else
		die_perm("unable to schedule for \"%s\": expected now, 2h, +2h, -30m or a time such as "
			 "2026-11-21T10:00",
		    when);
	rec_close(set);
}

enum { OPT_SPREAD = ADMIN_OWN };
static const struct opt options[] = {{"spread", OPT_SPREAD, true}};

int
main(int argc, char *argv[])
{
	struct str set = {0};
	const char *spread = NULL;
	struct admin a;
	int code;

	(void)argc;
	admin_start(&a, "mox-queue-schedule", usage, ADMIN_CHANGE, argv);
	while (admin_option(&a, options, ARRAY_LEN(options)))
		spread = a.opt.value;
	if (!a.opt.nargs)
		die_usage(usage);
	when_put(&set, a.opt.argv[0], a.now);
	if (spread)
		admin_put_spread(&set, spread);
	admin_ready(&a, 1);
	code = admin_change(&a, "schedule", str_cstr(&set), "scheduled");
	str_free(&set);
	return code;
}
