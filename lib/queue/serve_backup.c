/* What mox-queue-backup asks: that nothing is taken in while it ends its copy, and the tables that no file knows. */
#include "base.h"

#include "clock.h"
#include "retire.h"
#include "saved.h"
#include "serve.h"

#define PAUSE (30 * SECOND) /* then whoever asked is taken for dead */
#define KEY_MAX_BYTES 1024

/* The count says whether the pause goes on that was asked for before. */
static const char *
pause_begin(struct runq *q, struct client *c)
{
	c->count = intake_paused(q);
	q->paused_until = q->mono + PAUSE;
	serve_status(c, "ok", NULL);
	return NULL;
}

static const char *
resume_begin(struct runq *q, struct client *c)
{
	c->count = intake_paused(q);
	q->paused_until = 0;
	serve_status(c, "ok", NULL);
	return NULL;
}

/* With ids: the history of those alone, in their order. */
struct place {
	enum index_table table;
	unsigned char key[KEY_MAX_BYTES];
	size_t nkey;
};

static const char *
save_begin(struct runq *q, struct client *c)
{
	(void)q;
	c->own = mem_zalloc(sizeof(struct place));
	return NULL;
}

static bool
visit(struct index_key key, char *value, size_t len, void *arg)
{
	struct client *c = arg;
	struct place *at = c->own;
	struct str v = {value, len, 0};

	if (c->out.len > SERVE_PACKET)
		return false;
	if (key.n <= KEY_MAX_BYTES) {
		saved_write(&c->out, index_table_name(at->table), key.p, key.n, &v);
		memcpy(at->key, key.p, key.n);
		at->nkey = key.n;
		c->count++;
	}
	return true;
}

static bool
visit_one(struct index_key key, char *value, size_t len, void *arg)
{
	struct client *c = arg;
	uint64_t id;
	uint32_t n;

	retire_unkey(key, &id, &n);
	return id == c->select.id[c->range].id && visit(key, value, len, c);
}

/* false: that was the last. */
static bool
save_ids(struct runq *q, struct client *c)
{
	struct place *at = c->own;
	size_t got;

	at->table = INDEX_RETIRED;
	for (unsigned i = 0; i < SERVE_SLICE && c->range < c->select.nid; i++) {
		if (!at->nkey) {
			at->nkey = retire_key(at->key, c->select.id[c->range].id, 0).n;
		}
		got = index_walk(q->index, INDEX_RETIRED, (struct index_key){at->key, at->nkey}, SERVE_SLICE,
		    visit_one, c);
		if (c->out.len > SERVE_PACKET)
			return true;
		if (got < SERVE_SLICE) {
			c->range++;
			at->nkey = 0;
		}
	}
	return c->range < c->select.nid && !index_broken(q->index);
}

static void
save_slice(struct runq *q, struct client *c)
{
	struct place *at = c->own;

	if (c->select.nid) {
		if (!save_ids(q, c)) {
			saved_write_end(&c->out, c->count);
			serve_status(c, "ok", NULL);
		}
		return;
	}
	if (at->table == INDEX_TABLES) {
		saved_write_end(&c->out, c->count);
		serve_status(c, "ok", NULL);
		return;
	}
	if (index_walk(q->index, at->table, (struct index_key){at->key, at->nkey}, SERVE_SLICE, visit, c) <
		SERVE_SLICE &&
	    c->out.len <= SERVE_PACKET && !index_broken(q->index)) {
		at->table++;
		at->nkey = 0;
	}
}

const struct serve_op serve_backup_ops[] = {
    {"pause", .privileged = true, .begin = pause_begin},
    {"resume", .privileged = true, .begin = resume_begin},
    {"save", .privileged = true, .reads = true, .begin = save_begin, .slice = save_slice},
    {0},
};
