/* A job: one message, with its recipients at one site that wait. The attempt is registered as it is built. */
#include "base.h"

#include "attempt.h"
#include "clock.h"
#include "fdio.h"
#include "id.h"
#include "local.h"
#include "log.h"
#include "queue.h"
#include "rec.h"
#include "reporting.h"
#include "retire.h"
#include "retry.h"
#include "suppression.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHECK_AGE HOUR
#define CHECK_SIZE (256U << 10)
#define DIALED_MAX 8 /* earlier attempts that a job tells of */

static uint32_t
random32(void)
{
	static uint32_t pool[64];
	static size_t left;
	uint32_t r;

	if (!left && getrandom(pool, sizeof pool, 0) == (ssize_t)sizeof pool)
		left = ARRAY_LEN(pool);
	r = pool[left ? --left : 0];
	return r;
}

/* The file is not there any more, or is damaged: so are its rows. */
static void
forget_message(struct runq *q, struct msg *m)
{
	uint64_t id = m->id;
	struct item *it, *next;

	sign_drop(q, id);
	for (it = m->items; it; it = next) {
		next = it->of_msg;
		if (it->job)
			continue;
		retire(q, id, it->n, "gone");
		item_free(q, it);
	}
}

/* The file's mark outranks the row: it waits again, where mail of its class waits. */
static void
change_class(struct runq *q, struct item *it, enum tls_class class)
{
	static struct str buf;
	struct row row;
	uint32_t uid;

	if (row_load(q, &buf, &row, &uid, it->msg->id, it->n)) {
		row.requiretls = class_word(class);
		row_store(q, &row, uid);
	}
	load_defer(q, it, it->next);
}

/* For the history: the row was out of date. */
static const char *
state_word(char state)
{
	switch (state) {
	case STATE_DELIVERED: return "delivered";
	case STATE_FAILED: return "failed";
	case STATE_CANCELLED: return "cancelled";
	default: return "gone";
	}
}

/* The file's mutable bytes win: false when this recipient is no longer ours to deliver like this. */
static bool
still_due(struct runq *q, struct item *it, const struct envelope *e)
{
	static struct str buf;
	const char *mark = it->n <= e->nrcpt ? e->rcpt[it->n - 1].mark : NULL;
	struct row row;
	uint32_t uid;

	if (mark && mark[MARK_STATE] == STATE_TODO && mark[MARK_HOLD] == HOLD_NONE) {
		enum tls_class class = class_of_mark(mark);
		const struct row who = {.id = e->id,
		    .n = it->n,
		    .sender = e->sender,
		    .rcpt = e->rcpt[it->n - 1].address,
		    .account = intake_account(e)};

		if (suppress_fails(q, &who)) {
			item_free(q, it);
			return false;
		}
		if (it->report && reportmail_is_late(q, it)) {
			settle_without_job(q, it, true, 0, "4.4.7 a report on TLS goes within 24 hours");
			return false;
		}
		if (class == it->dest->class)
			return true;
		change_class(q, it, class);
		return false;
	}
	if (mark && mark[MARK_STATE] == STATE_TODO) {
		if (row_load(q, &buf, &row, &uid, e->id, it->n)) {
			row.hold = mark[MARK_HOLD];
			row.next = 0;
			row_store(q, &row, uid);
		}
	} else {
		retire(q, e->id, it->n, state_word(mark ? mark[MARK_STATE] : 0));
	}
	item_free(q, it);
	return false;
}

static void
register_attempt(struct runq *q, struct item *it)
{
	static struct str buf, changed;
	struct row row, numbers;
	uint32_t uid;

	it->attempts++;
	it->next = q->now + retry_pause(&q->conf->retry, it->attempts, random32());
	numbers = (struct row){.attempts = it->attempts, .last = q->now, .next = it->next};
	if (!index_get(q->index, it->msg->id, it->n, &buf))
		return;
	str_reset(&changed);
	if (row_record_attempt(&changed, buf.s, buf.len, &numbers)) {
		index_put(q->index, it->msg->id, it->n, &changed);
		return;
	}
	/* Written by an earlier version. */
	if (!row_read(&row, &uid, buf.s, buf.len))
		return;
	row.attempts = numbers.attempts;
	row.last = numbers.last;
	row.next = numbers.next;
	row_store(q, &row, uid);
}

