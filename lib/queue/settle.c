/* Reports -> files, then index.
 *
 * CRITICAL: between reading a report and making it durable nothing here may end the program.
 *
 * The order is the spool's promise. Sent: the mark (one byte in place) or, for the last recipient, the unlink
 * comes first, because the file outranks the row; neither needs disk space; a crash between the two leaves a
 * row that the next attempt, or the comparison after an unclean stop, finds out of date. A crash before the
 * mark delivers again: at worst twice. Failed for good: the row gets the fate, the file is not touched until the
 * notice is durable (notice.c); a crash that loses the row tries again. */
#include "base.h"

#include "clock.h"
#include "dialogue.h"
#include "id.h"
#include "local.h"
#include "log.h"
#include "metrics.h"
#include "queue.h"
#include "rec.h"
#include "reporting.h"
#include "retire.h"
#include "retry.h"
#include "suppression.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#define NO_NETWORK_WAIT (30 * SECOND)
#define RETURNS_MAX 5  /* into the line, without an attempt */
#define DONE_ENOUGH 20 /* messages after which a worker makes room for a starved site */
#define CAREFUL HOUR   /* not for ever: a connection that broke by chance looks the same */
#define TLS_MAX 100    /* results of one report that count: no job has so many sessions and policies */

void
job_free(struct job *j)
{
	for (size_t i = 0; i < j->nrcpt; i++) {
		free(j->rcpt[i].status);
		free(j->rcpt[i].host);
		free(j->rcpt[i].text);
	}
	free(j->rcpt);
	free(j->session);
	free(j->tickets_key);
	free(j->transcript);
	if (j->fd >= 0)
		close(j->fd);
	str_free(&j->text);
	envelope_free(&j->env);
	free(j);
}

/* ---- reading ---- */

bool
settle_rcpt(struct job *j, char *value)
{
	static const struct {
		const char *word;
		enum outcome outcome;
	} words[] = {{"sent", OUTCOME_SENT}, {"later", OUTCOME_LATER}, {"never", OUTCOME_NEVER}};
	char *f[6];
	const char *word;
	uint64_t n, code;

	for (size_t i = 0; i < ARRAY_LEN(f); i++)
		if (!(f[i] = rec_field(&value)))
			return false;
	if (!str_number(f[0], UINT32_MAX, &n) || !str_number(f[2], 999, &code))
		return false;
	for (size_t i = 0; i < j->nrcpt; i++) {
		struct job_rcpt *r = &j->rcpt[i];
		if (r->item->n != n || r->outcome != OUTCOME_NONE)
			continue;
		for (size_t k = 0; k < ARRAY_LEN(words); k++)
			if (!strcmp(f[1], words[k].word))
				r->outcome = words[k].outcome;
		if (r->outcome == OUTCOME_NONE)
			return false;
		r->code = (int)code;
		r->status = mem_dup(f[3]);
		r->host = mem_dup(f[4]);
		r->text = mem_dup(f[5]);
		while (value)
			if (!(f[0] = rec_field(&value)))
				return false;
			else if ((word = rec_option(f[0], "dsn"))) {
				r->no_dsn = !strcmp(word, "no");
				r->passed_on = !strcmp(word, "yes");
			} else if ((word = rec_option(f[0], "expanded")))
				r->expanded = !strcmp(word, "yes");
		return true;
	}
	return true;
}

