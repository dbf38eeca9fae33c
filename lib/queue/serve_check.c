/* What mox-queue-check asks: the index against the files, both ways; whether rows and tables can be read; a new index. */
#include "base.h"

#include "entry.h"
#include "rec.h"
#include "serve.h"

#define KEY_MAX_BYTES 1024

struct checking {
	bool swept; /* rows and files are compared; now the tables */
	enum index_table table;
	unsigned char key[KEY_MAX_BYTES];
	size_t nkey;
};

static const char *
check_begin(struct runq *q, struct client *c)
{
	(void)q;
	c->own = mem_zalloc(sizeof(struct checking));
	return NULL;
}

/* ---- rows and files ---- */

static void
row_fault(struct runq *q, void *arg, uint64_t id, uint32_t n, const char *what)
{
	struct client *c = arg;
	char text[ROW_ID_SIZE];

	(void)q;
	row_id(text, &(struct row){.id = id, .n = n});
	rec_add(&c->out, "id", text);
	rec_add(&c->out, "error", what);
	rec_add(&c->out, "then",
	    n ? "nothing is left to deliver: the row goes with its next attempt, or when the index is built "
		"anew"
	      : "nobody tries it until the index is built anew (mox-queue-check -r)");
	rec_end(&c->out);
	c->count++;
}

/* ---- tables ---- */

static bool
look(struct index_key key, char *value, size_t len, void *arg)
{
	struct client *c = arg;
	struct checking *k = c->own;
	const char *table = index_table_name(k->table), *why;
	struct str name = {0}, v = {value, len, 0}, at = {0};

	if (c->out.len > SERVE_PACKET)
		return false;
	str_add(&at, key.p, key.n);
	why = key.n > KEY_MAX_BYTES ? "its key is too long" : entry_fault(table, &at, &v);
	if (why) {
		entry_name(&name, table, &at);
		rec_add(&c->out, "table", table);
		rec_addn(
		    &c->out, "entry", str_cstr(&name), name.len < KEY_MAX_BYTES ? name.len : KEY_MAX_BYTES);
		rec_add(&c->out, "error", why);
		rec_add(&c->out, "then", "mox-runq passes it over");
		rec_end(&c->out);
		c->count++;
	}
	if (key.n <= KEY_MAX_BYTES) {
		memcpy(k->key, key.p, key.n);
		k->nkey = key.n;
	}
	str_free(&name);
	str_free(&at);
	return key.n <= KEY_MAX_BYTES;
}

/* false: all tables have been read. */
static bool
look_on(struct runq *q, struct client *c)
{
	struct checking *k = c->own;

	if (k->table == INDEX_TABLES || index_broken(q->index))
		return false;
	if (index_walk(q->index, k->table, (struct index_key){k->key, k->nkey}, SERVE_SLICE, look, c) <
		SERVE_SLICE &&
	    c->out.len <= SERVE_PACKET) {
		k->table++;
		k->nkey = 0;
	}
	return true;
}

static void
check_slice(struct runq *q, struct client *c)
{
	struct checking *k = c->own;

	if (!c->sweep)
		c->sweep = sweep_new(INDEX_CLEAN, row_fault, c);
	if (!k->swept)
		k->swept = !sweep_slice(q, c->sweep);
	else if (!look_on(q, c))
		serve_status(c, "ok", NULL);
}

/* At once: it is what helps a broken index. */
static const char *
rebuild_begin(struct runq *q, struct client *c)
{
	q->rebuild = true;
	serve_status(c, "ok", NULL);
	return NULL;
}

const struct serve_op serve_check_ops[] = {
    {"check", .privileged = true, .begin = check_begin, .slice = check_slice},
    {"rebuild", .privileged = true, .begin = rebuild_begin},
    {0},
};
