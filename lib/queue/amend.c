#include "base.h"

#include "file.h"
#include "id.h"
#include "queue.h"
#include "rec.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#define AMEND_MAX (1024 * 1024)

static void
amend_name(char out[SPOOL_NAME_SIZE], uint64_t id)
{
	size_t n;

	spool_name(out, id);
	n = strlen(out);
	snprintf(out + n, SPOOL_NAME_SIZE - n, ".amend");
}

/* The record's `next` lines but that of recipient n, appended to keep (may be NULL); the value of that one.
 */
static int64_t
read_next(struct str *text, uint32_t n, struct str *keep)
{
	struct rec_in in = {text->s, text->s + text->len};
	char *key, *value;
	int64_t found = 0;

	while (rec_next(&in, &key, &value) == REC_LINE) {
		char *who = !strcmp(key, "next") ? rec_field(&value) : NULL, *when = rec_field(&value);
		uint64_t num, t;

		if (!who || !when || !str_number(who, UINT32_MAX, &num) || !str_number(when, INT64_MAX, &t))
			continue;
		if (num == n)
			found = (int64_t)t;
		else if (keep)
			str_addf(keep, "next %" PRIu64 " %" PRIu64 "\n", num, t);
	}
	return found;
}

int64_t
amend_read(struct runq *q, uint64_t id, uint32_t n)
{
	char name[SPOOL_NAME_SIZE];
	struct str text = {0};
	int64_t next = 0;

	amend_name(name, id);
	if (!file_read(q->spool.cur, name, &text, AMEND_MAX) && text.len)
		next = read_next(&text, n, NULL);
	str_free(&text);
	return next;
}

/* Durable with the marks, at most a second late: the row holds the same time, and is durable before anybody is told. The
 * amendment is for the day the index is built anew. */
int
amend_write(struct runq *q, uint64_t id, uint32_t n, int64_t next)
{
	char name[SPOOL_NAME_SIZE], id_text[ID_SIZE];
	struct str text = {0}, out = {0};
	size_t empty;
	int r = 0, bucket;

	amend_name(name, id);
	id_format(id_text, id);
	rec_add(&out, "id", id_text);
	empty = out.len;
	if (!file_read(q->spool.cur, name, &text, AMEND_MAX) && text.len)
		read_next(&text, n, &out);
	if (next)
		str_addf(&out, "next %u %" PRId64 "\n", n, next);
	if (out.len > empty) {
		rec_end(&out);
		name[2] = 0; /* HH, then ID.amend */
		bucket = openat(q->spool.cur, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		r = bucket < 0 ? -1 : file_replace_unsynced(bucket, name + 3, out.s, out.len, 0600);
		if (bucket >= 0)
			close(bucket);
	} else if (unlinkat(q->spool.cur, name, 0) && errno != ENOENT) {
		r = -1;
	}
	q->dirty = true;
	str_free(&text);
	str_free(&out);
	return r;
}

void
amend_drop(struct runq *q, uint64_t id)
{
	char name[SPOOL_NAME_SIZE];

	amend_name(name, id);
	unlinkat(q->spool.cur, name, 0);
}