static void
add_option(struct str *out, const char *name, const char *value)
{
	if (value)
		rec_putf(out, "%s=%s", name, value);
}

/* The addresses that earlier attempts at this recipient have ended at, the newest few: HOST[IP]. */
static void
write_dialed(struct runq *q, struct str *out, const struct item *it)
{
	static struct str buf;
	struct row row;
	uint32_t uid;

	if (it->attempts < 2 || !row_load(q, &buf, &row, &uid, it->msg->id, it->n))
		return;
	for (unsigned i = row.nattempt > DIALED_MAX ? row.nattempt - DIALED_MAX : 0; i < row.nattempt; i++) {
		struct attempt a;
		const char *ip = attempt_read(&a, row.attempt[i]) && a.host ? strrchr(a.host, '[') : NULL;
		size_t n = ip ? strlen(ip) : 0;

		if (n > 2 && ip[n - 1] == ']')
			rec_addn(out, "dialed", ip + 1, n - 2);
	}
}

static void
write_job(struct runq *q, struct job *j, bool fresh)
{
	static const char *const flags[] = {"8bit", "smtputf8", "longline", "dot"};
	const struct envelope *e = &j->env;
	const struct dest *d = j->rcpt[0].item->dest;
	char id[ID_SIZE];
	struct str *out = &j->text;
	bool first = true;

	id_format(id, e->id);
	rec_addi(out, "job", j->no);
	rec_add(out, "id", id);
	rec_add(out, "sender", e->sender);
	rec_addi(out, "size", e->size);
	str_adds(out, "flags ");
	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		if (e->flags & 1U << i) {
			str_addf(out, "%s%s", first ? "" : " ", flags[i]);
			first = false;
		}
	str_addc(out, '\n');
	if (e->ret)
		rec_add(out, "ret", e->ret);
	if (e->envid)
		rec_add(out, "envid", e->envid);
	if (d->class != CLASS_ORDINARY)
		rec_add(out, "requiretls", class_word(d->class));
	rec_addi(out, "attempt", j->rcpt[0].item->attempts);
	write_dialed(q, out, j->rcpt[0].item);
	if (j->site->careful_until > q->mono)
		rec_add(out, "careful", "yes");
	if (j->msg->prepend)
		str_adds(out, j->msg->prepend);
	str_adds(out, d->hops);
	if (reportmail_is(e))
		rec_add(out, "tls-results", "no");
	if (fresh) {
		offers_write(q, j->site, out);
		tickets_write(q, j, out);
	}
	rec_addi(out, "recipients-max", j->site->state.limits.recipients_per_transaction);
	for (size_t i = 0; i < j->nrcpt; i++) {
		uint32_t n = j->rcpt[i].item->n;
		const struct envelope_rcpt *r = &e->rcpt[n - 1];
		rec_open(out, "rcpt");
		rec_putf(out, "%u", n);
		rec_put(out, r->address);
		add_option(out, "notify", r->notify);
		add_option(out, "orcpt", r->orcpt);
		rec_close(out);
	}
	rec_end(out);
}

static void
defer_message(struct runq *q, struct msg *m, int64_t next)
{
	struct item *it, *behind;

	for (it = m->items; it; it = behind) {
		behind = it->of_msg;
		if (!it->job)
			load_defer(q, it, next);
	}
}

/* Whether its bytes are those that came in. What came a moment ago is in memory, as the door wrote it; a disk can have lost something of
 * what waited. A large one is not looked at: it would hold up everybody (mox-deviations.7). As envelope_check_message. */
static int
check_old(const struct runq *q, int fd, const struct envelope *e)
{
	if (e->queued > q->now - CHECK_AGE || e->size > CHECK_SIZE)
		return 0;
	return envelope_check_message(fd, e);
}

