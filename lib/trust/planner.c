#include "base.h"

#include "domain.h"
#include "planning.h"

#include <arpa/inet.h>

#define ALIAS_MAX 8 /* in a row, of a recipient domain */

struct mx {
	unsigned pref;
	char host[DNS_NAME_SIZE];
};

/* Follows one alias of the recipient domain: the CNAME record is asked for by itself, since the answer for MX
 * tells of the security of the whole chain only. false: waiting, or refused. */
static bool
alias_follow(struct making *m, const struct dns_answer *mx, char name[DNS_NAME_SIZE])
{
	const struct dns_answer *a = making_need(m, name, DNS_CNAME);

	if (!a)
		return false;
	if (dns_answer_failed(a)) {
		making_refuse_failed(m, DNS_CNAME, name, a);
		return false;
	}
	if (a->status == DNS_DATA && a->n == 1) {
		m->secure = m->secure && a->secure;
		making_ttl(m, a->ttl);
		if (rdata_name(name, a->data[0].p, a->data[0].n) && *name)
			return true;
		making_refuse(m, PLAN_NEVER, "5.1.2", "%s is an alias for what is no host name", m->domain);
		return false;
	}
	/* It went away between two answers: what the first one said holds. */
	m->secure = m->secure && mx->secure;
	snprintf(name, DNS_NAME_SIZE, "%.255s", mx->canon);
	return true;
}

static const struct dns_answer *
mx_answer(struct making *m)
{
	snprintf(m->expanded, sizeof m->expanded, "%.255s", m->domain);
	m->secure = true;
	for (int depth = 0; depth <= ALIAS_MAX; depth++) {
		const struct dns_answer *a = making_need(m, m->expanded, DNS_MX);

		if (!a)
			return NULL;
		if (dns_answer_failed(a)) {
			making_refuse_failed(m, DNS_MX, m->expanded, a);
			return NULL;
		}
		if (!a->canon)
			return a;
		if (!alias_follow(m, a, m->expanded))
			return NULL;
	}
	making_refuse(m, PLAN_LATER, "4.4.3", "unable to look up MX of %s: more than %d aliases in a row",
	    m->domain, ALIAS_MAX);
	return NULL;
}

static int
mx_compare(const void *x, const void *y)
{
	const struct mx *a = x, *b = y;

	if (a->pref != b->pref)
		return a->pref < b->pref ? -1 : 1;
	return strcmp(a->host, b->host);
}

/* Sorted, each host once, without what is no host name. *null: the domain says that it takes no mail (RFC
 * 7505). */
static struct mx *
mx_list(const struct dns_answer *a, size_t *n, bool *null)
{
	struct mx *v = mem_alloc((a->n + 1) * sizeof *v);
	size_t got = 0, kept = 0;

	*null = false;
	for (size_t i = 0; i < a->n; i++) {
		if (!rdata_mx(&v[got].pref, v[got].host, a->data[i].p, a->data[i].n))
			continue;
		if (*v[got].host)
			got++;
		else
			*null = true;
	}
	*null = *null && !got;
	qsort(v, got, sizeof *v, mx_compare);
	for (size_t i = 0; i < got; i++) {
		size_t k = 0;

		while (k < kept && strcmp(v[k].host, v[i].host))
			k++;
		if (k == kept)
			v[kept++] = v[i];
	}
	*n = kept;
	return v;
}

/* Hosts at or behind our own preference would only send the mail back to us (RFC 5321 5.1). */
static size_t
mx_cut_self(const struct mx *v, size_t n, const char *self)
{
	for (size_t i = 0; self && i < n; i++)
		if (str_ieq(v[i].host, self)) {
			unsigned pref = v[i].pref;

			while (i && v[i - 1].pref == pref)
				i--;
			return i;
		}
	return n;
}

