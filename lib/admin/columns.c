#include "base.h"

#include "attempt.h"
#include "clock.h"
#include "columns.h"
#include "die.h"

#include <inttypes.h>

static const struct {
	unsigned width;
	bool number;
} shapes[ROW_FIELDS] = {
    [ROW_ID] = {16, false},
    [ROW_SENDER] = {22, false},
    [ROW_RCPT] = {22, false},
    [ROW_DOMAIN] = {16, false},
    [ROW_SITE] = {20, false},
    [ROW_ACCOUNT] = {10, false},
    [ROW_STATE] = {10, false},
    [ROW_HOLD] = {4, false},
    [ROW_QUEUED] = {6, false},
    [ROW_NEXT] = {5, false},
    [ROW_ATTEMPTS] = {8, true},
    [ROW_LAST] = {5, false},
    [ROW_CODE] = {4, true},
    [ROW_ERROR] = {20, false},
    [ROW_SIZE] = {8, true},
    [ROW_TRANSPORT] = {10, false},
    [ROW_REQUIRETLS] = {10, false},
    [ROW_MESSAGEID] = {24, false},
    [ROW_SUBJECT] = {20, false},
    [ROW_HOST] = {24, false},
    [ROW_TLS] = {13, false},
    [ROW_DURATION] = {8, true},
    [ROW_EXTRA] = {20, false},
    [ROW_RESULT] = {10, false},
    [ROW_RETIRED] = {7, false},
};

static void
column_add(struct columns *c, enum row_field f)
{
	if (c->table.n == ROW_FIELDS)
		die_perm("unable to show more than %d columns", ROW_FIELDS);
	c->field[c->table.n] = f;
	c->column[c->table.n++] =
	    (struct table_column){row_field_names[f], shapes[f].width, shapes[f].number};
}

void
columns_start(struct columns *c, const char *names, enum table_form form, unsigned width, int64_t now)
{
	*c = (struct columns){.table = {form, c->column, 0, width}, .now = form == TABLE_SCREEN ? now : 0};
	if (!names || !strcmp(names, COLUMNS_ALL)) {
		for (int f = 0; f < (names ? ROW_FIELDS : ROW_QUEUE_FIELDS); f++)
			column_add(c, (enum row_field)f);
		return;
	}
	for (const char *p = names;; p++) {
		size_t n = strcspn(p, ",");
		char *name = mem_dupn(p, n);
		enum row_field f;

		if (!row_field_find(name, &f))
			die_perm("unable to show column \"%s\": fields are named in mox-queue-list(8)", name);
		column_add(c, f);
		free(name);
		p += n;
		if (!*p)
			break;
	}
}

static bool
has_column(const struct columns *c, enum row_field f)
{
	for (size_t i = 0; i < c->table.n; i++)
		if (c->field[i] == f)
			return true;
	return false;
}

/* On a screen an error stands with its code, as people name it. */
static void
values_make(struct columns *c, const struct row *r)
{
	for (size_t i = 0; i < c->table.n; i++) {
		str_reset(&c->value[i]);
		if (c->field[i] == ROW_ERROR && c->now && !has_column(c, ROW_CODE))
			code_shown(&c->value[i], r->code, r->error);
		row_shown(&c->value[i], r, c->field[i], c->now);
	}
}

void
columns_print(struct columns *c, const struct row *r)
{
	values_make(c, r);
	table_row(&c->table, c->value);
}

static const struct table_column try_column[] = {{"start", 0, false}, {"duration", 0, true},
    {"outcome", 0, false}, {"code", 0, true}, {"status", 0, false}, {"host", 0, false}, {"tls", 0, false},
    {"transport", 0, false}, {"text", 0, false}};

static void
word_shown(struct str *out, const char *word)
{
	if (strcmp(word, "-") != 0)
		str_adds(out, word);
}

/* false: it is no attempt. */
static bool
try_shown(struct str value[ARRAY_LEN(try_column)], char *line, struct attempt *a)
{
	char start[CLOCK_ISO_SIZE];
	size_t i = 4;

	if (!attempt_read(a, line))
		return false;
	clock_iso(start, a->start, 0);
	str_adds(&value[0], start);
	str_addf(&value[1], "%" PRId64, a->duration / 1000);
	str_adds(&value[2], a->outcome);
	if (a->code)
		str_addf(&value[3], "%u", a->code);
	word_shown(&value[i++], a->status);
	word_shown(&value[i++], a->host);
	word_shown(&value[i++], a->tls);
	word_shown(&value[i++], a->transport);
	str_adds(&value[i], a->text);
	return true;
}

