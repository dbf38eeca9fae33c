#include "base.h"

#include "clock.h"
#include "early.h"
#include "reach.h"
#include "secret.h"
#include "visit.h"

#include <errno.h>

/* ---- why not ---- */

enum { RANK_NEVER = 1, RANK_CONNECT, RANK_LOST, RANK_REPLY };

static void
miss_note(struct job *j, const struct line *l, int rank, const struct fate *f)
{
	if (rank <= j->miss.rank)
		return;
	j->miss.rank = rank;
	j->miss.fate = *f;
	j->miss.code = 0;
	snprintf(j->miss.peer, sizeof j->miss.peer, "%s[%s]", l->c.host, l->c.ip);
}

/* A verdict of "never" by one hop stands only when none of the others failed for a lesser reason: who could
 * not be reached may take it tomorrow. */
void
miss_reply(struct job *j, const struct line *l, enum phase phase)
{
	const struct reply *r = &l->c.reply;
	struct fate f = fate_reply(phase, r->code, r->enhanced,
	    &(struct fate_case){
		.fell_back = l->fell_back, .relay = !passage_is_direct(l->passage->transport)});
	int before = j->miss.rank;

	miss_note(j, l, f.outcome == FATE_NEVER ? RANK_NEVER : RANK_REPLY, &f);
	if (j->miss.rank == before)
		return;
	j->miss.code = r->code;
	snprintf(j->miss.text, sizeof j->miss.text, "%.*s", JOB_TEXT_MAX, r->text);
}

void
miss_trouble(struct job *j, const struct line *l, enum trouble what, const char *text)
{
	struct fate f = fate_trouble(what);
	int before = j->miss.rank;

	miss_note(j, l,
	    f.outcome == FATE_NEVER                               ? RANK_NEVER
	    : what == TROUBLE_CONNECT || what == TROUBLE_UNPROVED ? RANK_CONNECT
								  : RANK_LOST,
	    &f);
	if (j->miss.rank != before)
		snprintf(j->miss.text, sizeof j->miss.text, "%s", text);
}

enum trouble
trouble_of(enum smtp_got got)
{
	switch (got) {
	case SMTP_TIMEOUT: return TROUBLE_TIMEOUT;
	case SMTP_BAD: return TROUBLE_PROTOCOL;
	case SMTP_TLS: return TROUBLE_TLS;
	case SMTP_FILE: return TROUBLE_FILE;
	default: return TROUBLE_LOST;
	}
}

static void
miss_got(struct job *j, const struct line *l, enum smtp_got got, const char *during)
{
	char why[800], text[1000];

	smtp_why(&l->c, got, why, sizeof why);
	snprintf(text, sizeof text, "%s: %s", during, why);
	miss_trouble(j, l, trouble_of(got), text);
}

/* ---- one address ---- */

enum step
visit_refused(const struct visit *v, enum phase phase)
{
	miss_reply(v->j, v->l, phase);
	smtp_quit(&v->l->c, v->conf->timeouts.quit);
	return STEP_NEXT;
}

enum step
visit_broken(const struct visit *v, enum smtp_got got, const char *during)
{
	if (got != SMTP_GONE)
		miss_got(v->j, v->l, got, during);
	smtp_close(&v->l->c);
	return got == SMTP_GONE ? STEP_GONE : STEP_NEXT;
}

/* What one side says in one breath was said at once: a look at the clock for each line would cost more than all the rest. */
static int64_t
heard_at(struct line *l, enum tap_side side)
{
	struct hearing *h = &l->hearing;

	if (side == TAP_NOTE || h->side != (int)side || h->waits != l->c.waits ||
	    h->written != l->c.io.written)
		*h = (struct hearing){clock_mono(), (int)side, l->c.waits, l->c.io.written};
	return h->at;
}

void
line_hear(void *arg, const struct tap_line *said)
{
	struct line *l = arg;

	if (l->ear)
		transcript_add(l->ear,
		    &(struct transcript_line){(uint32_t)((heard_at(l, said->side) - l->opened) / 1000),
			*tap_mark(said->side), said->text, said->n, said->cut});
}

void
visit_see(struct line *l, enum sight what)
{
	if (l->see)
		l->see(l, what);
}

void
visit_count(const struct visit *v)
{
	if (v->l->report)
		tally_tell(&v->l->tally, v->l->report, v->j, v->hop, &v->l->c, &v->l->judged);
}

static void
line_clear(struct line *l, enum step how)
{
	l->fell_back = how == STEP_PLAIN;
	if (how != STEP_PLAIN)
		l->judged = (struct judgement){.verified = "none"};
	l->version = l->cipher = l->mechanism = NULL;
	l->mails = 0;
	l->proven = l->dirty = l->no_chunking = l->starttls = l->requiretls = l->early = false;
	l->resuming = l->resumed = false;
	l->trusting = how == STEP_OPEN;
	l->owed = 0;
}

