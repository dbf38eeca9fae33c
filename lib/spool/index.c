#include "base.h"

#include "die.h"
#include "index_db.h"

#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define CACHE_ROWS (24U << 20)
#define CACHE_DERIVED (4U << 20)
#define LOG_FILE (4U << 20)
#define LOG_BUFFER (1U << 20)
#define CHECKPOINT_OPS 20000

static struct str last_message; /* libdb's own words, for the broken text */

static void
remember(const DB_ENV *env, const char *prefix, const char *msg)
{
	(void)env;
	(void)prefix;
	str_reset(&last_message);
	str_adds(&last_message, msg);
}

void
index_fail(struct index *ix, const char *what, int err)
{
	if (ix->broken.len)
		return;
	str_addf(&ix->broken, "unable to %s the index %s: %s", what, ix->dir, db_strerror(err));
	if (last_message.len)
		str_addf(&ix->broken, " (%s)", last_message.s);
}

const char *
index_broken(const struct index *ix)
{
	return ix->broken.len ? ix->broken.s : NULL;
}

const char *
index_lost(const struct index *ix)
{
	return ix->lost.len ? ix->lost.s : NULL;
}

char *
index_path(const char *dir, const char *name)
{
	struct str s = {0};

	str_addf(&s, "%s/%s", dir, name);
	return str_take(&s);
}

static void
remove_in(const char *dir, const char *name)
{
	char *p = index_path(dir, name);
	unlink(p);
	free(p);
}

static bool
exists_in(const char *dir, const char *name)
{
	char *p = index_path(dir, name);
	bool there = !access(p, F_OK);

	free(p);
	return there;
}

/* ---- whether it knows all ---- */

/* Neither is synced: a power failure may cost a listing that is whole, for the moment until the comparison is over. */
static void
make_in(const char *dir, const char *name)
{
	char *p = index_path(dir, name);
	int fd = open(p, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd >= 0)
		close(fd);
	free(p);
}

bool
index_unbuilt(const struct index *ix)
{
	return exists_in(ix->dir, "unbuilt");
}

void
index_built(struct index *ix)
{
	remove_in(ix->dir, "unbuilt");
}

/* ---- opening ---- */

static int
open_env(struct index *ix)
{
	int r = db_env_create(&ix->env, 0);

	if (r)
		return r;
	ix->env->set_errcall(ix->env, remember);
	ix->env->set_cachesize(ix->env, 0, CACHE_ROWS, 1);
	ix->env->set_lg_max(ix->env, LOG_FILE);
	ix->env->set_lg_bsize(ix->env, LOG_BUFFER);
	ix->env->log_set_config(ix->env, DB_LOG_AUTO_REMOVE, 1);
	return ix->env->open(ix->env, ix->dir,
	    DB_CREATE | DB_PRIVATE | DB_RECOVER | DB_INIT_TXN | DB_INIT_LOG | DB_INIT_MPOOL, 0600);
}

int
index_open_table(struct index *ix, DB **db, const char *name, DB_TXN *txn)
{
	int r = db_create(db, ix->env, 0);

	if (r)
		return r;
	(*db)->set_pagesize(*db, 8192);
	(*db)->set_flags(
	    *db, DB_CHKSUM); /* of a page, looked at when it is read; a table of before goes without */
	return (*db)->open(*db, txn, name, NULL, DB_BTREE, DB_CREATE, 0600);
}

static int
open_logged(struct index *ix, bool fresh)
{
	DB_TXN *txn = NULL;
	int r = fresh ? index_tables_adopt(ix) : 0;

	if (r || (r = open_env(ix)) || (r = ix->env->txn_begin(ix->env, NULL, &txn, 0)))
		return r;
	r = index_open_table(ix, &ix->rcpt, "rcpt.db", txn);
	if (!r)
		r = index_tables_open(ix, txn);
	if (r) {
		txn->abort(txn);
		return r;
	}
	return txn->commit(txn, 0);
}

static int
open_derived(struct index *ix, DB **db, const char *name)
{
	char *p = index_path(ix->dir, name);
	int r = db_create(db, NULL, 0);

	if (!r) {
		(*db)->set_errcall(*db, remember);
		(*db)->set_flags(*db, DB_CHKSUM);
		(*db)->set_cachesize(*db, 0, CACHE_DERIVED, 1);
		r = (*db)->open(*db, NULL, p, NULL, DB_BTREE, DB_CREATE, 0600);
	}
	free(p);
	return r;
}

