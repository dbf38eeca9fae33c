/* What the files of the index share; theirs alone. */
#ifndef INDEX_DB_H
#define INDEX_DB_H

#include "base.h"
#include "index.h"
#include "str.h"

#include <db.h>
#include <stdbool.h>
#include <stdint.h>

struct index {
	char *dir;
	DB_ENV *env;
	DB *rcpt, *due, *domain;
	DB *table[INDEX_TABLES];
	DB_TXN *txn; /* the round's; begun at its first change */
	unsigned ops;
	struct str broken, lost;
};

/* ---- index.c ---- */
void index_fail(struct index *ix, const char *what, int err);
bool index_changing(struct index *ix); /* before a change: its transaction; false: broken */
DBT index_dbt(const void *p, size_t n);
char *index_path(const char *dir, const char *name); /* the caller frees */
int index_open_table(struct index *ix, DB **db, const char *name, DB_TXN *txn);

#define INDEX_KEY_ROW 12
void index_key_row(unsigned char k[INDEX_KEY_ROW], uint64_t id, uint32_t n);
void index_unkey_row(const unsigned char *k, uint64_t *id, uint32_t *n);

/* ---- index_table.c ---- */
int index_tables_open(struct index *ix, DB_TXN *txn);
void index_tables_close(struct index *ix);
/* Of an environment that is gone: the tables worth keeping are made ready for a new one; what is damaged goes,
 * and ix->lost says so. Before anything is opened: all other files are removed. */
void index_tables_keep(struct index *ix);
/* All of them go. */
void index_tables_drop(struct index *ix);
/* Before the new environment is opened: pages that name places in the old log are none it would take. */
int index_tables_adopt(struct index *ix);

#endif
