/* What is asked of the queue's rows: listings and changes. */
#include "base.h"

#include "clock.h"
#include "metrics.h"
#include "rec.h"
#include "serve.h"

#define SPREAD_MAX (366 * DAY)

/* ---- requests ---- */

static const char *
read_set(struct client *c, char *value, int64_t now)
{
	char *what = rec_field(&value), *to = rec_field(&value);
	uint64_t v;
	int64_t d;

	if (!what || !to)
		return "set needs what to set, and to what";
	if (!strcmp(what, "requiretls")) {
		c->change.requiretls = !strcmp(to, "yes") ? 'y' : !strcmp(to, "no") ? 'n' : '.';
		return c->change.requiretls == '.' && strcmp(to, "default")
		           ? "requiretls is yes, no or default"
		           : NULL;
	}
	if (!strcmp(what, "transport")) {
		if (strlen(to) > TRANSPORT_NAME_MAX)
			return "the transport's name is too long";
		snprintf(c->change.transport, sizeof c->change.transport, "%s", to);
		return NULL;
	}
	if (!strcmp(what, "spread")) {
		if (!str_number(to, SPREAD_MAX, &v))
			return "the span is none";
		c->change.spread = (int64_t)v;
		return NULL;
	}
	if (strcmp(what, "next"))
		return "only `set next`, `set spread`, `set requiretls` and `set transport` are known";
	c->change.timed = true;
	c->change.relative = *to == '+' || *to == '-';
	if (!strcmp(to, "now"))
		c->change.next = now;
	else if (c->change.relative && str_duration(to + 1, &d))
		c->change.next = *to == '-' ? -d : d;
	else if (!c->change.relative && str_number(to, INT64_MAX, &v))
		c->change.next = (int64_t)v;
	else
		return "the time to set is none";
	return NULL;
}

static const char *
change_line(struct client *c, const char *key, char *value, int64_t now)
{
	if (!strcmp(key, "set"))
		return read_set(c, value, now);
	if (!strcmp(key, "dry-run"))
		c->change.dry = !strcmp(value, "yes");
	if (!strcmp(key, "text")) {
		if (!(value = rec_text(value)))
			return "a broken escape";
		if (strlen(value) > FAIL_TEXT_MAX)
			return "the text is too long";
		snprintf(c->change.text, sizeof c->change.text, "%s", value);
	}
	return NULL;
}

static const char *
schedule_begin(struct runq *q, struct client *c)
{
	(void)q;
	return c->change.timed ? NULL : "schedule needs a time";
}

static const char *
requiretls_begin(struct runq *q, struct client *c)
{
	(void)q;
	return c->change.requiretls ? NULL : "requiretls needs yes, no or default";
}

/* "": as routes say. Whether the account may use it is seen with each row. */
static const char *
transport_begin(struct runq *q, struct client *c)
{
	return *c->change.transport && !conf_transport(q->conf, c->change.transport)
	           ? "there is no transport of that name"
	           : NULL;
}

static const char *
show_line(struct client *c, const char *key, char *value, int64_t now)
{
	(void)now;
	if (!strcmp(key, "transcripts"))
		c->transcripts = !strcmp(value, "yes");
	return NULL;
}

static const char *
show_begin(struct runq *q, struct client *c)
{
	(void)q;
	c->attempts = true;
	return NULL;
}

/* ---- rows ---- */

/* What only memory knows: where it is, and what ails its site. */
static void
complete(struct runq *q, struct row *row)
{
	struct item *it = item_find(q, row->id, row->n);
	struct dest *d = it ? it->dest : NULL;
	struct site *s;

	if (!d)
		d = dest_look(q, row);
	s = d ? d->site : NULL;
	if (s)
		row->site = s->name; /* else the one of the last attempt */
	if (row->hold != HOLD_NONE) {
		row->state = ROW_HELD;
		return;
	}
	if (row->fate) {
		row->state = ROW_NOTICING;
		row->next = 0;
		return;
	}
	row->state = it && it->job ? ROW_DELIVERING : row->next <= q->now ? ROW_DUE : ROW_WAITING;
	if (s && row->state == ROW_DUE && site_is_down(&s->state, q->now)) {
		row->code = (unsigned)s->code;
		row->error = s->error;
		row->next = s->state.down_until;
		row->state = ROW_WAITING;
	}
}

