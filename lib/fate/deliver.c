#include "base.h"

#include "clock.h"
#include "deliver.h"
#include "die.h"
#include "early.h"
#include "flight.h"
#include "ticket.h"
#include "trace.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#define REPORT_PATIENCE 60 /* seconds mox-runq may take to read a report */

/* ---- one turn: write what may be written, read one reply ---- */

static enum trouble
unsuited(struct deliver *d, struct job *j, const char **why)
{
	const struct ehlo *e = &d->line.c.ehlo;

	*why = NULL;
	if (e->size && e->size_max && job_bytes(j) > e->size_max) {
		*why = "the message is larger than the server takes";
		return TROUBLE_SIZE;
	}
	if (!e->smtputf8 && job_needs_utf8(j)) {
		*why = "the message needs SMTPUTF8, which the server does not offer";
		return TROUBLE_UTF8;
	}
	if (j->demand == JOB_SECURE && !d->line.requiretls) {
		*why = "REQUIRETLS was asked for, and the server does not offer it";
		return TROUBLE_REQUIRETLS;
	}
	return TROUBLE_NO_HOP;
}

/* Takes a job from the socket into the ring. */
static bool
take(struct deliver *d, int flags)
{
	const char *why;
	int got;

	if (d->deaf || d->njobs == FLIGHT_JOBS)
		return false;
	got = job_take(&d->job[(d->first + d->njobs) % FLIGHT_JOBS], d->sock, flags, &why);
	if (got > 0) {
		struct job *j = &d->job[(d->first + d->njobs++) % FLIGHT_JOBS];

		d->careful |= j->careful;
		d->line.tickets |= j->keeps;
		recall_take(&d->recall, &j->offers);
	} else if (got < 0)
		d->deaf = true;
	if (got < 0 && why) {
		d->bad_job = true;
		warn("unable to read a job: %s", why);
	}
	return got > 0;
}

/* The job whose recipients go out next, NULL when there is none in the ring. */
static struct job *
job_next(struct deliver *d)
{
	for (unsigned i = 0; i < d->njobs; i++) {
		struct job *j = &d->job[(d->first + i) % FLIGHT_JOBS];

		if (job_count(j, RCPT_TODO))
			return j;
	}
	return NULL;
}

/* The connection can bear another transaction behind those in flight. */
static bool
may_follow(const struct deliver *d)
{
	const struct line *l = &d->line;

	return d->ntxn < FLIGHT_MAX && l->c.ehlo.pipelining && !d->careful && l->proven &&
	       txn_is_asked(&d->txn[d->ntxn - 1]) && !(l->c.ehlo.mail_max && l->mails >= l->c.ehlo.mail_max);
}

/* What is said from here on is the job's, and so is how the session began. */
static void
hear_begin(struct line *l, struct job *j)
{
	l->ear = &j->said;
	if (j->heard != l->session)
		transcript_join(&j->said, &l->began);
	j->heard = l->session;
}

/* Starts the job's next transaction; false when this server can take none of its recipients. */
static bool
start(struct deliver *d, struct job *j)
{
	struct txn *t = &d->txn[d->ntxn];

	if (!txn_start(t, &d->line, j, d->careful))
		return false;
	if (!j->begun) {
		j->begun = true;
		j->start = clock_mono();
	}
	j->reached |= !d->line.owed;
	hear_begin(&d->line, j);
	j->reused |= d->line.mails > 0;
	t->rset = d->line.dirty || d->ntxn > 0;
	d->line.mails++;
	d->ntxn++;
	return true;
}

/* The job at hand may go behind the last transaction in flight. */
static bool
follow(struct deliver *d)
{
	const struct txn *last = &d->txn[d->ntxn - 1];
	struct job *j = job_next(d);
	const char *why;

	/* A look at the socket pays when a job found there can ride along, or when poll has seen one. */
	if (!j && (d->packet || d->line.c.io.out_len) && take(d, MSG_DONTWAIT))
		j = job_next(d);
	d->packet = false;
	d->line.c.io.watch_in = !j && !d->deaf && d->njobs < FLIGHT_JOBS;
	if (!j)
		return false;
	if (j != last->job && !txn_is_settled(last))
		return false;
	unsuited(d, j, &why);
	return !why && reach_fits(&d->line, j) && start(d, j);
}

