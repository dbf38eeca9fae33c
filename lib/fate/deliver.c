#include "base.h"

#include "clock.h"
#include "deliver.h"
#include "die.h"
#include "txn.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#define JOBS 3
#define FLIGHT 2	   /* transactions under way at once */
#define REPORT_PATIENCE 60 /* seconds mox-runq may take to read a report */

struct deliver {
	const struct conf *conf;
	int sock;
	struct line line;
	struct job job[JOBS]; /* a ring: `first` is the one whose report is being made */
	unsigned first, njobs;
	struct txn txn[FLIGHT]; /* in the order in which they went out */
	unsigned ntxn;
	struct report report;
	enum smtp_got broken; /* SMTP_REPLY: nothing; else writing failed and only answers are still read */
	bool careful;	      /* this site stumbled over transactions behind one another (T133) */
	bool packet;	      /* poll has seen a job at the socket */
	bool deaf;	      /* the job socket gives no more jobs */
	bool bad_job;
	unsigned trips; /* of the connection, when the last job was done */
};

static struct job *
head(struct deliver *d)
{
	return &d->job[d->first];
}

/* ---- telling ---- */

static void
settle(struct deliver *d, struct job *j, struct job_rcpt *r, const struct fate *f)
{
	const struct line *l = &d->line;
	char peer[336];
	unsigned wait =
	    f->outcome == FATE_LATER && l->c.reply.code / 100 == 4 ? fate_wait(l->c.reply.text) : 0;

	snprintf(peer, sizeof peer, "%s[%s]", l->c.host, l->c.ip);
	report_rcpt(&d->report, j, r, f, l->c.reply.code, (const char *[2]){peer, l->c.reply.text});
	r->state = RCPT_DONE;
	if (wait > j->wait)
		j->wait = wait;
}

/* The same for those of the transaction's recipients that have no fate yet. */
static void
settle_txn(struct deliver *d, struct txn *t, const struct fate *f)
{
	for (unsigned i = 0; i < t->n; i++) {
		struct job_rcpt *r = &t->job->rcpt[t->who[i]];

		if (r->state == RCPT_OUT || r->state == RCPT_ACCEPTED)
			settle(d, t->job, r, f);
	}
}

/* Without a reply: text tells why. */
static void
settle_trouble(struct deliver *d, struct job *j, const struct fate *f, const char *text)
{
	char peer[336];

	snprintf(peer, sizeof peer, "%s[%s]", d->line.c.host, d->line.c.ip);
	for (size_t i = 0; i < j->nrcpt; i++)
		if (j->rcpt[i].state != RCPT_DONE) {
			report_rcpt(&d->report, j, &j->rcpt[i], f, 0, (const char *[2]){peer, text});
			j->rcpt[i].state = RCPT_DONE;
		}
}

/* No hop is left. */
static void
settle_miss(struct deliver *d, struct job *j)
{
	struct miss *m = &j->miss;
	const char *site = !j->connected	? "unreachable"
			   : m->code / 100 == 5 ? "refused"
			   : m->code		? "busy"
						: NULL;

	if (!m->rank) {
		m->fate = fate_trouble(TROUBLE_NO_HOP);
		snprintf(m->text, sizeof m->text, "there is no address to try");
	}
	for (size_t i = 0; i < j->nrcpt; i++)
		if (j->rcpt[i].state == RCPT_TODO) {
			report_rcpt(&d->report, j, &j->rcpt[i], &m->fate, m->code,
			    (const char *[2]){m->peer, m->text});
			j->rcpt[i].state = RCPT_DONE;
		}
	if (m->code / 100 == 4 && fate_wait(m->text) > j->wait)
		j->wait = fate_wait(m->text);
	if (!j->reached && site && m->rank)
		report_line(&d->report, j, "site", site);
	if (m->rank && !j->some_network)
		report_line(&d->report, j, "network", "no");
}

static void
report_session(struct deliver *d, struct job *j)
{
	const struct line *l = &d->line;
	char tls[32], cipher[48], trips[32], bytes[40], ms[40];
	const char *fields[] = {l->c.host, l->c.ip, tls, "verified=none",
	    j->reused ? "reused=yes" : "reused=no", trips, bytes, ms, l->cipher ? cipher : NULL, NULL};

	snprintf(tls, sizeof tls, "tls=%s", l->version ? l->version : "none");
	snprintf(cipher, sizeof cipher, "cipher=%s", l->cipher ? l->cipher : "");
	snprintf(trips, sizeof trips, "trips=%u", l->c.trips - d->trips);
	snprintf(bytes, sizeof bytes, "bytes=%ju", (uintmax_t)j->bytes);
	snprintf(ms, sizeof ms, "ms=%jd", (intmax_t)((clock_mono() - j->start) / 1000));
	report_fields(&d->report, j, "session", fields);
	d->trips = l->c.trips;
}