static void
job_ended(struct runq *q, struct worker *w, struct job *j)
{
	struct site *s = w->site;

	j->ended = true;
	j->worker = NULL;
	TAILQ_REMOVE(&w->jobs, j, in_list);
	w->njobs--;
	q->njobs--;
	TAILQ_INSERT_TAIL(&q->done, j, in_list);
	if (j->site_said == SITE_OK) {
		w->proved = true;
		q->probing -= w->probe;
		w->probe = false;
	}
	if (!w->closing &&
	    (w->served >= s->state.limits.messages_per_connection ||
		(work_lacks_places(q) && (s->nworkers > 1 || (!q->nseconds && w->served >= DONE_ENOUGH)))))
		worker_retire(q, w);
	/* What it said of its site counts before the next job is chosen. */
	if (j->no_network) {
		s->state.down_until = q->now + NO_NETWORK_WAIT;
	} else if (site_complains(j)) {
		site_failed(q, w, j);
	} else {
		if (s->state.fails) {
			log_open(LOG_INFO, "site-up");
			log_s("site", s->name);
			log_close();
		}
		site_went_well(&s->state, &q->conf->retry, q->now);
	}
	if (s->ready)
		site_wake(q, s);
}

static bool
read_line(struct runq *q, struct job *j, const char *key, char *value)
{
	uint64_t v;

	if (!strcmp(key, "rcpt"))
		return settle_rcpt(j, value);
	if (!strcmp(key, "tls")) {
		if (j->tls++ < TLS_MAX)
			tlsrpt_count(q, value);
		return true;
	}
	if (!strcmp(key, "transcript"))
		return dialogue_read(q, j, value);
	if (!strcmp(key, "offers")) {
		offers_note(q, j->site, value);
		return true;
	}
	if (!strcmp(key, "ticket")) {
		tickets_note(q, j, value);
		return true;
	}
	if (!strcmp(key, "session"))
		known_read(j, value);
	if (!(value = rec_text(value)))
		return false;
	if (!strcmp(key, "maybe")) {
		j->maybe = !strcmp(value, "yes");
	} else if (!strcmp(key, "site")) {
		j->site_said = !strcmp(value, "busy") ? SITE_BUSY : SITE_UNREACHABLE;
	} else if (!strcmp(key, "network")) {
		j->no_network = !strcmp(value, "no");
	} else if (!strcmp(key, "careful")) {
		j->site->careful_until = q->mono + CAREFUL;
	} else if (!strcmp(key, "wait")) {
		if (str_number(value, 100000000, &v))
			j->wait = retry_hint((int64_t)v * SECOND);
	} else if (!strcmp(key, "session")) {
		free(j->session);
		j->session = mem_dup(value);
	}
	return true;
}

void
settle_packet(struct runq *q, struct worker *w, char *text, size_t n)
{
	struct rec_in in = {text, text + n};
	char *key, *value;

	while (in.p < in.end && !w->dead) {
		enum rec_got got = rec_next(&in, &key, &value);
		struct job *j = TAILQ_FIRST(&w->jobs);
		uint64_t no;

		if (got == REC_LINE && j && !strcmp(key, "job")) {
			if (!str_number(value, UINT64_MAX >> 1, &no) || no != j->no)
				got = REC_BAD;
		} else if (got == REC_LINE && j) {
			if (!read_line(q, j, key, value))
				got = REC_BAD;
		} else if (got == REC_END && j) {
			job_ended(q, w, j);
		} else {
			got = REC_BAD;
		}
		if (got == REC_BAD || got == REC_MORE) {
			log_open(LOG_ALERT, "nonsense");
			log_s("command", "mox-deliver");
			log_s("site", w->site->name);
			log_close();
			worker_end(q, w);
			return;
		}
	}
	if (w->dead || w->njobs)
		return;
	/* An idle worker is worth less than a place for who has none. */
	if (w->closing || q->stopping || (work_lacks_places(q) && !w->site->ready)) {
		worker_end(q, w);
	} else if (!w->idle) {
		w->idle = true;
		w->idle_since = q->mono;
		TAILQ_INSERT_TAIL(&q->idle, w, in_idle);
	}
}

/* ---- applying ---- */

