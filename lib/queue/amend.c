#include "base.h"

#include "amend.h"
#include "file.h"
#include "id.h"
#include "queue.h"
#include "rec.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#define AMEND_MAX (8 * 1024 * 1024)

static void
amend_name(char out[SPOOL_NAME_SIZE], uint64_t id)
{
	size_t n;

	spool_name(out, id);
	n = strlen(out);
	snprintf(out + n, SPOOL_NAME_SIZE - n, ".amend");
}

/* Lines `KEY N VALUE`: those but the one of (which, n), or with NULL all of n, are appended to keep, the value of that one
 * to found; each may be NULL. false: there is none. */
static bool
read_lines(struct str *text, uint32_t n, const char *which, struct str *keep, struct str *found)
{
	struct rec_in in = {text->s, text->s + text->len};
	char *key, *value;
	bool has = false;

	while (rec_next(&in, &key, &value) == REC_LINE) {
		char *who = strcmp(key, "id") ? rec_field(&value) : NULL, *what = rec_field(&value);
		uint64_t num;

		if (!who || !what || !str_number(who, UINT32_MAX, &num))
			continue;
		if (num == n && (!which || !strcmp(key, which))) {
			has = true;
			if (found)
				str_adds(found, what);
		} else if (keep) {
			rec_open(keep, key);
			rec_putf(keep, "%" PRIu64, num);
			rec_put(keep, what);
			rec_close(keep);
		}
	}
	return has;
}

bool
amend_read(struct runq *q, uint64_t id, uint32_t n, const char *key, struct str *value)
{
	char name[SPOOL_NAME_SIZE];
	struct str text = {0};
	bool has;

	str_reset(value);
	amend_name(name, id);
	has = !file_read(q->spool.cur, name, &text, AMEND_MAX) && text.len &&
	      read_lines(&text, n, key, NULL, value);
	str_free(&text);
	return has;
}

/* Durable with the marks, at most a second late: the row holds the same, and is durable before anybody is told. The
 * amendment is for the day the index is built anew. */
int
amend_write(struct runq *q, uint64_t id, uint32_t n, const char *key, const char *value)
{
	char name[SPOOL_NAME_SIZE], id_text[ID_SIZE];
	struct str text = {0}, out = {0};
	size_t empty;
	int r = 0, bucket;

	amend_name(name, id);
	id_format(id_text, id);
	rec_add(&out, "id", id_text);
	empty = out.len;
	/* What cannot be read now must not be lost by being written anew. */
	if (file_read(q->spool.cur, name, &text, AMEND_MAX) && errno != ENOENT) {
		r = -1;
		goto done;
	}
	if (text.len)
		read_lines(&text, n, key, &out, NULL);
	if (value) {
		rec_open(&out, key);
		rec_putf(&out, "%" PRIu32, n);
		rec_put(&out, value);
		rec_close(&out);
	}
	if (out.len > AMEND_MAX - sizeof "end") {
		errno = EFBIG;
		r = -1;
	} else if (out.len > empty) {
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
done:
	str_free(&text);
	str_free(&out);
	return r;
}

int
amend_forget(struct runq *q, uint64_t id, uint32_t n)
{
	return amend_write(q, id, n, NULL, NULL);
}

void
amend_drop(struct runq *q, uint64_t id)
{
	char name[SPOOL_NAME_SIZE];

	amend_name(name, id);
	unlinkat(q->spool.cur, name, 0);
	sign_drop(q, id);
}