void
columns_print_tries(struct columns *c, struct row *r, const struct said *said)
{
	enum { N = ARRAY_LEN(try_column) };
	struct str value[ROW_ATTEMPTS_MAX * N] = {0};
	struct table_list list = {.name = "tries", .column = try_column, .n = N, .values = value};
	struct attempt a = {0};

	for (unsigned i = 0; i < r->nattempt; i++)
		if (try_shown(value + list.rows * N, r->attempt[i], &a))
			list.rows++;
	if (list.rows) {
		r->host = strcmp(a.host, "-") != 0 ? a.host : NULL;
		r->tls = strcmp(a.tls, "-") != 0 ? a.tls : NULL;
		r->duration = (uint64_t)a.duration;
	}
	if (said_concerns(said, r)) {
		list.lines_name = "transcript";
		list.lines = said->text;
	}
	values_make(c, r);
	table_row_list(&c->table, c->value, &list);
	for (size_t i = 0; i < ARRAY_LEN(value); i++)
		str_free(&value[i]);
}

void
columns_free(struct columns *c)
{
	for (size_t i = 0; i < ROW_FIELDS; i++)
		str_free(&c->value[i]);
}

/* One unit is enough for a column: "45s", "12m", "-3h", "4d". */
static void
span_shown(struct str *out, int64_t span)
{
	static const struct {
		int64_t length;
		char name;
	} unit[] = {{DAY, 'd'}, {HOUR, 'h'}, {MINUTE, 'm'}, {SECOND, 's'}};
	size_t i = 0;

	if (span < 0) {
		str_addc(out, '-');
		span = -span;
	}
	while (i + 1 < ARRAY_LEN(unit) && span < 2 * unit[i].length)
		i++;
	str_addf(out, "%" PRId64 "%c", span / unit[i].length, unit[i].name);
}

static void
time_shown(struct str *out, int64_t t, int64_t span, bool relative)
{
	char iso[CLOCK_ISO_SIZE];

	if (!t)
		return;
	if (relative) {
		span_shown(out, span);
		return;
	}
	clock_iso(iso, t, 0);
	str_adds(out, iso);
}

void
row_shown(struct str *out, const struct row *r, enum row_field f, int64_t now)
{
	switch (f) {
	case ROW_QUEUED: time_shown(out, r->queued, now - r->queued, now); return;
	case ROW_LAST: time_shown(out, r->last, now - r->last, now); return;
	case ROW_NEXT: time_shown(out, r->next, r->next - now, now); return;
	case ROW_RETIRED: time_shown(out, r->retired, now - r->retired, now); return;
	case ROW_DURATION:
		if (r->duration)
			str_addf(out, "%" PRIu64, r->duration / 1000);
		return;
	case ROW_CODE:
		if (!r->code)
			return;
		break;
	case ROW_HOLD:
		if (!r->hold || r->hold == '-')
			return;
		break;
	case ROW_SENDER:
		if (!r->sender || !*r->sender) {
			str_adds(out, "<>");
			return;
		}
		break;
	default: break;
	}
	row_text(out, r, f);
}

void
code_shown(struct str *out, unsigned code, const char *error)
{
	char text[12];
	int n = snprintf(text, sizeof text, "%u", code);

	if (code && error && *error && strncmp(error, text, (size_t)n) != 0)
		str_addf(out, "%s ", text);
}

bool
attempt_shown(struct str *out, char *value)
{
	char iso[CLOCK_ISO_SIZE];
	struct attempt a;

	if (!attempt_read(&a, value))
		return false;
	clock_iso(iso, a.start, 0);
	str_addf(out, "%s %s", iso, a.outcome);
	if (strcmp(a.host, "-"))
		str_addf(out, " %s", a.host);
	if (strcmp(a.transport, "-"))
		str_addf(out, " by %s", a.transport);
	if (strcmp(a.tls, "-"))
		str_addf(out, " tls=%s", a.tls);
	str_addf(out, " %" PRId64 "ms:", a.duration / 1000);
	if (a.code)
		str_addf(out, " %u", a.code);
	if (strcmp(a.status, "-") && strncmp(a.text, a.status, strlen(a.status)) != 0)
		str_addf(out, " %s", a.status);
	str_addf(out, " %s", a.text);
	return true;
}

const char *
hold_shown(char hold)
{
	switch (hold) {
	case 'u': return "held by the user";
	case 'o': return "held by the operator";
	case 'r': return "held by a rule";
	case 'l': return "held by a limit";
	case 'f': return "failed for good";
	default: return NULL;
	}
}
