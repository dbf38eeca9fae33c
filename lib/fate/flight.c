#include "base.h"

#include "clock.h"
#include "early.h"
#include "flight.h"
#include "ticket.h"

struct job *
flight_head(struct deliver *d)
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
	j->unsent |= f->outcome != FATE_SENT;
	r->state = RCPT_DONE;
	if (wait > j->wait)
		j->wait = wait;
}

/* The same for those of the transaction's recipients that have no fate yet. */
static void
settle_txn(struct deliver *d, struct txn *t, const struct fate *f)
{
	for (unsigned i = 0; i < t->n; i++) {
		struct job_rcpt *r = txn_rcpt(t, i);

		if (r)
			settle(d, t->job, r, f);
	}
}

/* Without a reply: text tells why. */
static void
settle_trouble(struct deliver *d, struct job *j, const struct fate *f, const char *text)
{
	char peer[336];

	snprintf(peer, sizeof peer, "%s[%s]", d->line.c.host, d->line.c.ip);
	j->unsent = true;
	for (size_t i = 0; i < j->nrcpt; i++)
		if (j->rcpt[i].state != RCPT_DONE) {
			report_rcpt(&d->report, j, &j->rcpt[i], f, 0, (const char *[2]){peer, text});
			j->rcpt[i].state = RCPT_DONE;
		}
}

/* What is to be said of the site as a whole; NULL: nothing. What one domain demands of TLS and misses is no
 * reason to leave the others' mail alone, but to press less. */
static const char *
site_word(const struct job *j)
{
	const struct miss *m = &j->miss;

	if (j->login)
		return "login";
	if (j->reached)
		return m->code                         ? m->code == 421 ? "busy" : NULL
		       : m->fate.outcome == FATE_LATER ? "busy"
		                                       : NULL;
	if (!j->dials)
		return NULL;
	if (!j->greeted)
		return "unreachable";
	return m->code / 100 == 5 && !j->welcome ? "refused" : "busy";
}

/* No hop is left. */
void
flight_no_hop(struct deliver *d, struct job *j)
{
	struct miss *m = &j->miss;
	const char *site = m->rank ? site_word(j) : NULL;

	if (!m->rank) {
		m->fate = fate_trouble(TROUBLE_NO_HOP);
		snprintf(m->text, sizeof m->text, "there is no address to try");
	}
	j->unsent = true;
	for (size_t i = 0; i < j->nrcpt; i++)
		if (j->rcpt[i].state == RCPT_TODO) {
			report_rcpt(&d->report, j, &j->rcpt[i], &m->fate, m->code,
			    (const char *[2]){m->peer, m->text});
			j->rcpt[i].state = RCPT_DONE;
		}
	if (m->code / 100 == 4 && fate_wait(m->text) > j->wait)
		j->wait = fate_wait(m->text);
	if (site)
		report_line(&d->report, j, "site", site);
	if (m->rank && !j->some_network)
		report_line(&d->report, j, "network", "no");
}

static void
report_session(struct deliver *d, struct job *j)
{
	const struct line *l = &d->line;
	char tls[32], verified[24], cipher[48], login[40], trips[32], bytes[40], ms[40];
	const char *fields[] = {l->c.host, l->c.ip, tls, verified, j->reused ? "reused=yes" : "reused=no",
	    trips, bytes, ms, l->starttls ? "starttls=yes" : "starttls=no",
	    l->requiretls ? "requiretls=yes" : "requiretls=no",
	    l->cipher      ? cipher
	    : l->mechanism ? login
			   : NULL,
	    l->cipher && l->mechanism ? login : NULL, NULL, NULL, NULL};
	size_t n = 0;
	const struct plan_hop *hop = j->reused ? reach_hop(l, j) : NULL;

	/* A connection that others opened: it counts for this one's domains, too. */
	if (hop)
		tally_tell(&d->line.tally, &d->report, j, hop, &l->c, &l->judged);

	snprintf(tls, sizeof tls, "tls=%s", l->version ? l->version : "none");
	snprintf(verified, sizeof verified, "verified=%s", l->version ? l->judged.verified : "none");
	snprintf(login, sizeof login, "login=%s", l->mechanism ? l->mechanism : "");
	snprintf(cipher, sizeof cipher, "cipher=%s", l->cipher ? l->cipher : "");
	snprintf(trips, sizeof trips, "trips=%u", l->c.trips - d->trips);
	snprintf(bytes, sizeof bytes, "bytes=%ju", (uintmax_t)j->bytes);
	snprintf(ms, sizeof ms, "ms=%jd", (intmax_t)((clock_mono() - j->start) / 1000));
	while (fields[n])
		n++;
	if (l->early && !j->reused)
		fields[n++] = "early=yes";
	if (l->resumed && l->version && !j->reused)
		fields[n] = "resumed=yes";
	report_fields(&d->report, j, "session", fields);
	d->trips = l->c.trips;
}

/* What was said, when somebody will want to know it. */
static void
report_transcript(struct deliver *d, const struct job *j)
{
	str_reset(&d->transcript);
	transcript_text(&j->said, &d->transcript);
	if (d->transcript.len)
		report_line(&d->report, j, "transcript", d->transcript.s);
}

