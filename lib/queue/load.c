/* Between the index and memory: rows, what is due, and how much of a backlog is loaded. */
#include "base.h"

#include "addr.h"
#include "clock.h"
#include "id.h"
#include "queue.h"
#include "rec.h"
#include "suppression.h"

#define DUE_SLICE 5000    /* due entries read a round */
#define REFILL_SLICE 500  /* recipients loaded a round */
#define DOMAINS_MAX 20000 /* domains with a backlog known at once; the others wait in due */

void
domain_of(char out[DOMAIN_NAME_MAX], const char *address)
{
	const char *d = addr_domain(address);

	snprintf(out, DOMAIN_NAME_MAX, "%s", d ? d : "");
	str_lower(out);
}

/* A quarter of what is free: every newcomer finds room, whatever was there before him. */
unsigned
load_quota(const struct runq *q)
{
	unsigned room = q->loaded < q->conf->max_loaded ? (q->conf->max_loaded - q->loaded) / 4 : 0;

	return room < 2 ? 2 : room;
}

/* ---- rows ---- */

void
row_store(struct runq *q, const struct row *row, uint32_t uid)
{
	static struct str out;

	str_reset(&out);
	row_record(&out, row, uid);
	index_put(q->index, row->id, row->n, &out);
}

bool
row_read(struct row *row, uint32_t *uid, char *rec, size_t len)
{
	const char *u = strstr(rec, "\nuid ");

	*uid = u ? (uint32_t)strtoul(u + 5, NULL, 10) : 0;
	if (row_parse(row, rec, len))
		return false;
	if (!row->domain)
		row->domain = "";
	return true;
}

bool
row_load(struct runq *q, struct str *buf, struct row *row, uint32_t *uid, uint64_t id, uint32_t n)
{
	if (!index_get(q->index, id, n, buf))
		return false;
	return row_read(row, uid, buf->s, buf->len);
}

/* ---- where a recipient waits ---- */

void
load_wait(struct runq *q, uint64_t id, uint32_t n, int64_t next, const char *domain)
{
	struct index_due d = {next, id, n};

	index_due_put(q->index, &d, domain);
	if (next <= q->now)
		load_want(q, domain_get(q, domain));
	else if (next < q->due_next)
		q->due_next = next;
}

void
load_place(struct runq *q, const struct row *row)
{
	struct domain *d;

	if (row->next > q->now) {
		load_wait(q, row->id, row->n, row->next, row->domain);
		return;
	}
	if (suppress_fails(q, row))
		return;
	d = domain_get(q, row->domain);
	/* What came before it stands in the index: it must not overtake. */
	if (!d->backlog && q->loaded < q->conf->max_loaded && d->loaded < load_quota(q) && !q->stopping &&
	    q->mode != RUNQ_SERVE)
		item_add(q, row);
	else
		load_wait(q, row->id, row->n, row->next, row->domain);
	if ((d = domain_find(q, row->domain)))
		domain_maybe_free(q, d);
}

void
load_defer(struct runq *q, struct item *it, int64_t next)
{
	load_wait(q, it->msg->id, it->n, next, it->domain->name);
	item_free(q, it);
}

/* What its site said of itself would be forgotten with us: the row keeps it. */
static void
keep_site_error(struct runq *q, const struct item *it)
{
	static struct str buf;
	const struct site *s = it->dest->site;
	struct row row;
	uint32_t uid;

	if (!s || !s->state.fails || !s->error || !row_load(q, &buf, &row, &uid, it->msg->id, it->n))
		return;
	row.code = (unsigned)s->code;
	row.error = s->error;
	row_store(q, &row, uid);
}

void
load_park(struct runq *q, struct item *it, int64_t until)
{
	keep_site_error(q, it);
	load_defer(q, it, until);
}

