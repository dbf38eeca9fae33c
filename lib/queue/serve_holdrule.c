/* What is asked of hold rules; for root and the spool's user alone. Adding one also holds what matches and waits already,
 * in slices: asked again after it was cut off, the same rule holds the rest. */
#include "base.h"

#include "holdrule.h"
#include "log.h"
#include "rec.h"
#include "serve.h"

#define REMOVED_MAX 500 /* rules of one request */

struct ask {
	bool all, done; /* done: the rules are changed */
	uint32_t number[REMOVED_MAX];
	size_t n;
	char why[1000]; /* row's error: longer texts are cut */
};

static struct ask *
ask_of(struct client *c)
{
	if (!c->own)
		c->own = mem_zalloc(sizeof(struct ask));
	return c->own;
}

static const char *
rule_line(struct client *c, const char *key, char *value, int64_t now)
{
	struct ask *a = ask_of(c);
	uint64_t v;

	(void)now;
	if (!strcmp(key, "all"))
		a->all = !strcmp(value, "yes");
	if (!strcmp(key, "dry-run"))
		c->change.dry = !strcmp(value, "yes");
	if (strcmp(key, "rule") != 0)
		return NULL;
	if (!str_number(value, UINT32_MAX, &v) || a->n == REMOVED_MAX)
		return "the rule is no number, or there are too many";
	a->number[a->n++] = (uint32_t)v;
	return NULL;
}

static void
log_rule(const char *event, const struct holdrule *r, const struct client *c)
{
	log_open(LOG_INFO, event);
	log_i("rule", r->number);
	log_i("uid", c->uid);
	log_s("text", holdrule_words(r));
	log_close();
}

/* ---- add ---- */

static const char *
add_begin(struct runq *q, struct client *c)
{
	const char *why = holdrule_check(&c->select);

	if (why)
		return why;
	if (ask_of(c)->all != !c->select.nterm)
		return "a rule needs account, from, to or domain, or all";
	if (q->holdrules->n == HOLDRULES_MAX && !holdrule_same(q, &c->select))
		return "there are too many rules";
	return NULL;
}

static void
add(struct runq *q, struct client *c, struct ask *a)
{
	const struct holdrule *r = holdrule_same(q, &c->select);
	/* The selection is a borrow. */
	struct holdrule dry = {q->holdrules->last + 1, c->uid, q->now, c->select};

	if (!r && c->change.dry) {
		r = &dry;
	} else if (!r) {
		r = holdrule_add(q, &c->select, c->uid);
		log_rule("rule-added", r, c);
	}
	holdrule_write(&c->out, r);
	snprintf(a->why, sizeof a->why, "%s", holdrule_words(r));
	c->change.hold = HOLD_RULE;
	c->change.why = a->why;
	a->done = true;
}

static void
add_slice(struct runq *q, struct client *c)
{
	struct ask *a = ask_of(c);

	if (!a->done)
		add(q, c, a);
	serve_change(q, c, change_hold);
}

/* ---- remove ---- */

static const char *
remove_begin(struct runq *q, struct client *c)
{
	const struct ask *a = ask_of(c);

	if (!a->n)
		return "no rule is given";
	if (c->select.nid || c->select.nterm)
		return "rules are removed by their numbers";
	for (size_t i = 0; i < a->n; i++)
		if (!holdrule_numbered(q, a->number[i]))
			return "there is no rule of that number";
	return NULL;
}

static void
take_off(struct runq *q, struct client *c, struct ask *a)
{
	for (size_t i = 0; i < a->n; i++) {
		const struct holdrule *r = holdrule_numbered(q, a->number[i]);

		if (!r) /* named twice */
			continue;
		holdrule_write(&c->out, r);
		if (c->change.dry)
			continue;
		log_rule("rule-removed", r, c);
		holdrule_remove(q, a->number[i]);
	}
	a->done = true;
}

/* By whatever rule: removing one releases nothing. */
static bool
count_held(uint64_t id, uint32_t n, char *rec, size_t len, void *arg)
{
	struct client *c = arg;
	struct row row;
	uint32_t uid;

	if (!serve_walk_at(c, id, n))
		return false;
	c->count += row_read(&row, &uid, rec, len) && row.hold == HOLD_RULE;
	return true;
}

static void
remove_slice(struct runq *q, struct client *c)
{
	struct ask *a = ask_of(c);

	if (!a->done)
		take_off(q, c, a);
	q->answers_wait = true;
	serve_walk_begin(c);
	serve_walk_end(c, index_scan(q->index, c->id, c->n, SERVE_SLICE, count_held, c));
}

/* ---- list ---- */

static void
list_slice(struct runq *q, struct client *c)
{
	for (; c->n < q->holdrules->n && c->out.len <= SERVE_PACKET; c->n++, c->count++)
		holdrule_write(&c->out, &q->holdrules->rule[c->n]);
	if (c->n == q->holdrules->n)
		serve_status(c, "ok", NULL);
}

const struct serve_op serve_holdrule_ops[] = {
    {"holdrule-list", .privileged = true, .reads = true, .line = rule_line, .slice = list_slice},
    {"holdrule-add", .privileged = true, .slices = 1, .line = rule_line, .begin = add_begin,
	.slice = add_slice},
    {"holdrule-remove", .privileged = true, .line = rule_line, .begin = remove_begin, .slice = remove_slice},
    {0},
};
