#include "base.h"

#include "clock.h"
#include "columns.h"
#include "opt.h"
#include "table.h"
#include "unit.h"

#define NOW (INT64_C(1800000000) * SECOND)

static void
widths(void)
{
	static const struct {
		const char *text;
		unsigned columns, room;
		size_t fits;
	} t[] = {
	    {"", 0, 5, 0},
	    {"abc", 3, 2, 2},
	    {"gr\xc3\xbc\xc3\x9f", 4, 3, 4},
	    {"\xe6\x97\xa5\xe6\x9c\xac", 4, 3, 3}, /* two wide characters, room for one and a half */
	    {"e\xcc\x81x", 2, 1, 3},               /* the accent goes with its letter */
	    {"\xff\xfe", 2, 1, 1},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		INT_EQ(text_columns(t[i].text, strlen(t[i].text)), t[i].columns, "columns of a text");
		INT_EQ(text_fit(t[i].text, strlen(t[i].text), t[i].room), t[i].fits, "what fits");
	}
}

static void
fields(void)
{
	static const struct {
		enum row_field field;
		const char *absolute, *relative;
	} t[] = {
	    {ROW_ID, "0000000000000.7", "0000000000000.7"},
	    {ROW_SENDER, "<>", "<>"},
	    {ROW_RCPT, "a@b", "a@b"},
	    {ROW_SITE, "", ""},
	    {ROW_STATE, "held", "held"},
	    {ROW_HOLD, "", ""},
	    {ROW_QUEUED, "2027-01-15T05:00:00Z", "3h"},
	    {ROW_LAST, "2027-01-15T07:58:30Z", "90s"},
	    {ROW_NEXT, "2027-01-15T07:00:00Z", "-60m"},
	    {ROW_CODE, "", ""},
	    {ROW_SIZE, "0", "0"},
	};
	struct row r = {.n = 7,
	    .rcpt = "a@b",
	    .state = ROW_HELD,
	    .queued = NOW - 3 * HOUR,
	    .last = NOW - 90 * SECOND,
	    .next = NOW - HOUR};
	struct str s = {0};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		str_reset(&s);
		row_shown(&s, &r, t[i].field, 0);
		STR_EQ(str_cstr(&s), t[i].absolute, "a field in a pipe");
		str_reset(&s);
		row_shown(&s, &r, t[i].field, NOW);
		STR_EQ(str_cstr(&s), t[i].relative, "a field on a screen");
	}
	str_free(&s);
}

static void
options(void)
{
	static const struct opt table[] = {{"n", 1, true}, {"name", 2, true}, {"j", 3, false}};
	char a0[] = "-name", a1[] = "-x", a2[] = "arg", a3[] = "--name=a=b", a4[] = "-j", a5[] = "-30m",
	     a6[] = "-", a7[] = "--", a8[] = "-j";
	char *argv[] = {a0, a1, a2, a3, a4, a5, a6, a7, a8, NULL};
	char bad0[] = "-nam", bad1[] = "-j=1", bad2[] = "-n";
	char *wrong[] = {bad0, bad1, bad2, NULL};
	struct opt_in in = {.argv = argv};

	INT_EQ(opt_next(&in, table, 3), 2, "a name and its value");
	STR_EQ(in.value, "-x", "the value may look like an option");
	INT_EQ(opt_next(&in, table, 3), 2, "behind an argument, two dashes");
	STR_EQ(in.value, "a=b", "the value behind =");
	INT_EQ(opt_next(&in, table, 3), 3, "an option without value");
	INT_EQ(opt_next(&in, table, 3), OPT_END, "the end");
	INT_EQ(in.nargs, 4, "arguments are gathered");
	STR_EQ(in.argv[1], "-30m", "a negative number is one");
	STR_EQ(in.argv[2], "-", "a dash is one");
	STR_EQ(in.argv[3], "-j", "and all behind --");
	in = (struct opt_in){.argv = wrong};
	INT_EQ(opt_next(&in, table, 3), OPT_UNKNOWN, "no abbreviations");
	INT_EQ(opt_next(&in, table, 3), OPT_STRAY_VALUE, "a value too many");
	INT_EQ(opt_next(&in, table, 3), OPT_NO_VALUE, "a value missing");
}

int
main(void)
{
	widths();
	fields();
	options();
	DONE();
}