static void
finish(struct deliver *d)
{
	struct job *j = head(d);
	char wait[16];

	if (j->maybe)
		report_line(&d->report, j, "maybe", "yes");
	if (j->reached)
		report_session(d, j);
	if (j->wait) {
		snprintf(wait, sizeof wait, "%u", j->wait);
		report_line(&d->report, j, "wait", wait);
	}
	report_end(&d->report, j);
	job_drop(j);
	d->first = (d->first + 1) % JOBS;
	d->njobs--;
}

/* ---- ends of connections ---- */

static void
requeue(struct txn *t)
{
	for (unsigned i = 0; i < t->n; i++) {
		struct job_rcpt *r = &t->job->rcpt[t->who[i]];

		if (r->state == RCPT_OUT || r->state == RCPT_ACCEPTED)
			r->state = RCPT_TODO;
	}
}

/* Whatever is in flight and has no fate is to be done again; no transaction is left. */
static void
drop_line(struct deliver *d)
{
	for (unsigned i = 0; i < d->ntxn; i++)
		requeue(&d->txn[i]);
	d->ntxn = 0;
	d->broken = SMTP_REPLY;
	smtp_close(&d->line.c);
}

static void
next_target(struct deliver *d, struct job *j)
{
	j->target = reach_target(&d->line, j) + 1;
	drop_line(d);
}

/* The connection died, or what came is no SMTP. */
static void
lost(struct deliver *d, enum smtp_got got)
{
	struct txn *t = &d->txn[0];
	struct job *j = t->job;
	/* MAIL was answered: the server is at work on this transaction. One that has not answered MAIL has
	 * not taken the message, whatever we had sent. */
	bool at_work = t->answered > t->rset, behind = t->body && t->answered < t->asked;
	bool ahead = t->whole || d->ntxn > 1;
	enum trouble what = trouble_of(got);
	struct fate f = fate_trouble_behind_dot(what);
	char why[800];

	smtp_why(&d->line.c, got, why, sizeof why);
	if (got == SMTP_FILE) {
		drop_line(d);
		settle_trouble(d, j, &f, why);
		return;
	}
	if (behind && (at_work || got == SMTP_TIMEOUT || j->redone)) {
		/* T94: it may have been delivered; the next attempt may deliver it again. */
		j->maybe = job_count(j, RCPT_OUT) + job_count(j, RCPT_ACCEPTED) > 0;
		d->line.c.reply.code = 0;
		snprintf(d->line.c.reply.text, sizeof d->line.c.reply.text, "%s", why);
		settle_txn(d, t, &f);
		drop_line(d);
	} else if (!at_work && !j->redone && got == SMTP_LOST && (ahead || d->line.mails > d->ntxn)) {
		j->redone = true;
		drop_line(d);
	} else {
		miss_trouble(j, &d->line, what, why);
		next_target(d, j);
	}
	d->careful |= ahead;
}

/* 421, or a reply that shows that we and the server are out of step: everything in flight ends here. */
static void
went_away(struct deliver *d, const struct fate *f, bool first)
{
	struct txn *t = &d->txn[0];
	struct job *j = t->job;

	if (first && d->line.c.reply.code == 421 && d->line.mails > d->ntxn && !j->redone) {
		/* It only ends a connection that has served long enough. */
		j->redone = true;
		drop_line(d);
	} else if (f->next_hop) {
		miss_reply(j, &d->line, PHASE_MAIL);
		if (t->answered == t->asked && !f->close)
			smtp_quit(&d->line.c, d->conf->timeouts.quit);
		next_target(d, j);
	} else {
		j->maybe |= t->body && !t->mail_ok;
		settle_txn(d, t, f);
		drop_line(d);
	}
}

/* ---- replies ---- */

static struct fate
verdict(const struct deliver *d, enum phase phase)
{
	const struct reply *r = &d->line.c.reply;

	return fate_reply(phase, r->code, r->enhanced,
	    &(struct fate_case){.accepted = d->txn[0].accepted > 0, .fell_back = d->line.fell_back});
}

