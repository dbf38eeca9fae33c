/* The further tables: same environment, same transaction, same commit as the rows. */
#include "base.h"

#include "index_db.h"

#include <dirent.h>
#include <unistd.h>

static const struct {
	const char *name, *file;
	bool kept; /* nothing else knows what it holds */
} tables[INDEX_TABLES] = {
    [INDEX_MSG] = {"msg", "msg.db", false},
    [INDEX_RETIRED] = {"retired", "retired.db", true},
    [INDEX_SUPPRESS] = {"suppress", "suppress.db", true},
    [INDEX_LIMIT] = {"limit", "limit.db", true},
    [INDEX_HOLDRULE] = {"holdrule", "holdrule.db", true},
    [INDEX_TRANSCRIPT] = {"transcript", "transcript.db", false},
};

/* ---- opening ---- */

int
index_tables_open(struct index *ix, DB_TXN *txn)
{
	int r = 0;

	for (size_t i = 0; i < INDEX_TABLES && !r; i++)
		r = index_open_table(ix, &ix->table[i], tables[i].file, txn);
	return r;
}

void
index_tables_close(struct index *ix)
{
	for (size_t i = 0; i < INDEX_TABLES; i++) {
		if (ix->table[i])
			ix->table[i]->close(ix->table[i], 0);
		ix->table[i] = NULL;
	}
}

static bool
is_kept(const char *name)
{
	for (size_t i = 0; i < INDEX_TABLES; i++)
		if (tables[i].kept && !strcmp(name, tables[i].file))
			return true;
	return false;
}

const char *
index_table_name(enum index_table t)
{
	return tables[t].name;
}

bool
index_table_find(const char *name, enum index_table *t)
{
	for (*t = 0; *t < INDEX_TABLES; ++*t)
		if (!strcmp(name, tables[*t].name))
			return true;
	return false;
}

static void
ignore(const DB_ENV *env, const char *prefix, const char *msg)
{
	(void)env;
	(void)prefix;
	(void)msg;
}

/* Every page, without environment or log. */
static bool
is_whole(struct index *ix, const char *name)
{
	char *path = index_path(ix->dir, name);
	DB *db;
	int r = 0;

	if (!access(path, F_OK) && !(r = db_create(&db, NULL, 0))) {
		db->set_errcall(db, ignore);
		r = db->verify(db, path, NULL, NULL, 0); /* ends the handle, too */
	}
	free(path);
	return !r;
}

static void
remove_table(struct index *ix, const char *name)
{
	char *path = index_path(ix->dir, name);

	if (!unlink(path))
		str_addf(&ix->lost, "%s%s", ix->lost.len ? ", " : "", name);
	free(path);
}

void
index_tables_keep(struct index *ix)
{
	DIR *d = opendir(ix->dir);
	struct dirent *e;

	if (!d)
		return;
	while ((e = readdir(d)))
		if (e->d_name[0] != '.' && !is_kept(e->d_name))
			unlinkat(dirfd(d), e->d_name, 0);
	closedir(d);
	for (size_t i = 0; i < INDEX_TABLES; i++)
		if (tables[i].kept && !is_whole(ix, tables[i].file))
			remove_table(ix, tables[i].file);
}

void
index_tables_drop(struct index *ix)
{
	for (size_t i = 0; i < INDEX_TABLES; i++)
		remove_table(ix, tables[i].file);
}

int
index_tables_adopt(struct index *ix)
{
	DB_ENV *env;
	int r = db_env_create(&env, 0), end;

	if (r)
		return r;
	env->set_errcall(env, ignore);
	/* Without a log: one that is new ends before the places that the pages name, which counts as damage. */
	r = env->open(env, ix->dir, DB_CREATE | DB_PRIVATE | DB_INIT_MPOOL, 0600);
	for (size_t i = 0; i < INDEX_TABLES && !r; i++) {
		char *path = index_path(ix->dir, tables[i].file);

		if (!access(path, F_OK))
			r = env->lsn_reset(env, tables[i].file, 0);
		free(path);
	}
	end = env->close(env, 0);
	return r ? r : end;
}

/* ---- use ---- */

void
index_set(struct index *ix, enum index_table t, struct index_key key, const struct str *value)
{
	DBT k = index_dbt(key.p, key.n), v = index_dbt(str_cstr(value), value->len);
	int r;

	if (index_changing(ix) && (r = ix->table[t]->put(ix->table[t], ix->txn, &k, &v, 0)))
		index_fail(ix, "write to", r);
}

bool
index_look(struct index *ix, enum index_table t, struct index_key key, struct str *value)
{
	DBT k = index_dbt(key.p, key.n), v = {0};
	int r;

	str_reset(value);
	if (ix->broken.len)
		return false;
	r = ix->table[t]->get(ix->table[t], ix->txn, &k, &v, 0);
	if (!r) {
		str_add(value, v.data, v.size);
		return true;
	}
	if (r != DB_NOTFOUND)
		index_fail(ix, "read", r);
	return false;
}

void
index_unset(struct index *ix, enum index_table t, struct index_key key)
{
	DBT k = index_dbt(key.p, key.n);
	int r;

	if (!index_changing(ix))
		return;
	r = ix->table[t]->del(ix->table[t], ix->txn, &k, 0);
	if (r && r != DB_NOTFOUND)
		index_fail(ix, "write to", r);
}

static bool
is_key(const DBT *k, struct index_key key)
{
	return k->size == key.n && !memcmp(k->data, key.p, key.n);
}

size_t
index_walk(struct index *ix, enum index_table t, struct index_key behind, size_t max, index_each_key *each,
    void *arg)
{
	struct str value = {0};
	DBC *c = NULL;
	DBT k = index_dbt(behind.p, behind.n), v = {0};
	size_t seen = 0;
	bool more = true;
	int r;

	if (ix->broken.len)
		return 0;
	r = ix->table[t]->cursor(ix->table[t], ix->txn, &c, 0);
	if (!r)
		r = c->get(c, &k, &v, behind.n ? DB_SET_RANGE : DB_FIRST);
	if (!r && behind.n && is_key(&k, behind))
		r = c->get(c, &k, &v, DB_NEXT);
	while (!r && more && seen < max) {
		str_reset(&value);
		str_add(&value, v.data, v.size);
		str_reserve(&value, 0);
		more = each((struct index_key){k.data, k.size}, value.s, value.len, arg);
		seen++;
		if (more && seen < max)
			r = c->get(c, &k, &v, DB_NEXT);
	}
	if (r && r != DB_NOTFOUND)
		index_fail(ix, "read", r);
	if (c)
		c->close(c);
	str_free(&value);
	return seen;
}
