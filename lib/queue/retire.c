/* Attempts in rows, and the history: what is kept of recipients that have left the queue. */
#include "base.h"

#include "attempt.h"
#include "clock.h"
#include "local.h"
#include "log.h"
#include "queue.h"
#include "rec.h"
#include "retire.h"

#include <endian.h>

#define SLICE 200           /* records of the history looked at a round */
#define EVERY (10 * MINUTE) /* at least between two walks for old ones */

/* ---- attempts ---- */

const char *
attempt_tls(const char *session)
{
	static const char *const words[] = {"dane", "pkix"};
	const char *p = session ? strstr(session, " verified=") : NULL;

	if (!p)
		return NULL;
	p += strlen(" verified=");
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (!strncmp(p, words[i], strlen(words[i])))
			return words[i];
	return strstr(session, " tls=none") ? "none" : "opportunistic";
}

static void
attempt_text(struct runq *q, struct str *out, const struct job *j, const struct job_rcpt *r)
{
	static const char *const outcomes[] = {"-", "sent", "later", "never"};
	const struct conf_transport *t = j ? j->site->transport : r->item->dest->transport;
	struct attempt a = {
	    .start = j ? j->tried : q->now,
	    .duration = j && q->mono > j->started ? q->mono - j->started : 0,
	    .outcome = outcomes[r->outcome],
	    .code = r->code > 0 ? (unsigned)r->code : 0,
	    .status = r->status,
	    .host = r->host,
	    .tls = j ? attempt_tls(j->session) : NULL,
	    .transport = t ? t->name : NULL,
	    .text = r->text,
	};

	str_reset(out);
	attempt_write(out, &a);
}

void
attempt_add(struct runq *q, struct row *row, struct str *buf, const struct job *j, const struct job_rcpt *r)
{
	attempt_text(q, buf, j, r);
	row_add_attempt(row, buf->s);
}

/* ---- the history ---- */

struct index_key
retire_key(unsigned char buf[RETIRE_KEY], uint64_t id, uint32_t n)
{
	uint64_t a = htobe64(id);
	uint32_t b = htobe32(n);

	memcpy(buf, &a, 8);
	memcpy(buf + 8, &b, 4);
	return (struct index_key){buf, RETIRE_KEY};
}

void
retire_unkey(struct index_key key, uint64_t *id, uint32_t *n)
{
	const unsigned char *p = key.p;
	uint64_t a = 0;
	uint32_t b = 0;

	if (key.n == RETIRE_KEY) {
		memcpy(&a, p, 8);
		memcpy(&b, p + 8, 4);
	}
	*id = be64toh(a);
	*n = be32toh(b);
}

/* While space is short what is left of it is for the mail. */
static bool
is_kept(const struct runq *q)
{
	return q->conf->keep_retired > 0 && !q->cramped;
}

static void
keep(struct runq *q, struct row *row, uint32_t uid, const char *result)
{
	static struct str rec;
	unsigned char key[RETIRE_KEY];

	if (!row->result)
		row->result = result;
	row->retired = q->now;
	row->fate = NULL;
	row->hold = HOLD_NONE;
	row->next = 0;
	str_reset(&rec);
	row_record(&rec, row, uid);
	index_set(q->index, INDEX_RETIRED, retire_key(key, row->id, row->n), &rec);
}

void
retire(struct runq *q, uint64_t id, uint32_t n, const char *result)
{
	static struct str buf;
	struct row row;
	uint32_t uid;

	if (is_kept(q) && row_load(q, &buf, &row, &uid, id, n))
		keep(q, &row, uid, result);
	index_del(q->index, id, n);
}

const char *
sent_word(const struct job *j, const struct job_rcpt *r)
{
	const struct conf_transport *t = j->site->transport;

	if (t && t->type == TRANSPORT_DISCARD)
		return "discarded";
	if (local_is(t))
		return r->expanded || r->passed_on ? "expanded" : "delivered";
	return t && conf_is_relay(t) ? "relayed" : "delivered";
}

void
retire_sent(struct runq *q, const struct job *j, const struct job_rcpt *r)
{
	static struct str buf, line;
	const struct item *it = r->item;
	char domain[DOMAIN_NAME_MAX];
	uint64_t id = it->msg->id;
	struct row row;
	uint32_t uid = j->env.uid;

	if (is_kept(q)) {
		/* One that an operator named stands in the row alone. */
		const struct conf_transport *t = j->site->transport;
		bool own = t && j->env.transport && !strcmp(t->name, j->env.transport);
		bool plain = it->attempts < 2 && (!it->named || own);

		if (plain || !row_load(q, &buf, &row, &uid, id, it->n))
			intake_row(q, &row, &j->env, it->n, domain);
		row.attempts = it->attempts;
		row.last = j->tried;
		row.code = r->code > 0 ? (unsigned)r->code : 0;
		row.error = NULL;
		row.site = j->site->name;
		attempt_add(q, &row, &line, j, r);
		keep(q, &row, uid, sent_word(j, r));
	}
	index_del(q->index, id, it->n);
}

/* ---- what is kept too long ---- */

struct walk {
	struct runq *q;
	int64_t until; /* what left the queue before goes */
	bool ended;
	struct {
		uint64_t id;
		uint32_t n;
	} old[SLICE];
	size_t nold;
};

/* Ids are in the order of their times, and nothing leaves the queue before it comes: behind those of the limit
 * nothing is too old. */
static bool
look(struct index_key key, char *value, size_t len, void *arg)
{
	struct walk *w = arg;
	const char *at = memmem(value, len, "\nretired ", 9);
	uint64_t id;
	uint32_t n;

	retire_unkey(key, &id, &n);
	if (id_time(id) >= w->until) {
		w->ended = true;
		return false;
	}
	w->q->retired.id = id;
	w->q->retired.n = n;
	if (at && strtoll(at + 9, NULL, 10) >= w->until)
		return true;
	w->old[w->nold].id = id;
	w->old[w->nold++].n = n;
	return true;
}

/* No clock that has just leapt decides what is old. */
static bool
may_walk(const struct runq *q)
{
	return !q->stopping && !q->rebuild && q->mode != RUNQ_SERVE && q->leapt <= q->mono &&
	       !index_broken(q->index);
}

void
retire_round(struct runq *q)
{
	struct walk w = {.q = q, .until = q->now - q->conf->keep_retired};
	unsigned char key[RETIRE_KEY];
	size_t got;

	/* One that stays waits, lest a clock that is wrong since boot throws all away before it is set. */
	if (!q->retired.at)
		q->retired.at = q->mono + (q->mode == RUNQ_STAY ? EVERY : 0);
	if (!may_walk(q) || (!q->retired.walking && q->mono < q->retired.at))
		return;
	if (!q->retired.walking) {
		q->retired.walking = true;
		q->retired.id = 0;
		q->retired.n = 0;
	}
	got = index_walk(
	    q->index, INDEX_RETIRED, retire_key(key, q->retired.id, q->retired.n), SLICE, look, &w);
	for (size_t i = 0; i < w.nold; i++)
		index_unset(q->index, INDEX_RETIRED, retire_key(key, w.old[i].id, w.old[i].n));
	if (got == SLICE && !w.ended)
		return;
	q->retired.walking = false;
	q->retired.at = q->mono + EVERY;
}

bool
retire_busy(const struct runq *q)
{
	return q->retired.walking && may_walk(q);
}