static void
log_outcome(const struct runq *q, const struct item *it, const struct job *j, const struct job_rcpt *r,
    const char *event)
{
	char id[ID_SIZE];

	id_format(id, it->msg->id);
	log_open(r->outcome == OUTCOME_NEVER ? LOG_WARN : LOG_INFO, event);
	log_f("id", "%s.%u", id, it->n);
	if (j) {
		log_s("rcpt", j->env.rcpt[it->n - 1].address);
		log_s("site", j->site->name);
	}
	log_s("host", r->host);
	if (r->code)
		log_i("code", r->code);
	log_s("status", r->status);
	log_i("attempts", it->attempts);
	log_i("age", (q->now - it->msg->queued) / SECOND);
	if (j && j->maybe)
		log_s("maybe", "yes");
	log_s("text", r->text);
	if (j)
		log_s("session", j->session);
	log_close();
}

/* Its mark or unlink failed: it must not go out again, so it is held for a person. */
static void
hold_unmarked(struct runq *q, struct item *it, const char *error)
{
	static struct str buf;
	struct row row;
	uint32_t uid;

	log_open(LOG_ALERT, "unmarked");
	log_s("error", error);
	log_close();
	if (row_load(q, &buf, &row, &uid, it->msg->id, it->n)) {
		row.hold = HOLD_FAILED;
		row.next = 0;
		row.error = "delivered, but its file cannot be marked";
		row_store(q, &row, uid);
	}
	item_free(q, it);
}

int
settle_mark(struct runq *q, uint64_t id, struct envelope *e, uint32_t n, enum mark which, char value)
{
	int fd = spool_open_message(&q->spool, id, O_RDWR), r, err;

	if (fd < 0)
		return -1;
	r = envelope_mark(fd, e, n, which, value);
	err = errno;
	close(fd);
	errno = err;
	q->dirty = true;
	return r;
}

/* What its row says after a failure, or of a success that is to be told; false: there is none. */
static bool
write_outcome(
    struct runq *q, const struct job *j, const struct job_rcpt *r, int64_t next, const char *outcome)
{
	static struct str buf, error, fate, line;
	struct item *it = r->item;
	struct row row;
	uint32_t uid;

	if (!row_load(q, &buf, &row, &uid, it->msg->id, it->n))
		return false;
	str_reset(&error);
	row_error(&error, r);
	row.code = r->code > 0 ? (unsigned)r->code : 0;
	row.error = error.s;
	row.attempts = it->attempts;
	row.next = it->held ? 0 : next;
	if (j)
		row.site = j->site->name;
	if (r->tried)
		attempt_add(q, &row, &line, j, r);
	if (outcome) {
		row.result = r->outcome == OUTCOME_SENT ? sent_word(j, r) : NULL;
		notice_fate(&fate, outcome, r, row.last);
		row.fate = fate.s;
		row.hold = HOLD_NONE; /* what somebody held meanwhile goes nowhere any more */
		row.next = next;
	}
	row_store(q, &row, uid);
	return true;
}

/* RFC 3461 5.2.2: the next server will not tell of success, so we tell that it has the message; 5.2.3: or that
 * it stands in a mailbox of ours; 5.2.7.2: or went to all whom an alias of ours names. Where one address took
 * another's place what was asked for went along, and whoever delivers tells. */
static bool
is_to_be_told(const struct job *j, const struct job_rcpt *r)
{
	const char *notify = j->env.rcpt[r->item->n - 1].notify;

	if (j->site->transport && j->site->transport->type == TRANSPORT_DISCARD)
		return false;
	return (r->no_dsn || (local_is(j->site->transport) && !r->passed_on)) && *j->env.sender && notify &&
	       strcasestr(notify, "success");
}

static const char *
success_word(const struct job *j, const struct job_rcpt *r)
{
	if (!local_is(j->site->transport))
		return "relayed";
	return r->expanded ? "expanded" : "delivered";
}