static void
close_handles(struct index *ix)
{
	if (ix->txn)
		ix->txn->abort(ix->txn);
	ix->txn = NULL;
	if (ix->due)
		ix->due->close(ix->due, 0);
	if (ix->domain)
		ix->domain->close(ix->domain, 0);
	if (ix->rcpt)
		ix->rcpt->close(ix->rcpt, 0);
	index_tables_close(ix);
	if (ix->env)
		ix->env->close(ix->env, 0);
	ix->due = ix->domain = ix->rcpt = NULL;
	ix->env = NULL;
}

static int
open_all(struct index *ix, bool clean, bool fresh)
{
	int r = open_logged(ix, fresh);

	if (r)
		return r;
	if (!clean) {
		remove_in(ix->dir, "due.db");
		remove_in(ix->dir, "domain.db");
	}
	if ((r = open_derived(ix, &ix->due, "due.db")))
		return r;
	return open_derived(ix, &ix->domain, "domain.db");
}

struct index *
index_open(const char *dir, enum index_found *found, struct str *why)
{
	struct index *ix = mem_zalloc(sizeof *ix);
	bool clean, old;
	int r;

	ix->dir = mem_dup(dir);
	if (mkdir(dir, 0700) && errno != EEXIST) {
		str_addf(why, "unable to make %s: %s", dir, strerror(errno));
		goto fail;
	}
	old = exists_in(dir, "rcpt.db");
	clean = old && exists_in(dir, "clean");
	/* Gone before anything changes: from here on only index_close(clean) can vouch for due and domain. */
	remove_in(dir, "clean");
	str_reset(&last_message);
	/* A log without its table would bring its old rows back. */
	if (!old) {
		index_tables_keep(ix);
		make_in(dir, "unbuilt");
	}
	r = open_all(ix, clean, !old);
	/* Space is not damage: throwing the index away would not make any. */
	for (int tries = 0; r && r != ENOSPC && r != EACCES && r != ENOMEM && tries < 2; tries++) {
		close_handles(ix);
		old = clean = false;
		if (tries) /* what was kept is what breaks it */
			index_tables_drop(ix);
		index_tables_keep(ix);
		make_in(dir, "unbuilt");
		r = open_all(ix, false, true);
	}
	if (r) {
		close_handles(ix);
		str_addf(why, "unable to open the index %s: %s", dir, db_strerror(r));
		goto fail;
	}
	*found = !old ? INDEX_NEW : clean ? INDEX_CLEAN : INDEX_UNCLEAN;
	return ix;
fail:
	str_free(&ix->lost);
	free(ix->dir);
	free(ix);
	return NULL;
}

void
index_close(struct index *ix, bool clean)
{
	if (index_commit(ix, INDEX_DURABLE))
		clean = false;
	if (!ix->broken.len)
		index_checkpoint(ix, true);
	if (clean && !ix->broken.len) {
		int a = ix->due->close(ix->due, 0), b = ix->domain->close(ix->domain, 0);
		ix->due = ix->domain = NULL;
		clean = !a && !b;
	}
	clean = clean && !ix->broken.len;
	close_handles(ix);
	if (clean) {
		/* Not synced: lost with the machine it only costs a fill of due and domain. */
		make_in(ix->dir, "clean");
	}
	str_free(&ix->broken);
	str_free(&ix->lost);
	free(ix->dir);
	free(ix);
}

/* ---- keys ---- */

DBT
index_dbt(const void *p, size_t n)
{
	return (DBT){.data = (void *)(uintptr_t)p, .size = (u_int32_t)n};
}

void
index_key_row(unsigned char k[INDEX_KEY_ROW], uint64_t id, uint32_t n)
{
	uint64_t a = htobe64(id);
	uint32_t b = htobe32(n);

	memcpy(k, &a, 8);
	memcpy(k + 8, &b, 4);
}

void
index_unkey_row(const unsigned char *k, uint64_t *id, uint32_t *n)
{
	uint64_t a;
	uint32_t b;

	memcpy(&a, k, 8);
	memcpy(&b, k + 8, 4);
	*id = be64toh(a);
	*n = be32toh(b);
}

