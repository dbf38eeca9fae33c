/* What came of a notice, and what follows for the recipients it tells of. */
#include "base.h"

#include "amend.h"
#include "clock.h"
#include "id.h"
#include "log.h"
#include "notice.h"
#include "retire.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#define LATER (5 * MINUTE)
#define LATER_DOUBLED 3 /* times at most: 40 minutes */
#define AGAIN SECOND
#define FAILURES_MAX 3 /* of mox-dsn, then the plain form */

/* ---- the file ---- */

static size_t
count_todo(const struct envelope *e)
{
	size_t todo = 0;

	for (size_t i = 0; i < e->nrcpt; i++)
		todo += e->rcpt[i].mark[MARK_STATE] == STATE_TODO;
	return todo;
}

/* A failed recipient is done with: file first, then row. */
void
notice_close(struct runq *q, struct envelope *e, uint32_t n)
{
	static struct str buf;
	struct msg *m = msg_find(q, e->id);
	struct row row;
	uint32_t uid;
	size_t mine = e->rcpt[n - 1].mark[MARK_STATE] == STATE_TODO;
	int failed = 0;

	if (count_todo(e) == mine && !notice_needs_file(q, e)) {
		e->rcpt[n - 1].mark[MARK_STATE] = STATE_FAILED;
		failed = message_give_up(q, e);
	} else if (mine) {
		failed = settle_mark(q, e->id, e, n, MARK_STATE, STATE_FAILED) && errno != ENOENT;
		if (m && m->todo && !failed)
			m->todo--;
	}
	if (!failed) {
		retire(q, e->id, n, "failed");
		return;
	}
	/* No second notice for that: a person must look. */
	log_open(LOG_ALERT, "unmarked");
	log_s("error", strerror(errno));
	log_close();
	if (row_load(q, &buf, &row, &uid, e->id, n)) {
		row.hold = HOLD_FAILED;
		row.fate = NULL;
		row.next = 0;
		row.error = "its sender was told, but its file cannot be marked";
		row_store(q, &row, uid);
	}
}

void
notice_close_success(struct runq *q, struct notice *n, const struct envelope *e)
{
	for (size_t i = 0; i < n->nrcpt; i++)
		retire(q, n->id, n->rcpt[i].n, "delivered");
	q->notices.rcpts -= n->nrcpt;
	n->nrcpt = 0;
	if (!count_todo(e) && !notice_needs_file(q, e) && message_give_up(q, e)) {
		log_open(LOG_ALERT, "unmarked");
		log_s("error", strerror(errno));
		log_close();
	}
}

int
notice_open(struct runq *q, struct notice *n, struct envelope *e)
{
	const char *why;
	int fd = spool_open_message(&q->spool, n->id, O_RDONLY);
	int err = errno;

	if (fd >= 0 && !envelope_read(fd, e, &why))
		return fd;
	if (fd >= 0) {
		err = errno;
		close(fd);
		if (!err)
			spool_corrupt(q, n->id, why);
	}
	if (err && err != ENOENT) {
		notice_later(q, n, strerror(err));
		return -1;
	}
	for (size_t i = 0; i < n->nrcpt; i++)
		retire(q, n->id, n->rcpt[i].n, "failed");
	notice_free(q, n);
	return -1;
}

/* ---- what came of it ---- */

/* The rest of an event that was opened. */
static void
log_notice(const struct notice *n, const char *notice, const char *why)
{
	char id[ID_SIZE];
	struct str list = {0};

	id_format(id, n->id);
	for (size_t i = 0; i < n->nrcpt && list.len < 1000; i++)
		str_addf(&list, "%s%u", i ? "," : "", n->rcpt[i].n);
	if (n->kind != NOTICE_DIGEST)
		log_s("id", id);
	log_s("kind", notice_word(n->kind));
	if (n->kind != NOTICE_DIGEST)
		log_s("rcpts", str_cstr(&list));
	log_s("to", n->to);
	log_s("notice", notice);
	log_s("why", why);
	log_close();
	str_free(&list);
}

/* CRITICAL: the notice is durable, and only now may the message be given up. Nothing here ends the program,
 * and file comes before row: the row alone would be found without its fate by nobody. */
void
notice_told(struct runq *q, struct notice *n, const char *id)
{
	struct envelope e;
	int fd;

	q->intake_wanted = true;
	q->notices.refusals = 0;
	q->notices.closed_until = 0;
	log_open(LOG_INFO, "notice");
	log_notice(n, id, NULL);
	if (n->kind == NOTICE_DIGEST) {
		doubles_told(q);
		notice_free(q, n);
		return;
	}
	if ((fd = notice_open(q, n, &e)) < 0)
		return;
	close(fd);
	for (size_t i = 0; i < n->nrcpt && n->kind != NOTICE_SUCCESS; i++) {
		uint32_t rcpt = n->rcpt[i].n;

		if (n->kind == NOTICE_FAILED) {
			notice_close(q, &e, rcpt);
		} else if (e.rcpt[rcpt - 1].mark[MARK_STATE] == STATE_TODO) {
			if (settle_mark(q, n->id, &e, rcpt, MARK_NOTICE, DELAY_TOLD) && errno != ENOENT)
				log_open(LOG_ALERT, "unmarked"), log_s("error", strerror(errno)), log_close();
			notice_set_told(q, n->id, rcpt);
		}
	}
	if (n->kind == NOTICE_SUCCESS)
		notice_close_success(q, n, &e);
	envelope_free(&e);
	notice_free(q, n);
}

