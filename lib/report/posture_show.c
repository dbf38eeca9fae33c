/* A posture for people: the verdict, then a line a fact, each problem below what it is about. */
#include "base.h"

#include "clock.h"
#include "posture.h"
#include "table.h"

#include <inttypes.h>
#include <stdarg.h>

#define LABEL 14
#define LIST_MAX 400 /* bytes of a list on one line */

static void
put(const char *s)
{
	struct str shown = {0};

	table_visible(&shown, s, strlen(s));
	fwrite(str_cstr(&shown), 1, shown.len, stdout);
	str_free(&shown);
}

/* label "" goes on below the last. */
static void PRINTF(3, 4) row(const char *indent, const char *label, const char *fmt, ...)
{
	struct str text = {0};
	char line[8192];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	str_addf(&text, "%s%-*s %s", indent, LABEL - (int)strlen(indent), label, line);
	put(text.s);
	putchar('\n');
	str_free(&text);
}

static void
remarks(const struct posture *p, const char *about)
{
	for (size_t i = 0; i < p->nremark; i++)
		if (!strcmp(p->remark[i].about, about)) {
			fputs(p->remark[i].weight == REMARK_PROBLEM ? "  ! " : "  - ", stdout);
			put(p->remark[i].text);
			putchar('\n');
		}
}

static const char *
trust_word(const struct lookup *l)
{
	switch (l->status) {
	case LOOKUP_UNKNOWN: return "not known";
	case LOOKUP_DATA: return l->secure ? "signed: " : "unsigned: ";
	case LOOKUP_NODATA:
	case LOOKUP_NXDOMAIN: return l->secure ? "none, and that is signed" : "none";
	case LOOKUP_BOGUS: return "wrong signatures";
	case LOOKUP_FAIL: return "no answer";
	}
	return "";
}

static void
list_add(struct str *out, const struct plan_list *l, size_t cut)
{
	for (size_t i = 0; i < l->n; i++) {
		size_t n = strlen(l->v[i]);

		if (out->len > LIST_MAX) {
			str_addf(out, " and %zu more", l->n - i);
			return;
		}
		str_addf(
		    out, "%s%.*s%s", i ? ", " : "", (int)(n > cut ? cut : n), l->v[i], n > cut ? "..." : "");
	}
}

/* ---- servers ---- */

static const char *
demand(const struct posture *p, const struct posture_host *h)
{
	if (h->hop < 0)
		return p->planned && p->plan.kind == PLAN_HOPS ? "no mail is sent to it" : "";
	switch (p->plan.hop[h->hop].tls) {
	case PLAN_TLS_MAY: return "TLS when it offers it, whoever it is";
	case PLAN_TLS_NONE: return "never TLS, as configured";
	case PLAN_TLS_MUST: return "always TLS, whoever it is, as configured";
	case PLAN_TLS_DANE: return "must prove itself by its TLSA records";
	case PLAN_TLS_DANE_UNUSABLE: return "always TLS, whoever it is";
	case PLAN_TLS_PKIX: return "must prove itself by its certificate, as configured";
	case PLAN_TLS_STS: return "must prove itself by its certificate (MTA-STS)";
	case PLAN_TLS_DANE_STS: return "must prove itself by its TLSA records, and stand in the policy";
	}
	return "";
}

static void
join(struct plan_list *all, const struct plan_list *more)
{
	all->v = mem_grow(all->v, all->n + more->n + 1, sizeof *all->v);
	for (size_t i = 0; i < more->n; i++)
		all->v[all->n++] = more->v[i];
}

static void
addresses(const struct posture *p, const struct posture_host *h)
{
	struct plan_list all = {0}; /* borrows */
	struct str text = {0};

	join(&all, &h->aaaa.data);
	join(&all, &h->a.data);
	list_add(&text, &all, 100);
	if (all.n)
		row("  ", "addresses", "%s%s",
		    posture_addresses_secure(h) ? "signed: " : "unsigned: ", str_cstr(&text));
	else if (h->hop >= 0 && h->a.status == LOOKUP_UNKNOWN) {
		const struct plan_hop *hop = &p->plan.hop[h->hop];

		list_add(&text, &hop->addr, 100);
		row("  ", "addresses", "%s%s", hop->secure ? "signed: " : "unsigned: ", str_cstr(&text));
	} else
		row("  ", "addresses", "%s", trust_word(&h->a));
	str_free(&text);
	free(all.v);
}

static void
tlsa(const struct posture_host *h)
{
	const struct lookup *l = posture_tlsa(h);
	struct str text = {0};

	list_add(&text, &l->data, 6 + 16);
	row("  ", "tlsa", "%s%s", trust_word(l), str_cstr(&text));
	if (l == &h->tlsa_canon && l->name && l->data.n)
		row("  ", "", "at %s", l->name);
	str_free(&text);
}

static void
chain(const struct posture_probe *b)
{
	for (size_t i = 0; i < b->ncert; i++) {
		const struct posture_cert *c = &b->cert[i];

		row("  ", i ? "" : "certificate", "%.300s", c->subject);
		if (!i && c->names)
			row("  ", "", "for %.500s", c->names);
		row("  ", "", "%s to %s, signed by %.300s", c->not_before ? c->not_before : "?",
		    c->not_after ? c->not_after : "?", c->issuer ? c->issuer : "?");
	}
	if (b->pkix)
		row("  ", "authorities", "%s", strcmp(b->pkix, "ok") ? b->pkix : "speak for it");
}

