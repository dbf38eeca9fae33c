/* Index against files, both ways, a slice a round so that deliveries run meanwhile. First every row: has it a
 * file? Then every file: has it a row? After an unclean stop the first half also fills due and domain anew.
 */
#include "base.h"

#include "amend.h"
#include "change.h"
#include "clock.h"
#include "id.h"
#include "log.h"
#include "queue.h"
#include "retire.h"
#include "retry.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define SLICE 500

struct seen {
	uint64_t id;
	uint32_t n;
	bool free; /* not held */
	int64_t next;
	char *domain;
};

struct sweep {
	enum index_found found;
	sweep_fault *fault;
	void *arg;
	enum { SWEEP_ROWS, SWEEP_FILES } phase;
	uint64_t id; /* rows: behind this */
	uint32_t n;
	unsigned bucket;
	DIR *dir;
	uint64_t rows, dropped, added;
	struct seen slice[SLICE];
	size_t nslice;
};

struct sweep *
sweep_new(enum index_found found, sweep_fault *fault, void *arg)
{
	struct sweep *s = mem_zalloc(sizeof *s);

	s->found = found;
	s->fault = fault;
	s->arg = arg;
	return s;
}

void
sweep_free(struct sweep *s)
{
	if (!s)
		return;
	if (s->dir)
		closedir(s->dir);
	free(s);
}

/* ---- rows ---- */

static bool
take_row(uint64_t id, uint32_t n, char *rec, size_t len, void *arg)
{
	struct sweep *s = arg;
	struct seen *e = &s->slice[s->nslice++];
	struct row row;
	uint32_t uid;

	*e = (struct seen){.id = id, .n = n};
	if (row_read(&row, &uid, rec, len)) {
		e->free = row.hold == HOLD_NONE;
		e->next = row.next;
		e->domain = mem_dup(row.fate ? NOTICE_DOMAIN : row.domain);
	}
	return true;
}

static bool
file_there(struct runq *q, uint64_t id)
{
	char name[SPOOL_NAME_SIZE], in_new[ID_SIZE];

	spool_name(name, id);
	id_format(in_new, id);
	/* In new/: it was to be moved when we died; intake does it again. */
	return !faccessat(q->spool.cur, name, F_OK, 0) || !faccessat(q->spool.new, in_new, F_OK, 0);
}

static bool
slice_rows(struct runq *q, struct sweep *s)
{
	uint64_t last = 0;
	bool there = false;
	size_t got;

	s->nslice = 0;
	got = index_scan(q->index, s->id, s->n, SLICE, take_row, s);
	for (size_t i = 0; i < s->nslice; i++) {
		struct seen *e = &s->slice[i];
		struct index_due d = {e->next, e->id, e->n};

		if (e->id != last)
			there = file_there(q, e->id);
		last = e->id;
		if (!there && s->fault) {
			s->fault(q, s->arg, e->id, e->n, "a row of the index without a file");
		} else if (s->fault && !e->domain) {
			s->fault(q, s->arg, e->id, e->n, "a row of the index that cannot be read");
		} else if (!there || !e->domain) {
			if (!s->fault) {
				retire(q, e->id, e->n, "gone");
				if (!there)
					sign_drop(q, e->id);
				s->dropped++;
			}
		} else if (!s->fault && e->free && !item_find(q, e->id, e->n) &&
			   !notice_has(q, e->id, e->n)) {
			index_due_put(q->index, &d, e->domain);
			if (e->next < q->due_next)
				q->due_next = e->next;
			if (e->next <= q->due_at.next)
				load_want(q, domain_get(q, e->domain));
		}
		free(e->domain);
		s->id = e->id;
		s->n = e->n;
	}
	s->rows += got;
	return got == SLICE;
}

/* ---- files ---- */

static bool
is_it(uint64_t id, uint32_t n, char *rec, size_t len, void *arg)
{
	(void)n;
	(void)rec;
	(void)len;
	if (id == *(uint64_t *)arg)
		*(uint64_t *)arg = 0;
	return false;
}

/* The rows of a message are written in one transaction: one is enough to see. */
static bool
has_row(struct runq *q, uint64_t id)
{
	uint64_t want = id;

	index_scan(q->index, id, 0, 1, is_it, &want);
	return !want;
}

static int64_t
amended_next(struct runq *q, uint64_t id, uint32_t n)
{
	static struct str text;
	uint64_t next;

	return amend_read(q, id, n, "next", &text) && str_number(text.s, INT64_MAX, &next) ? (int64_t)next
	                                                                                   : 0;
}

