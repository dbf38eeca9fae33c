/* Who is told what, and when.
 *
 * A recipient that failed for good waits with its fate in its row, is never tried again, and is marked F only
 * when the notice is durable in new/ (compose.c). The order is the spool's promise: killed at any step before
 * the mark, it is noticed once more, or tried again and noticed then: never no notice, at worst two. A rebuilt
 * index knows no fates; what waited is then tried again.
 *
 * Success is the other way round: who has the message is marked D before the notice is even begun, for no
 * notice is worth a second delivery. Its file stays until the notice is made; a crash may lose this one. */
#include "base.h"

#include "clock.h"
#include "id.h"
#include "log.h"
#include "notice.h"
#include "rec.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <unistd.h>

#define AT_ONCE 4               /* notices being made */
#define LOOKED_AT 1000          /* open rounds a round of ours */
#define RCPTS_MAX 500           /* of a notice: their fates must fit a record (REC_MAX) */
#define WAITING_MAX 20000       /* recipients; more wait in the index */
#define ROUND_MAX (60 * SECOND) /* of a message: then what has failed so far is told */
#define LATER (5 * MINUTE)
#define AGAIN SECOND
#define FAILURES_MAX 3 /* of mox-dsn, then the plain form */

#define NODE(n) ((struct notice *)(void *)((char *)(n)-offsetof(struct notice, node)))

const char *
notice_word(enum notice_kind kind)
{
	static const char *const words[] = {"failed", "delayed", "success"};

	return words[kind];
}

/* ---- the table ---- */

static uint64_t
hash_of(uint64_t id, enum notice_kind kind)
{
	return hash_number(id) + kind;
}

/* The one whose round is open. */
static struct notice *
notice_find(const struct runq *q, uint64_t id, enum notice_kind kind)
{
	uint64_t h = hash_of(id, kind);

	for (struct hnode *n = hash_find(&q->notices.open, h, NULL); n; n = hash_find(&q->notices.open, h, n))
		if (NODE(n)->id == id && NODE(n)->kind == kind)
			return NODE(n);
	return NULL;
}

static bool
names(const struct notice *n, uint32_t rcpt)
{
	for (size_t i = 0; i < n->nrcpt; i++)
		if (n->rcpt[i].n == rcpt)
			return true;
	return false;
}

bool
notice_has(const struct runq *q, uint64_t id, uint32_t rcpt)
{
	const struct notice *n;

	for (int kind = NOTICE_FAILED; kind <= NOTICE_SUCCESS; kind++)
		if ((n = notice_find(q, id, (enum notice_kind)kind)) && n->kind != NOTICE_DELAYED &&
		    names(n, rcpt))
			return true;
	TAILQ_FOREACH (n, &q->notices.begun, in_list)
		if (n->id == id && n->kind != NOTICE_DELAYED && names(n, rcpt))
			return true;
	return false;
}

static struct notice *
notice_get(struct runq *q, uint64_t id, enum notice_kind kind)
{
	struct notice *n = notice_find(q, id, kind);

	if (n)
		return n;
	n = mem_zalloc(sizeof *n);
	n->id = id;
	n->kind = kind;
	n->since = q->mono;
	n->text = n->answer = -1;
	hash_add(&q->notices.open, &n->node, hash_of(id, kind));
	TAILQ_INSERT_TAIL(&q->notices.waiting, n, in_list);
	return n;
}

static void
add(struct runq *q, struct notice *n, uint32_t rcpt, char *fate)
{
	n->rcpt = mem_grow(n->rcpt, n->nrcpt + 1, sizeof *n->rcpt);
	n->rcpt[n->nrcpt++] = (struct notice_rcpt){rcpt, fate};
	q->notices.rcpts++;
}

static void
notice_free(struct runq *q, struct notice *n)
{
	TAILQ_REMOVE(n->to ? &q->notices.begun : &q->notices.waiting, n, in_list);
	if (!n->to)
		hash_del(&q->notices.open, &n->node);
	q->notices.rcpts -= n->nrcpt;
	q->notices.running -= n->running;
	compose_free(n);
	for (size_t i = 0; i < n->nrcpt; i++)
		free(n->rcpt[i].fate);
	free(n->rcpt);
	free(n->to);
	free(n);
}

void
notice_fate(struct str *out, const char *outcome, const struct job_rcpt *r, int64_t last)
{
	bool code = r->code >= 200 && r->code <= 599;

	str_reset(out);
	rec_put(out, outcome);
	rec_putf(out, "%d", code ? r->code : 0);
	rec_put(out, r->status && *r->status ? r->status : "-");
	rec_put(out, r->host && *r->host ? r->host : "-");
	rec_putn(out, r->text ? r->text : "", r->text ? strnlen(r->text, 2048) : 0);
	if (last)
		rec_putf(out, "last=%" PRId64, last);
	if (r->local)
		rec_put(out, "local=yes");
	str_shift(out, 1);
}

/* ---- rows ---- */

