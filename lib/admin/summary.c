#include "base.h"

#include "clock.h"
#include "columns.h"
#include "die.h"
#include "summary.h"

#include <inttypes.h>
#include <search.h>

#define ERROR_LONGEST 300 /* bytes of a group's error */

struct summary_group {
	char *name;
	uint64_t count, held;
	int64_t oldest, next;  /* next 0: none */
	int64_t first, newest; /* when they left the queue */
	int64_t last;          /* of error: when it was said */
	char *error;
	unsigned code;
	int place; /* of an age */
};

static const char *const names[] = {"domain", "site", "error", "sender", "account", "age", "result"};

const char *const summary_age_names[SUMMARY_AGES] = {
    "under 5m", "5m to 1h", "1h to 4h", "4h to 1d", "1d to 2d", "2d to 5d", "5d and more"};

size_t
summary_age(int64_t age)
{
	static const int64_t below[SUMMARY_AGES - 1] = {5 * MINUTE, HOUR, 4 * HOUR, DAY, 2 * DAY, 5 * DAY};
	size_t i = 0;

	while (i < ARRAY_LEN(below) && age >= below[i])
		i++;
	return i;
}

void
summary_want(struct summary *s, const char *name)
{
	enum summary_by none = s->retired ? SUMMARY_AGE : SUMMARY_RESULT;

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (!strcmp(name, names[i]) && i != none) {
			s->by = (enum summary_by)i;
			return;
		}
	die_perm("unable to sum up by \"%s\": expected domain, site, error, sender, account or %s", name,
	    s->retired ? "result" : "age");
}

/* ---- groups ---- */

static bool
has_digit(const char *word, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (word[i] >= '0' && word[i] <= '9')
			return true;
	return false;
}

/* 451, 4.7.1 */
static bool
is_code(const char *word, size_t n)
{
	return n && n <= 9 && strspn(word, "0123456789.") >= n;
}

void
summary_error(struct str *out, const struct row *r)
{
	const char *p = r->error ? r->error : "";
	bool head = true;

	str_reset(out);
	if (r->code)
		str_addf(out, "%u", r->code);
	while (*(p += strspn(p, " "))) {
		size_t n = strcspn(p, " ");

		head = head && is_code(p, n);
		/* The reply may begin with the code that we have. */
		if (!out->len || !head || n != out->len || memcmp(p, out->s, n) != 0) {
			if (out->len)
				str_addc(out, ' ');
			if (!head && has_digit(p, n))
				str_addc(out, '*');
			else
				str_add(out, p, n);
		}
		p += n;
	}
	if (!out->len)
		str_adds(out, r->attempts ? "no error" : "not tried yet");
	if (out->len > ERROR_LONGEST)
		str_cut(out, ERROR_LONGEST);
}

static const char *
name_of(const struct summary *s, const struct row *r, struct str *buf)
{
	switch (s->by) {
	case SUMMARY_DOMAIN: return r->domain && *r->domain ? r->domain : "no domain";
	case SUMMARY_SITE: return r->site && *r->site ? r->site : "not known yet";
	case SUMMARY_SENDER: return r->sender && *r->sender ? r->sender : "<>";
	case SUMMARY_ACCOUNT: return r->account && *r->account ? r->account : "no account";
	case SUMMARY_AGE: return summary_age_names[summary_age(s->now - r->queued)];
	case SUMMARY_RESULT: return r->result && *r->result ? r->result : "no result";
	case SUMMARY_ERROR: break;
	}
	summary_error(buf, r);
	return str_cstr(buf);
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const struct summary_group *)a)->name, ((const struct summary_group *)b)->name);
}

static struct summary_group *
group_get(struct summary *s, const char *name)
{
	char *copy = mem_dup(name);
	struct summary_group want = {.name = copy}, *g, **found = tsearch(&want, &s->tree, by_name);

	if (!found)
		die_temp("out of memory");
	if (*found != &want) {
		free(copy);
		return *found;
	}
	g = mem_zalloc(sizeof *g);
	g->name = copy;
	*found = g;
	if (!(s->n & (s->n - 1)))
		s->group = mem_grow(s->group, s->n ? 2 * s->n : 1, sizeof *s->group);
	s->group[s->n++] = g;
	return g;
}

void
summary_add(struct summary *s, const struct row *r)
{
	static struct str buf;
	struct summary_group *g = group_get(s, name_of(s, r, &buf));

	g->count++;
	g->held += r->state == ROW_HELD;
	g->place = s->by == SUMMARY_AGE ? (int)summary_age(s->now - r->queued) : 0;
	if (!g->oldest || r->queued < g->oldest)
		g->oldest = r->queued;
	if (!g->first || r->retired < g->first)
		g->first = r->retired;
	if (r->retired > g->newest)
		g->newest = r->retired;
	if (r->next && (!g->next || r->next < g->next))
		g->next = r->next;
	if (r->error && *r->error && (!g->error || r->last > g->last)) {
		free(g->error);
		g->error = mem_dup(r->error);
		g->code = r->code;
		g->last = r->last;
	}
}

/* ---- showing ---- */

