/* What is asked of the suppression list: everybody reads and changes that of his own account, root and the spool's
 * user that of any. */
#include "base.h"

#include "addr.h"
#include "fdio.h"
#include "rec.h"
#include "serve.h"
#include "suppression.h"

#define NAME_LONGEST 255
#define REASON_LONGEST 1000

/* One block: it is freed as one. */
struct ask {
	char account[NAME_LONGEST + 1], reason[REASON_LONGEST + 1];
	bool all;
	int64_t until;
	size_t size, at;         /* of addresses; how far they are dealt with */
	char addresses[PKT_MAX]; /* each with its NUL: no more than came in the packet */
	size_t behind;
	char key[NAME_LONGEST + ADDR_MAX + 8]; /* the last one seen */
};

/* ---- requests ---- */

static struct ask *
ask_of(struct client *c)
{
	if (!c->own)
		c->own = mem_zalloc(sizeof(struct ask));
	return c->own;
}

static const char *
address_add(struct ask *a, const char *address)
{
	size_t n = strlen(address);
	const char *why = addr_check(address, n, false);

	if (why)
		return why;
	if (a->size + n + 1 > sizeof a->addresses)
		return "too many addresses for one request";
	memcpy(a->addresses + a->size, address, n + 1);
	a->size += n + 1;
	return NULL;
}

static const char *
suppress_line(struct client *c, const char *key, char *value, int64_t now)
{
	struct ask *a = ask_of(c);
	uint64_t v;

	(void)now;
	if (!(value = rec_text(value)))
		return "a broken escape";
	if (!strcmp(key, "address"))
		return address_add(a, value);
	if (!strcmp(key, "account")) {
		if (!*value || strlen(value) > NAME_LONGEST)
			return "the account is no name";
		snprintf(a->account, sizeof a->account, "%s", value);
	} else if (!strcmp(key, "reason")) {
		snprintf(a->reason, sizeof a->reason, "%s", value);
	} else if (!strcmp(key, "all")) {
		a->all = !strcmp(value, "yes");
	} else if (!strcmp(key, "until")) {
		if (!str_number(value, INT64_MAX, &v))
			return "until is no time";
		a->until = (int64_t)v;
	}
	return NULL;
}

static const char *
suppress_begin(struct runq *q, struct client *c)
{
	struct ask *a = ask_of(c);
	const char *own = intake_login(c->uid);

	(void)q;
	if (!*a->account)
		snprintf(a->account, sizeof a->account, "%s", own);
	if (!c->privileged && (a->all || strcmp(a->account, own)))
		serve_status(c, "denied",
		    "only root and the spool's user may see or change the suppression list of another "
		    "account");
	return NULL;
}

static const char *
change_begin(struct runq *q, struct client *c)
{
	struct ask *a = ask_of(c);

	if (!a->size)
		return "no address is given";
	if (a->until && a->until <= q->now)
		return "the time until which it is to hold is past";
	q->answers_wait = true;
	return suppress_begin(q, c);
}

/* ---- answers ---- */

static void
answer(struct client *c, const struct suppression *s)
{
	suppress_write(&c->out, s);
	c->count++;
}

static void
add(struct runq *q, struct client *c, const char *address)
{
	const struct ask *a = c->own;
	struct suppression s = {.account = a->account,
	    .address = address,
	    .manual = true,
	    .until = a->until,
	    .when = q->now,
	    .reason = a->reason};

	suppress_put(q, &s);
	answer(c, &s);
}

static void
look(struct runq *q, struct client *c, const char *address)
{
	const struct ask *a = c->own;
	struct suppression s;

	if (suppress_find(q, a->account, address, &s))
		answer(c, &s);
}

static void
take_off(struct runq *q, struct client *c, const char *address)
{
	const struct ask *a = c->own;
	struct suppression s;

	if (!suppress_find(q, a->account, address, &s))
		return;
	answer(c, &s);
	suppress_remove(q, &s);
}

/* One after the other, until they are all done or the packet is full. */
static void
each_address(struct runq *q, struct client *c, void (*each)(struct runq *, struct client *, const char *))
{
	struct ask *a = c->own;

	for (int i = 0; i < SERVE_SLICE && a->at < a->size && c->out.len <= SERVE_PACKET; i++) {
		const char *address = a->addresses + a->at;

		each(q, c, address);
		a->at += strlen(address) + 1;
	}
	if (a->at == a->size)
		serve_status(c, "ok", NULL);
}

static void
add_slice(struct runq *q, struct client *c)
{
	q->answers_wait = true;
	each_address(q, c, add);
}

static void
remove_slice(struct runq *q, struct client *c)
{
	q->answers_wait = true;
	each_address(q, c, take_off);
}

struct visit {
	struct runq *q;
	struct client *c;
	bool over;
};

static bool
visit(struct index_key key, char *value, size_t len, void *arg)
{
	struct visit *v = arg;
	struct ask *a = v->c->own;
	struct suppression s;

	if (v->c->out.len > SERVE_PACKET)
		return false;
	if (suppress_is_entry(key) && suppress_read(&s, value, len)) {
		v->over = !a->all && strcmp(s.account, a->account);
		if (!v->over && !suppress_is_over(v->q, &s))
			answer(v->c, &s);
	} else {
		v->over = !suppress_is_entry(key);
	}
	if (v->over || key.n > sizeof a->key)
		return false;
	memcpy(a->key, key.p, key.n);
	a->behind = key.n;
	return true;
}

static void
list_slice(struct runq *q, struct client *c)
{
	struct ask *a = c->own;
	struct visit v = {q, c, false};
	size_t got;

	if (a->size) {
		each_address(q, c, look);
		return;
	}
	if (!a->behind)
		a->behind = suppress_first(a->key, sizeof a->key, a->all ? "" : a->account);
	got = index_walk(
	    q->index, INDEX_SUPPRESS, (struct index_key){a->key, a->behind}, SERVE_SLICE, visit, &v);
	if (v.over || (got < SERVE_SLICE && c->out.len <= SERVE_PACKET))
		serve_status(c, "ok", NULL);
}

const struct serve_op serve_suppress_ops[] = {
    {.word = "suppress-list",
	.reads = true,
	.line = suppress_line,
	.begin = suppress_begin,
	.slice = list_slice},
    {.word = "suppress-add", .reads = true, .line = suppress_line, .begin = change_begin, .slice = add_slice},
    {.word = "suppress-remove",
	.reads = true,
	.line = suppress_line,
	.begin = change_begin,
	.slice = remove_slice},
    {.word = NULL},
};