static enum step
connect_failed(const struct visit *v, int err)
{
	struct smtp *c = &v->l->c;
	const char *why;
	char text[300];

	snprintf(c->host, sizeof c->host, "%s", v->hop->host);
	snprintf(c->ip, sizeof c->ip, "%s", v->ip);
	if (err == ECANCELED)
		return STEP_GONE;
	if (err != ENETUNREACH && err != ENETDOWN && err != EADDRNOTAVAIL)
		v->j->some_network = true;
	if (c->refused) {
		v->j->stop = c->proxy_fault;
		snprintf(text, sizeof text, "the proxy %s: %s", v->l->passage->transport->proxy, c->refused);
	}
	why = c->refused ? text : strerror(err);
	miss_trouble(v->j, v->l, TROUBLE_CONNECT, why);
	tap_note(c->io.tap, "unable to connect to %s[%s] port %u: %s", c->host, c->ip, (unsigned)v->hop->port,
	    why);
	return STEP_NEXT;
}

static enum step
connect_to(const struct visit *v)
{
	static char secret[SECRET_MAX];
	struct line *l = v->l;
	const struct conf_transport *t = l->passage->transport;
	struct smtp_way way = l->passage->way;
	int64_t deadline = clock_mono() + v->conf->timeouts.connect;
	const char *no = NULL;
	int r = 0, err;

	if (way.proxy && t->username) {
		way.proxy_username = t->username;
		way.proxy_password = secret;
		no = secret_ask(l->passage->keeper, secret);
	}
	l->c.way = &way;
	if (!no)
		r = smtp_dial(&l->c, v->hop->host, v->ip, v->hop->port,
		    deadline < l->c.io.cap ? deadline : l->c.io.cap);
	err = errno;
	l->c.way = NULL;
	explicit_bzero(secret, sizeof secret);
	if (no)
		return enter_unfit(v, no);
	return r ? connect_failed(v, err) : STEP_OPEN;
}

/* Greeting and EHLO. */
static enum step
greet(const struct visit *v)
{
	struct line *l = v->l;
	struct smtp *c = &l->c;
	const struct conf_timeouts *t = &v->conf->timeouts;
	enum smtp_got got = smtp_reply(c, t->greeting);

	if (got != SMTP_REPLY)
		return visit_broken(v, got, "greeting");
	v->j->greeted = true;
	if (c->reply.code / 100 != 2)
		return visit_refused(v, PHASE_GREETING);
	visit_see(l, SIGHT_GREETING);
	if (c->io.tls)
		return STEP_OPEN;
	got = smtp_hello(c, passage_hostname(l->passage, v->conf), t->ehlo);
	if (got != SMTP_REPLY)
		return visit_broken(v, got, "EHLO");
	if (c->reply.code / 100 != 2)
		return visit_refused(v, PHASE_EHLO);
	v->j->welcome = true;
	visit_see(l, SIGHT_HELLO);
	return STEP_OPEN;
}

static enum step
attempt(const struct visit *v, enum step how)
{
	struct line *l = v->l;
	bool implicit = l->passage->transport && l->passage->transport->type == TRANSPORT_SUBMISSIONS;
	enum step next;

	line_clear(l, how);
	l->opened = clock_mono();
	if ((next = connect_to(v)) != STEP_OPEN)
		return next;
	v->j->some_network = true;
	if (implicit && (next = secure_handshake(v, how == STEP_SMALL)) != STEP_OPEN)
		return next;
	next = early_may(v) ? early_greet(v) : greet(v);
	if (next != STEP_OPEN || l->owed)
		return next;
	if (implicit)
		return secure_hello(v, how == STEP_SMALL);
	l->plain = l->c.ehlo;
	l->starttls = l->plain.starttls;
	if (v->hop->tls == PLAN_TLS_NONE || how == STEP_PLAIN)
		return STEP_OPEN;
	return secure_starttls(v, how == STEP_SMALL);
}

/* At most four connections: early, usual, with a short ClientHello, in plaintext. */
enum reach
reach_address(
    struct line *l, const struct conf *conf, struct job *j, const struct plan_hop *hop, const char *ip)
{
	static const char *const manner[] = {[STEP_SMALL] = "with a short ClientHello",
	    [STEP_PLAIN] = "without TLS",
	    [STEP_LATE] = "as a stranger"};
	const struct visit v = {l, conf, j, hop, ip};
	enum step how = STEP_OPEN;

	l->session++;
	l->ear = &l->began;
	transcript_reset(&l->began);
	tally_start(&l->tally);
	str_reset(&l->demand);
	plan_demand_write(&l->demand, &j->plan, hop);
	do {
		if (how != STEP_OPEN)
			tap_note(l->c.io.tap, "once more, %s", manner[how]);
		how = attempt(&v, how);
	} while (how == STEP_SMALL || how == STEP_PLAIN || how == STEP_LATE);
	if (how == STEP_OPEN)
		how = enter(&v);
	if (how == STEP_OPEN)
		early_learn(l);
	if (how == STEP_OPEN && l->mechanism)
		visit_see(l, SIGHT_LOGIN);
	return how == STEP_OPEN ? REACH_OPEN : how == STEP_GONE ? REACH_GONE : REACH_NONE;
}

