#include "base.h"

#include "admin.h"
#include "clock.h"
#include "die.h"
#include "fdio.h"
#include "id.h"
#include "rec.h"

#include <inttypes.h>
#include <sysexits.h>

#define REQUEST_FULL 20000 /* bytes; with one more id and the rest of a request it still fits a packet */
#define FILTER_MAX 4000

enum {
	OPT_CONF = 1,
	OPT_HELP,
	OPT_VERSION,
	OPT_FILTER, /* and the name is the key of a selection */
	OPT_ID,
	OPT_LIMIT,
	OPT_DRY_RUN,
	OPT_ALL,
};

/* By kind: ADMIN_PLAIN has the first five, ADMIN_LIST all but the last two. */
static const struct opt common[] = {
    {"C", OPT_CONF, true},
    {"h", OPT_HELP, false},
    {"V", OPT_VERSION, false},
    {"help", OPT_HELP, false},
    {"version", OPT_VERSION, false},
    {"from", OPT_FILTER, true},
    {"to", OPT_FILTER, true},
    {"domain", OPT_FILTER, true},
    {"site", OPT_FILTER, true},
    {"account", OPT_FILTER, true},
    {"hold", OPT_FILTER, true},
    {"state", OPT_FILTER, true},
    {"next", OPT_FILTER, true},
    {"queued", OPT_FILTER, true},
    {"attempts", OPT_FILTER, true},
    {"error", OPT_FILTER, true},
    {"transport", OPT_FILTER, true},
    {"extra", OPT_FILTER, true},
    {"id", OPT_ID, true},
    {"n", OPT_LIMIT, true},
    {"dry-run", OPT_DRY_RUN, false},
    {"all", OPT_ALL, false},
};
static const size_t common_size[] = {
    [ADMIN_PLAIN] = 5, [ADMIN_LIST] = ARRAY_LEN(common) - 2, [ADMIN_CHANGE] = ARRAY_LEN(common)};

#define OPT_MAX 36

void
admin_start(struct admin *a, const char *name, const char *usage, enum admin_kind kind, char *argv[])
{
	fd_sanitise();
	prog_start(name);
	*a = (struct admin){.usage = usage, .kind = kind, .opt = {.argv = argv + 1}, .now = clock_now()};
}

static void
id_add(struct admin *a, const char *id)
{
	uint64_t number;
	unsigned n;

	if (!id_parse_rcpt(id, &number, &n))
		die_perm("unable to use \"%s\" as an id: expected ID or ID.N", id);
	str_adds(&a->ids, id);
	str_addc(&a->ids, '\n');
}

/* The value is checked here, and times of the calendar become microseconds, which is all that mox-runq knows.
 */
static void
filter_add(struct admin *a, const char *name, const char *value)
{
	const char *key = name + strspn(name, "-"), *why;
	struct str k = {0}, v = {0};
	struct select check = {0};
	int64_t us;

	str_add(&k, key, strcspn(key, "="));
	if ((*value == '<' || *value == '>') && clock_parse(value + 1, &us))
		str_addf(&v, "%c%" PRId64 "@", *value, us);
	else
		str_adds(&v, value);
	if ((why = select_add(&check, str_cstr(&k), str_cstr(&v), a->now)))
		die_perm("unable to select by -%s \"%s\": %s", str_cstr(&k), value, why);
	select_put(&a->filter, str_cstr(&k), str_cstr(&v));
	if (a->filter.len > FILTER_MAX)
		die_perm("unable to select by that much text");
	select_free(&check);
	str_free(&k);
	str_free(&v);
}

void
admin_filter(struct admin *a)
{
	filter_add(a, a->opt.name, a->opt.value);
}

static void
common_option(struct admin *a, int code)
{
	switch (code) {
	case OPT_CONF: a->conf_file = a->opt.value; break;
	case OPT_HELP: print_usage(a->usage);
	case OPT_VERSION: print_version();
	case OPT_FILTER: admin_filter(a); break;
	case OPT_ID: id_add(a, a->opt.value); break;
	case OPT_LIMIT:
		if (!str_number(a->opt.value, INT64_MAX, &a->limit) || !a->limit)
			die_perm("unable to use -n \"%s\": expected a number from 1", a->opt.value);
		break;
	case OPT_DRY_RUN: a->dry_run = true; break;
	case OPT_ALL: a->all = true; break;
	case OPT_NO_VALUE: die_perm("unable to use %s: it needs a value", a->opt.name);
	case OPT_STRAY_VALUE: die_perm("unable to use %s: it takes no value", a->opt.name);
	default: warn("unable to use %s: no such option", a->opt.name); die_usage(a->usage);
	}
}