/* Writing failed: which messages have gone out to their end all the same? */
static void
broke(struct deliver *d, enum io io)
{
	char why[800];

	d->broken = smtp_from_io(io);
	smtp_why(&d->line.c, d->broken, why, sizeof why);
	tap_note(d->line.c.io.tap, "%s", why);
	d->line.c.io.watch_in = false;
	for (unsigned i = 0; i < d->ntxn; i++) {
		struct txn *t = &d->txn[i];

		if (t->body && t->end > d->line.c.io.written)
			t->body = false;
		t->cut = !t->body;
	}
}

static void
ask(struct deliver *d)
{
	enum io io;

	do {
		d->line.ear = &d->txn[d->ntxn - 1].job->said;
		io = txn_ask(&d->txn[d->ntxn - 1], &d->line);
		d->line.c.io.watch_in = false;
	} while (io == IO_OK && may_follow(d) && follow(d));
	if (io == IO_OK && d->line.c.io.out_len)
		io = stream_flush(&d->line.c.io);
	if (io != IO_OK)
		broke(d, io);
}

/* Whether the answer to what was asked can still come. */
static bool
can_answer(const struct deliver *d)
{
	const struct txn *t = &d->txn[0];

	return t->answered < t->asked && d->broken != SMTP_GONE && !(d->broken == SMTP_FILE && d->ntxn == 1);
}

/* What was said ahead of the greeting is answered before anything else. REACH_NONE: otherwise than it was known; the job is to be
 * looked at again, and goes to the same host. */
static enum reach
owed(struct deliver *d, struct job *j)
{
	enum reach got = early_settle(&d->line, d->conf, j);

	if (got == REACH_NONE)
		flight_again(d);
	return got;
}

/* false: nobody waits for us any more. */
static bool
turn(struct deliver *d)
{
	struct txn *t = &d->txn[0];
	enum smtp_got got = d->broken;
	enum reach early;

	if (d->broken == SMTP_REPLY)
		ask(d);
	if (d->line.owed && (early = owed(d, t->job)) != REACH_OPEN)
		return early == REACH_NONE;
	got = d->broken;
	if (can_answer(d)) {
		if (d->line.c.io.in_at == d->line.c.io.in_end)
			report_flush(&d->report);
		d->line.ear = &t->job->said;
		got = smtp_reply(&d->line.c, txn_timeout(t, &d->conf->timeouts));
	}
	if (got == SMTP_GONE || d->report.gone)
		return false;
	d->packet = got == SMTP_WATCH;
	if (d->packet)
		return true;
	if (got != SMTP_REPLY)
		flight_lost(d, got);
	else if (t->answered < t->asked)
		flight_apply(d);
	if (d->ntxn && t->answered == t->asked && txn_is_asked(t)) {
		d->ntxn--;
		memmove(d->txn, d->txn + 1, d->ntxn * sizeof *d->txn);
	}
	return true;
}

/* ---- jobs ---- */

enum ready { READY, READY_AGAIN /* look at the job again */, READY_GONE };

/* What this server cannot take. A connection kept from other jobs may lead to a later hop than the job's
 * first: they are all asked then. */
static enum ready
not_here(struct deliver *d, struct job *j, enum trouble what, const char *why)
{
	hear_begin(&d->line, j);
	tap_note(d->line.c.io.tap, "%s", why);
	if (j->dials) {
		miss_trouble(j, &d->line, what, why);
		j->target = reach_target(&d->line, j) + 1;
	}
	smtp_quit(&d->line.c, d->conf->timeouts.quit);
	return READY_AGAIN;
}

/* The job's next transaction on the open connection. No message is refused for what the server said some other day. */
static enum ready
begin(struct deliver *d, struct job *j)
{
	const char *why;
	enum trouble what = unsuited(d, j, &why);
	bool started = !why && start(d, j);

	if (!started && d->line.owed) {
		enum reach got;

		d->line.ear = &d->line.began;
		if ((got = owed(d, j)) != REACH_OPEN)
			return got == REACH_GONE ? READY_GONE : READY_AGAIN;
		what = unsuited(d, j, &why);
		started = !why && start(d, j);
	}
	if (why)
		return not_here(d, j, what, why);
	if (!started)
		return not_here(
		    d, j, TROUBLE_UTF8, "the recipient needs SMTPUTF8, which the server does not offer");
	return READY;
}