void
notice_wait(struct runq *q, struct notice *n, int64_t wait)
{
	for (size_t i = 0; i < n->nrcpt; i++) {
		struct item *it = item_find(q, n->id, n->rcpt[i].n);

		if (n->kind != NOTICE_DELAYED) {
			notice_put_off(q, n->id, n->rcpt[i].n, q->now + wait);
		} else if (it) { /* its site or its next attempt brings it up again */
			it->told = false;
			it->tell_at = q->mono + wait;
		}
	}
	if (n->kind == NOTICE_DIGEST)
		doubles_later(q, wait);
	notice_free(q, n);
}

void
notice_later(struct runq *q, struct notice *n, const char *why)
{
	log_open(LOG_WARN, "notice-later");
	log_notice(n, NULL, why);
	notice_wait(q, n, LATER);
}

/* Whatever refused this one refuses the next: few are tried meanwhile. */
void
notice_refused(struct runq *q, struct notice *n, const char *why)
{
	int64_t wait = LATER << (q->notices.refusals < LATER_DOUBLED ? q->notices.refusals : LATER_DOUBLED);

	q->notices.refusals++;
	q->notices.closed_until = q->mono + wait;
	log_open(LOG_WARN, "notice-later");
	log_notice(n, NULL, why);
	notice_wait(q, n, wait);
}

/* Says in its row that it has perhaps been told; true: that stood there already. */
static bool
note_maybe(struct runq *q, uint64_t id, uint32_t n)
{
	static const char said[] = " maybe=yes";
	static struct str buf, fate;
	struct row row;
	uint32_t uid;

	if (!row_load(q, &buf, &row, &uid, id, n) || !row.fate || strstr(row.fate, said))
		return true;
	str_reset(&fate);
	str_adds(&fate, row.fate);
	str_adds(&fate, said);
	row.fate = fate.s;
	row_store(q, &row, uid);
	return false;
}

void
notice_maybe(struct runq *q, struct notice *n, const char *id)
{
	bool before = true;

	for (size_t i = 0; i < n->nrcpt && n->kind == NOTICE_FAILED; i++)
		before = note_maybe(q, n->id, n->rcpt[i].n) && before;
	q->dirty = true;
	if (before) {
		notice_told(q, n, id);
		return;
	}
	notice_refused(q, n, "it is queued, but a power failure may take it back");
}

void
notice_again(struct runq *q, struct notice *n, const char *why)
{
	struct notice *other;

	if (n->minimal && n->failures >= FAILURES_MAX) {
		notice_surrender(q, n, why);
		return;
	}
	log_open(LOG_WARN, "notice-failed");
	log_notice(n, NULL, why);
	other = notice_get(q, n->id, n->kind);
	for (size_t i = 0; i < n->nrcpt; i++) {
		if (notice_names(other, n->rcpt[i].n))
			continue;
		notice_put(q, other, n->rcpt[i].n, n->rcpt[i].fate);
		n->rcpt[i].fate = NULL;
	}
	other->failures = n->failures + 1;
	other->minimal = n->minimal || other->failures >= FAILURES_MAX;
	other->at = other->minimal ? 0 : q->mono + AGAIN;
	notice_free(q, n);
}

/* The last resort: no form of notice can be made. */
void
notice_surrender(struct runq *q, struct notice *n, const char *why)
{
	static struct str buf;
	struct envelope e;
	struct row row;
	uint32_t uid;
	int fd;

	if (compose_lacks_conf(q)) {
		notice_later(q, n, "the configuration cannot be read");
		return;
	}
	log_open(LOG_ALERT, "notice-failed");
	log_notice(n, NULL, why);
	if (n->kind == NOTICE_DIGEST) {
		notice_wait(q, n, HOUR);
		return;
	}
	if ((fd = notice_open(q, n, &e)) < 0)
		return;
	close(fd);
	for (size_t i = 0; i < n->nrcpt && n->kind != NOTICE_SUCCESS; i++) {
		uint32_t rcpt = n->rcpt[i].n;

		if (n->kind == NOTICE_DELAYED) {
			notice_set_told(q, n->id, rcpt);
			continue;
		}
		if ((settle_mark(q, n->id, &e, rcpt, MARK_HOLD, HOLD_FAILED) && errno != ENOENT) ||
		    amend_write(q, n->id, rcpt, "fail", NULL))
			log_open(LOG_ALERT, "unmarked"), log_s("error", strerror(errno)), log_close();
		if (row_load(q, &buf, &row, &uid, n->id, rcpt)) {
			row.hold = HOLD_FAILED;
			row.fate = NULL;
			row.next = 0;
			row_store(q, &row, uid);
		}
	}
	if (n->kind == NOTICE_SUCCESS)
		notice_close_success(q, n, &e);
	envelope_free(&e);
	notice_free(q, n);
}
