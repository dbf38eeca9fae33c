/* A posture for programs: one object on one line. What is not known is null; strings are escaped as in records, so that
 * the line is valid JSON whatever a stranger wrote. */
#include "base.h"

#include "clock.h"
#include "die.h"
#include "posture.h"
#include "table.h"

#include <jansson.h>

static json_t *
object(void)
{
	json_t *o = json_object();

	if (!o)
		die_temp("out of memory");
	return o;
}

static void
put(json_t *o, const char *key, json_t *v)
{
	if (!v || json_object_set_new(o, key, v))
		die_temp("out of memory");
}

static json_t *
text(const char *s)
{
	struct str shown = {0};
	json_t *v;

	if (!s)
		return json_null();
	table_escape(&shown, s, strlen(s));
	v = json_stringn(str_cstr(&shown), shown.len);
	str_free(&shown);
	return v;
}

static json_t *
list(const struct plan_list *l)
{
	json_t *a = json_array();

	for (size_t i = 0; a && i < l->n; i++)
		if (json_array_append_new(a, text(l->v[i])))
			die_temp("out of memory");
	return a;
}

static json_t *
known(enum yes_no k)
{
	return k == NOT_KNOWN ? json_null() : json_boolean(k == KNOWN_YES);
}

static json_t *
when(int64_t us)
{
	char iso[CLOCK_ISO_SIZE];

	if (!us)
		return json_null();
	clock_iso(iso, us, 0);
	return json_string(iso);
}

static json_t *
lookup(const struct lookup *l)
{
	static const char *const words[] = {NULL, "data", "nodata", "nxdomain", "bogus", "fail"};
	json_t *o;

	if (l->status == LOOKUP_UNKNOWN)
		return json_null();
	o = object();
	put(o, "answer", text(words[l->status]));
	put(o, "secure", json_boolean(l->secure && l->status != LOOKUP_BOGUS));
	put(o, "data", list(&l->data));
	if (l->canon)
		put(o, "alias-of", text(l->canon));
	if (l->why)
		put(o, "why", text(l->why));
	return o;
}

static json_t *
certificate(const struct posture_cert *c)
{
	json_t *o = object();

	put(o, "subject", text(c->subject));
	put(o, "issuer", text(c->issuer));
	put(o, "names", text(c->names));
	put(o, "not-before", text(c->not_before));
	put(o, "not-after", text(c->not_after));
	put(o, "spki-sha256", text(c->spki));
	return o;
}

static json_t *
probe(const struct posture_probe *b)
{
	json_t *o = object(), *chain = json_array();

	put(o, "address", text(b->ip));
	put(o, "port", text(b->port));
	put(o, "greeting", text(b->greeting));
	put(o, "offers", text(b->offers));
	put(o, "offers-in-tls", text(b->offers_in_tls));
	put(o, "tls", text(b->tls));
	put(o, "starttls", text(b->starttls));
	put(o, "pkix", text(b->pkix));
	put(o, "verified", text(b->verified));
	put(o, "tlsa", text(b->tlsa));
	put(o, "sts", text(b->sts));
	put(o, "requiretls", known(b->requiretls));
	put(o, "login", text(b->login));
	put(o, "error", text(b->error));
	for (size_t i = 0; i < b->ncert; i++)
		if (json_array_append_new(chain, certificate(&b->cert[i])))
			die_temp("out of memory");
	put(o, "chain", chain);
	return o;
}

