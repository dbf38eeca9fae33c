/* The suppression list: whom an account does not write to. mox-runq has it; this asks and shows. */
#include "base.h"

#include "addr.h"
#include "admin.h"
#include "clock.h"
#include "die.h"
#include "path.h"
#include "rec.h"
#include "table.h"

static const char usage[] =
    "mox-suppress [-C file] list [-account name | -all] [-j] [-o column,...]\n"
    "       mox-suppress [-C file] add [-account name] [-reason text] [-until time | -for "
    "duration] [-j] [-o column,...] address ... | -\n"
    "       mox-suppress [-C file] remove [-account name] [-j] [-o column,...] address ... | -\n"
    "       mox-suppress [-C file] check [-account name] [-j] [-o column,...] address ... | -";

#define REQUEST_FULL 20000 /* bytes; with one more address it still fits a packet */
#define CHECK_FOUND 1      /* exit code of check */

enum { OPT_ACCOUNT = ADMIN_OWN, OPT_EVERY, OPT_REASON, OPT_UNTIL, OPT_FOR, OPT_JSON, OPT_COLUMNS };

static const struct opt options[] = {
    {"account", OPT_ACCOUNT, true},
    {"all", OPT_EVERY, false},
    {"reason", OPT_REASON, true},
    {"until", OPT_UNTIL, true},
    {"for", OPT_FOR, true},
    {"j", OPT_JSON, false},
    {"o", OPT_COLUMNS, true},
};

enum what { LIST, ADD, REMOVE, CHECK };
static const char *const words[] = {"list", "add", "remove", "check"};
static const char *const ops[] = {"suppress-list", "suppress-add", "suppress-remove", "suppress-list"};

enum { ACCOUNT, ADDRESS, UNTIL, HOW, WHEN, REASON, BASE, COLUMNS };
static const struct table_column columns[COLUMNS] = {{"account", 10, false}, {"address", 28, false},
    {"until", 20, false}, {"how", 9, false}, {"when", 20, false}, {"reason", 20, false}, {"base", 24, false}};
static const char usual[] = "account,address,until,how,when,reason";

struct suppress {
	struct admin admin;
	enum what what;
	const char *account, *reason, *names;
	bool all, json;
	int64_t until;
	int at;           /* the next argument */
	struct str found; /* records of the answers */
	struct table table;
	struct table_column column[COLUMNS];
	int shown[COLUMNS];
	uint64_t rows;
};

/* ---- what is asked for ---- */

static void
parse_time(struct suppress *s, int code, const char *value)
{
	int64_t us;

	if (s->until)
		die_perm("unable to take more than one of -until and -for");
	if (code == OPT_FOR && !str_duration(value, &us))
		die_perm("unable to use -for \"%s\": expected a duration such as 30d", value);
	if (code == OPT_UNTIL && !clock_parse(value, &us))
		die_perm("unable to use -until \"%s\": expected a time such as 2027-01-31", value);
	s->until = code == OPT_FOR ? s->admin.now + us : us;
	if (s->until <= s->admin.now)
		die_perm("unable to use \"%s\": it is past", value);
}

static void
parse(struct suppress *s, char *argv[])
{
	struct admin *a = &s->admin;
	size_t what = 0;
	int code;

	admin_start(a, "mox-suppress", usage, ADMIN_PLAIN, argv);
	while ((code = admin_option(a, options, ARRAY_LEN(options))))
		switch (code) {
		case OPT_ACCOUNT: s->account = a->opt.value; break;
		case OPT_EVERY: s->all = true; break;
		case OPT_REASON: s->reason = a->opt.value; break;
		case OPT_JSON: s->json = true; break;
		case OPT_COLUMNS: s->names = a->opt.value; break;
		default: parse_time(s, code, a->opt.value); break;
		}
	while (a->opt.nargs && what < ARRAY_LEN(words) && strcmp(words[what], a->opt.argv[0]))
		what++;
	if (!a->opt.nargs || what == ARRAY_LEN(words))
		die_usage(usage);
	s->what = (enum what)what;
	s->at = 1;
	if ((s->what == LIST) != (a->opt.nargs == 1) || (s->what != LIST && s->all) ||
	    (s->what != ADD && (s->reason || s->until)) || (s->account && (s->all || !*s->account)))
		die_usage(usage);
	admin_ready(a, a->opt.nargs);
}

/* The next of the arguments or, behind "-", of the lines of fd 0; false: none is left. */
static bool
next_address(struct suppress *s, struct str *line)
{
	struct admin *a = &s->admin;
	int c;

	str_reset(line);
	if (s->at < a->opt.nargs && strcmp(a->opt.argv[s->at], "-")) {
		str_adds(line, a->opt.argv[s->at++]);
		return true;
	}
	while (s->at < a->opt.nargs) {
		while ((c = getchar()) != EOF && c != '\n')
			if (line->len <= ADDR_MAX + 2)
				str_addc(line, (char)c);
		if (c == EOF && ferror(stdin))
			die_temp("unable to read addresses: %m");
		if (line->len && str_cstr(line)[strspn(line->s, " \t\r")])
			return true;
		if (c == EOF) {
			s->at++;
			return next_address(s, line);
		}
		str_reset(line);
	}
	return false;
}