/* Not now: it waits in the index, and is loaded like what is due. */
static void
put_off(struct runq *q, uint64_t id, uint32_t n, int64_t next)
{
	static struct str buf;
	struct row row;
	uint32_t uid;

	if (!row_load(q, &buf, &row, &uid, id, n) || !row.fate)
		return;
	row.next = next;
	row_store(q, &row, uid);
	load_wait(q, id, n, next, NOTICE_DOMAIN);
}

void
notice_add(struct runq *q, uint64_t id, uint32_t rcpt, enum notice_kind kind, const char *fate)
{
	struct notice *n;

	if (q->notices.rcpts >= WAITING_MAX) {
		if (kind != NOTICE_DELAYED)
			put_off(q, id, rcpt, q->now + MINUTE);
		return;
	}
	n = notice_get(q, id, kind);
	if (!names(n, rcpt))
		add(q, n, rcpt, fate ? mem_dup(fate) : NULL);
}

void
notice_load(struct runq *q, const struct row *row)
{
	bool failed = !strncmp(row->fate, "failed ", 7);

	if (!notice_has(q, row->id, row->n))
		notice_add(q, row->id, row->n, failed ? NOTICE_FAILED : NOTICE_SUCCESS, NULL);
}

/* That it is late has been said, or is not wanted: do not ask again. */
void
notice_set_told(struct runq *q, uint64_t id, uint32_t n)
{
	static struct str buf;
	struct item *it = item_find(q, id, n);
	struct row row;
	uint32_t uid;

	if (it)
		it->told = true;
	if (row_load(q, &buf, &row, &uid, id, n)) {
		row.told = true;
		row_store(q, &row, uid);
	}
}

bool
notice_has_row(struct runq *q, uint64_t id, uint32_t n)
{
	static struct str buf;
	struct row row;
	uint32_t uid;

	return row_load(q, &buf, &row, &uid, id, n) && row.fate;
}

/* By the rows, as it may wait in the index. */
bool
notice_needs_file(struct runq *q, const struct envelope *e)
{
	static struct str buf;
	struct row row;
	uint32_t uid;

	for (uint32_t n = 1; n <= e->nrcpt; n++) {
		const char *notify = e->rcpt[n - 1].notify;

		if (notify && strcasestr(notify, "success") && row_load(q, &buf, &row, &uid, e->id, n) &&
		    row.fate && strncmp(row.fate, "failed ", 7))
			return true;
	}
	return false;
}

/* ---- the file ---- */

static size_t
count_todo(const struct envelope *e)
{
	size_t todo = 0;

	for (size_t i = 0; i < e->nrcpt; i++)
		todo += e->rcpt[i].mark[MARK_STATE] == STATE_TODO;
	return todo;
}

/* Everybody is done, and nobody needs it for a notice of success. */
static int
remove_file(struct runq *q, uint64_t id)
{
	char name[SPOOL_NAME_SIZE];
	int failed;

	spool_name(name, id);
	failed = unlinkat(q->spool.cur, name, 0) && errno != ENOENT;
	amend_drop(q, id);
	q->dirty = true;
	return failed;
}

