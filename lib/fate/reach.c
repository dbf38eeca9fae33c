#include "base.h"

#include "clock.h"
#include "reach.h"

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
	struct fate f =
	    fate_reply(phase, r->code, r->enhanced, &(struct fate_case){.fell_back = l->fell_back});
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
	    f.outcome == FATE_NEVER   ? RANK_NEVER
	    : what == TROUBLE_CONNECT ? RANK_CONNECT
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

enum step {
	STEP_OPEN,
	STEP_NEXT,
	STEP_GONE,
	STEP_SMALL /* again with a short ClientHello */,
	STEP_PLAIN /* again without TLS */
};

static enum step
refused(struct line *l, const struct conf *conf, struct job *j, enum phase phase)
{
	miss_reply(j, l, phase);
	smtp_quit(&l->c, conf->timeouts.quit);
	return STEP_NEXT;
}

static enum step
broken(struct line *l, struct job *j, enum smtp_got got, const char *during)
{
	if (got != SMTP_GONE)
		miss_got(j, l, got, during);
	smtp_close(&l->c);
	return got == SMTP_GONE ? STEP_GONE : STEP_NEXT;
}

/* Judges who is at the other end of a finished handshake. Under the demands of today (none, may, must)
 * everybody is welcome; what a hop demands of names and keys is decided here and nowhere else. */
static bool
peer_is_trusted(const struct line *l, const struct plan_hop *hop)
{
	(void)l;
	return hop->tls == PLAN_TLS_MAY || hop->tls == PLAN_TLS_MUST;
}

static enum step
tls_failed(struct line *l, struct job *j, const struct plan_hop *hop, enum smtp_got got, bool small)
{
	bool heard = l->c.io.tls && tls_heard(l->c.io.tls);
	enum step next = broken(l, j, got, "handshake");

	l->version = l->cipher = NULL;
	if (next == STEP_GONE || got == SMTP_BAD)
		return next;
	if (!heard && !small)
		return STEP_SMALL;
	return hop->tls == PLAN_TLS_MAY ? STEP_PLAIN : STEP_NEXT;
}

static enum step
secure(struct line *l, const struct conf *conf, struct job *j, const struct plan_hop *hop, bool small)
{
	struct smtp *c = &l->c;
	enum smtp_got got;

	if (!c->ehlo.starttls) {
		if (hop->tls == PLAN_TLS_MAY)
			return STEP_OPEN;
		miss_trouble(j, l, TROUBLE_TLS_MISSING, "TLS is demanded and was not offered");
		smtp_quit(c, conf->timeouts.quit);
		return STEP_NEXT;
	}
	got = smtp_command(c, "STARTTLS", conf->timeouts.starttls);
	if (got != SMTP_REPLY)
		return broken(l, j, got, "STARTTLS");
	if (c->reply.code / 100 != 2) {
		if (hop->tls == PLAN_TLS_MAY && c->reply.code != 421) {
			l->fell_back = true;
			return STEP_OPEN;
		}
		return refused(l, conf, j, PHASE_STARTTLS);
	}
	got = smtp_tls(c, hop->host, small, conf->timeouts.starttls);
	if (got == SMTP_REPLY) {
		l->version = tls_version(c->io.tls);
		l->cipher = tls_cipher(c->io.tls);
		if (!peer_is_trusted(l, hop)) {
			miss_trouble(j, l, TROUBLE_TLS, "the peer is not whom the plan demands");
			smtp_close(c);
			return STEP_NEXT;
		}
		/* With TLS 1.3 a server's complaint about the handshake comes behind it. */
		got = smtp_hello(c, conf->hostname, conf->timeouts.ehlo);
		if (got == SMTP_REPLY)
			return c->reply.code / 100 == 2 ? STEP_OPEN : refused(l, conf, j, PHASE_EHLO);
	}
	return tls_failed(l, j, hop, got, small);
}

