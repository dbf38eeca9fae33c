#include "base.h"

#include "planning.h"
#include "target.h"

#include <arpa/inet.h>

/* Appends the addresses of one family. */
static void
addrs_add(struct making *m, struct plan_list *to, const struct dns_answer *a, unsigned type, size_t most,
    bool *refused)
{
	int family = type == DNS_AAAA ? AF_INET6 : AF_INET;

	for (size_t i = 0; i < a->n && to->n < most; i++) {
		char text[INET6_ADDRSTRLEN];

		if (!rdata_addr(text, type, a->data[i].p, a->data[i].n))
			continue;
		if (target_allowed(family, a->data[i].p, m->r->loopback))
			plan_list_add(to, text);
		else
			*refused = true;
	}
}

static void
name_add(struct plan_list *names, const char *name)
{
	for (size_t i = 0; i < names->n; i++)
		if (!strcmp(names->v[i], name))
			return;
	plan_list_add(names, name);
}

/* What is known of a host before a hop is made of it. */
struct host {
	const char *name;
	const struct dns_answer *a[2]; /* AAAA, A */
	bool proved[2];                /* data, and secure */
	const char *canon;
	struct tlsa_found tlsa;
};

static const unsigned types[] = {DNS_AAAA, DNS_A};

static bool
is_below(const char *host, const char *domain)
{
	size_t h = strlen(host), d = strlen(domain);

	return h > d && host[h - d - 1] == '.' && !strcmp(host + h - d, domain);
}

/* What a certificate may be for: the TLSA base domain; the host; what it is an alias for, and the domain, where
 * DNSSEC says so (RFC 7672 3.2.2, T10). A host that SRV records name counts only where DNSSEC says so, too, or within the
 * domain; else the certificate must be for the domain itself (RFC 6186 6). */
static void
hop_names(struct making *m, struct plan_hop *h, const char *canon)
{
	if (h->base)
		name_add(&h->names, h->base);
	if (!m->r->srv || m->secure || is_below(h->host, m->domain))
		name_add(&h->names, h->host);
	if (canon && h->secure)
		name_add(&h->names, canon);
	if (m->r->srv)
		name_add(&h->names, m->domain);
	if (!m->r->host && m->secure) {
		name_add(&h->names, m->domain);
		name_add(&h->names, m->expanded);
	}
}

/* false: waiting. */
static bool
host_ask(struct making *m, struct host *h)
{
	const bool wanted[] = {m->r->ipv6, m->r->ipv4};
	bool all = true;

	for (int i = 0; i < 2; i++) {
		if (!wanted[i])
			continue;
		h->a[i] = making_need(m, h->name, types[i]);
		all = all && h->a[i];
	}
	return all;
}

/* Whether its addresses of a family may be used: where DANE speaks for one family, an answer for the other that nobody
 * signed is not (T4). */
static bool
uses(const struct host *h, int family)
{
	bool dane = h->tlsa.dane != DANE_NONE && (h->proved[0] || h->proved[1]);

	return h->a[family] && h->a[family]->status == DNS_DATA && (!dane || h->proved[family]);
}

static void
host_addrs(struct making *m, const struct host *h, struct plan_list *addr, bool *refused)
{
	for (int i = 0; i < 2; i++) {
		if (!uses(h, i))
			continue;
		addrs_add(m, addr, h->a[i], types[i], i ? PLAN_ADDR_MAX : PLAN_ADDR_MAX / 2, refused);
		making_ttl(m, h->a[i]->ttl);
	}
}

/* A family whose lookup failed is left out when the other one has addresses (T4). true: there are some. */
static bool
host_reachable(struct making *m, struct host *h)
{
	const struct dns_answer *bad = NULL;
	struct plan_list addr = {0};
	bool refused = false, some;

	for (int i = 0; i < 2; i++) {
		const struct dns_answer *a = h->a[i];

		if (!a)
			continue;
		if (dns_answer_failed(a))
			bad = bad ? bad : a;
		if (a->status != DNS_DATA)
			continue;
		h->proved[i] = a->secure;
		if (!h->canon || a->secure)
			h->canon = a->canon;
	}
	host_addrs(m, h, &addr, &refused);
	some = addr.n;
	plan_list_free(&addr);
	if (some)
		return true;
	if (bad) {
		making_skip_failed(m, h->name, 0, h->name, bad);
	} else {
		making_skip(m, h->name, refused ? "no mail can go to its addresses" : "it has no address");
		m->refused += refused;
		m->none += !refused;
	}
	return false;
}

/* A host that is left out for good reason is told of where it matters: TLSRPT (T2), the plan's notes. */
static void
host_skip(struct making *m, const struct host *h, enum demand_fate fate)
{
	switch (fate) {
	case HOP_FAILED:
		making_skip_failed(m, h->name, h->tlsa.failed_type, h->tlsa.failed_name, h->tlsa.failed);
		break;
	case HOP_STRANGER:
		making_skip(m, h->name, "the MTA-STS policy of %s does not name it", m->domain);
		m->strangers++;
		break;
	case HOP_UNPROVED:
		making_skip(m, h->name,
		    "it has no signed TLSA record that can be used, which the configuration asks for");
		m->unproved++;
		return;
	default:
		making_skip(m, h->name, "neither DANE nor MTA-STS proves it, which the message needs");
		m->insecure++;
	}
}

