#include "base.h"

#include "addr.h"
#include "domain.h"
#include "tally.h"

#include <ctype.h>

void
tally_start(struct tally *t)
{
	t->n = 0;
}

static uint64_t
hash_add(uint64_t h, const char *s)
{
	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * UINT64_C(1099511628211);
	return (h ^ ' ') * UINT64_C(1099511628211);
}

/* Whether that is new; then it is remembered. recipient: or "". */
static bool
is_news(struct tally *t, const char *type, const char *domain, const char *recipient)
{
	uint64_t h = hash_add(hash_add(hash_add(UINT64_C(14695981039346656037), type), domain), recipient);
	unsigned have = t->n < TALLY_MAX ? t->n : TALLY_MAX;

	for (unsigned i = 0; i < have; i++)
		if (t->told[i] == h)
			return false;
	t->told[t->n++ % TALLY_MAX] = h;
	return true;
}

/* ---- one line ---- */

struct words {
	const char *v[10 + PLAN_TLSA_MAX + 2 * PLAN_STS_MX_MAX];
	size_t n, used;
	char text[2 * REPORT_LINE_MAX];
};

static void
option(struct words *w, const char *name, const char *before, const char *value)
{
	size_t room = sizeof w->text - w->used;
	int n = snprintf(w->text + w->used, room, "%s=%s%s", name, before, value);

	if (!*value || n < 0 || (size_t)n >= room || w->n + 1 >= ARRAY_LEN(w->v))
		return;
	w->v[w->n++] = w->text + w->used;
	w->used += (size_t)n + 1;
}

static void
policy_options(struct words *w, const struct plan_sts *s)
{
	char age[24];

	snprintf(age, sizeof age, "%ju", (uintmax_t)s->max_age);
	for (size_t i = 0; i < s->mx.n; i++)
		option(w, "mxp", "", s->mx.v[i]);
	option(w, "policy", "version: ", "STSv1");
	option(w, "policy", "mode: ", s->mode);
	for (size_t i = 0; i < s->mx.n; i++)
		option(w, "policy", "mx: ", s->mx.v[i]);
	option(w, "policy", "max_age: ", age);
}

struct subject {
	const char *type, *domain;
	const struct opinion *opinion;
	const struct plan_sts *sts; /* NULL: not of this line */
	const struct plan_list *tlsa;
	const char *recipient; /* domain that it was for; NULL: not told */
	bool also;             /* the session stands in another line of this policy */
};

static void
tell(struct report *r, const struct job *j, const struct smtp *c, const struct subject *s)
{
	static struct words w;

	w.n = w.used = 0;
	w.v[w.n++] = s->type;
	w.v[w.n++] = s->domain;
	w.v[w.n++] = s->opinion->result;
	if (s->recipient)
		option(&w, "for", "", s->recipient);
	if (s->also)
		option(&w, "also", "", "yes");
	option(&w, "mx", "", c->host);
	option(&w, "helo", "", c->helo);
	option(&w, "from", "", c->self);
	option(&w, "to", "", c->ip);
	if (s->opinion->why)
		option(&w, "reason", "", s->opinion->why);
	if (s->sts)
		policy_options(&w, s->sts);
	for (size_t i = 0; s->tlsa && i < s->tlsa->n; i++)
		option(&w, "policy", "", s->tlsa->v[i]);
	w.v[w.n] = NULL;
	report_fields(r, j, "tls", w.v);
}

/* ---- all of them ---- */

/* The domain of an address, in A-labels; false: a literal, or nothing that has a place for TLSRPT's record. */
static bool
domain_of(const char *address, char out[256])
{
	const char *domain = addr_domain(address), *why;
	char *ascii;
	size_t n;

	if (!domain || !*domain || *domain == '[' || (n = strlen(domain)) > 255)
		return false;
	if (text_is_ascii(domain, n)) {
		memcpy(out, domain, n + 1);
		str_lower(out);
		return true;
	}
	if (!(ascii = domain_ascii(domain, &why)))
		return false;
	snprintf(out, 256, "%s", ascii);
	free(ascii);
	return true;
}

/* A relay's host has a report of its own; whom the mail is for has no part in it. */
static void
tell_tlsa(struct tally *t, struct report *r, const struct job *j, const struct smtp *c, struct subject *s)
{
	bool told = !is_news(t, "tlsa", s->domain, "");
	char domain[256];

	s->also = told;
	for (size_t i = 0; t->direct && i < j->nrcpt; i++) {
		if (!domain_of(j->rcpt[i].address, domain) || !is_news(t, "tlsa", s->domain, domain))
			continue;
		s->recipient = domain;
		tell(r, j, c, s);
		s->also = told = true;
	}
	if (!told)
		tell(r, j, c, s);
}

void
tally_tell(struct tally *t, struct report *r, const struct job *j, const struct plan_hop *hop,
    const struct smtp *c, const struct judgement *judged)
{
	const char *base = hop->base ? hop->base : hop->host;
	char domain[256];

	if (!judged->tls.result || j->uncounted)
		return;
	if (judged->tlsa.result)
		tell_tlsa(t, r, j, c,
		    &(struct subject){
			.type = "tlsa", .domain = base, .opinion = &judged->tlsa, .tlsa = &hop->tlsa});
	if (judged->sts.result && is_news(t, "sts", j->plan.sts.domain, ""))
		tell(r, j, c,
		    &(struct subject){.type = "sts",
			.domain = j->plan.sts.domain,
			.opinion = &judged->sts,
			.sts = &j->plan.sts});
	if (judged->tlsa.result || judged->sts.result || judged->blind || !t->direct)
		return;
	for (size_t i = 0; i < j->nrcpt; i++)
		if (domain_of(j->rcpt[i].address, domain) && is_news(t, "no-policy-found", domain, ""))
			tell(r, j, c,
			    &(struct subject){
				.type = "no-policy-found", .domain = domain, .opinion = &judged->tls});
}
