/* Tables of the index that grow old: walked now and then, a slice a round, so that what ran out goes. */
#include "base.h"

#include "clock.h"
#include "queue.h"

#define SLICE 1000
#define EVERY HOUR

struct slice {
	struct runq *q;
	struct expiry *x;
	struct str behind;     /* the last key seen */
	struct str old[SLICE]; /* keys */
	size_t nold;
};

static bool
visit(struct index_key key, char *value, size_t len, void *arg)
{
	struct slice *s = arg;

	str_reset(&s->behind);
	str_add(&s->behind, key.p, key.n);
	s->x->seen++;
	if (s->x->is_old(s->q, key, value, len)) {
		str_reset(&s->old[s->nold]);
		str_add(&s->old[s->nold++], key.p, key.n);
	}
	return true;
}

bool
expire_round(struct runq *q, struct expiry *x)
{
	static struct slice s;
	size_t got;

	/* After a leap of the clock nobody knows what is old. */
	if (q->mono < x->at || q->leapt > q->mono || q->stopping || q->rebuild || index_broken(q->index))
		return false;
	s.q = q;
	s.x = x;
	s.nold = 0;
	got = index_walk(
	    q->index, x->table, (struct index_key){str_cstr(&x->behind), x->behind.len}, SLICE, visit, &s);
	for (size_t i = 0; i < s.nold; i++)
		index_unset(q->index, x->table, (struct index_key){s.old[i].s, s.old[i].len});
	x->seen -= s.nold;
	str_reset(&x->behind);
	if (got == SLICE) {
		str_add(&x->behind, s.behind.s, s.behind.len);
		return false;
	}
	x->left = x->seen;
	x->seen = 0;
	x->at = q->mono + EVERY;
	return true;
}