static int
by_count(const void *x, const void *y)
{
	const struct summary_group *a = *(struct summary_group *const *)x,
				   *b = *(struct summary_group *const *)y;

	if (a->place != b->place)
		return a->place - b->place;
	if (a->count != b->count)
		return a->count > b->count ? -1 : 1;
	return strcmp(a->name, b->name);
}

static void
put_line(struct str *line, unsigned width)
{
	str_cut(line, text_fit(line->s, line->len, width));
	str_addc(line, '\n');
	fwrite(line->s, 1, line->len, stdout);
}

/* 1204 recipients, 5 of them held; the oldest 3d; next attempt in 12m */
static void
say_waiting(struct str *line, const struct summary_group *g, int64_t now)
{
	if (g->held == g->count)
		str_adds(line, ", held");
	else if (g->held)
		str_addf(line, ", %" PRIu64 " of them held", g->held);
	str_adds(line, "; the oldest ");
	row_shown(line, &(struct row){.queued = g->oldest}, ROW_QUEUED, now);
	if (g->next > now) {
		str_adds(line, "; next attempt in ");
		row_shown(line, &(struct row){.next = g->next}, ROW_NEXT, now);
	} else if (g->next) {
		str_adds(line, "; next attempt now");
	}
}

/* 600 recipients, the first 3h ago, the last 12m ago */
static void
say_retired(struct str *line, const struct summary_group *g, int64_t now)
{
	if (g->count > 1) {
		str_adds(line, ", the first ");
		row_shown(line, &(struct row){.retired = g->first}, ROW_RETIRED, now);
		str_adds(line, " ago, the last");
	} else {
		str_addc(line, ',');
	}
	str_addc(line, ' ');
	row_shown(line, &(struct row){.retired = g->newest}, ROW_RETIRED, now);
	str_adds(line, " ago");
}

static void
say(const struct summary *s, const struct summary_group *g, unsigned width)
{
	static struct str line;

	str_reset(&line);
	table_visible(&line, g->name, strlen(g->name));
	str_addc(&line, ':');
	if (s->by == SUMMARY_ERROR && text_columns(line.s, line.len) >= width / 2) {
		put_line(&line, width);
		str_reset(&line);
		str_adds(&line, "   ");
	}
	str_addf(&line, " %" PRIu64 " recipient%s", g->count, g->count == 1 ? "" : "s");
	(s->retired ? say_retired : say_waiting)(&line, g, s->now);
	put_line(&line, width);
	if (!g->error || s->by == SUMMARY_ERROR)
		return;
	str_reset(&line);
	str_adds(&line, "    ");
	code_shown(&line, g->code, g->error);
	table_visible(&line, g->error, strlen(g->error));
	put_line(&line, width);
}

enum { SHOWN_MAX = 6 };

static size_t
head(const struct summary *s, struct table_column column[SHOWN_MAX])
{
	const char *const waiting[] = {names[s->by], "count", "held", "oldest", "next"},
			  *const retired[] = {names[s->by], "count", "first", "last"},
			  *const *name = s->retired ? retired : waiting;
	size_t n = s->retired ? ARRAY_LEN(retired) : ARRAY_LEN(waiting);

	for (size_t i = 0; i < n; i++)
		column[i] = (struct table_column){name[i], 0, i > 0 && i < n - 2};
	column[n] = (struct table_column){s->by == SUMMARY_ERROR ? "example" : "error", 0, false};
	return n + 1;
}

static void
show(const struct summary *s, const struct summary_group *g, const struct table *t)
{
	struct str value[SHOWN_MAX] = {0};
	size_t n = 0;

	str_adds(&value[n++], g->name);
	str_addf(&value[n++], "%" PRIu64, g->count);
	if (s->retired) {
		row_shown(&value[n++], &(struct row){.retired = g->first}, ROW_RETIRED, 0);
		row_shown(&value[n++], &(struct row){.retired = g->newest}, ROW_RETIRED, 0);
	} else {
		str_addf(&value[n++], "%" PRIu64, g->held);
		row_shown(&value[n++], &(struct row){.queued = g->oldest}, ROW_QUEUED, 0);
		row_shown(&value[n++], &(struct row){.next = g->next}, ROW_NEXT, 0);
	}
	str_adds(&value[n++], g->error ? g->error : "");
	table_row(t, value);
	for (size_t i = 0; i < n; i++)
		str_free(&value[i]);
}

void
summary_end(struct summary *s, enum table_form form, unsigned width, uint64_t limit)
{
	struct table_column column[SHOWN_MAX];
	struct table t = {form, column, head(s, column), width};

	if (s->n)
		qsort(s->group, s->n, sizeof *s->group, by_count);
	for (size_t i = 0; i < s->n && (!limit || i < limit); i++)
		if (form == TABLE_SCREEN)
			say(s, s->group[i], width);
		else
			show(s, s->group[i], &t);
	for (size_t i = 0; i < s->n; i++) {
		struct summary_group *g = s->group[i];

		tdelete(g, &s->tree, by_name);
		free(g->name);
		free(g->error);
		free(g);
	}
	free(s->group);
	*s = (struct summary){0};
}
