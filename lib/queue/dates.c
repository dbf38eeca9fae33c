/* Rows that a wrong clock has dated years ahead: without this they would wait for them.
 *
 * Nothing waits longer than the longest pause of the schedule but what somebody asked to: an operator (its
 * amendment says so) or the submitter (hold-until of its envelope). Looked at when mox-runq starts, an hour after
 * the clock has leapt, and each hour; there is little in due that far ahead. */
#include "base.h"

#include "amend.h"
#include "clock.h"
#include "log.h"
#include "queue.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define EVERY HOUR
#define SLICE 200
#define LEAST (5 * HOUR) /* a peer's hint, a site's pause, a notice that is put off: none is longer */

struct entry {
	struct index_due due;
	char *domain;
};

struct slice {
	struct entry v[SLICE];
	size_t n;
};

static int64_t
longest_pause(const struct conf_retry *r)
{
	int64_t longest = LEAST;

	for (size_t i = 0; i < r->n; i++)
		if (r->interval[i] > longest)
			longest = r->interval[i];
	return longest + longest / 8; /* jitter */
}

static bool
take(const struct index_due *due, const char *domain, void *arg)
{
	struct slice *s = arg;

	s->v[s->n++] = (struct entry){*due, mem_dup(domain)};
	return true;
}

/* When it is in doubt the row stays as it is. */
static bool
is_asked_for(struct runq *q, const struct row *row)
{
	static struct str set;
	struct envelope e;
	const char *why;
	uint64_t when;
	bool asked;
	int fd;

	if (row->fate)
		return false;
	if (amend_read(q, row->id, row->n, "next", &set) && str_number(str_cstr(&set), INT64_MAX, &when) &&
	    (int64_t)when >= row->next)
		return true;
	if ((fd = spool_open_message(&q->spool, row->id, O_RDONLY)) < 0)
		return true;
	asked = envelope_read(fd, &e, &why) || e.hold_until >= row->next;
	envelope_free(&e);
	close(fd);
	return asked;
}

static bool
mend(struct runq *q, const struct entry *e)
{
	static struct str buf;
	struct row row;
	uint32_t uid;
	int64_t longest = longest_pause(&q->conf->retry);

	if (!row_load(q, &buf, &row, &uid, e->due.id, e->due.n) || row.next != e->due.next ||
	    is_asked_for(q, &row))
		return false;
	index_due_del(q->index, &e->due, e->domain);
	/* Not all at once. */
	row.next = q->now + (row.fate ? 0 : (int64_t)(hash_number(row.id) % (uint64_t)longest));
	row_store(q, &row, uid);
	load_wait(q, row.id, row.n, row.next, e->domain);
	return true;
}

void
dates_round(struct runq *q)
{
	struct slice s = {.n = 0};
	size_t mended = 0;

	if (q->dates.at > q->mono || q->sweep || q->stopping || q->mode == RUNQ_SERVE)
		return;
	if (!q->dates.from.next)
		q->dates.from.next = q->now + longest_pause(&q->conf->retry);
	index_due_scan(q->index, &q->dates.from, INT64_MAX, SLICE, take, &s);
	for (size_t i = 0; i < s.n; i++) {
		mended += mend(q, &s.v[i]);
		free(s.v[i].domain);
	}
	if (mended) {
		log_open(LOG_WARN, "dates-mended");
		log_i("recipients", (int64_t)mended);
		log_close();
	}
	if (s.n < SLICE) {
		q->dates.at = q->mono + EVERY;
		q->dates.from = (struct index_due){0};
	}
}