/* ---- all of them ---- */

/* A REQUIRETLS message goes only to hosts that prove who they are (T63). */
static bool
is_allowed(const struct job *j, const struct plan_hop *hop)
{
	return j->demand != JOB_SECURE || hop->tls == PLAN_TLS_DANE || hop->tls == PLAN_TLS_DANE_STS ||
	       hop->tls == PLAN_TLS_STS || hop->tls == PLAN_TLS_PKIX;
}

static void
pass_over(struct line *l, struct job *j, const struct plan_hop *hop, const char *ip)
{
	static const char why[] = "REQUIRETLS was asked for, and nothing can prove who the server is";

	snprintf(l->c.host, sizeof l->c.host, "%s", hop->host);
	snprintf(l->c.ip, sizeof l->c.ip, "%s", ip);
	miss_trouble(j, l, TROUBLE_UNPROVED, why);
	tap_note(l->c.io.tap, "%s[%s] is passed over: %s", hop->host, ip, why);
	j->some_network = true;
}

/* Who was not asked might have taken it. */
static enum reach
given_up(struct line *l, struct job *j)
{
	tap_note(l->c.io.tap, "not every host could be asked");
	if (j->miss.rank == RANK_NEVER)
		miss_trouble(j, l, TROUBLE_TIMEOUT, "not every host could be asked");
	return REACH_NONE;
}

enum reach
reach(struct line *l, const struct conf *conf, struct job *j)
{
	size_t i = 0;

	l->ear = &j->said;
	l->opened = clock_mono();
	if (l->passage->unfit) {
		*l->c.host = *l->c.ip = 0;
		enter_unfit(&(struct visit){.l = l, .conf = conf, .j = j}, l->passage->unfit);
		return REACH_NONE;
	}
	for (size_t h = 0; h < j->plan.nhop; h++) {
		const struct plan_hop *hop = &j->plan.hop[h];

		for (size_t a = 0; a < hop->addr.n; a++, i++) {
			enum reach got;

			if (i < j->target)
				continue;
			if (!is_allowed(j, hop)) {
				pass_over(l, j, hop, hop->addr.v[a]);
				continue;
			}
			if (j->dials++ == DIAL_MAX || clock_mono() >= l->c.io.cap)
				return given_up(l, j);
			j->target = i;
			got = reach_address(l, conf, j, hop, hop->addr.v[a]);
			j->reached |= got == REACH_OPEN && !l->owed;
			if (got != REACH_OPEN)
				transcript_join(&j->said, &l->began);
			l->ear = &j->said;
			if (got != REACH_NONE || j->stop)
				return got;
			j->target = i + 1;
		}
	}
	return j->plan.partial ? given_up(l, j) : REACH_NONE;
}

static bool
hop_fits(const struct line *l, const struct job *j, const struct plan_hop *h)
{
	static struct str demand;

	if (h->port != l->c.port || strcmp(h->host, l->c.host) != 0 || !is_allowed(j, h))
		return false;
	str_reset(&demand);
	plan_demand_write(&demand, &j->plan, h);
	return demand.len == l->demand.len && !memcmp(demand.s, l->demand.s, demand.len);
}

const struct plan_hop *
reach_hop(const struct line *l, const struct job *j)
{
	for (size_t h = 0; h < j->plan.nhop; h++)
		if (hop_fits(l, j, &j->plan.hop[h]))
			return &j->plan.hop[h];
	return NULL;
}

static bool
is_six(const char *ip)
{
	return strchr(ip, ':');
}

bool
reach_turn(const struct line *l, struct job *j, unsigned txn)
{
	const struct plan_hop *hop = reach_hop(l, j);
	size_t at = reach_target(l, j), i = 0, h = 0;
	bool six = is_six(l->c.ip);

	if (j->turned || j->attempt != 1 || !passage_is_direct(l->passage->transport) || !hop)
		return j->turned == txn;
	while (&j->plan.hop[h] != hop)
		i += j->plan.hop[h++].addr.n;
	for (size_t a = 0; a < hop->addr.n; a++, i++)
		if (i > at && is_six(hop->addr.v[a]) != six) {
			j->turned = txn;
			j->avoid6 = six;
			j->target = i;
			return true;
		}
	return false;
}

bool
reach_fits(const struct line *l, const struct job *j)
{
	if (j->turned && is_six(l->c.ip) == j->avoid6)
		return false;
	return smtp_is_open(&l->c) && (j->demand != JOB_SECURE || l->requiretls) && reach_hop(l, j);
}

size_t
reach_target(const struct line *l, const struct job *j)
{
	size_t i = 0;

	for (size_t h = 0; h < j->plan.nhop; h++)
		for (size_t a = 0; a < j->plan.hop[h].addr.n; a++, i++)
			if (hop_fits(l, j, &j->plan.hop[h]) && !strcmp(j->plan.hop[h].addr.v[a], l->c.ip))
				return i;
	return i;
}
