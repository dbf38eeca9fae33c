#include "base.h"

#include "corrupt.h"
#include "entry.h"
#include "log.h"
#include "restore.h"
#include "saved.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define COMMIT_EVERY 2000

static unsigned uncommitted;
static uint64_t passed_over;

/* Of a message that was finished while the copy was made nobody would take it away. */
static bool
is_over(const struct runq *q, const char *table, const struct str *key)
{
	char name[SPOOL_NAME_SIZE], in_new[ID_SIZE];
	uint64_t id;

	if (strcmp(table, "msg") != 0)
		return false;
	memcpy(&id, key->s, sizeof id); /* entry_fault has seen to its length */
	spool_name(name, be64toh(id));
	id_format(in_new, be64toh(id));
	return faccessat(q->spool.cur, name, F_OK, 0) && faccessat(q->spool.new, in_new, F_OK, 0);
}

static void
put(const char *table, const struct str *key, struct str *value, void *arg)
{
	struct runq *q = arg;
	enum index_table t;

	if (entry_fault(table, key, value))
		passed_over++;
	else if (index_table_find(table, &t) && !is_over(q, table, key))
		index_set(q->index, t, (struct index_key){str_cstr(key), key->len}, value);
	if (++uncommitted == COMMIT_EVERY) {
		uncommitted = 0;
		(void)!index_commit(q->index, INDEX_LAZY);
	}
}

/* A crash before the end finds the file once more, and what is put twice is put once. */
void
restore_tables(struct runq *q)
{
	int fd = openat(q->spool.dir, SAVED_FILE, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct saved s = {.each = put, .arg = q};
	const char *why;

	if (fd < 0)
		return;
	uncommitted = 0;
	passed_over = 0;
	(void)!saved_read(fd, &s, &why);
	close(fd);
	saved_free(&s);
	if (index_commit(q->index, INDEX_DURABLE))
		return;
	/* What could not be read of it may be worth a person's time. */
	if (why || passed_over)
		(void)!corrupt_move(&q->spool, q->spool.dir, SAVED_FILE, SAVED_FILE,
		    why ? why : "some of its entries are none");
	else
		unlinkat(q->spool.dir, SAVED_FILE, 0);
	if (why || passed_over) {
		log_open(LOG_ALERT, "tables-cut");
		log_s("error", why ? why : "some of its entries are none");
		log_i("passed", (int64_t)passed_over);
		log_close();
	}
	log_open(LOG_INFO, "tables-restored");
	log_i("entries", (int64_t)(s.entries - passed_over));
	log_close();
}
