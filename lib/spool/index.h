/* The index: a view of the spool that can be queried (DESIGN 6). The only module that knows Berkeley DB
 * (index*.c); one process owns it, the mox-runq that holds spool/lock.
 *
 * Two kinds of table. `rcpt` (key: id, recipient number; value: a row record) lies in a transactional
 * environment, and the further tables with it; when the rows are lost or thrown away, those of them that nothing
 * else knows are kept. `due` (by time) and `domain` (by recipient domain, then time) are derived from it: two plain
 * files outside the environment, never logged, thrown away and filled anew after an unclean stop. A recipient
 * that is loaded in memory or held stands in neither.
 *
 * Group commit: what is done between two calls of index_commit is one transaction. No cursor outlives a call.
 *
 * Errors: the first error other than not-found makes the index broken; from then on every call answers as
 * "not found" and does nothing, index_broken answers the sentence, and the owner closes everything and starts
 * anew (recovery, or a rebuild). So callers need not look at each call, but must not act on a commit that
 * failed. */
#ifndef INDEX_H
#define INDEX_H

#include "base.h"
#include "str.h"

#include <stdbool.h>
#include <stdint.h>

struct index;

enum index_found {
	INDEX_CLEAN,   /* closed by its last owner: all tables hold */
	INDEX_UNCLEAN, /* recovered: rows hold up to the last flush, due and domain are empty */
	INDEX_NEW,     /* was missing or beyond repair: everything is empty */
};

/* dir: spool/index, made when missing. Ends in NULL and a sentence only when not even an empty index can be
 * made. */
struct index *index_open(const char *dir, enum index_found *found, struct str *why) MUST_USE;
/* A new one is unbuilt until index_built: it does not know all of the spool yet, also when its owner ends before. */
bool index_unbuilt(const struct index *ix);
void index_built(struct index *ix);
/* Ends it; with `clean` the next open finds INDEX_CLEAN. A broken one is never clean. */
void index_close(struct index *ix, bool clean);
const char *index_broken(const struct index *ix); /* NULL: it works */

/* ---- rows ---- */
void index_put(struct index *ix, uint64_t id, uint32_t n, const struct str *row);
bool index_get(struct index *ix, uint64_t id, uint32_t n, struct str *row); /* row is emptied first */
void index_del(struct index *ix, uint64_t id, uint32_t n);
/* Calls each for up to max rows behind (id, n), in order of id, n, until it answers false. row is writable
 * and lives for the call; each must not change the index. Answers the number of rows visited: less than max
 * means that the end was reached (or each said stop). */
typedef bool index_each(uint64_t id, uint32_t n, char *row, size_t len, void *arg);
size_t index_scan(struct index *ix, uint64_t id, uint32_t n, size_t max, index_each *each, void *arg);

/* ---- further tables: byte strings as keys, in order of their bytes ---- */
enum index_table {
	INDEX_MSG,        /* id -> what belongs to a message as a whole; goes with the rows */
	INDEX_RETIRED,    /* id, n -> what became of a recipient */
	INDEX_SUPPRESS,   /* recipients that are not to be written to, and failures in a row */
	INDEX_LIMIT,      /* what accounts have sent */
	INDEX_HOLDRULE,   /* what is to be held as it comes in */
	INDEX_TRANSCRIPT, /* id -> what was said in a session that failed */
	INDEX_TABLES
};
struct index_key {
	const void *p;
	size_t n;
};
void index_set(struct index *ix, enum index_table t, struct index_key key, const struct str *value);
bool index_look(
    struct index *ix, enum index_table t, struct index_key key, struct str *value); /* emptied first */
void index_unset(struct index *ix, enum index_table t, struct index_key key);
/* As index_scan: what stands behind that key (n 0: from the first on). The key lives for the call. */
typedef bool index_each_key(struct index_key key, char *value, size_t len, void *arg);
size_t index_walk(struct index *ix, enum index_table t, struct index_key behind, size_t max,
    index_each_key *each, void *arg);
/* As a backup names it. */
const char *index_table_name(enum index_table t);
bool index_table_find(const char *name, enum index_table *t);
/* Files of tables other than the rows that were found damaged when it was opened, and are begun anew; NULL: none. */
const char *index_lost(const struct index *ix);

/* ---- when: due and domain together ---- */
struct index_due {
	int64_t next; /* microseconds since 1970 */
	uint64_t id;
	uint32_t n;
};
void index_due_put(struct index *ix, const struct index_due *d, const char *domain);
void index_due_del(struct index *ix, const struct index_due *d, const char *domain);
/* Entries of all domains behind *from with next <= until, in order of time, at most max; each answers false
 * to stop (that entry then counts as not visited). *from moves to the last one visited. */
typedef bool index_each_due(const struct index_due *d, const char *domain, void *arg);
size_t index_due_scan(
    struct index *ix, struct index_due *from, int64_t until, size_t max, index_each_due *each, void *arg);
/* Entries of one domain with next <= until, oldest first, at most max, copied to out; answers their number.
 */
size_t index_domain_load(
    struct index *ix, const char *domain, int64_t until, size_t max, struct index_due *out);
/* The least `next` behind *from (INT64_MAX: none). */
int64_t index_due_next(struct index *ix, const struct index_due *from);

/* ---- commit ---- */
enum index_sync {
	INDEX_LAZY,    /* in the log's memory: lost with the process */
	INDEX_WRITTEN, /* written to the kernel: lost with the machine */
	INDEX_DURABLE, /* on disk */
};
/* 0; -1: broken, nothing since the last commit holds. */
int index_commit(struct index *ix, enum index_sync how) MUST_USE;
/* A checkpoint when enough has happened since the last one (old log files go by themselves); `force`: in any
 * case. */
void index_checkpoint(struct index *ix, bool force);

#endif
