/* Walks through rows for an answer: those of the queue and those of the history. */
#include "base.h"

#include "dialogue.h"
#include "serve.h"

void
serve_walk_begin(struct client *c)
{
	const struct select *sel = &c->select;

	c->full = false;
	if (sel->nid && c->id != sel->id[c->range].id) {
		c->id = sel->id[c->range].id;
		c->n = sel->id[c->range].n ? sel->id[c->range].n - 1 : 0;
	}
}

bool
serve_walk_at(struct client *c, uint64_t id, uint32_t n)
{
	const struct select *sel = &c->select;

	if (sel->nid && sel->id[c->range].id != id) {
		c->done = true; /* of this range */
		return false;
	}
	if (c->out.len > SERVE_PACKET || c->nchosen == SERVE_SLICE) {
		c->full = true;
		return false;
	}
	c->id = id;
	c->n = n;
	return true;
}

bool
serve_walk_take(struct client *c, struct row *row)
{
	if (c->op->reads) {
		if (!c->attempts) {
			row_tell_last(row);
			row->nattempt = 0;
		}
		if (c->transcripts && c->told != row->id)
			dialogue_answer(runq_of(), &c->out, row->id);
		c->told = row->id;
		row_write(&c->out, row);
		c->count++;
	} else {
		c->chosen[c->nchosen].id = row->id;
		c->chosen[c->nchosen++].n = row->n;
	}
	if (!c->limit || c->count + c->nchosen < c->limit)
		return true;
	c->done = true;
	c->range = c->select.nid;
	return false;
}

void
serve_walk_end(struct client *c, size_t got)
{
	const struct select *sel = &c->select;

	if ((got == SERVE_SLICE && !c->done) || c->full)
		return;
	c->done = false;
	if (sel->nid && c->range < sel->nid && ++c->range < sel->nid)
		return;
	serve_status(c, "ok", NULL);
}