int
admin_option(struct admin *a, const struct opt *own, size_t n)
{
	struct opt table[OPT_MAX];
	size_t size = common_size[a->kind];
	int code;

	if (size + n > OPT_MAX)
		bug("too many options");
	memcpy(table, common, size * sizeof *table);
	if (n)
		memcpy(table + size, own, n * sizeof *table);
	while ((code = opt_next(&a->opt, table, size + n)) && code < ADMIN_OWN)
		common_option(a, code);
	return code;
}

void
admin_ready(struct admin *a, int first)
{
	for (int i = first; i < a->opt.nargs; i++)
		if (!strcmp(a->opt.argv[i], "-"))
			a->from_stdin = true;
		else
			id_add(a, a->opt.argv[i]);
	if (a->sysexits)
		die_codes(EX_CONFIG, EX_TEMPFAIL);
	a->conf = conf_load(a->conf_file);
	if (a->sysexits)
		die_codes(EX_NOPERM, EX_TEMPFAIL);
}

bool
admin_selects(const struct admin *a)
{
	return a->filter.len || a->ids.len || a->from_stdin;
}

void
admin_ids(const struct admin *a, struct select *s)
{
	for (size_t at = 0; at < a->ids.len;) {
		size_t n = strcspn(a->ids.s + at, "\n");
		char *id = mem_dupn(a->ids.s + at, n);

		if (select_add(s, "id", id, 0))
			bug("an id was not checked");
		free(id);
		at += n + 1;
	}
}

/* ---- ids, a portion at a time ---- */

static bool
next_id(struct admin *a, struct str *id)
{
	char line[256];
	size_t n;

	str_reset(id);
	if (a->ids_taken < a->ids.len) {
		n = strcspn(a->ids.s + a->ids_taken, "\n");
		str_add(id, a->ids.s + a->ids_taken, n);
		a->ids_taken += n + 1;
		return true;
	}
	while (a->from_stdin && fgets(line, sizeof line, stdin)) {
		uint64_t number;
		unsigned r;
		bool whole = strchr(line, '\n');

		/* The rest of a longer line, such as a row of mox-queue-list, is not looked at. */
		for (int c = 0; !whole && c != '\n' && c != EOF;)
			c = getchar();
		a->line++;
		if (!(n = strcspn(line, " \t\r\n")))
			continue;
		line[n] = 0;
		if (!id_parse_rcpt(line, &number, &r))
			die_perm("unable to use line %u of the input: \"%s\" is not an id", a->line, line);
		str_add(id, line, n);
		return true;
	}
	if (a->from_stdin && ferror(stdin))
		die_temp("unable to read ids: %m");
	return false;
}

void
admin_gather(struct admin *a)
{
	struct str id = {0};

	a->ids_taken = a->ids.len;
	while (next_id(a, &id)) {
		str_add(&a->ids, id.s, id.len);
		str_addc(&a->ids, '\n');
		a->ids_taken = a->ids.len;
	}
	a->ids_taken = 0;
	str_free(&id);
}

void
admin_rewind(struct admin *a)
{
	a->ids_taken = 0;
}

/* The ids of one request; false: none are left. */
static bool
put_ids(struct admin *a, struct str *request)
{
	struct str id = {0};
	bool some = false;

	while (request->len < REQUEST_FULL && next_id(a, &id)) {
		select_put(request, "id", str_cstr(&id));
		some = true;
	}
	str_free(&id);
	return some;
}

/* ---- asking ---- */

/* The rows of an answer on their way, so that a listing that was cut off can go on behind the last. */
struct listing {
	ctl_row *row;
	void *arg;
	struct row last; /* its id and n alone */
	bool in_order;   /* each row stood behind the one before */
	uint64_t seen;
};

