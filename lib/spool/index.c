#include "base.h"

#include "die.h"
#include "index.h"

#include <db.h>
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
#define KEY_ROW 12
#define KEY_DUE 20
#define DOMAIN_MAX 1000 /* longer ones are cut: they only share a queue */

struct index {
	char *dir;
	DB_ENV *env;
	DB *rcpt, *due, *domain;
	DB_TXN *txn; /* the round's; begun at its first change */
	unsigned ops;
	struct str broken;
};

static struct str last_message; /* libdb's own words, for the broken text */

static void
remember(const DB_ENV *env, const char *prefix, const char *msg)
{
	(void)env;
	(void)prefix;
	str_reset(&last_message);
	str_adds(&last_message, msg);
}

static void
fail(struct index *ix, const char *what, int err)
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

/* ---- opening ---- */

static char *
path_in(const char *dir, const char *name)
{
	struct str s = {0};

	str_addf(&s, "%s/%s", dir, name);
	return str_take(&s);
}

static void
remove_in(const char *dir, const char *name)
{
	char *p = path_in(dir, name);
	unlink(p);
	free(p);
}

static bool
exists_in(const char *dir, const char *name)
{
	char *p = path_in(dir, name);
	bool there = !access(p, F_OK);

	free(p);
	return there;
}

/* Everything libdb and we ever put there. */
static void
remove_all(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	if (!d)
		return;
	while ((e = readdir(d)))
		if (e->d_name[0] != '.')
			unlinkat(dirfd(d), e->d_name, 0);
	closedir(d);
}

static int
open_rows(struct index *ix)
{
	DB_TXN *txn = NULL;
	int r;

	if ((r = db_env_create(&ix->env, 0)))
		return r;
	ix->env->set_errcall(ix->env, remember);
	ix->env->set_cachesize(ix->env, 0, CACHE_ROWS, 1);
	ix->env->set_lg_max(ix->env, LOG_FILE);
	ix->env->set_lg_bsize(ix->env, LOG_BUFFER);
	ix->env->log_set_config(ix->env, DB_LOG_AUTO_REMOVE, 1);
	r = ix->env->open(ix->env, ix->dir,
	    DB_CREATE | DB_PRIVATE | DB_RECOVER | DB_INIT_TXN | DB_INIT_LOG | DB_INIT_MPOOL, 0600);
	if (r || (r = db_create(&ix->rcpt, ix->env, 0)))
		return r;
	ix->rcpt->set_pagesize(ix->rcpt, 8192);
	if ((r = ix->env->txn_begin(ix->env, NULL, &txn, 0)))
		return r;
	r = ix->rcpt->open(ix->rcpt, txn, "rcpt.db", NULL, DB_BTREE, DB_CREATE, 0600);
	if (r) {
		txn->abort(txn);
		return r;
	}
	return txn->commit(txn, 0);
}

static int
open_derived(struct index *ix, DB **db, const char *name)
{
	char *p = path_in(ix->dir, name);
	int r = db_create(db, NULL, 0);

	if (!r) {
		(*db)->set_errcall(*db, remember);
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
	if (ix->env)
		ix->env->close(ix->env, 0);
	ix->due = ix->domain = ix->rcpt = NULL;
	ix->env = NULL;
}

static int
open_all(struct index *ix, bool clean)
{
	int r = open_rows(ix);

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
	/* A log without its table would bring its old rows back. */
	if (!old)
		remove_all(dir);
	/* Gone before anything changes: from here on only index_close(clean) can vouch for due and domain. */
	remove_in(dir, "clean");
	str_reset(&last_message);
	if ((r = open_all(ix, clean))) {
		close_handles(ix);
		/* Space is not damage: throwing the index away would not make any. */
		if (r == ENOSPC || r == EACCES || r == ENOMEM) {
			str_addf(why, "unable to open the index %s: %s", dir, db_strerror(r));
			goto fail;
		}
		remove_all(dir);
		old = clean = false;
		if ((r = open_all(ix, false))) {
			str_addf(why, "unable to make the index %s: %s", dir, db_strerror(r));
			close_handles(ix);
			goto fail;
		}
	}
	*found = !old ? INDEX_NEW : clean ? INDEX_CLEAN : INDEX_UNCLEAN;
	return ix;
fail:
	free(ix->dir);
	free(ix);
	return NULL;
}

void
index_close(struct index *ix, bool clean)
{
	char *mark;
	int fd;

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
		mark = path_in(ix->dir, "clean");
		if ((fd = open(mark, O_WRONLY | O_CREAT | O_CLOEXEC, 0600)) >= 0)
			close(fd);
		free(mark);
	}
	str_free(&ix->broken);
	free(ix->dir);
	free(ix);
}