/* addr: becomes the hop's. */
static void
hop_add(struct making *m, struct host *h, const struct demand *d, struct plan_list *addr, unsigned pref)
{
	struct plan_hop *hop = plan_hop_add(m->p, h->name);

	hop->pref = pref;
	hop->port = m->port;
	hop->tls = d->tls;
	hop->sts_stranger = d->stranger;
	hop->addr = *addr;
	hop->secure = true;
	for (int i = 0; i < 2; i++)
		if (uses(h, i) && !h->proved[i])
			hop->secure = false;
	hop->tlsa = h->tlsa.text;
	h->tlsa.text = (struct plan_list){0};
	if (hop->tlsa.n && strcmp(h->tlsa.base, h->name))
		hop->base = mem_dup(h->tlsa.base);
	hop_names(m, hop, h->canon);
}

/* That the host's TLSA records are not known, or more than can be used, is its operator's to hear. */
static void
count_failed(struct making *m, const struct host *h)
{
	const struct dns_answer *a = h->tlsa.failed;

	if (a->unreachable)
		return;
	if (!dns_answer_failed(a))
		making_count(m, "tlsa", h->tlsa.base, "tlsa-invalid", h->name, "too-many-records");
	else
		making_count(m, "tlsa", h->tlsa.base, "dnssec-invalid", h->name,
		    a->status == DNS_BOGUS ? "validation-failed" : "lookup-failed");
}

/* A hop, unless its demand, or what is left of its addresses, forbids it. */
static void
host_judge(struct making *m, struct host *h, unsigned pref)
{
	struct finding f = {.need = m->r->need,
	    .configured = m->r->tls,
	    .dane = h->tlsa.dane,
	    .sts = m->p->sts.mode ? sts_judge(m, h->name) : STS_NONE,
	    .mx_secure = m->secure};
	struct demand d = demand_of(&f);
	struct plan_list addr = {0};
	bool refused = false;

	if (h->tlsa.dane == DANE_FAILED)
		count_failed(m, h);
	if (d.fate != HOP_KEPT) {
		host_skip(m, h, d.fate);
		return;
	}
	host_addrs(m, h, &addr, &refused);
	if (addr.n) {
		hop_add(m, h, &d, &addr, pref);
	} else {
		making_skip(m, h->name, "no mail can go to those of its addresses that are signed");
		m->refused++;
	}
}

void
hop_make(struct making *m, const char *name, unsigned pref)
{
	struct host h = {.name = name};
	struct tlsa_host at = {.name = name};

	if (!host_ask(m, &h) || !host_reachable(m, &h))
		return;
	at.canon = h.canon;
	at.secure = h.proved[0] || h.proved[1];
	if (tlsa_find(m, &at, &h.tlsa) && !m->waiting)
		host_judge(m, &h, pref);
	plan_list_free(&h.tlsa.text);
}

int
addr_parse(const char *s, unsigned char b[16], char text[INET6_ADDRSTRLEN])
{
	size_t n = strlen(s);
	char t[64];
	int family;

	if (n >= sizeof t)
		return 0;
	memcpy(t, s, n + 1);
	if (n > 1 && *t == '[' && t[n - 1] == ']') {
		t[n - 1] = 0;
		memmove(t, t + 1, n - 1);
	}
	if (str_istarts(t, "IPv6:"))
		memmove(t, t + 5, strlen(t) - 4);
	family = strchr(t, ':') ? AF_INET6 : AF_INET;
	return inet_pton(family, t, b) == 1 && inet_ntop(family, b, text, INET6_ADDRSTRLEN) ? family : 0;
}

/* DANE and REQUIRETLS go by names; a certificate may be for an address. */
static bool
address_proves(const struct plan_request *r)
{
	return r->tls == PLAN_TLS_PKIX || (r->need != NEED_SECURE && r->tls != PLAN_TLS_DANE);
}

void
address_add(struct making *m, int family, const unsigned char *b, const char *text, unsigned pref)
{
	const struct plan_request *r = m->r;
	struct plan_hop *h;

	if (!address_proves(r)) {
		making_skip(m, text, "nothing proves whose an address is");
		m->insecure++;
	} else if (!target_allowed(family, b, r->loopback)) {
		making_skip(m, text, "no mail can go there from here");
		m->refused++;
	} else if (!(family == AF_INET6 ? r->ipv6 : r->ipv4)) {
		making_skip(m, text, "its family is not to be used");
		m->none++;
	} else {
		h = plan_hop_add(m->p, text);
		h->pref = pref;
		h->port = m->port;
		h->tls = r->tls;
		plan_list_add(&h->addr, text);
		plan_list_add(&h->names, text);
	}
}

void
address_make(struct making *m, const char *name, int family, const unsigned char *b, const char *text)
{
	const struct plan_request *r = m->r;
	struct plan_hop *h;

	if (!address_proves(r)) {
		making_refuse(m, r->need == NEED_SECURE ? PLAN_NEVER : PLAN_LATER,
		    r->need == NEED_SECURE ? "5.7.30" : "4.7.5",
		    "%s is an address, whose owner nothing proves, and %s", name,
		    r->need == NEED_SECURE ? "the message requires TLS that is proved"
					   : "the configuration asks for DANE");
		return;
	}
	if (!target_allowed(family, b, r->loopback)) {
		making_refuse(m, PLAN_NEVER, "5.4.4", "no mail can go to %s from here", name);
		return;
	}
	if (!(family == AF_INET6 ? r->ipv6 : r->ipv4)) {
		making_refuse(
		    m, PLAN_NEVER, "5.4.4", "%s is an address of a family that is not to be used", name);
		return;
	}
	h = plan_hop_add(m->p, name);
	h->port = r->port;
	h->tls = r->tls;
	plan_list_add(&h->addr, text);
	m->ttl = PLANNING_TTL_MOST;
	m->secure = false;
	making_done(m, name);
	if (r->host)
		plan_list_add(&h->names, text);
	else
		m->p->site = mem_dup(name);
}