static void
pass_row(char *rec, size_t n, void *arg)
{
	struct listing *l = arg;
	struct row r = {0};
	char id[ROW_ID_SIZE] = "";

	if (!strncmp(rec, "id ", 3))
		snprintf(id, sizeof id, "%.*s", (int)strcspn(rec + 3, "\n"), rec + 3);
	if (!id_parse_rcpt(id, &r.id, &r.n) || r.id < l->last.id || (r.id == l->last.id && r.n <= l->last.n))
		l->in_order = false;
	l->last = r;
	l->seen++;
	if (l->row)
		l->row(rec, n, l->arg);
}

static void
put_rest(const struct admin *a, struct str *request, const struct listing *l)
{
	char id[ROW_ID_SIZE];

	if (a->limit && !a->keep_limit)
		rec_addi(request, "limit", a->limit - l->seen);
	if (a->dry_run)
		rec_add(request, "dry-run", "yes");
	if (l->seen) {
		row_id(id, &l->last);
		rec_add(request, "after", id);
	}
	rec_end(request);
}

/* head: the request as far as its selection. Only a listing is asked again when it was cut off: a change would be done twice. */
static uint64_t
ask_once(struct admin *a, const struct str *head, bool again, struct listing *l)
{
	struct str request = {0}, why = {0};
	uint64_t count, before;
	int code;

	do {
		before = l->seen;
		str_reset(&request);
		str_add(&request, head->s, head->len);
		put_rest(a, &request, l);
		code = ctl_ask(a->conf, &request, pass_row, l, &count, &why);
		if (code == CTL_CUT && a->limit && !a->keep_limit && l->seen >= a->limit)
			code = 0;
	} while (code == CTL_CUT && again && l->seen > before && l->in_order);
	if (code) {
		admin_flush();
		die_exit(code == EXIT_PERM ? die_code_perm() : die_code_temp(), "%s", str_cstr(&why));
	}
	str_free(&request);
	str_free(&why);
	return again ? l->seen : count;
}

uint64_t
admin_ask(struct admin *a, const char *op, const char *extra, ctl_row *row, void *arg)
{
	struct str head = {0};
	bool by_id = a->ids.len || a->from_stdin,
	     again = (!strcmp(op, "list") || !strcmp(op, "retired")) && !by_id;
	uint64_t sum = 0, count;

	do {
		struct listing l = {.row = row, .arg = arg, .in_order = true};

		str_reset(&head);
		rec_add(&head, "op", op);
		if (extra)
			str_adds(&head, extra);
		str_add(&head, str_cstr(&a->filter), a->filter.len);
		if (by_id && !put_ids(a, &head))
			break;
		count = ask_once(a, &head, again, &l);
		sum += count;
		if (a->limit && !a->keep_limit && !(a->limit -= count < a->limit ? count : a->limit))
			break;
	} while (by_id);
	str_free(&head);
	return sum;
}

void
admin_row(struct row *r, char *rec, size_t n)
{
	const char *why = row_parse(r, rec, n);

	if (why) {
		admin_flush();
		die_temp("unable to read the answer of mox-runq: %s", why);
	}
}

void
admin_flush(void)
{
	if (fflush(stdout) || ferror(stdout))
		die_temp("unable to write: %m");
}

void
admin_free(struct admin *a)
{
	conf_free(a->conf);
	str_free(&a->filter);
	str_free(&a->ids);
}

static void
print_id(char *rec, size_t n, void *arg)
{
	uint64_t *changed = arg;
	char id[ROW_ID_SIZE];
	struct row r;

	admin_row(&r, rec, n);
	row_id(id, &r);
	puts(id);
	++*changed;
}

int
admin_change(struct admin *a, const char *op, const char *extra, const char *done)
{
	uint64_t changed = 0;

	if (!a->all && !admin_selects(a))
		die_perm("unable to change anything: nothing is selected; give ids, filters, or -all for the "
			 "whole queue");
	(void)admin_ask(a, op, extra, print_id, &changed);
	admin_flush();
	warn("%s%s %" PRIu64, a->dry_run ? "would be " : "", done, changed);
	admin_free(a);
	return 0;
}

void
admin_put_spread(struct str *set, const char *span)
{
	int64_t us;

	if (!str_duration(span, &us) || us <= 0)
		die_perm("unable to spread over \"%s\": expected a duration such as 1h", span);
	rec_open(set, "set");
	rec_put(set, "spread");
	rec_putf(set, "%" PRId64, us);
	rec_close(set);
}