/* ---- rows ---- */

bool
index_changing(struct index *ix)
{
	int r;

	if (ix->broken.len)
		return false;
	ix->ops++;
	if (!ix->txn && (r = ix->env->txn_begin(ix->env, NULL, &ix->txn, 0))) {
		index_fail(ix, "write to", r);
		return false;
	}
	return true;
}

void
index_put(struct index *ix, uint64_t id, uint32_t n, const struct str *row)
{
	unsigned char kb[INDEX_KEY_ROW];
	DBT k, v = index_dbt(str_cstr(row), row->len);
	int r;

	if (!index_changing(ix))
		return;
	index_key_row(kb, id, n);
	k = index_dbt(kb, sizeof kb);
	if ((r = ix->rcpt->put(ix->rcpt, ix->txn, &k, &v, 0)))
		index_fail(ix, "write to", r);
}

bool
index_get(struct index *ix, uint64_t id, uint32_t n, struct str *row)
{
	unsigned char kb[INDEX_KEY_ROW];
	DBT k, v = {0};
	int r;

	str_reset(row);
	if (ix->broken.len)
		return false;
	index_key_row(kb, id, n);
	k = index_dbt(kb, sizeof kb);
	r = ix->rcpt->get(ix->rcpt, ix->txn, &k, &v, 0);
	if (!r) {
		str_add(row, v.data, v.size);
		return true;
	}
	if (r != DB_NOTFOUND)
		index_fail(ix, "read", r);
	return false;
}

void
index_del(struct index *ix, uint64_t id, uint32_t n)
{
	unsigned char kb[INDEX_KEY_ROW];
	DBT k;
	int r;

	if (!index_changing(ix))
		return;
	index_key_row(kb, id, n);
	k = index_dbt(kb, sizeof kb);
	r = ix->rcpt->del(ix->rcpt, ix->txn, &k, 0);
	if (r && r != DB_NOTFOUND)
		index_fail(ix, "write to", r);
}

size_t
index_scan(struct index *ix, uint64_t id, uint32_t n, size_t max, index_each *each, void *arg)
{
	unsigned char kb[INDEX_KEY_ROW];
	struct str row = {0};
	DBC *c = NULL;
	DBT k, v = {0};
	size_t seen = 0;
	bool more = true;
	int r;

	if (ix->broken.len || (n == UINT32_MAX && id == UINT64_MAX))
		return 0;
	index_key_row(kb, n == UINT32_MAX ? id + 1 : id, n + 1);
	k = index_dbt(kb, sizeof kb);
	r = ix->rcpt->cursor(ix->rcpt, ix->txn, &c, 0);
	if (!r)
		r = c->get(c, &k, &v, DB_SET_RANGE);
	while (!r && more && seen < max) {
		uint64_t got;
		uint32_t gn;

		index_unkey_row(k.data, &got, &gn);
		str_reset(&row);
		str_add(&row, v.data, v.size);
		more = each(got, gn, row.s, row.len, arg);
		seen++;
		if (more && seen < max)
			r = c->get(c, &k, &v, DB_NEXT);
	}
	if (r && r != DB_NOTFOUND)
		index_fail(ix, "read", r);
	if (c)
		c->close(c);
	str_free(&row);
	return seen;
}

/* ---- commit ---- */

int
index_commit(struct index *ix, enum index_sync how)
{
	static const u_int32_t flag[] = {DB_TXN_NOSYNC, DB_TXN_WRITE_NOSYNC, DB_TXN_SYNC};
	DB_TXN *txn = ix->txn;
	int r;

	if (ix->broken.len)
		return -1;
	ix->txn = NULL;
	if (txn)
		r = txn->commit(txn, flag[how]);
	else
		r = how != INDEX_LAZY ? ix->env->log_flush(ix->env, NULL) : 0;
	if (r) {
		index_fail(ix, "commit to", r);
		return -1;
	}
	return 0;
}

void
index_checkpoint(struct index *ix, bool force)
{
	int r;

	if (ix->broken.len || (!force && ix->ops < CHECKPOINT_OPS))
		return;
	ix->ops = 0;
	if ((r = ix->env->txn_checkpoint(ix->env, 0, 0, 0)))
		index_fail(ix, "make a checkpoint of", r);
}