/* ---- keys ---- */

static DBT
dbt(const void *p, size_t n)
{
	return (DBT){.data = (void *)(uintptr_t)p, .size = (u_int32_t)n};
}

static void
key_row(unsigned char k[KEY_ROW], uint64_t id, uint32_t n)
{
	uint64_t a = htobe64(id);
	uint32_t b = htobe32(n);

	memcpy(k, &a, 8);
	memcpy(k + 8, &b, 4);
}

static void
unkey_row(const unsigned char *k, uint64_t *id, uint32_t *n)
{
	uint64_t a;
	uint32_t b;

	memcpy(&a, k, 8);
	memcpy(&b, k + 8, 4);
	*id = be64toh(a);
	*n = be32toh(b);
}

static void
key_due(unsigned char k[KEY_DUE], const struct index_due *d)
{
	uint64_t a = htobe64((uint64_t)d->next);

	memcpy(k, &a, 8);
	key_row(k + 8, d->id, d->n);
}

static void
unkey_due(const unsigned char *k, struct index_due *d)
{
	uint64_t a;

	memcpy(&a, k, 8);
	d->next = (int64_t)be64toh(a);
	unkey_row(k + 8, &d->id, &d->n);
}

struct domain_key {
	unsigned char b[DOMAIN_MAX + 1 + KEY_DUE];
	size_t prefix, n;
};

static void
key_domain(struct domain_key *k, const char *domain, const struct index_due *d)
{
	size_t len = strnlen(domain, DOMAIN_MAX);

	memcpy(k->b, domain, len);
	k->b[len] = 0;
	k->prefix = len + 1;
	key_due(k->b + k->prefix, d);
	k->n = k->prefix + KEY_DUE;
}

/* ---- rows ---- */

static bool
changing(struct index *ix)
{
	int r;

	if (ix->broken.len)
		return false;
	ix->ops++;
	if (!ix->txn && (r = ix->env->txn_begin(ix->env, NULL, &ix->txn, 0))) {
		fail(ix, "write to", r);
		return false;
	}
	return true;
}

void
index_put(struct index *ix, uint64_t id, uint32_t n, const struct str *row)
{
	unsigned char kb[KEY_ROW];
	DBT k, v = dbt(str_cstr(row), row->len);
	int r;

	if (!changing(ix))
		return;
	key_row(kb, id, n);
	k = dbt(kb, sizeof kb);
	if ((r = ix->rcpt->put(ix->rcpt, ix->txn, &k, &v, 0)))
		fail(ix, "write to", r);
}

bool
index_get(struct index *ix, uint64_t id, uint32_t n, struct str *row)
{
	unsigned char kb[KEY_ROW];
	DBT k, v = {0};
	int r;

	str_reset(row);
	if (ix->broken.len)
		return false;
	key_row(kb, id, n);
	k = dbt(kb, sizeof kb);
	r = ix->rcpt->get(ix->rcpt, ix->txn, &k, &v, 0);
	if (!r) {
		str_add(row, v.data, v.size);
		return true;
	}
	if (r != DB_NOTFOUND)
		fail(ix, "read", r);
	return false;
}

void
index_del(struct index *ix, uint64_t id, uint32_t n)
{
	unsigned char kb[KEY_ROW];
	DBT k;
	int r;

	if (!changing(ix))
		return;
	key_row(kb, id, n);
	k = dbt(kb, sizeof kb);
	r = ix->rcpt->del(ix->rcpt, ix->txn, &k, 0);
	if (r && r != DB_NOTFOUND)
		fail(ix, "write to", r);
}

size_t
index_scan(struct index *ix, uint64_t id, uint32_t n, size_t max, index_each *each, void *arg)
{
	unsigned char kb[KEY_ROW];
	struct str row = {0};
	DBC *c = NULL;
	DBT k, v = {0};
	size_t seen = 0;
	bool more = true;
	int r;

	if (ix->broken.len || (n == UINT32_MAX && id == UINT64_MAX))
		return 0;
	key_row(kb, n == UINT32_MAX ? id + 1 : id, n + 1);
	k = dbt(kb, sizeof kb);
	r = ix->rcpt->cursor(ix->rcpt, ix->txn, &c, 0);
	if (!r)
		r = c->get(c, &k, &v, DB_SET_RANGE);
	while (!r && more && seen < max) {
		uint64_t got;
		uint32_t gn;

		unkey_row(k.data, &got, &gn);
		str_reset(&row);
		str_add(&row, v.data, v.size);
		more = each(got, gn, row.s, row.len, arg);
		seen++;
		if (more && seen < max)
			r = c->get(c, &k, &v, DB_NEXT);
	}
	if (r && r != DB_NOTFOUND)
		fail(ix, "read", r);
	if (c)
		c->close(c);
	str_free(&row);
	return seen;
}