static json_t *
server(const struct posture *p, const struct posture_host *h)
{
	static const char *const demands[] = {[PLAN_TLS_MAY] = "may",
	    [PLAN_TLS_NONE] = "none",
	    [PLAN_TLS_MUST] = "must",
	    [PLAN_TLS_DANE] = "dane",
	    [PLAN_TLS_DANE_UNUSABLE] = "dane-unusable",
	    [PLAN_TLS_STS] = "sts",
	    [PLAN_TLS_DANE_STS] = "dane+sts",
	    [PLAN_TLS_PKIX] = "pkix"};
	const struct plan_hop *hop = h->hop >= 0 ? &p->plan.hop[h->hop] : NULL;
	json_t *o = object(), *tried = json_array();

	put(o, "host", text(h->name));
	put(o, "pref", json_integer(h->pref));
	put(o, "port", hop ? json_integer(hop->port) : json_null());
	put(o, "demand", text(hop ? demands[hop->tls] : NULL));
	put(o, "addresses-secure",
	    hop ? json_boolean(hop->secure) : json_boolean(posture_addresses_secure(h)));
	put(o, "a", lookup(&h->a));
	put(o, "aaaa", lookup(&h->aaaa));
	put(o, "tlsa", lookup(posture_tlsa(h)));
	put(o, "tlsa-counted", hop ? list(&hop->tlsa) : json_array());
	for (size_t i = 0; i < p->nprobe; i++)
		if (!strcmp(p->probe[i].host, h->name) && json_array_append_new(tried, probe(&p->probe[i])))
			die_temp("out of memory");
	put(o, "tried", p->probing ? tried : json_null());
	if (!p->probing)
		json_decref(tried);
	return o;
}

static json_t *
policy(const struct posture *p)
{
	const struct posture_policy *y = &p->policy;
	json_t *o = object();

	put(o, "record", lookup(&p->sts_txt));
	put(o, "record-id", text(p->sts_id));
	put(o, "id", text(y->id));
	put(o, "mode", text(y->mode));
	put(o, "mx", list(&y->mx));
	put(o, "max-age", y->mode ? json_integer((json_int_t)y->max_age) : json_null());
	put(o, "result", text(y->result));
	put(o, "why", text(y->why));
	return o;
}

static json_t *
remarks(const struct posture *p)
{
	json_t *a = json_array();

	for (size_t i = 0; a && i < p->nremark; i++) {
		json_t *o = object();

		put(o, "weight", json_string(p->remark[i].weight == REMARK_PROBLEM ? "problem" : "note"));
		put(o, "about", text(p->remark[i].about));
		put(o, "text", text(p->remark[i].text));
		if (json_array_append_new(a, o))
			die_temp("out of memory");
	}
	return a;
}

static void
verdict(json_t *o, const struct posture *p)
{
	static const char *const fates[] = {
	    [PLAN_HOPS] = "sent", [PLAN_LATER] = "later", [PLAN_NEVER] = "never"};
	static const char *const words[] = {
	    "dane", "dane-or-sts", "sts", "some", "pkix", "encrypted", "opportunistic", "clear"};

	put(o, "domain", text(p->relay ? NULL : p->domain));
	put(o, "relay", text(p->relay ? p->domain : NULL));
	put(o, "proxy", text(p->proxy));
	put(o, "seen-as", p->proxy ? list(&p->seen_as) : json_null());
	put(o, "fate", json_string(fates[p->fate]));
	put(o, "protection", text(p->fate == PLAN_HOPS ? words[p->protection] : NULL));
	put(o, "verdict", text(p->verdict));
	put(o, "code", text(p->planned ? p->plan.code : NULL));
	put(o, "requiretls", known(p->requiretls_fit));
	put(o, "requiretls-why", text(p->requiretls_why));
}

void
posture_json(const struct posture *p)
{
	json_t *o = object(), *servers = json_array(), *seen = object(), *tlsrpt = object();

	verdict(o, p);
	put(o, "mx", lookup(&p->mx));
	for (size_t i = 0; i < p->nhost; i++)
		if (json_array_append_new(servers, server(p, &p->host[i])))
			die_temp("out of memory");
	put(o, "servers", servers);
	put(o, "mta-sts", policy(p));
	put(tlsrpt, "record", lookup(&p->tlsrpt_txt));
	put(tlsrpt, "rua", list(&p->rua));
	put(o, "tlsrpt", tlsrpt);
	put(seen, "starttls", known(p->starttls));
	put(seen, "requiretls", known(p->requiretls));
	put(seen, "at", when(p->seen));
	put(o, "last-seen", seen);
	put(o, "validation", known(p->validation));
	put(o, "remarks", remarks(p));
	if (json_dumpf(o, stdout, JSON_COMPACT))
		die_temp("unable to write: %m");
	putchar('\n');
	json_decref(o);
}
