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

/* What a certificate may be for: the host; what it is an alias for, and the domain, where DNSSEC says so (RFC
 * 7672 3.2.2, T10). */
static void
hop_names(struct making *m, struct plan_hop *h, const char *canon)
{
	name_add(&h->names, h->host);
	if (canon && h->secure)
		name_add(&h->names, canon);
	if (m->has_mx && m->secure) {
		name_add(&h->names, m->domain);
		name_add(&h->names, m->expanded);
	}
}

/* A family whose lookup failed is left out when the
 * other one has addresses (T4). */
void
hop_make(struct making *m, const char *host, unsigned pref)
{
	const unsigned types[] = {DNS_AAAA, DNS_A};
	const bool wanted[] = {m->r->ipv6, m->r->ipv4};
	const struct dns_answer *a[2] = {NULL, NULL}, *bad = NULL;
	struct plan_list addr = {0};
	const char *canon = NULL;
	bool secure = true, refused = false;
	struct plan_hop *h;

	for (int i = 0; i < 2; i++)
		if (wanted[i])
			a[i] = making_need(m, host, types[i]);
	if (m->waiting)
		return;
	for (int i = 0; i < 2; i++) {
		if (!a[i])
			continue;
		if (dns_answer_failed(a[i]))
			bad = bad ? bad : a[i];
		if (a[i]->status != DNS_DATA)
			continue;
		addrs_add(m, &addr, a[i], types[i], i ? PLAN_ADDR_MAX : PLAN_ADDR_MAX / 2, &refused);
		secure = secure && a[i]->secure;
		canon = a[i]->canon;
		making_ttl(m, a[i]->ttl);
	}
	if (!addr.n) {
		if (bad && !m->failed) {
			m->failed = bad;
			snprintf(m->failed_host, sizeof m->failed_host, "%.255s", host);
		}
		m->refused += !bad && refused;
		m->none += !bad && !refused;
		return;
	}
	h = plan_hop_add(m->p, host);
	h->pref = pref;
	h->port = m->r->port;
	h->secure = secure;
	h->tls = m->r->tls;
	h->addr = addr;
	hop_names(m, h, canon);
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

void
address_make(struct making *m, const char *name, int family, const unsigned char *b, const char *text)
{
	const struct plan_request *r = m->r;
	struct plan_hop *h;

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