void
flight_finish(struct deliver *d)
{
	struct job *j = flight_head(d);
	char wait[16];

	if (j->maybe)
		report_line(&d->report, j, "maybe", "yes");
	if (j->reached)
		report_session(d, j);
	recall_tell(&d->recall, &d->report, j);
	ticket_tell(&d->line, &d->report, j);
	if (j->wait) {
		snprintf(wait, sizeof wait, "%u", j->wait);
		report_line(&d->report, j, "wait", wait);
	}
	if (d->stumbled)
		report_line(&d->report, j, "careful", "yes");
	d->stumbled = false;
	if (j->unsent)
		report_transcript(d, j);
	report_end(&d->report, j);
	job_drop(j);
	d->first = (d->first + 1) % FLIGHT_JOBS;
	d->njobs--;
}

/* ---- ends of connections ---- */

static void
requeue(struct txn *t)
{
	for (unsigned i = 0; i < t->n; i++) {
		struct job_rcpt *r = txn_rcpt(t, i);

		if (r)
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

void
flight_again(struct deliver *d)
{
	drop_line(d);
}

static void
next_target(struct deliver *d, struct job *j)
{
	j->target = reach_target(&d->line, j) + 1;
	drop_line(d);
}

/* The connection died, or what came is no SMTP. */
void
flight_lost(struct deliver *d, enum smtp_got got)
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
	/* Those behind are done again; perhaps the server had taken them, too, and said nothing of any. */
	for (unsigned i = 1; i < d->ntxn; i++)
		d->txn[i].job->maybe |= d->txn[i].body;
	if (got == SMTP_FILE) {
		drop_line(d);
		settle_trouble(d, j, &f, why);
		return;
	}
	if (behind && (at_work || got == SMTP_TIMEOUT || j->redone)) {
		/* T94: it may have been delivered; the next attempt may deliver it again. */
		for (unsigned i = 0; i < t->n; i++)
			j->maybe |= txn_rcpt(t, i) != NULL;
		d->line.c.reply.code = 0;
		snprintf(d->line.c.reply.text, sizeof d->line.c.reply.text, "%s", why);
		settle_txn(d, t, &f);
		drop_line(d);
	} else if (!at_work && !j->redone && got == SMTP_LOST && (ahead || d->line.mails > d->ntxn)) {
		/* A server that dies with a message taken and every reply unsaid makes this a duplicate. */
		j->redone = true;
		j->maybe |= behind;
		drop_line(d);
	} else if (!at_work && !behind && d->line.early && d->line.mails == 1) {
		/* Perhaps it threw away what came before its greeting, MAIL too. */
		early_forget(&d->line);
		drop_line(d);
	} else {
		miss_trouble(j, &d->line, what, why);
		next_target(d, j);
	}
	d->careful |= ahead;
	d->stumbled |= ahead;
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

/* Refused for policy, 5.7.x, at the first attempt: what stands on a block list may be our address of one family alone, and the
 * recipients are tried from the other, once. Not with another message under way behind it: where one was taken before, our
 * address is not what is refused, and reports come in the order of jobs. */
static bool
turns(struct deliver *d, const struct txn *t, const struct fate *f)
{
	return f->outcome == FATE_NEVER && d->ntxn == 1 && !strncmp(d->line.c.reply.enhanced, "5.7.", 4) &&
	       reach_turn(&d->line, t->job, t->number);
}

static struct fate
verdict(const struct deliver *d, enum phase phase)
{
	const struct reply *r = &d->line.c.reply;

	return fate_reply(phase, r->code, r->enhanced,
	    &(struct fate_case){.accepted = d->txn[0].accepted > 0,
		.fell_back = d->line.fell_back,
		.relay = !passage_is_direct(d->line.passage->transport)});
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
	if (turns(d, t, &f))
		requeue(t);
	else
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
	} else if (f.again || turns(d, t, &f)) {
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
	if (turns(d, t, &f))
		requeue(t);
	else
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
		flight_lost(d, d->broken);
		return;
	}
	if (t->accepted && bdat_stumbled(t, code) && d->ntxn == 1) {
		d->careful = d->stumbled = d->line.no_chunking = true;
		requeue(t);
		return;
	}
	t->job->bytes += t->accepted ? job_bytes(t->job) : 0;
	d->line.proven |= t->accepted && code / 100 == 2;
	d->line.dirty = !t->accepted || (t->bdat && code / 100 != 2);
	if (t->accepted && turns(d, t, &f))
		requeue(t);
	else if (t->accepted)
		settle_txn(d, t, &f);
	if (f.close || t->cut)
		drop_line(d);
}

/* CRITICAL: from the moment the final dot is out until its report has gone, nothing on this way may end the
 * program: the server has the message, and mox-runq would send it again. No heap here; and should the next
 * job's preparation run out of memory meanwhile, last_words waits for the answer and reports it. */
void
flight_apply(struct deliver *d)
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