/* Makes the connection one that takes the job at hand, and starts its next transaction. */
static enum ready
prepare(struct deliver *d, struct job *j)
{
	struct line *l = &d->line;

	if (!j->begun) {
		j->begun = true;
		j->start = clock_mono();
		l->c.io.cap = j->start + d->conf->timeouts.session;
	}
	if (smtp_is_open(&l->c) && stream_stirs(&l->c.io))
		smtp_close(&l->c);
	if (!reach_fits(l, j) || (l->c.ehlo.mail_max && l->mails >= l->c.ehlo.mail_max)) {
		l->ear = NULL;
		smtp_quit(&l->c, d->conf->timeouts.quit);
		report_flush(&d->report);
		d->trips = 0;
		switch (reach(l, d->conf, j)) {
		case REACH_OPEN: break;
		case REACH_GONE: return READY_GONE;
		case REACH_NONE: flight_no_hop(d, j); return READY_AGAIN;
		}
	}
	return begin(d, j);
}

/* Waits for the next job; a connection whose peer says something meanwhile (421, or its end) is closed.
 * false: no more jobs. */
static bool
wait_job(struct deliver *d)
{
	struct stream *s = &d->line.c.io;

	while (!d->deaf) {
		struct pollfd p[2] = {{.fd = d->sock, .events = POLLIN}, {.fd = s->fd, .events = POLLIN}};

		if (poll(p, 2, -1) < 0 && errno != EINTR)
			die_temp("unable to poll: %m");
		if (p[1].revents && stream_stirs(s))
			smtp_close(&d->line.c);
		if (p[0].revents && take(d, MSG_DONTWAIT))
			return true;
	}
	return false;
}

static struct deliver *at_exit;

/* Somebody called die() while an answer was due: the answer still counts. Runs once, without the heap. */
static void
last_words(void)
{
	struct deliver *d = at_exit;

	at_exit = NULL;
	if (!d)
		return;
	if (d->ntxn && d->txn[0].body && stream_flush(&d->line.c.io) == IO_OK) {
		const struct job *j = d->txn[0].job;

		while (d->ntxn && d->txn[0].job == j && d->txn[0].answered < d->txn[0].asked &&
		       smtp_reply(&d->line.c, d->conf->timeouts.dot) == SMTP_REPLY)
			flight_apply(d);
	}
	report_flush(&d->report);
}

static void
transcripts_prepare(struct deliver *d, struct tap *tap)
{
	uint64_t cap = d->conf->keep_transcripts;

	if (!cap)
		return;
	transcript_init(&d->line.began, cap);
	for (int i = 0; i < FLIGHT_JOBS; i++)
		transcript_init(&d->job[i].said, cap);
	str_reserve(&d->transcript, TRANSCRIPT_MAX);
	tap_listen(tap, &(struct tap_ear){line_hear, &d->line, TAP_PLAIN});
}

int
deliver_run(const struct conf *conf, int sock, const struct passage *passage)
{
	static struct deliver d;
	static struct tap tap;
	struct timeval patience = {.tv_sec = REPORT_PATIENCE};

	d.conf = conf;
	d.sock = d.line.c.watch = sock;
	d.line.c.io.fd = -1;
	d.line.c.io.tap = &tap;
	trace_listen(&tap, d.line.c.host);
	d.line.c.io.block = conf->timeouts.block;
	transcripts_prepare(&d, &tap);
	for (int i = 0; i < FLIGHT_JOBS; i++)
		d.job[i].fd = -1;
	setsockopt(sock, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	report_start(&d.report, sock);
	d.line.report = &d.report;
	d.line.passage = passage;
	d.line.recall = &d.recall;
	d.line.own = ticket_own();
	d.line.tally.direct = passage_is_direct(passage->transport);
	at_exit = &d;
	atexit(last_words);
	while (d.njobs || wait_job(&d)) {
		struct job *j = flight_head(&d);
		enum ready ready = READY;

		if (!job_count(j, RCPT_TODO) && !(d.ntxn && d.txn[0].job == j)) {
			flight_finish(&d);
			continue;
		}
		if (j->begun)
			d.line.c.io.cap = j->start + conf->timeouts.session;
		if (!d.ntxn)
			ready = prepare(&d, j);
		if (ready == READY_GONE || (ready == READY && !turn(&d)) || d.report.gone) {
			at_exit = NULL;
			return EXIT_TEMP;
		}
	}
	at_exit = NULL;
	smtp_quit(&d.line.c, conf->timeouts.quit);
	return d.bad_job ? EXIT_TEMP : 0;
}