static bool
visit(uint64_t id, uint32_t n, char *rec, size_t len, void *arg)
{
	struct client *c = arg;
	struct row row;
	uint32_t uid;

	if (!serve_walk_at(c, id, n))
		return false;
	if (!row_read(&row, &uid, rec, len) || (!c->privileged && uid != c->uid))
		return true;
	complete(runq_of(), &row);
	return !select_match(&c->select, &row) || serve_walk_take(c, &row);
}

static size_t
walk(struct runq *q, struct client *c)
{
	serve_walk_begin(c);
	return index_scan(q->index, c->id, c->n, SERVE_SLICE, visit, c);
}

static void
list_slice(struct runq *q, struct client *c)
{
	serve_walk_end(c, walk(q, c));
}

/* ---- changes ---- */

void
serve_change(struct runq *q, struct client *c, change_fn *change)
{
	static struct str buf;
	int64_t until = clock_mono() + SERVE_TIME;

	if (!c->nchosen)
		c->walked = walk(q, c);
	for (; c->nchanged < c->nchosen && clock_mono() < until; c->nchanged++) {
		char id[ROW_ID_SIZE];
		struct row row;
		uint32_t uid;
		uint64_t which = c->chosen[c->nchanged].id;
		uint32_t n = c->chosen[c->nchanged].n;

		if (!row_load(q, &buf, &row, &uid, which, n) || !change(q, &c->change, &row, uid))
			continue;
		row_id(id, &(struct row){.id = which, .n = n});
		rec_add(&c->out, "id", id);
		rec_end(&c->out);
		c->count++;
	}
	change_end();
	q->answers_wait = true;
	if (c->nchanged < c->nchosen)
		return; /* the others in the next round */
	c->nchosen = c->nchanged = 0;
	serve_walk_end(c, c->walked);
}

static void
hold_slice(struct runq *q, struct client *c)
{
	serve_change(q, c, change_hold);
}

static void
release_slice(struct runq *q, struct client *c)
{
	serve_change(q, c, change_release);
}

static void
schedule_slice(struct runq *q, struct client *c)
{
	serve_change(q, c, change_schedule);
}

static void
requiretls_slice(struct runq *q, struct client *c)
{
	serve_change(q, c, change_requiretls);
}

static void
transport_slice(struct runq *q, struct client *c)
{
	serve_change(q, c, change_transport);
}

static void
fail_slice(struct runq *q, struct client *c)
{
	serve_change(q, c, change_fail);
}

static void
drop_slice(struct runq *q, struct client *c)
{
	serve_change(q, c, change_drop);
}

/* ---- what waits, counted now ---- */

static const char *
stat_begin(struct runq *q, struct client *c)
{
	(void)c;
	metrics_count(q);
	return NULL;
}

static void
stat_slice(struct runq *q, struct client *c)
{
	if (metrics_counted(q))
		serve_status(c, "ok", NULL);
}

/* Answered at once, also while the index is being rebuilt. */
static const char *
runner_begin(struct runq *q, struct client *c)
{
	c->count = q->mode != RUNQ_SERVE;
	serve_status(c, "ok", NULL);
	return NULL;
}

const struct serve_op serve_queue_ops[] = {
    {"list", .reads = true, .slice = list_slice},
    {"show", .reads = true, .line = show_line, .begin = show_begin, .slice = list_slice},
    {"hold", .line = change_line, .slice = hold_slice},
    {"release", .line = change_line, .slice = release_slice},
    {"schedule", .privileged = true, .slices = 1, .line = change_line, .begin = schedule_begin,
	.slice = schedule_slice},
    {"requiretls", .line = change_line, .begin = requiretls_begin, .slice = requiretls_slice},
    {"transport", .line = change_line, .begin = transport_begin, .slice = transport_slice},
    {"fail", .privileged = true, .slices = 1, .line = change_line, .slice = fail_slice},
    {"drop", .slices = 1, .line = change_line, .slice = drop_slice},
    {"stat", .reads = true, .slices = 1, .begin = stat_begin, .slice = stat_slice},
    {"runner", .reads = true, .begin = runner_begin},
    {0},
};