static void
settle_sent(struct runq *q, struct job *j, struct job_rcpt *r)
{
	struct item *it = r->item;
	struct msg *m = it->msg;
	uint64_t id = m->id;
	uint32_t n = it->n;
	bool tell = is_to_be_told(j, r);
	int failed;

	/* The message is given up here and, with its notice, in notice.c, and nowhere else. Who is to be told
	 * of success needs it a little longer; the recipient is marked all the same. */
	if (m->todo <= 1 && !tell && !notice_needs_file(q, &j->env)) {
		failed = message_give_up(q, &j->env);
	} else {
		failed = settle_mark(q, id, &j->env, n, MARK_STATE, STATE_DELIVERED);
		if (failed && errno == ENOENT)
			failed = 0;
	}
	q->count.sent++;
	log_outcome(q, it, j, r, "sent");
	suppress_sent(q, it);
	if (failed) {
		hold_unmarked(q, it, strerror(errno));
		return;
	}
	if (m->todo)
		m->todo--;
	if (tell && write_outcome(q, j, r, q->now, success_word(j, r))) {
		item_free(q, it);
		notice_add(q, id, n, NOTICE_SUCCESS, NULL);
	} else {
		retire_sent(q, j, r);
		item_free(q, it);
	}
}

static void
settle_never(struct runq *q, struct job *j, struct job_rcpt *r)
{
	struct item *it = r->item;
	uint64_t id = it->msg->id;
	uint32_t n = it->n;

	q->count.never++;
	log_outcome(q, it, j, r, "never");
	suppress_failed(q, it, r);
	write_outcome(q, j, r, q->now, "failed");
	item_free(q, it);
	notice_add(q, id, n, NOTICE_FAILED, NULL);
}

/* Once, unless the notice cannot be made now. */
static void
tell_delay(struct runq *q, struct item *it, const struct job_rcpt *r, int64_t waited)
{
	static struct str fate;

	if (it->told || it->held || it->tell_at > q->mono || q->notices.closed_until > q->mono ||
	    q->leapt > q->mono ||
	    !retry_is_late(&q->conf->retry, q->now - it->msg->queued, it->attempts, waited))
		return;
	it->told = true;
	notice_fate(&fate, "delayed", r, it->attempts ? q->now : 0);
	notice_add(q, it->msg->id, it->n, NOTICE_DELAYED, fate.s);
}

static bool
is_over(const struct runq *q, const struct item *it)
{
	if (it->report)
		return reportmail_is_over(q, it);
	return q->leapt <= q->mono && retry_is_over(&q->conf->retry, q->now - it->msg->queued, it->attempts);
}

static void
settle_later(struct runq *q, struct job *j, struct job_rcpt *r)
{
	struct item *it = r->item;
	int64_t next = it->next;

	if (j && j->no_network) {
		/* No network is no attempt. */
		it->attempts--;
		next = q->now + NO_NETWORK_WAIT;
	} else if (is_over(q, it)) {
		r->outcome = OUTCOME_NEVER;
		r->given_up = true;
		settle_never(q, j, r);
		return;
	}
	if (j && j->wait)
		next = q->now + j->wait;
	if (it->report)
		next = reportmail_next(it, next);
	q->count.later++;
	log_outcome(q, it, j, r, "later");
	write_outcome(q, j, r, next, NULL);
	tell_delay(q, it, r, 0);
	if (it->held)
		item_free(q, it);
	else
		load_defer(q, it, next);
}