/* A failed recipient is done with: file first, then row. */
void
notice_close(struct runq *q, struct envelope *e, uint32_t n)
{
	static struct str buf;
	struct msg *m = msg_find(q, e->id);
	struct row row;
	uint32_t uid;
	int failed = 0;

	if (count_todo(e) <= 1 && !notice_needs_file(q, e)) {
		failed = remove_file(q, e->id);
		e->rcpt[n - 1].mark[MARK_STATE] = STATE_FAILED;
	} else if (e->rcpt[n - 1].mark[MARK_STATE] == STATE_TODO) {
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

static void
close_success(struct runq *q, struct notice *n, const struct envelope *e)
{
	for (size_t i = 0; i < n->nrcpt; i++)
		retire(q, n->id, n->rcpt[i].n, "delivered");
	q->notices.rcpts -= n->nrcpt;
	n->nrcpt = 0;
	if (!count_todo(e) && !notice_needs_file(q, e) && remove_file(q, n->id)) {
		log_open(LOG_ALERT, "unmarked");
		log_s("error", strerror(errno));
		log_close();
	}
}

/* 0; else its message cannot be read: the notice is put off, or gone with it. */
static int
open_message(struct runq *q, struct notice *n, struct envelope *e)
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

/* ---- rounds ---- */

/* More than one notice can hold: the rest goes into another. */
static void
split(struct runq *q, struct notice *n)
{
	while (n->nrcpt > RCPTS_MAX) {
		struct notice_rcpt *r = &n->rcpt[--n->nrcpt];

		q->notices.rcpts--;
		notice_add(q, n->id, r->n, n->kind, r->fate);
		free(r->fate);
	}
}

static void
begin(struct runq *q, struct notice *n)
{
	struct envelope e;
	const char *why;
	int fd;

	if ((fd = open_message(q, n, &e)) < 0)
		return;
	hash_del(&q->notices.open, &n->node);
	TAILQ_REMOVE(&q->notices.waiting, n, in_list);
	TAILQ_INSERT_TAIL(&q->notices.begun, n, in_list);
	split(q, n);
	tell_whom(q, n, fd, &e);
	if (n->nrcpt) {
		n->running = true;
		q->notices.running++;
		if (!compose_start(q, n, fd, &e, &why))
			notice_later(q, n, why);
	} else {
		if (n->kind == NOTICE_SUCCESS)
			close_success(q, n, &e);
		notice_free(q, n);
	}
	envelope_free(&e);
	close(fd);
}

/* Whether this message may still have more to tell soon. */
static bool
round_is_over(struct runq *q, const struct notice *n)
{
	const struct msg *m;

	if (n->at > q->mono)
		return false;
	if (n->since + ROUND_MAX <= q->mono || !(m = msg_find(q, n->id)))
		return true;
	for (const struct item *it = m->items; it; it = it->of_msg) {
		const struct dest *d = it->dest;

		if (it->job || d->state == DEST_ASKED || (d->queued && !d->blocked) ||
		    (d->listed && !site_is_down(&d->site->state, q->now)))
			return false;
	}
	return true;
}

void
notice_round(struct runq *q)
{
	struct notice *n, *next;
	unsigned looked = 0;

	TAILQ_FOREACH (n, &q->notices.begun, in_list)
		if (n->pid > 0 && n->deadline < q->mono)
			kill(n->pid, SIGKILL);
	if (q->stopping || q->rebuild || q->mode == RUNQ_SERVE || index_broken(q->index))
		return;
	for (n = TAILQ_FIRST(&q->notices.waiting); n && q->notices.running < AT_ONCE; n = next) {
		next = TAILQ_NEXT(n, in_list);
		if (++looked > LOOKED_AT)
			break;
		if (round_is_over(q, n))
			begin(q, n);
	}
}

void
notice_child(struct runq *q, pid_t pid, int status)
{
	struct notice *n;

	TAILQ_FOREACH (n, &q->notices.begun, in_list)
		if (n->pid == pid) {
			compose_ended(q, n, status);
			return;
		}
}

bool
notice_busy(const struct runq *q)
{
	return q->notices.running || !TAILQ_EMPTY(&q->notices.waiting);
}

void
notice_timers(const struct runq *q, int64_t *mono_deadline)
{
	/* A round ends by what happens elsewhere, or after a minute: looked at now and then. */
	if (!TAILQ_EMPTY(&q->notices.waiting) && q->notices.running < AT_ONCE &&
	    q->mono + SECOND / 5 < *mono_deadline)
		*mono_deadline = q->mono + SECOND / 5;
}

void
notice_stop(struct runq *q)
{
	const struct notice *n;

	TAILQ_FOREACH (n, &q->notices.begun, in_list)
		if (n->pid > 0)
			kill(n->pid, SIGKILL);
}

void
notice_unload(struct runq *q)
{
	struct notice *n;

	while ((n = TAILQ_FIRST(&q->notices.waiting)) || (n = TAILQ_FIRST(&q->notices.begun))) {
		for (size_t i = 0; i < n->nrcpt && n->kind != NOTICE_DELAYED; i++)
			put_off(q, n->id, n->rcpt[i].n, q->now);
		notice_free(q, n);
	}
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
	log_s("id", id);
	log_s("kind", notice_word(n->kind));
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
	log_open(LOG_INFO, "notice");
	log_notice(n, id, NULL);
	if ((fd = open_message(q, n, &e)) < 0)
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
		close_success(q, n, &e);
	envelope_free(&e);
	notice_free(q, n);
}

void
notice_later(struct runq *q, struct notice *n, const char *why)
{
	log_open(LOG_WARN, "notice-later");
	log_notice(n, NULL, why);
	for (size_t i = 0; i < n->nrcpt; i++) {
		struct item *it = item_find(q, n->id, n->rcpt[i].n);

		if (n->kind != NOTICE_DELAYED)
			put_off(q, n->id, n->rcpt[i].n, q->now + LATER);
		else if (it) /* its next attempt brings it up again */
			it->told = false;
	}
	notice_free(q, n);
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
		if (names(other, n->rcpt[i].n))
			continue;
		add(q, other, n->rcpt[i].n, n->rcpt[i].fate);
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
	if ((fd = open_message(q, n, &e)) < 0)
		return;
	close(fd);
	for (size_t i = 0; i < n->nrcpt && n->kind != NOTICE_SUCCESS; i++) {
		uint32_t rcpt = n->rcpt[i].n;

		if (n->kind == NOTICE_DELAYED) {
			notice_set_told(q, n->id, rcpt);
			continue;
		}
		if (settle_mark(q, n->id, &e, rcpt, MARK_HOLD, HOLD_FAILED) && errno != ENOENT)
			log_open(LOG_ALERT, "unmarked"), log_s("error", strerror(errno)), log_close();
		if (row_load(q, &buf, &row, &uid, n->id, rcpt)) {
			row.hold = HOLD_FAILED;
			row.fate = NULL;
			row.next = 0;
			row_store(q, &row, uid);
		}
	}
	if (n->kind == NOTICE_SUCCESS)
		close_success(q, n, &e);
	envelope_free(&e);
	notice_free(q, n);
}