static void
refuse_hopless(struct making *m)
{
	if (m->failed)
		making_refuse_failed(m, m->failed_type, m->failed_name, m->failed);
	else if (m->strangers) {
		making_refuse(m, PLAN_LATER, "4.7.5", "the MTA-STS policy of %s names none of its mail hosts",
		    m->domain);
		sts_count_strangers(m);
	} else if (m->unproved)
		making_refuse(m, PLAN_LATER, "4.7.5",
		    "%s has no signed TLSA record that can be used, which the configuration asks for",
		    m->domain);
	else if (m->insecure && m->policy_failed)
		making_refuse(m, PLAN_LATER, "4.4.3", "unable to get the MTA-STS policy of %s: %s", m->domain,
		    m->policy_failed);
	else if (m->insecure)
		making_refuse(m, PLAN_NEVER, "5.7.30",
		    "the message requires TLS that is proved, and neither DANE nor MTA-STS proves a mail "
		    "host of %s",
		    m->domain);
	else if (m->refused)
		making_refuse(m, PLAN_NEVER, "5.4.4",
		    "%s names only addresses where no mail can go, such as this machine's own loopback",
		    m->domain);
	else if (m->r->host || m->has_mx)
		making_refuse(m, PLAN_NEVER, "5.4.4", "%s %s", m->domain,
		    m->r->host ? "has no address" : "has no mail host with an address");
	else
		making_refuse(m, PLAN_NEVER, "5.4.4", "%s has neither a mail host nor an address", m->domain);
}

/* The hosts of the best preference that is left; hops stand sorted by preference and name. */
static void
site_set(struct plan *p)
{
	struct str s = {0};

	for (size_t i = 0; i < p->nhop && p->hop[i].pref == p->hop[0].pref; i++)
		str_addf(&s, "%s%s", i ? "," : "", p->hop[i].host);
	p->site = str_take(&s);
}

/* Addresses are asked for while the policy is still on its way. */
static void
make_hops(struct making *m, const struct mx *v, size_t n)
{
	if (m->r->tls == PLAN_TLS_MAY && !sts_find(m) && !m->waiting)
		return;
	for (size_t i = 0; i < n && i < PLAN_HOP_MAX; i++)
		hop_make(m, v[i].host, v[i].pref);
	if (m->waiting)
		return;
	if (m->p->nhop) {
		m->p->partial = m->failed || (m->insecure && m->policy_failed);
		making_done(m, m->domain);
		site_set(m->p);
	} else {
		refuse_hopless(m);
	}
}

static void
make_domain(struct making *m)
{
	const struct dns_answer *a = mx_answer(m);
	struct mx *v;
	size_t n, left;
	bool null;

	if (!a)
		return;
	if (a->status == DNS_NXDOMAIN) {
		making_refuse(m, PLAN_NEVER, "5.1.2", "the domain %s does not exist", m->expanded);
		return;
	}
	m->secure = m->secure && a->secure;
	m->has_mx = a->status == DNS_DATA;
	making_ttl(m, a->ttl);
	v = mx_list(a, &n, &null);
	if (!m->has_mx) {
		n = 1;
		v[0].pref = 0;
		memcpy(v[0].host, m->expanded, sizeof v[0].host);
	}
	left = mx_cut_self(v, n, m->r->self);
	if (null) {
		making_refuse(m, PLAN_NEVER, "5.1.10", "%s takes no mail (null MX)", m->domain);
	} else if (n && !left) {
		making_refuse(m, PLAN_NEVER, "5.4.6",
		    "%s says that this machine, %s, takes its mail, but it is not local here", m->domain,
		    m->r->self);
	} else {
		make_hops(m, v, left);
	}
	free(v);
}

static void
hosts_done(struct making *m)
{
	if (m->waiting)
		return;
	if (m->p->nhop) {
		m->p->partial = m->failed;
		making_done(m, m->domain);
	} else {
		refuse_hopless(m);
	}
}

/* One or several, in the order to try. Of one alone the name is a policy's (RFC 8461 3.4, T42): a plan has one policy. */
static void
make_hosts(struct making *m)
{
	char *names = mem_dup(m->r->name), *save, *name, text[INET6_ADDRSTRLEN];
	unsigned char b[16];
	unsigned pref = 0;
	const char *why;

	m->secure = true; /* by configuration (T21) */
	if (m->r->tls == PLAN_TLS_MAY && !strchr(m->r->name, ' ') && !sts_find(m) && !m->waiting) {
		free(names);
		return;
	}
	for (name = strtok_r(names, " ", &save); name && pref < PLAN_HOP_MAX;
	     name = strtok_r(NULL, " ", &save), pref++) {
		int family = addr_parse(name, b, text);
		char *ascii = family ? NULL : domain_ascii(name, &why);

		if (family)
			address_add(m, family, b, text, pref);
		else if (ascii)
			hop_make(m, ascii, pref);
		else
			making_skip(m, name, "%s", why);
		free(ascii);
	}
	free(names);
	hosts_done(m);
}

struct srv {
	unsigned priority, weight;
	uint16_t port;
	char host[DNS_NAME_SIZE];
};

