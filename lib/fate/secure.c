#include "base.h"

#include "ticket.h"
#include "visit.h"

/* This session is none in TLS. */
static void
count_failure(const struct visit *v, const char *result, const char *why)
{
	struct line *l = v->l;

	snprintf(l->reason, sizeof l->reason, "%s", why);
	judge_failure(&l->judged, &v->j->plan, v->hop, (struct opinion){result, *why ? l->reason : NULL});
	visit_count(v);
}

/* Without TLS, when TLS fails: never where there is a login (T100). */
static bool
may_fall_back(const struct visit *v)
{
	return v->hop->tls == PLAN_TLS_MAY && !passage_logs_in(v->l->passage);
}

/* STARTTLS, the handshake or the EHLO behind it has no answer. Of an attempt that is made again with a smaller
 * ClientHello nothing is counted: the second one tells. More behind the 220 is an attack or nonsense, and
 * never a reason for plaintext (T97). */
static enum step
tls_failed(const struct visit *v, enum smtp_got got, bool small, const char *during)
{
	struct smtp *c = &v->l->c;
	bool heard = !c->io.tls || tls_heard(c->io.tls);
	char why[200];
	enum step next;

	if (v->l->early || v->l->resuming)
		return visit_anew(v, got);
	smtp_why(c, got, why, sizeof why);
	next = visit_broken(v, got, during);
	v->l->version = v->l->cipher = NULL;
	if (next == STEP_GONE)
		return next;
	if (got != SMTP_BAD && !heard && !small)
		return STEP_SMALL;
	count_failure(v, "validation-failure", why);
	return may_fall_back(v) && got != SMTP_BAD ? STEP_PLAIN : STEP_NEXT;
}

static enum step
not_offered(const struct visit *v)
{
	count_failure(v, "starttls-not-supported", "");
	if (v->hop->tls == PLAN_TLS_MAY)
		return STEP_OPEN;
	miss_trouble(v->j, v->l, TROUBLE_TLS_MISSING, "TLS is demanded and was not offered");
	tap_note(v->l->c.io.tap, "TLS is demanded and was not offered");
	smtp_quit(&v->l->c, v->conf->timeouts.quit);
	return STEP_NEXT;
}

static enum step
not_granted(const struct visit *v)
{
	int code = v->l->c.reply.code;
	char why[40];

	if (v->l->early)
		return visit_anew(v, SMTP_REPLY);
	snprintf(why, sizeof why, "STARTTLS was answered with %d", code);
	count_failure(v, "starttls-not-supported", why);
	if (!may_fall_back(v) || code == 421)
		return visit_refused(v, PHASE_STARTTLS);
	v->l->fell_back = true;
	return STEP_OPEN;
}

static enum step
stranger(const struct visit *v)
{
	char text[600];

	visit_count(v);
	snprintf(text, sizeof text, "the server is not proved to be %s: %s", v->hop->host, v->l->judged.why);
	miss_trouble(v->j, v->l, TROUBLE_TLS, text);
	tap_note(v->l->c.io.tap, "%s", text);
	v->l->version = v->l->cipher = NULL;
	smtp_close(&v->l->c);
	return STEP_NEXT;
}

/* The TLSA base, which its records are for (RFC 7672 8.1); a policy is about the MX host, and asks for it by its own
 * name (RFC 8461 7.1), though TLSA records that cannot be used stand beside it. */
const char *
visit_name(const struct plan_hop *hop)
{
	return hop->base && hop->tls != PLAN_TLS_STS ? hop->base : hop->host;
}

/* A resumed session shows the certificate of the first one. Should that not do any more, today's may. */
static bool
is_beyond_doubt(const struct judgement *j)
{
	return j->trusted && (!j->tlsa.result || !strcmp(j->tlsa.result, "ok")) &&
	       (!j->sts.result || !strcmp(j->sts.result, "ok"));
}

/* The handshake, and who is there. */
enum step
secure_handshake(const struct visit *v, bool small)
{
	struct line *l = v->l;
	struct smtp *c = &l->c;
	struct tls_how how = {.name = visit_name(v->hop), .small = small, .tickets = l->tickets};
	enum smtp_got got;

	l->resuming = l->trusting && l->tickets && ticket_take(l, v->j, v, &how);
	got = smtp_tls(c, &how, v->conf->timeouts.starttls);
	if (got != SMTP_REPLY)
		return tls_failed(v, got, small, "handshake");
	l->resumed = tls_is_resumed(c->io.tls);
	l->version = tls_version(c->io.tls);
	l->cipher = tls_cipher(c->io.tls);
	judge_peer(&l->judged, c->io.tls, &v->j->plan, v->hop);
	if (l->resumed && !is_beyond_doubt(&l->judged))
		return visit_anew(v, got);
	if (l->judged.trusted)
		tap_note(c->io.tap, "verified=%s", l->judged.verified);
	visit_see(l, SIGHT_TLS);
	return l->judged.trusted ? STEP_OPEN : stranger(v);
}

/* EHLO inside TLS. With TLS 1.3 a server's complaint about the handshake comes behind it (T53). */
enum step
secure_hello(const struct visit *v, bool small)
{
	struct line *l = v->l;
	struct smtp *c = &l->c;
	enum smtp_got got;

	if (early_in_tls(v))
		return STEP_OPEN;
	got = smtp_hello(c, passage_hostname(l->passage, v->conf), v->conf->timeouts.ehlo);
	if (got != SMTP_REPLY)
		return tls_failed(v, got, small, "EHLO in TLS");
	visit_count(v);
	if (c->reply.code / 100 != 2)
		return visit_refused(v, PHASE_EHLO);
	v->j->welcome = true;
	l->requiretls = c->ehlo.requiretls;
	visit_see(l, SIGHT_HELLO);
	return STEP_OPEN;
}

enum step
secure_starttls(const struct visit *v, bool small)
{
	struct line *l = v->l;
	struct smtp *c = &l->c;
	enum smtp_got got;
	enum step next;

	if (!l->starttls)
		return not_offered(v);
	got = l->early ? smtp_reply(c, v->conf->timeouts.starttls)
	               : smtp_command(c, "STARTTLS", v->conf->timeouts.starttls);
	if (got != SMTP_REPLY)
		return tls_failed(v, got, true, "STARTTLS");
	if (c->reply.code / 100 != 2)
		return not_granted(v);
	next = secure_handshake(v, small);
	return next == STEP_OPEN ? secure_hello(v, small) : next;
}