static void
add_rows(struct runq *q, const struct envelope *e)
{
	static struct str transport, failed;
	char domain[DOMAIN_NAME_MAX];
	struct row row;

	for (unsigned n = 1; n <= e->nrcpt; n++) {
		if (e->rcpt[n - 1].mark[MARK_STATE] != STATE_TODO)
			continue;
		intake_row(q, &row, e, n, domain);
		row.attempts = retry_guess_attempts(&q->conf->retry, q->now - e->queued);
		if (amend_read(q, e->id, n, "transport", &transport))
			row.transport = transport.s;
		if (amend_read(q, e->id, n, "fail", &failed)) {
			finish_failed(q, &row, e->uid, failed.s);
			continue;
		}
		if (row.hold == HOLD_NONE) {
			int64_t set = amended_next(q, e->id, n);
			int64_t pause = row.attempts ? retry_pause(&q->conf->retry, row.attempts, 1000) : 0;

			/* Not all at once: over the pause they would have made, at most an hour. */
			if (pause > HOUR)
				pause = HOUR;
			if (set > q->now)
				row.next = set;
			else if (pause)
				row.next += (int64_t)(hash_number(e->id) % (uint64_t)pause);
		} else if (row.hold == HOLD_FAILED) {
			row.error = "failed for good before the index was rebuilt";
		}
		row_store(q, &row, e->uid);
		if (row.hold == HOLD_NONE)
			load_place(q, &row);
	}
}

/* Answers how many rows it has added. */
static unsigned
add_file(struct runq *q, struct sweep *s, uint64_t id)
{
	struct envelope e;
	const char *why;
	char name[SPOOL_NAME_SIZE];
	int fd = spool_open_message(&q->spool, id, O_RDONLY), r, err;
	unsigned todo = 0;

	if (fd < 0)
		return 0;
	r = envelope_read(fd, &e, &why);
	err = errno;
	close(fd);
	if (r && !err)
		spool_corrupt(q, id, why);
	if (r)
		return 0;
	if (e.id != id) {
		spool_corrupt(q, id, "it holds another id than its name");
		envelope_free(&e);
		return 0;
	}
	for (size_t i = 0; i < e.nrcpt; i++)
		todo += e.rcpt[i].mark[MARK_STATE] == STATE_TODO;
	if (todo) {
		add_rows(q, &e);
		s->added += todo;
	} else {
		spool_name(name, id);
		(void)!message_give_up(q, &e);
	}
	envelope_free(&e);
	return todo;
}

/* An amendment without its message, or one that was never finished: a crash left it. */
static void
sweep_amend(int bucket, const char *name)
{
	const char *dot = strrchr(name, '.');
	char id[ID_SIZE];

	if (dot && dot - name == ID_LEN && !strcmp(dot, ".amend")) {
		memcpy(id, name, ID_LEN);
		id[ID_LEN] = 0;
		if (faccessat(bucket, id, F_OK, 0) && errno == ENOENT)
			unlinkat(bucket, name, 0);
	} else if (*name == '.' && strstr(name, ".amend.")) {
		unlinkat(bucket, name, 0);
	}
}

static bool
slice_files(struct runq *q, struct sweep *s)
{
	struct dirent *d;

	for (int i = 0; i < SLICE;) {
		char bucket[8];
		uint64_t id;

		if (!s->dir) {
			int fd;
			if (s->bucket > 255)
				return false;
			snprintf(bucket, sizeof bucket, "%02x", s->bucket++);
			fd = openat(q->spool.cur, bucket, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
			if (fd < 0 || !(s->dir = fdopendir(fd)))
				continue;
		}
		if (!(d = readdir(s->dir))) {
			closedir(s->dir);
			s->dir = NULL;
			i += 10;
			continue;
		}
		if (strlen(d->d_name) != ID_LEN || !id_parse(d->d_name, &id)) {
			if (!s->fault)
				sweep_amend(dirfd(s->dir), d->d_name);
			continue;
		}
		i++;
		if (has_row(q, id))
			continue;
		if (s->fault)
			s->fault(q, s->arg, id, 0, "a file without a row in the index");
		else
			i += (int)add_file(q, s, id);
	}
	return true;
}

bool
sweep_slice(struct runq *q, struct sweep *s)
{
	if (s->phase == SWEEP_ROWS) {
		if (s->found == INDEX_NEW || !slice_rows(q, s))
			s->phase = SWEEP_FILES;
		return true;
	}
	if (slice_files(q, s))
		return true;
	if (!s->fault) {
		log_open(LOG_INFO, "compared");
		log_s("index", s->found == INDEX_NEW ? "new" : "recovered");
		log_i("rows", (int64_t)s->rows);
		log_i("dropped", (int64_t)s->dropped);
		log_i("added", (int64_t)s->added);
		log_close();
	}
	return false;
}