static int
srv_compare(const void *x, const void *y)
{
	const struct srv *a = x, *b = y;

	if (a->priority != b->priority)
		return a->priority < b->priority ? -1 : 1;
	return strcmp(a->host, b->host);
}

/* Hosts and ports as the domain's SRV records name them; the root as host says that there is no such service. */
static void
make_srv(struct making *m)
{
	const struct dns_answer *a = making_need(m, m->r->name, DNS_SRV);
	struct srv *v;
	size_t n = 0;

	if (!a)
		return;
	if (dns_answer_failed(a)) {
		making_refuse_failed(m, DNS_SRV, m->r->name, a);
		return;
	}
	m->secure = a->secure;
	making_ttl(m, a->ttl);
	v = mem_alloc((a->n + 1) * sizeof *v);
	for (size_t i = 0; i < a->n; i++)
		if (rdata_srv(&v[n].priority, &v[n].weight, &v[n].port, v[n].host, &a->data[i]) &&
		    *v[n].host && v[n].port)
			n++;
	qsort(v, n, sizeof *v, srv_compare);
	for (size_t i = 0; i < n && i < PLAN_HOP_MAX; i++) {
		size_t had = m->p->nhop;

		m->port = v[i].port;
		hop_make(m, v[i].host, v[i].priority);
		if (m->p->nhop > had)
			m->p->hop[had].weight = v[i].weight;
	}
	free(v);
	if (n)
		hosts_done(m);
	else
		making_refuse(m, PLAN_LATER, "4.3.5", "%s has no SRV record that names a server", m->r->name);
}

static const char *
srv_domain(const char *owner)
{
	const char *dot = strchr(owner, '.');

	dot = dot ? strchr(dot + 1, '.') : NULL;
	return dot ? dot + 1 : owner;
}

/* What limits and connections of configured hosts are counted by. */
static char *
site_of_hosts(const struct plan_request *r, const char *name)
{
	struct str s = {0};

	if (r->srv) {
		str_adds(&s, r->name);
	} else if (strchr(r->name, ' ')) {
		for (const char *p = name; *p; p += strspn(p, " ")) {
			size_t n = strcspn(p, " ");

			str_addf(&s, memchr(p, ':', n) && *p != '[' ? "%s[%.*s]:%u" : "%s%.*s:%u",
			    s.len ? "," : "", (int)n, p, r->port);
			p += n;
		}
	} else {
		str_addf(&s, strchr(name, ':') ? "[%s]:%u" : "%s:%u", name, r->port);
	}
	return str_take(&s);
}

/* Refused, and only what was found on the way stays. */
static void
refuse_large(struct making *m)
{
	struct plan *p = m->p, old = *p;
	struct str lines = {0};

	plan_lines_write(&lines, p);
	if (lines.len > PLAN_LINES_MAX) {
		*p = (struct plan){.count = old.count, .note = old.note};
		old.count = old.note = (struct plan_list){0};
		plan_free(&old);
		making_refuse(m, PLAN_LATER, "4.3.0",
		    "the mail servers of %s and their TLSA records are too many", m->domain);
	}
	str_free(&lines);
}

bool
plan_make(struct plan *p, const struct plan_request *r, struct lookups *l)
{
	struct making m = {.p = p, .r = r, .l = l, .ttl = PLANNING_TTL_MOST, .port = r->port};
	char text[INET6_ADDRSTRLEN];
	unsigned char b[16];
	const char *why = NULL;
	bool several = r->host && strchr(r->name, ' ');
	int family = !r->srv && (r->host || *r->name == '[') ? addr_parse(r->name, b, text) : 0;
	char *name = family && r->host ? mem_dup(text)
	             : several         ? mem_dup(r->name)
	                               : domain_ascii(r->srv ? srv_domain(r->name) : r->name, &why);

	m.domain = name;
	if (!name)
		making_refuse(&m, PLAN_NEVER, "5.1.2", "unable to use \"%s\": %s", r->name, why);
	else if (family)
		address_make(&m, name, family, b, text);
	else if (r->srv)
		make_srv(&m);
	else if (r->host)
		make_hosts(&m);
	else
		make_domain(&m);
	if (m.waiting)
		plan_free(p);
	else if (name && p->kind == PLAN_HOPS && r->host)
		p->site = site_of_hosts(r, name);
	if (!m.waiting && p->kind == PLAN_HOPS)
		refuse_large(&m);
	free(name);
	return !m.waiting;
}