/* ---- when ---- */

void
index_due_put(struct index *ix, const struct index_due *d, const char *domain)
{
	unsigned char kb[KEY_DUE];
	struct domain_key dk;
	DBT k, v = {0};
	int r;

	if (ix->broken.len)
		return;
	key_due(kb, d);
	key_domain(&dk, domain, d);
	k = dbt(dk.b, dk.n);
	r = ix->domain->put(ix->domain, NULL, &k, &v, 0);
	if (!r) {
		k = dbt(kb, sizeof kb);
		v = dbt(dk.b, dk.prefix);
		r = ix->due->put(ix->due, NULL, &k, &v, 0);
	}
	if (r)
		fail(ix, "write to", r);
}

void
index_due_del(struct index *ix, const struct index_due *d, const char *domain)
{
	unsigned char kb[KEY_DUE];
	struct domain_key dk;
	DBT k;
	int r, s;

	if (ix->broken.len)
		return;
	key_due(kb, d);
	key_domain(&dk, domain, d);
	k = dbt(dk.b, dk.n);
	r = ix->domain->del(ix->domain, NULL, &k, 0);
	k = dbt(kb, sizeof kb);
	s = ix->due->del(ix->due, NULL, &k, 0);
	if ((r && r != DB_NOTFOUND) || (s && s != DB_NOTFOUND))
		fail(ix, "write to", r && r != DB_NOTFOUND ? r : s);
}

/* The key just behind d. */
static struct index_due
behind(const struct index_due *d)
{
	struct index_due b = *d;

	if (++b.n == 0)
		b.id++;
	return b;
}

size_t
index_due_scan(
    struct index *ix, struct index_due *from, int64_t until, size_t max, index_each_due *each, void *arg)
{
	unsigned char kb[KEY_DUE];
	struct index_due start = behind(from), d;
	DBC *c = NULL;
	DBT k, v = {0};
	size_t seen = 0;
	int r;

	if (ix->broken.len)
		return 0;
	key_due(kb, &start);
	k = dbt(kb, sizeof kb);
	r = ix->due->cursor(ix->due, NULL, &c, 0);
	if (!r)
		r = c->get(c, &k, &v, DB_SET_RANGE);
	while (!r && seen < max) {
		unkey_due(k.data, &d);
		if (d.next > until || !each(&d, v.data, arg))
			break;
		*from = d;
		if (++seen < max)
			r = c->get(c, &k, &v, DB_NEXT);
	}
	if (r && r != DB_NOTFOUND)
		fail(ix, "read", r);
	if (c)
		c->close(c);
	return seen;
}

size_t
index_domain_load(struct index *ix, const char *domain, int64_t until, size_t max, struct index_due *out)
{
	struct domain_key dk;
	struct index_due zero = {0}, d;
	DBC *c = NULL;
	DBT k, v = {0};
	size_t got = 0;
	int r;

	if (ix->broken.len || !max)
		return 0;
	key_domain(&dk, domain, &zero);
	k = dbt(dk.b, dk.n);
	r = ix->domain->cursor(ix->domain, NULL, &c, 0);
	if (!r)
		r = c->get(c, &k, &v, DB_SET_RANGE);
	while (!r && got < max) {
		if (k.size != dk.n || memcmp(k.data, dk.b, dk.prefix))
			break;
		unkey_due((unsigned char *)k.data + dk.prefix, &d);
		if (d.next > until)
			break;
		out[got] = d;
		if (++got < max)
			r = c->get(c, &k, &v, DB_NEXT);
	}
	if (r && r != DB_NOTFOUND)
		fail(ix, "read", r);
	if (c)
		c->close(c);
	return got;
}

static bool
take_next(const struct index_due *d, const char *domain, void *arg)
{
	(void)domain;
	*(int64_t *)arg = d->next;
	return false;
}

int64_t
index_due_next(struct index *ix, const struct index_due *from)
{
	struct index_due at = *from;
	int64_t next = INT64_MAX;

	index_due_scan(ix, &at, INT64_MAX, 1, take_next, &next);
	return next;
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
		r = how == INDEX_DURABLE ? ix->env->log_flush(ix->env, NULL) : 0;
	if (r) {
		fail(ix, "commit to", r);
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
		fail(ix, "make a checkpoint of", r);
}