int
job_open(struct runq *q, struct msg *m, struct envelope *e)
{
	const char *why;
	int differs;
	char id[ID_SIZE];
	int fd = spool_open_message(&q->spool, m->id, O_RDONLY);

	if (fd < 0 && errno != ENOENT) {
		int err = errno;

		id_format(id, m->id);
		log_open(LOG_ALERT, "unreadable");
		log_s("id", id);
		log_s("error", strerror(err));
		log_close();
		defer_message(q, m, q->now + MINUTE);
		return -1;
	}
	if (fd < 0) {
		forget_message(q, m);
		return -1;
	}
	if (!envelope_read(fd, e, &why)) {
		if (!(differs = check_old(q, fd, e)))
			return fd;
		why = "its message does not match its checksum";
		if (differs > 0)
			errno = 0;
		envelope_free(e);
	}
	close(fd);
	if (errno) {
		defer_message(q, m, q->now + MINUTE);
		return -1;
	}
	spool_corrupt(q, m->id, why);
	forget_message(q, m);
	return -1;
}

static int
by_number(const void *a, const void *b)
{
	const struct job_rcpt *x = a, *y = b;

	return (x->item->n > y->item->n) - (x->item->n < y->item->n);
}

/* The next message of the site, with all of its recipients there that wait and whose plans demand the same: one
 * transaction. NULL: that one came to nothing. */
struct job *
job_build(struct runq *q, struct site *s, bool fresh)
{
	struct dest *d = TAILQ_FIRST(&s->dests);
	struct item *it = TAILQ_FIRST(&d->ready), *next;
	struct envelope e;
	struct msg *m = it->msg;
	struct job *j;
	size_t max = s->state.limits.recipients_per_transaction;
	int fd;

	/* Each destination of the site in its turn. */
	TAILQ_REMOVE(&s->dests, d, in_site);
	TAILQ_INSERT_TAIL(&s->dests, d, in_site);
	if ((fd = job_open(q, m, &e)) < 0)
		return NULL;
	j = mem_zalloc(sizeof *j);
	j->env = e;
	j->fd = fd;
	j->site = s;
	j->msg = m;
	j->tried = q->now;
	j->no = ++q->job_no;
	j->rcpt = mem_zalloc((max < e.nrcpt ? max : e.nrcpt) * sizeof *j->rcpt);
	m->todo = 0;
	for (size_t i = 0; i < e.nrcpt; i++)
		m->todo += e.rcpt[i].mark[MARK_STATE] == STATE_TODO;
	for (it = m->items; it && j->nrcpt < max && j->nrcpt < e.nrcpt; it = next) {
		next = it->of_msg;
		if (it->job || it->waits || it->dest->site != s || !it->dest->listed ||
		    !dest_fits(it->dest, d))
			continue;
		/* It fitted long ago; in its own turn it is asked for anew. */
		if (it->dest->expires <= q->now)
			continue;
		if (!still_due(q, it, &e)) /* frees it, and with the last one the message */
			continue;
		item_take(q, it);
		it->job = j;
		j->rcpt[j->nrcpt++].item = it;
		register_attempt(q, it);
	}
	if (!j->nrcpt) {
		job_free(j);
		return NULL;
	}
	qsort(j->rcpt, j->nrcpt, sizeof *j->rcpt, by_number);
	if (!local_stays(s->transport))
		write_job(q, j, fresh);
	return j;
}

/* In packets of whole lines; the first one carries the message. */
int
job_send(struct job *j)
{
	const char *p = j->text.s, *end = p + j->text.len;
	int fd = j->fd;

	while (p < end) {
		size_t n = (size_t)(end - p);
		if (n > PKT_MAX) {
			const char *nl = memrchr(p, '\n', PKT_MAX);
			n = (size_t)(nl + 1 - p);
		}
		if (pkt_send(j->worker->watch.fd, p, n, fd, MSG_DONTWAIT))
			return -1;
		fd = -1;
		p += n;
	}
	return 0;
}