static void
mail_answered(struct deliver *d, struct txn *t)
{
	struct fate f = verdict(d, PHASE_MAIL);
	bool first = t->answered == 1u + t->rset;

	if (f.outcome == FATE_SENT) {
		t->mail_ok = d->line.dirty = true;
		return;
	}
	if (f.close || (f.next_hop && d->ntxn == 1)) {
		went_away(d, &f, first);
		return;
	}
	settle_txn(d, t, &f);
	t->over = t->answered == t->asked;
}

static void
rcpt_answered(struct deliver *d, struct txn *t, struct job_rcpt *r)
{
	struct fate f = verdict(d, PHASE_RCPT);

	if (!t->mail_ok)
		return;
	if (f.close) {
		went_away(d, &f, false);
	} else if (f.outcome == FATE_SENT) {
		r->state = RCPT_ACCEPTED;
		t->accepted++;
	} else if (f.again) {
		r->state = RCPT_TODO;
	} else {
		settle(d, t->job, r, &f);
	}
}

static void
data_answered(struct deliver *d, struct txn *t)
{
	struct fate f = verdict(d, PHASE_DATA);

	if (d->line.c.reply.code / 100 == 3) {
		t->go = true;
		return;
	}
	if (f.close) {
		went_away(d, &f, false);
		return;
	}
	settle_txn(d, t, &f);
	t->over = true;
}

/* BDAT was offered and is not understood, with recipients waiting for the message. */
static bool
bdat_stumbled(const struct txn *t, int code)
{
	return t->bdat && (code == 500 || code == 502 || code == 503 || code == 504);
}

static void
dot_answered(struct deliver *d, struct txn *t)
{
	struct fate f = verdict(d, PHASE_DOT);
	int code = d->line.c.reply.code;

	if (t->cut && code < 400) {
		lost(d, d->broken);
		return;
	}
	if (t->accepted && bdat_stumbled(t, code) && d->ntxn == 1) {
		d->careful = d->line.no_chunking = true;
		requeue(t);
		return;
	}
	t->job->bytes += t->accepted ? t->job->size : 0;
	d->line.proven |= t->accepted && code / 100 == 2;
	d->line.dirty = !t->accepted || (t->bdat && code / 100 != 2);
	if (t->accepted)
		settle_txn(d, t, &f);
	if (f.close || t->cut)
		drop_line(d);
}

/* CRITICAL: from the moment the final dot is out until its report has gone, nothing on this way may end the
 * program: the server has the message, and mox-runq would send it again. No heap here; and should the next
 * job's preparation run out of memory meanwhile, last_words waits for the answer and reports it. */
static void
apply(struct deliver *d)
{
	struct txn *t = &d->txn[0];
	struct job_rcpt *r;
	enum ask a = txn_next(t, &r);

	t->answered++;
	if (d->line.c.reply.code == 421) {
		static const enum phase phases[] = {
		    PHASE_MAIL, PHASE_MAIL, PHASE_RCPT, PHASE_DATA, PHASE_DOT};
		struct fate f = verdict(d, phases[a]);

		went_away(d, &f, a <= ASK_MAIL);
		return;
	}
	switch (a) {
	case ASK_RSET: d->line.dirty &= d->line.c.reply.code / 100 != 2; break;
	case ASK_MAIL: mail_answered(d, t); break;
	case ASK_RCPT: rcpt_answered(d, t, r); break;
	case ASK_DATA: data_answered(d, t); break;
	case ASK_DOT: dot_answered(d, t); break;
	}
}

/* ---- one turn: write what may be written, read one reply ---- */

static enum trouble
unsuited(struct deliver *d, struct job *j, const char **why)
{
	const struct ehlo *e = &d->line.c.ehlo;

	*why = NULL;
	if (e->size && e->size_max && j->size > e->size_max) {
		*why = "the message is larger than the server takes";
		return TROUBLE_SIZE;
	}
	if (!e->smtputf8 && job_needs_utf8(j)) {
		*why = "the message needs SMTPUTF8, which the server does not offer";
		return TROUBLE_UTF8;
	}
	if (j->requiretls && !(d->line.c.io.tls && e->requiretls)) {
		*why = "REQUIRETLS was asked for, and the server does not offer it";
		return TROUBLE_REQUIRETLS;
	}
	if (j->requiretls) {
		*why = "REQUIRETLS was asked for, and nothing verifies who the server is";
		return TROUBLE_TLS;
	}
	return TROUBLE_NO_HOP;
}

