/* The history: rows of recipients that have left the queue. */
#include "base.h"

#include "retire.h"
#include "serve.h"

static const char *
retired_line(struct client *c, const char *key, char *value, int64_t now)
{
	(void)now;
	if (!strcmp(key, "attempts"))
		c->attempts = !strcmp(value, "yes");
	if (!strcmp(key, "transcripts"))
		c->transcripts = !strcmp(value, "yes");
	return NULL;
}

static bool
visit(struct index_key key, char *rec, size_t len, void *arg)
{
	struct client *c = arg;
	struct row row;
	uint64_t id;
	uint32_t n, uid;

	retire_unkey(key, &id, &n);
	if (!serve_walk_at(c, id, n))
		return false;
	if (!row_read(&row, &uid, rec, len) || (!c->privileged && uid != c->uid))
		return true;
	row.state = ROW_GONE;
	return !select_match(&c->select, &row) || serve_walk_take(c, &row);
}

static void
retired_slice(struct runq *q, struct client *c)
{
	unsigned char key[RETIRE_KEY];

	serve_walk_begin(c);
	serve_walk_end(
	    c, index_walk(q->index, INDEX_RETIRED, retire_key(key, c->id, c->n), SERVE_SLICE, visit, c));
}

const struct serve_op serve_retired_ops[] = {
    {"retired", .reads = true, .line = retired_line, .slice = retired_slice},
    {0},
};