void
load_unload(struct runq *q, struct item *it)
{
	struct index_due d = {it->next, it->msg->id, it->n};

	keep_site_error(q, it);
	index_due_put(q->index, &d, it->domain->name);
	it->domain->backlog = true;
	item_free(q, it);
}

static void
unload_msg(struct hnode *n, void *arg)
{
	struct runq *q = arg;
	struct msg *m = (struct msg *)(void *)((char *)n - offsetof(struct msg, node));

	for (struct item *it = m->items, *next; it; it = next) {
		next = it->of_msg; /* the message goes with its last item */
		if (!it->job)
			load_unload(q, it);
	}
}

void
load_unload_all(struct runq *q)
{
	hash_each(&q->msgs, unload_msg, q);
}

/* ---- loading ---- */

void
load_want(struct runq *q, struct domain *d)
{
	d->backlog = true;
	if (d->refilling)
		return;
	d->refilling = true;
	TAILQ_INSERT_TAIL(&q->refill, d, in_refill);
}

static bool
note_due(const struct index_due *due, const char *domain, void *arg)
{
	struct runq *q = arg;
	struct domain *d = domain_find(q, domain);

	(void)due;
	if (!d && q->domains.n >= DOMAINS_MAX)
		return false;
	if (!d)
		d = domain_get(q, domain);
	if (!d->backlog)
		load_want(q, d);
	return true;
}

void
load_due(struct runq *q)
{
	if (q->now < q->due_at.next) /* the clock went back */
		q->due_at = (struct index_due){0};
	if (!q->due_more && q->due_next > q->now)
		return;
	q->due_more = index_due_scan(q->index, &q->due_at, q->now, DUE_SLICE, note_due, q) == DUE_SLICE;
	q->due_next = q->due_more ? q->now : index_due_next(q->index, &q->due_at);
	/* Too many domains are known already: the rest of what is due is looked at again soon. */
	if (!q->due_more && q->due_next <= q->now)
		q->due_next = q->now + SECOND;
}

/* At most `room` recipients of the domain come into memory; answers how many were looked at. */
static size_t
refill(struct runq *q, struct domain *d, size_t room)
{
	static struct str buf;
	struct index_due due[REFILL_SLICE];
	size_t want = load_quota(q), got;

	if (want > room)
		want = room;
	if (want > REFILL_SLICE)
		want = REFILL_SLICE;
	got = index_domain_load(q->index, d->name, q->now, want, due);
	if (got < want)
		d->backlog = false;
	for (size_t i = 0; i < got; i++) {
		struct row row;
		uint32_t uid;

		index_due_del(q->index, &due[i], d->name);
		if (item_find(q, due[i].id, due[i].n) || !row_load(q, &buf, &row, &uid, due[i].id, due[i].n))
			continue;
		if (row.hold == HOLD_NONE && row.next > q->now) /* an old entry: its row was moved */
			load_wait(q, row.id, row.n, row.next, row.fate ? NOTICE_DOMAIN : row.domain);
		else if (row.hold == HOLD_NONE && row.fate)
			notice_load(q, &row);
		else if (row.hold == HOLD_NONE && !suppress_fails(q, &row))
			item_add(q, &row);
	}
	return got;
}

void
load_refill(struct runq *q)
{
	size_t room = REFILL_SLICE;
	struct domain *d;

	if (q->stopping || q->mode == RUNQ_SERVE)
		return;
	for (size_t turns = 0; room && turns < 1000 && (d = TAILQ_FIRST(&q->refill)); turns++) {
		/* It stays marked as refilling until all is placed, so that no failing recipient frees it
		 * under us. */
		TAILQ_REMOVE(&q->refill, d, in_refill);
		if (d->backlog && d->loaded < load_quota(q))
			room -= refill(q, d, room);
		d->refilling = false;
		/* More of it waits and there is room: at the end of the line, so that each domain gets its
		 * turn. */
		if (d->backlog && d->loaded < load_quota(q))
			load_want(q, d);
		else
			domain_maybe_free(q, d);
	}
}
