/* What an operator changes of one recipient: file first, then row, then where it waits. One that waits for its
 * notice is past changing. */
#include "base.h"

#include "amend.h"
#include "change.h"
#include "limit.h"
#include "log.h"
#include "queue.h"

#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

/* The message of the recipient changed last: the next is often of the same, and a message may have thousands. */
static struct {
	uint64_t id; /* 0: none */
	int fd;
	struct envelope e;
} last;

void
change_end(void)
{
	if (!last.id)
		return;
	envelope_free(&last.e);
	close(last.fd);
	last.id = 0;
}

static bool
message_open(struct runq *q, uint64_t id)
{
	const char *why;

	if (last.id == id)
		return true;
	change_end();
	last.fd = spool_open_message(&q->spool, id, O_RDWR);
	if (last.fd < 0)
		return false;
	if (!envelope_read(last.fd, &last.e, &why))
		last.id = id;
	else
		close(last.fd);
	return last.id;
}

static bool
mark_file(struct runq *q, const struct row *row, enum mark which, char value)
{
	int r = -1;

	if (message_open(q, row->id) && row->n <= last.e.nrcpt)
		r = envelope_mark(last.fd, &last.e, row->n, which, value);
	q->dirty = true;
	return !r;
}

static void
out_of_due(struct runq *q, const struct row *row, int64_t next)
{
	struct index_due d = {next, row->id, row->n};

	index_due_del(q->index, &d, row->domain);
}

bool
change_hold(struct runq *q, const struct change *c, struct row *row, uint32_t uid)
{
	struct item *it = item_find(q, row->id, row->n);
	int64_t next = row->next;
	char hold = c->hold ? c->hold : c->privileged ? 'o' : 'u';

	if (row->hold != HOLD_NONE || row->fate)
		return false;
	if (c->dry)
		return true;
	if (!mark_file(q, row, MARK_HOLD, hold))
		return false;
	row->hold = hold;
	if (c->why)
		row->error = c->why;
	row->next = 0;
	row_store(q, row, uid);
	if (it && it->job)
		it->held = true;
	else if (it)
		item_free(q, it);
	else
		out_of_due(q, row, next);
	return true;
}

/* Recipients of one message stay together: they may share a transaction. */
static int64_t
spread_over(const struct change *c, const struct row *row)
{
	return c->spread ? (int64_t)(hash_number(row->id) % (uint64_t)c->spread) : 0;
}

bool
change_release(struct runq *q, const struct change *c, struct row *row, uint32_t uid)
{
	struct item *it = item_find(q, row->id, row->n);
	int64_t next = it ? it->next : q->now + spread_over(c, row);
	char when[24];

	if (row->hold == HOLD_NONE || (!c->privileged && row->hold != 'u'))
		return false;
	if (c->dry)
		return true;
	snprintf(when, sizeof when, "%" PRId64, next);
	/* The time comes first: should the machine die between the two, it is held still. */
	if (c->spread && !it && amend_write(q, row->id, row->n, "next", when))
		return false;
	if (!mark_file(q, row, MARK_HOLD, HOLD_NONE))
		return false;
	if (row->hold == HOLD_LIMIT)
		limit_released(q, row);
	if (row->hold == HOLD_RULE)
		row->error = NULL;
	row->hold = HOLD_NONE;
	row->next = next;
	row_store(q, row, uid);
	if (it)
		it->held = false;
	else
		load_place(q, row);
	return true;
}

bool
change_schedule(struct runq *q, const struct change *c, struct row *row, uint32_t uid)
{
	struct item *it = item_find(q, row->id, row->n);
	int64_t old = row->next, next = c->relative ? old + c->next : c->next;
	struct dest *d;
	char when[24];

	if (row->hold != HOLD_NONE || row->fate || (it && it->job))
		return false;
	if (c->dry)
		return true;
	if (next < q->now)
		next = q->now;
	next += spread_over(c, row);
	snprintf(when, sizeof when, "%" PRId64, next);
	if (amend_write(q, row->id, row->n, "next", next > q->now ? when : NULL))
		return false;
	row->next = next;
	row_store(q, row, uid);
	if (it)
		item_free(q, it);
	else
		out_of_due(q, row, old);
	/* Asked for now means now: a site that is left alone gets its probe. */
	d = dest_look(q, row);
	if (next <= q->now && d) {
		if (d->site) {
			d->site->state.down_until = 0;
			site_wake(q, d->site);
		}
		if (d->state != DEST_PLAN)
			d->expires = 0;
	}
	load_place(q, row);
	return true;
}

bool
change_requiretls(struct runq *q, const struct change *c, struct row *row, uint32_t uid)
{
	struct item *it = item_find(q, row->id, row->n);
	const char mark[4] = {[MARK_REQUIRETLS] = c->requiretls};

	if (row->fate || class_of(row->requiretls) == class_of_mark(mark))
		return false;
	if (c->dry)
		return true;
	if (!mark_file(q, row, MARK_REQUIRETLS, c->requiretls))
		return false;
	row->requiretls = class_word(class_of_mark(mark));
	row_store(q, row, uid);
	/* A job that is out goes on as it went; what it leaves is loaded anew from the row. */
	if (it && !it->job) {
		item_free(q, it);
		load_place(q, row);
	}
	return true;
}

/* What the message was queued with; "" nothing. */
static void
own_transport(struct runq *q, uint64_t id, struct str *out)
{
	str_reset(out);
	if (message_open(q, id) && last.e.transport)
		str_adds(out, last.e.transport);
}

bool
change_transport(struct runq *q, const struct change *c, struct row *row, uint32_t uid)
{
	static struct str own;
	struct item *it = item_find(q, row->id, row->n);
	const char *old = row->transport ? row->transport : "", *to = c->transport;
	const struct conf_transport *t;

	own_transport(q, row->id, &own);
	if (!*to)
		to = str_cstr(&own);
	t = *to ? conf_transport(q->conf, to) : NULL;
	if (row->fate || !strcmp(old, to))
		return false;
	if (t && !c->privileged && !conf_transport_allows(t, row->account ? row->account : ""))
		return false;
	if (c->dry)
		return true;
	if (amend_write(q, row->id, row->n, "transport", strcmp(to, str_cstr(&own)) ? to : NULL))
		return false;
	row->transport = to;
	row_store(q, row, uid);
	if (it && !it->job) {
		item_free(q, it);
		load_place(q, row);
	}
	return true;
}
