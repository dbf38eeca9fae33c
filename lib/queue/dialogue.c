#include "base.h"

#include "dialogue.h"
#include "id.h"
#include "rec.h"
#include "retire.h"

#include <inttypes.h>

#define MESSAGES_MAX 20000 /* that have one: those of the oldest go */

static struct expiry expiry;

bool
dialogue_read(struct runq *q, struct job *j, char *value)
{
	if (j->transcript || strlen(value) > q->conf->keep_transcripts)
		return true;
	if (!(value = rec_text(value)))
		return false;
	j->transcript = mem_dup(value);
	return true;
}

static bool
take_first(struct index_key key, char *value, size_t len, void *arg)
{
	(void)value;
	(void)len;
	str_add(arg, key.p, key.n);
	return false;
}

/* For a message that has none yet. */
static void
make_room(struct runq *q)
{
	static struct str oldest;

	if (expiry.left < MESSAGES_MAX) {
		expiry.left++;
		return;
	}
	str_reset(&oldest);
	index_walk(q->index, INDEX_TRANSCRIPT, (struct index_key){NULL, 0}, 1, take_first, &oldest);
	if (oldest.len)
		index_unset(q->index, INDEX_TRANSCRIPT, (struct index_key){oldest.s, oldest.len});
}

void
dialogue_keep(struct runq *q, const struct job *j)
{
	static struct str rec, of, old;
	unsigned char key[RETIRE_KEY];
	struct index_key k = retire_key(key, j->msg->id, 0);

	if (!j->transcript || q->cramped)
		return;
	str_reset(&of);
	for (size_t i = 0; i < j->nrcpt; i++)
		if (j->rcpt[i].outcome != OUTCOME_SENT)
			str_addf(&of, "%s%" PRIu32, of.len ? "," : "", j->rcpt[i].item->n);
	if (!of.len)
		return;
	str_reset(&rec);
	rec_addf(&rec, "last", "%" PRId64, j->tried);
	rec_add(&rec, "recipients", of.s);
	rec_add(&rec, "transcript", j->transcript);
	rec_end(&rec);
	if (!index_look(q->index, INDEX_TRANSCRIPT, k, &old))
		make_room(q);
	index_set(q->index, INDEX_TRANSCRIPT, k, &rec);
}

void
dialogue_answer(struct runq *q, struct str *out, uint64_t id)
{
	static struct str rec;
	unsigned char key[RETIRE_KEY];
	char text[ID_SIZE];

	if (!index_look(q->index, INDEX_TRANSCRIPT, retire_key(key, id, 0), &rec))
		return;
	id_format(text, id);
	rec_add(out, "id", text);
	str_add(out, rec.s, rec.len);
}

/* ---- what nothing knows any more ---- */

struct look {
	uint64_t id;
	bool found;
};

static bool
see_row(uint64_t id, uint32_t n, char *row, size_t len, void *arg)
{
	struct look *l = arg;

	(void)n;
	(void)row;
	(void)len;
	l->found = id == l->id;
	return false;
}

static bool
see_retired(struct index_key key, char *value, size_t len, void *arg)
{
	uint64_t id;
	uint32_t n;

	retire_unkey(key, &id, &n);
	return see_row(id, n, value, len, arg);
}

static bool
is_forgotten(struct runq *q, struct index_key key, char *value, size_t len)
{
	unsigned char from[RETIRE_KEY];
	struct look l = {0};
	uint32_t n;

	(void)value;
	(void)len;
	retire_unkey(key, &l.id, &n);
	index_scan(q->index, l.id, 0, 1, see_row, &l);
	if (!l.found)
		index_walk(q->index, INDEX_RETIRED, retire_key(from, l.id, 0), 1, see_retired, &l);
	return !l.found;
}

/* While files are without rows nobody knows which messages there are. */
static bool
may_walk(const struct runq *q)
{
	return !q->sweep && q->mode != RUNQ_SERVE && !q->stopping && !q->rebuild && q->leapt <= q->mono &&
	       !index_broken(q->index);
}

void
dialogue_round(struct runq *q)
{
	expiry.table = INDEX_TRANSCRIPT;
	expiry.is_old = is_forgotten;
	if (may_walk(q))
		expire_round(q, &expiry);
}

bool
dialogue_busy(const struct runq *q)
{
	return expiry.behind.len && may_walk(q);
}