static void
probe(const struct posture_probe *b)
{
	struct str text = {0};

	str_addf(&text, "%s port %s: %s", b->ip ? b->ip : "no address", b->port ? b->port : "-",
	    b->tls ? b->tls : "no TLS");
	if (b->verified && b->tls)
		str_adds(&text, !strcmp(b->verified, "dane")   ? ", proved by DANE"
				: !strcmp(b->verified, "pkix") ? ", proved by its certificate"
							       : ", not proved");
	if (b->login)
		str_addf(&text, ", logged in by %s", b->login);
	if (b->requiretls != NOT_KNOWN)
		str_adds(&text, b->requiretls == KNOWN_YES ? ", REQUIRETLS offered" : ", no REQUIRETLS");
	if (b->error)
		str_adds(&text, ", failed");
	row("  ", "tried", "%s", text.s);
	str_free(&text);
	if (b->greeting)
		row("  ", "greeting", "%.300s", b->greeting);
	if (b->offers_in_tls || b->offers)
		row("  ", "offers", "%.500s", b->offers_in_tls ? b->offers_in_tls : b->offers);
	chain(b);
}

static void
server(const struct posture *p, const struct posture_host *h)
{
	const char *must = demand(p, h);

	row("", "server", "%s%s%s", h->name, *must ? ": " : "", must);
	addresses(p, h);
	tlsa(h);
	for (size_t i = 0; i < p->nprobe; i++)
		if (!strcmp(p->probe[i].host, h->name))
			probe(&p->probe[i]);
	remarks(p, h->name);
}

/* ---- the domain ---- */

static void
mx(const struct posture *p)
{
	struct str text = {0};

	list_add(&text, &p->mx.data, 256);
	if (!p->relay)
		row("", "mx", "%s%s", trust_word(&p->mx), str_cstr(&text));
	str_free(&text);
	remarks(p, "mx");
}

static void
proxy(const struct posture *p)
{
	struct str text = {0};

	if (!p->proxy)
		return;
	list_add(&text, &p->seen_as, 100);
	row("", "proxy", "%s%s%s", p->proxy, text.len ? ", from which servers see mail come by " : "",
	    str_cstr(&text));
	str_free(&text);
}

static void
age_add(struct str *out, uint64_t s)
{
	if (s >= 2 * 86400)
		str_addf(out, "%" PRIu64 " days", s / 86400);
	else
		str_addf(out, "%" PRIu64 " seconds", s);
}

static void
sts(const struct posture *p)
{
	const struct posture_policy *y = &p->policy;
	struct str text = {0};

	if (y->mode) {
		str_addf(&text, "%s", y->mode);
		if (y->mx.n)
			str_adds(&text, ", servers ");
		list_add(&text, &y->mx, 256);
		str_adds(&text, ", kept for ");
		age_add(&text, y->max_age);
		if (y->id && *y->id)
			str_addf(&text, ", id %s", y->id);
	} else if (p->sts_id)
		str_addf(&text, "record with id %s, policy not known", p->sts_id);
	else if (!p->sts_txt.data.n)
		str_adds(&text, trust_word(&p->sts_txt));
	else
		str_adds(&text, "no record that counts");
	row("", "mta-sts", "%s", str_cstr(&text));
	str_free(&text);
	remarks(p, "sts");
}

static void
rest(const struct posture *p)
{
	static const char *const words[] = {"not known", "no", "yes"};
	struct str text = {0};
	char iso[CLOCK_ISO_SIZE];

	list_add(&text, &p->rua, 256);
	if (!p->relay || p->tlsrpt_txt.status != LOOKUP_UNKNOWN)
		row("", "tlsrpt", "%s",
		    p->rua.n               ? text.s
		    : p->tlsrpt_txt.data.n ? "no record that counts"
					   : trust_word(&p->tlsrpt_txt));
	str_free(&text);
	remarks(p, "tlsrpt");
	if (p->planned && p->plan.kind == PLAN_HOPS)
		row("", "requiretls", "%s%s",
		    p->requiretls_fit == KNOWN_YES  ? "such mail can go there"
		    : p->requiretls_fit == KNOWN_NO ? "such mail cannot go there: "
						    : "not known whether such mail can go there",
		    p->requiretls_why ? p->requiretls_why : "");
	if (p->starttls != NOT_KNOWN || p->requiretls != NOT_KNOWN) {
		clock_iso(iso, p->seen, 0);
		row("", "last seen", "STARTTLS %s, REQUIRETLS %s, at %s", words[p->starttls],
		    words[p->requiretls], iso);
	}
	if (p->validation_word)
		row("", "resolver",
		    p->validation == KNOWN_YES          ? "validates DNSSEC"
		    : p->validation == KNOWN_NO         ? "does not validate DNSSEC"
		    : strcmp(p->validation_word, "off") ? "not known whether it validates DNSSEC"
							: "not tested, or no DNSSEC, as configured");
	remarks(p, "resolver");
	remarks(p, "probe");
}

void
posture_print(const struct posture *p)
{
	put(p->verdict);
	fputs("\n\n", stdout);
	proxy(p);
	mx(p);
	for (size_t i = 0; i < p->nhost; i++)
		server(p, &p->host[i]);
	if (!p->relay || p->sts_txt.status != LOOKUP_UNKNOWN)
		sts(p);
	rest(p);
}