static bool
put_addresses(struct suppress *s, struct str *request)
{
	struct str line = {0};
	bool some = false;

	while (request->len < REQUEST_FULL && next_address(s, &line)) {
		const char *why = "it has a NUL";
		char *address = NULL;

		if (!memchr(line.s, 0, line.len))
			address = path_make(addr_unwrap(line.s), NULL, &why);
		if (!address)
			die_perm("unable to use \"%s\" as an address: %s", line.s, why);
		rec_add(request, "address", address);
		free(address);
		some = true;
	}
	str_free(&line);
	return some;
}

/* ---- answers ---- */

static void
take(char *rec, size_t n, void *arg)
{
	struct suppress *s = arg;

	str_add(&s->found, rec, n);
}

static void
time_add(struct str *out, const char *us)
{
	char iso[CLOCK_ISO_SIZE];
	uint64_t v;

	if (!str_number(us, INT64_MAX, &v) || !v)
		return;
	clock_iso(iso, (int64_t)v, 0);
	str_adds(out, iso);
}

static void
show(struct suppress *s)
{
	struct rec_in in = {s->found.s, s->found.s + s->found.len};
	struct str field[COLUMNS] = {0}, shown[COLUMNS];
	char *key, *value;
	enum rec_got got = REC_LINE;

	while (in.p < in.end && got != REC_BAD) {
		for (size_t i = 0; i < COLUMNS; i++)
			str_reset(&field[i]);
		while ((got = rec_next(&in, &key, &value)) == REC_LINE) {
			if (!(value = rec_text(value)))
				continue;
			for (size_t i = 0; i < COLUMNS; i++)
				if (!strcmp(key, columns[i].name) && (i == UNTIL || i == WHEN))
					time_add(&field[i], value);
				else if (!strcmp(key, columns[i].name))
					str_adds(&field[i], value);
		}
		if (got != REC_END)
			die_temp("unable to read the answer of mox-runq: not the record grammar");
		for (size_t i = 0; i < s->table.n; i++)
			shown[i] = field[s->shown[i]];
		table_row(&s->table, shown);
		s->rows++;
	}
	for (size_t i = 0; i < COLUMNS; i++)
		str_free(&field[i]);
	str_reset(&s->found);
}

static void
choose_columns(struct suppress *s)
{
	unsigned width = 0;
	enum table_form form = table_form_of(1, &width);
	const char *p = s->names ? s->names : s->json ? "account,address,until,how,when,reason,base" : usual;

	s->table = (struct table){s->json ? TABLE_JSON : form, s->column, 0, width};
	for (size_t n;; p += n + 1) {
		int i = 0;

		n = strcspn(p, ",");
		while (i < COLUMNS && (strlen(columns[i].name) != n || memcmp(columns[i].name, p, n) != 0))
			i++;
		if (i == COLUMNS || s->table.n == COLUMNS)
			die_perm(
			    "unable to show column \"%.*s\": expected some of %s,base", (int)n, p, usual);
		s->shown[s->table.n] = i;
		s->column[s->table.n++] = columns[i];
		if (!p[n])
			break;
	}
	table_head(&s->table);
}

/* ---- asking ---- */

static void
ask(struct suppress *s)
{
	struct str request = {0}, why = {0};
	uint64_t count;
	int code;

	do {
		str_reset(&request);
		rec_add(&request, "op", ops[s->what]);
		if (s->account)
			rec_add(&request, "account", s->account);
		if (s->all)
			rec_add(&request, "all", "yes");
		if (s->until)
			rec_addi(&request, "until", s->until);
		if (s->reason)
			rec_add(&request, "reason", s->reason);
		if (s->what != LIST && !put_addresses(s, &request))
			break;
		rec_end(&request);
		code = ctl_ask(s->admin.conf, &request, take, s, &count, &why);
		show(s);
		if (code) {
			admin_flush();
			die_exit(code == CTL_CUT ? EXIT_TEMP : code, "%s", str_cstr(&why));
		}
	} while (s->what != LIST);
	str_free(&request);
	str_free(&why);
}

int
main(int argc, char *argv[])
{
	struct suppress s = {0};

	(void)argc;
	parse(&s, argv);
	choose_columns(&s);
	ask(&s);
	admin_flush();
	str_free(&s.found);
	admin_free(&s.admin);
	return s.what == CHECK && s.rows ? CHECK_FOUND : 0;
}
