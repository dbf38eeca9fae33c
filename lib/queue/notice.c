/* Who is told what, and when; what came of it: told.c.
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

#define NODE(n) ((struct notice *)(void *)((char *)(n)-offsetof(struct notice, node)))

const char *
notice_word(enum notice_kind kind)
{
	static const char *const words[] = {"failed", "delayed", "success", "digest"};

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

bool
notice_names(const struct notice *n, uint32_t rcpt)
{
	for (size_t i = 0; i < n->nrcpt; i++)
		if (n->rcpt[i].n == rcpt)
			return true;
	return false;
}

bool
notice_is_made(const struct runq *q, uint64_t id, uint32_t rcpt)
{
	const struct notice *n;

	TAILQ_FOREACH (n, &q->notices.begun, in_list)
		if (n->id == id && n->kind != NOTICE_DELAYED && notice_names(n, rcpt))
			return true;
	return false;
}

bool
notice_has(const struct runq *q, uint64_t id, uint32_t rcpt)
{
	const struct notice *n;

	for (int kind = NOTICE_FAILED; kind <= NOTICE_SUCCESS; kind++)
		if ((n = notice_find(q, id, (enum notice_kind)kind)) && n->kind != NOTICE_DELAYED &&
		    notice_names(n, rcpt))
			return true;
	return notice_is_made(q, id, rcpt);
}

struct notice *
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

void
notice_put(struct runq *q, struct notice *n, uint32_t rcpt, char *fate)
{
	n->rcpt = mem_grow(n->rcpt, n->nrcpt + 1, sizeof *n->rcpt);
	n->rcpt[n->nrcpt++] = (struct notice_rcpt){rcpt, fate};
	q->notices.rcpts++;
}

void
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

void
notice_put_off(struct runq *q, uint64_t id, uint32_t n, int64_t next)
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
			notice_put_off(q, id, rcpt, q->now + MINUTE);
		return;
	}
	n = notice_get(q, id, kind);
	if (!notice_names(n, rcpt))
		notice_put(q, n, rcpt, fate ? mem_dup(fate) : NULL);
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
leave_round(struct runq *q, struct notice *n)
{
	hash_del(&q->notices.open, &n->node);
	TAILQ_REMOVE(&q->notices.waiting, n, in_list);
	TAILQ_INSERT_TAIL(&q->notices.begun, n, in_list);
}

static void
compose(struct runq *q, struct notice *n, int fd, const struct envelope *e)
{
	const char *why;

	n->running = true;
	q->notices.running++;
	if (!compose_start(q, n, fd, e, &why))
		notice_later(q, n, why);
}

static void
begin_digest(struct runq *q, struct notice *n)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	leave_round(q, n);
	n->to = tell_postmaster(q);
	if (fd < 0) {
		notice_later(q, n, strerror(errno));
		return;
	}
	compose(q, n, fd, NULL);
	close(fd);
}

static void
begin(struct runq *q, struct notice *n)
{
	struct envelope e;
	int fd;

	if (n->kind == NOTICE_DIGEST) {
		begin_digest(q, n);
		return;
	}
	if ((fd = notice_open(q, n, &e)) < 0)
		return;
	leave_round(q, n);
	split(q, n);
	tell_whom(q, n, fd, &e);
	if (n->nrcpt) {
		compose(q, n, fd, &e);
	} else {
		if (n->kind == NOTICE_SUCCESS)
			notice_close_success(q, n, &e);
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
	doubles_round(q);
	for (n = TAILQ_FIRST(&q->notices.waiting); n && q->notices.running < AT_ONCE; n = next) {
		next = TAILQ_NEXT(n, in_list);
		if (++looked > LOOKED_AT)
			break;
		if (!round_is_over(q, n))
			continue;
		if (q->notices.closed_until > q->mono)
			notice_wait(q, n, q->notices.closed_until - q->mono);
		else
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
			notice_put_off(q, n->id, n->rcpt[i].n, q->now);
		notice_free(q, n);
	}
}