static enum step
attempt(struct line *l, const struct conf *conf, struct job *j, const struct plan_hop *hop, const char *ip,
    enum step how)
{
	struct smtp *c = &l->c;
	int64_t deadline = clock_mono() + conf->timeouts.connect;
	enum smtp_got got;

	l->fell_back = how == STEP_PLAIN;
	l->version = l->cipher = NULL;
	l->demand = hop->tls;
	l->mails = 0;
	l->proven = l->dirty = l->no_chunking = false;
	if (smtp_dial(c, hop->host, ip, hop->port, deadline < c->io.cap ? deadline : c->io.cap)) {
		int err = errno;

		snprintf(c->host, sizeof c->host, "%s", hop->host);
		snprintf(c->ip, sizeof c->ip, "%s", ip);
		if (err == ECANCELED)
			return STEP_GONE;
		if (err != ENETUNREACH && err != ENETDOWN && err != EADDRNOTAVAIL)
			j->some_network = true;
		miss_trouble(j, l, TROUBLE_CONNECT, strerror(err));
		return STEP_NEXT;
	}
	j->some_network = true;
	got = smtp_reply(c, conf->timeouts.greeting);
	if (got != SMTP_REPLY)
		return broken(l, j, got, "greeting");
	j->greeted = true;
	if (c->reply.code / 100 != 2)
		return refused(l, conf, j, PHASE_GREETING);
	got = smtp_hello(c, conf->hostname, conf->timeouts.ehlo);
	if (got != SMTP_REPLY)
		return broken(l, j, got, "EHLO");
	if (c->reply.code / 100 != 2)
		return refused(l, conf, j, PHASE_EHLO);
	if (hop->tls == PLAN_TLS_NONE || how == STEP_PLAIN)
		return STEP_OPEN;
	return secure(l, conf, j, hop, how == STEP_SMALL);
}

/* One address: at most three connections, usual, with a short ClientHello, in plaintext. */
static enum step
address(struct line *l, const struct conf *conf, struct job *j, const struct plan_hop *hop, const char *ip)
{
	enum step how = STEP_OPEN;

	do
		how = attempt(l, conf, j, hop, ip, how);
	while (how == STEP_SMALL || how == STEP_PLAIN);
	return how;
}

/* ---- all of them ---- */

enum reach
reach(struct line *l, const struct conf *conf, struct job *j)
{
	size_t i = 0;

	for (size_t h = 0; h < j->plan.nhop; h++) {
		const struct plan_hop *hop = &j->plan.hop[h];

		for (size_t a = 0; a < hop->addr.n; a++, i++) {
			enum step got;

			if (i < j->target)
				continue;
			if (j->dials++ == DIAL_MAX || clock_mono() >= l->c.io.cap)
				return REACH_NONE;
			j->target = i;
			got = address(l, conf, j, hop, hop->addr.v[a]);
			if (got == STEP_OPEN) {
				j->reached = true;
				return REACH_OPEN;
			}
			if (got == STEP_GONE)
				return REACH_GONE;
			j->target = i + 1;
		}
	}
	return REACH_NONE;
}

static bool
hop_fits(const struct line *l, const struct plan_hop *h)
{
	return h->port == l->c.port && h->tls == l->demand && !strcmp(h->host, l->c.host);
}

bool
reach_fits(const struct line *l, const struct job *j)
{
	if (!smtp_is_open(&l->c))
		return false;
	for (size_t h = 0; h < j->plan.nhop; h++)
		if (hop_fits(l, &j->plan.hop[h]))
			return true;
	return false;
}

size_t
reach_target(const struct line *l, const struct job *j)
{
	size_t i = 0;

	for (size_t h = 0; h < j->plan.nhop; h++)
		for (size_t a = 0; a < j->plan.hop[h].addr.n; a++, i++)
			if (hop_fits(l, &j->plan.hop[h]) && !strcmp(j->plan.hop[h].addr.v[a], l->c.ip))
				return i;
	return i;
}
