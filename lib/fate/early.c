#include "base.h"

#include "early.h"
#include "visit.h"

bool
early_may(const struct visit *v)
{
	struct line *l = v->l;
	const struct conf_transport *t = l->passage->transport;
	const struct recalled *known = l->recall ? recall_find(l->recall, v->ip, v->hop->port) : NULL;

	if (!l->trusting || !known || v->j->careful || passage_logs_in(l->passage) ||
	    (t && t->type == TRANSPORT_SUBMISSIONS))
		return false;
	l->known = *known;
	return true;
}

void
early_forget(struct line *l)
{
	struct recalled none = {.port = l->known.port};

	memcpy(none.ip, l->known.ip, sizeof none.ip);
	recall_learn(l->recall, &none);
}

enum step
visit_anew(const struct visit *v, enum smtp_got got)
{
	struct line *l = v->l;

	tap_note(l->c.io.tap, "it is not to be met as an old acquaintance");
	smtp_close(&l->c);
	l->version = l->cipher = NULL;
	l->owed = 0;
	if (got == SMTP_GONE)
		return STEP_GONE;
	if (l->early)
		early_forget(l);
	return STEP_LATE;
}

/* What is owed, in its order. */
static enum step
answers(const struct visit *v)
{
	struct line *l = v->l;
	struct smtp *c = &l->c;
	const struct ehlo *known = c->io.tls ? &l->known.tls : &l->known.plain;
	enum smtp_got got = smtp_from_io(stream_flush(&c->io));

	c->io.watch_in = false;
	c->reply.code = 200;
	if (got == SMTP_REPLY && l->owed & OWED_GREETING) {
		got = smtp_reply(c, v->conf->timeouts.greeting);
		v->j->greeted |= got == SMTP_REPLY;
	}
	if (got == SMTP_REPLY && c->reply.code / 100 == 2)
		got = smtp_hello_take(c, v->conf->timeouts.ehlo);
	if (got != SMTP_REPLY || c->reply.code / 100 != 2 || !ehlo_same(&c->ehlo, known))
		return visit_anew(v, got);
	l->owed = 0;
	v->j->welcome = true;
	return STEP_OPEN;
}

enum step
early_greet(const struct visit *v)
{
	struct line *l = v->l;
	struct smtp *c = &l->c;
	enum smtp_got got = smtp_hello_put(c, passage_hostname(l->passage, v->conf));

	l->early = true;
	l->owed = OWED_GREETING | OWED_EHLO;
	l->starttls = l->known.plain.starttls;
	if (v->hop->tls == PLAN_TLS_NONE && got == SMTP_REPLY) {
		c->ehlo = l->known.plain;
		return STEP_OPEN;
	}
	if (got == SMTP_REPLY && l->starttls)
		got = smtp_put(c, "STARTTLS");
	return got == SMTP_REPLY ? answers(v) : visit_anew(v, got);
}

bool
early_in_tls(const struct visit *v)
{
	struct line *l = v->l;

	if (!l->early || !l->known.has_tls || !l->known.tls.pipeconnect || v->j->demand == JOB_SECURE ||
	    smtp_hello_put(&l->c, passage_hostname(l->passage, v->conf)) != SMTP_REPLY)
		return false;
	l->c.ehlo = l->known.tls;
	l->owed = OWED_EHLO;
	return true;
}

enum reach
early_settle(struct line *l, const struct conf *conf, struct job *j)
{
	const struct visit v = {l, conf, j, reach_hop(l, j), l->c.ip};

	switch (answers(&v)) {
	case STEP_GONE: return REACH_GONE;
	case STEP_OPEN: break;
	default: return REACH_NONE;
	}
	j->reached = true;
	if (l->c.io.tls) {
		visit_count(&v);
		l->requiretls = l->c.ehlo.requiretls;
	}
	return REACH_OPEN;
}

void
early_learn(struct line *l)
{
	struct recalled now = {
	    .port = l->c.port, .plain = l->plain, .has_tls = l->version != NULL, .tls = l->c.ehlo};

	if (!l->recall || l->owed || l->fell_back || passage_logs_in(l->passage))
		return;
	snprintf(now.ip, sizeof now.ip, "%s", l->c.ip);
	recall_learn(l->recall, &now);
}
