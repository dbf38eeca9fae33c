#include "base.h"

#include "die.h"
#include "planning.h"
#include "rec.h"

#include <stdarg.h>

#define TTL_LEAST 30
#define TTL_REFUSED 60  /* of never and later */
#define TTL_SKIPPED 300 /* of a plan without a host that may be well again soon */
#define LOOKUP_MAX 256

void
lookups_free(struct lookups *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].name);
		dns_answer_free(l->v[i].answer);
		if (l->v[i].question)
			sts_question_free(l->v[i].question);
		if (l->v[i].reply)
			sts_reply_free(l->v[i].reply);
		free(l->v[i].question);
		free(l->v[i].reply);
	}
	free(l->v);
	*l = (struct lookups){0};
}

const struct dns_answer *
making_need(struct making *m, const char *name, unsigned type)
{
	struct lookups *l = m->l;

	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].kind == LOOKUP_DNS && l->v[i].type == type && !strcmp(l->v[i].name, name)) {
			m->waiting = m->waiting || !l->v[i].answer;
			return l->v[i].answer;
		}
	if (l->n == LOOKUP_MAX)
		bug("more than %d lookups for one plan", LOOKUP_MAX);
	l->v = mem_grow(l->v, l->n + 1, sizeof *l->v);
	l->v[l->n++] = (struct lookup){.name = mem_dup(name), .type = type, .hosts = m->r->host};
	m->waiting = true;
	return NULL;
}

void
making_ttl(struct making *m, unsigned ttl)
{
	if (ttl < m->ttl)
		m->ttl = ttl;
}

void
making_refuse(struct making *m, enum plan_kind kind, const char *code, const char *fmt, ...)
{
	struct plan *p = m->p;
	va_list ap;

	/* Configuration can be mended; that a message needs more than the relay has cannot (T68). */
	if (kind == PLAN_NEVER && m->r->host && strncmp(code, "5.7.", 4) != 0) {
		kind = PLAN_LATER;
		code = "4.3.5";
	}
	p->kind = kind;
	p->code = mem_dup(code);
	p->ttl = TTL_REFUSED;
	va_start(ap, fmt);
	if (vasprintf(&p->text, fmt, ap) < 0)
		die_temp("out of memory");
	va_end(ap);
}

static const char *
why_failed(const struct dns_answer *a)
{
	return a->why ? a->why : dns_answer_failed(a) ? "no answer" : "more records than can be used";
}

void
making_refuse_failed(struct making *m, unsigned type, const char *name, const struct dns_answer *a)
{
	making_refuse(m, PLAN_LATER, "4.4.3", "unable to look up %s of %s: %s",
	    type ? dns_type_name(type) : "an address", name, why_failed(a));
	m->p->network_down = a->unreachable;
}

void
making_skip(struct making *m, const char *host, const char *fmt, ...)
{
	struct str s = {0};
	va_list ap;
	char *why;

	va_start(ap, fmt);
	if (vasprintf(&why, fmt, ap) < 0)
		die_temp("out of memory");
	va_end(ap);
	str_addf(&s, "%s is left out: %s", host, why);
	plan_list_add(&m->p->note, str_cstr(&s));
	str_free(&s);
	free(why);
}

void
making_skip_failed(
    struct making *m, const char *host, unsigned type, const char *name, const struct dns_answer *a)
{
	making_skip(m, host, "unable to look up %s%s%s: %s", type ? dns_type_name(type) : "its addresses",
	    type ? " of " : "", type ? name : "", why_failed(a));
	making_ttl(m, TTL_SKIPPED);
	if (m->failed)
		return;
	m->failed = a;
	m->failed_type = type;
	snprintf(m->failed_name, sizeof m->failed_name, "%.255s", name);
}

void
making_count(struct making *m, const char *type, const char *domain, const char *result, const char *host,
    const char *reason)
{
	struct str s = {0};

	if (m->p->count.n == PLAN_COUNT_MAX)
		return;
	rec_open(&s, "tls");
	rec_put(&s, type);
	rec_put(&s, domain);
	rec_put(&s, result);
	if (!m->r->host && !m->r->srv)
		rec_putf(&s, "for=%s", m->domain);
	rec_putf(&s, "mx=%s", host);
	rec_putf(&s, "reason=%s", reason);
	rec_close(&s);
	str_cut(&s, s.len - 1);
	plan_list_add(&m->p->count, str_cstr(&s) + strlen("tls "));
	str_free(&s);
}

void
making_done(struct making *m, const char *name)
{
	struct plan *p = m->p;

	p->kind = PLAN_HOPS;
	p->name = mem_dup(name);
	p->secure = m->secure;
	p->ttl = m->ttl < TTL_LEAST ? TTL_LEAST : m->ttl > PLANNING_TTL_MOST ? PLANNING_TTL_MOST : m->ttl;
}
