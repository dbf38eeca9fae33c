#include "base.h"

#include "admin.h"
#include "die.h"
#include "rec.h"

static const char usage[] =
    "mox-queue-fail [-C file] [-text why] [-dry-run] [-n count] [-all] [-filter value ...]\n"
    "           [id ... | -]";

#define TEXT_MAX 500 /* mox-runq takes no more */

enum { OPT_TEXT = ADMIN_OWN };
static const struct opt options[] = {{"text", OPT_TEXT, true}};

static bool
is_one_line(const char *s)
{
	size_t n = strlen(s);

	if (n > TEXT_MAX || !utf8_valid(s, n))
		return false;
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 127)
			return false;
	return true;
}

int
main(int argc, char *argv[])
{
	struct str text = {0};
	struct admin a;
	int code;

	(void)argc;
	admin_start(&a, "mox-queue-fail", usage, ADMIN_CHANGE, argv);
	while (admin_option(&a, options, ARRAY_LEN(options))) {
		if (!is_one_line(a.opt.value))
			die_perm("unable to use that -text: expected one line of UTF-8, at most %d bytes",
			    TEXT_MAX);
		str_reset(&text);
		rec_add(&text, "text", a.opt.value);
	}
	admin_ready(&a, 0);
	code = admin_change(&a, "fail", str_cstr(&text), "failed");
	str_free(&text);
	return code;
}