static void
settle_one(struct runq *q, struct job *j, struct job_rcpt *r)
{
	struct item *it = r->item;

	it->job = NULL;
	if (j->back && r->code == j->back && r->outcome == OUTCOME_LATER && !it->held &&
	    it->returned < RETURNS_MAX) {
		it->returned++;
		it->attempts--;
		log_outcome(q, it, j, r, "returned");
		item_ready(q, it);
		return;
	}
	TAILQ_INSERT_TAIL(&it->dest->ready, it, in_dest); /* where item_free expects an idle one */
	if (it->dest->listed)
		it->dest->site->ready++;
	if (r->outcome == OUTCOME_NONE) {
		r->outcome = OUTCOME_LATER;
		r->status = mem_dup("4.3.0");
		r->text = mem_dup("the delivery process ended without a report");
		r->host = mem_dup("-");
	}
	r->tried = !j->no_network || r->outcome != OUTCOME_LATER;
	if (j->maybe && r->outcome != OUTCOME_SENT)
		q->count.maybe++;
	metrics_attempt(q, j, r);
	switch (r->outcome) {
	case OUTCOME_SENT: settle_sent(q, j, r); break;
	case OUTCOME_NEVER: settle_never(q, j, r); break;
	default: settle_later(q, j, r); break;
	}
}

void
settle_done(struct runq *q)
{
	struct job *j;

	while ((j = TAILQ_FIRST(&q->done))) {
		TAILQ_REMOVE(&q->done, j, in_list);
		known_note(q, j);
		metrics_session(j);
		dialogue_keep(q, j);
		for (size_t i = 0; i < j->nrcpt; i++)
			settle_one(q, j, &j->rcpt[i]);
		job_free(j);
	}
}

/* Of an error as rows have it: the bytes of its status, 0 if there is none. */
static size_t
status_length(const char *error)
{
	size_t n = strcspn(error, " ");

	return n < 10 && error[n] && (error[0] == '4' || error[0] == '5') && error[1] == '.' ? n : 0;
}

void
settle_without_job(struct runq *q, struct item *it, bool never, int code, const char *text)
{
	struct job_rcpt r = {.item = it, .outcome = never ? OUTCOME_NEVER : OUTCOME_LATER, .code = code};
	const struct site *s = it->dest->site;
	size_t n = status_length(text);

	r.local = !s || text != s->error;
	r.status = n ? mem_dupn(text, n) : mem_dup("-");
	r.text = mem_dup(n ? text + n + 1 : text);
	if (!never) {
		/* A round in which it was due and nobody could say where to: an attempt. */
		r.tried = true;
		it->attempts++;
		it->next = q->now + retry_pause(&q->conf->retry, it->attempts, (uint32_t)it->msg->id);
		settle_later(q, NULL, &r);
	} else {
		settle_never(q, NULL, &r);
	}
	free(r.status);
	free(r.text);
}

/* Mail for a site that is down is not tried, nor all mail at once for one that takes little, but grows old all the same; and where
 * memory is short what waits for a site that is down does so in the index. */
void
settle_waiting(struct runq *q, struct site *s)
{
	bool down = site_is_down(&s->state, q->now), crowded = down && q->loaded > q->conf->max_loaded / 2;
	char little[] = "4.4.5 the site takes fewer messages than there are",
	     *error = down ? s->error : little;
	struct dest *d, *dnext;
	struct item *it, *next;
	size_t n = error ? status_length(error) : 0;
	char *status;

	if (!crowded && s->expired_at + SECOND > q->mono)
		return;
	s->expired_at = q->mono;
	status = n ? mem_dupn(error, n) : NULL;
	for (d = TAILQ_FIRST(&s->dests); d; d = dnext) {
		dnext = TAILQ_NEXT(d, in_site);
		for (it = TAILQ_FIRST(&d->ready); it; it = next) {
			struct job_rcpt r = {.item = it,
			    .code = down ? s->code : 0,
			    .status = status,
			    .text = n ? error + n + 1 : error,
			    .local = error != s->error || !error};

			next = TAILQ_NEXT(it, in_dest);
			tell_delay(q, it, &r, q->now - it->next);
			if (q->leapt <= q->mono &&
			    retry_is_overdue(&q->conf->retry, q->now - it->msg->queued, q->now - it->next))
				settle_without_job(
				    q, it, true, r.code, error ? error : "4.4.1 the site cannot be reached");
			else if (crowded)
				load_park(q, it, s->state.down_until);
		}
	}
	free(status);
}