/* Takes a job from the socket into the ring. */
static bool
take(struct deliver *d, int flags)
{
	const char *why;
	int got;

	if (d->deaf || d->njobs == JOBS)
		return false;
	got = job_take(&d->job[(d->first + d->njobs) % JOBS], d->sock, flags, &why);
	if (got > 0)
		d->njobs++;
	else if (got < 0)
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
		struct job *j = &d->job[(d->first + i) % JOBS];

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

	return d->ntxn < FLIGHT && l->c.ehlo.pipelining && !d->careful && l->proven &&
	       txn_is_asked(&d->txn[d->ntxn - 1]) && !(l->c.ehlo.mail_max && l->mails >= l->c.ehlo.mail_max);
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
	j->reached = true;
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
	d->line.c.io.watch_in = !j && !d->deaf && d->njobs < JOBS;
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
	d->broken = smtp_from_io(io);
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

/* false: nobody waits for us any more. */
static bool
turn(struct deliver *d)
{
	struct txn *t = &d->txn[0];
	enum smtp_got got = d->broken;

	if (d->broken == SMTP_REPLY)
		ask(d);
	got = d->broken;
	if (can_answer(d)) {
		if (d->line.c.io.in_at == d->line.c.io.in_end)
			report_flush(&d->report);
		got = smtp_reply(&d->line.c, txn_timeout(t, &d->conf->timeouts));
	}
	if (got == SMTP_GONE || d->report.gone)
		return false;
	d->packet = got == SMTP_WATCH;
	if (d->packet)
		return true;
	if (got != SMTP_REPLY)
		lost(d, got);
	else if (t->answered < t->asked)
		apply(d);
	if (d->ntxn && t->answered == t->asked && txn_is_asked(t)) {
		d->ntxn--;
		memmove(d->txn, d->txn + 1, d->ntxn * sizeof *d->txn);
	}
	return true;
}

/* ---- jobs ---- */

enum ready { READY, READY_AGAIN /* look at the job again */, READY_GONE };

static enum ready
not_here(struct deliver *d, struct job *j, enum trouble what, const char *why)
{
	miss_trouble(j, &d->line, what, why);
	j->target = reach_target(&d->line, j) + 1;
	smtp_quit(&d->line.c, d->conf->timeouts.quit);
	return READY_AGAIN;
}

/* Makes the connection one that takes the job at hand, and starts its next transaction. */
static enum ready
prepare(struct deliver *d, struct job *j)
{
	struct line *l = &d->line;
	const char *why;
	enum trouble what;

	if (!j->begun) {
		j->begun = true;
		j->start = clock_mono();
		l->c.io.cap = j->start + d->conf->timeouts.session;
	}
	if (smtp_is_open(&l->c) && stream_stirs(&l->c.io))
		smtp_close(&l->c);
	if (!reach_fits(l, j) || (l->c.ehlo.mail_max && l->mails >= l->c.ehlo.mail_max)) {
		smtp_quit(&l->c, d->conf->timeouts.quit);
		report_flush(&d->report);
		d->trips = 0;
		switch (reach(l, d->conf, j)) {
		case REACH_OPEN: break;
		case REACH_GONE: return READY_GONE;
		case REACH_NONE: settle_miss(d, j); return READY_AGAIN;
		}
	}
	what = unsuited(d, j, &why);
	if (why)
		return not_here(d, j, what, why);
	if (!start(d, j))
		return not_here(
		    d, j, TROUBLE_UTF8, "the recipient needs SMTPUTF8, which the server does not offer");
	return READY;
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
			apply(d);
	}
	report_flush(&d->report);
}

int
deliver_run(const struct conf *conf, int sock)
{
	static struct deliver d;
	struct timeval patience = {.tv_sec = REPORT_PATIENCE};

	d.conf = conf;
	d.sock = d.line.c.watch = sock;
	d.line.c.io.fd = -1;
	d.line.c.io.block = conf->timeouts.block;
	for (int i = 0; i < JOBS; i++)
		d.job[i].fd = -1;
	setsockopt(sock, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	report_start(&d.report, sock);
	at_exit = &d;
	atexit(last_words);
	while (d.njobs || wait_job(&d)) {
		struct job *j = head(&d);
		enum ready ready = READY;

		if (!job_count(j, RCPT_TODO) && !(d.ntxn && d.txn[0].job == j)) {
			finish(&d);
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
