#include "base.h"

#include "die.h"
#include "domain.h"
#include "planner.h"

#include <arpa/inet.h>
#include <stdarg.h>

#define TTL_LEAST 30
#define TTL_MOST 3600
#define TTL_REFUSED 60 /* of never and later */
#define ALIAS_MAX 8    /* in a row, of a recipient domain */
#define LOOKUP_MAX 256

struct mx {
	unsigned pref;
	char host[DNS_NAME_SIZE];
};

struct making {
	struct plan *p;
	const struct plan_request *r;
	struct lookups *l;
	bool waiting;
	unsigned ttl;
	const char *domain;              /* asked for, A-labels */
	char expanded[DNS_NAME_SIZE];    /* at the end of its aliases */
	bool secure;                     /* aliases, and then the MX answer */
	bool has_mx;                     /* false: the domain is its own mail host */
	unsigned refused, none;          /* hosts left out: bad addresses, no address */
	const struct dns_answer *failed; /* the first host lookup that failed */
	char failed_host[DNS_NAME_SIZE];
};

void
lookups_free(struct lookups *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].name);
		dns_answer_free(l->v[i].answer);
	}
	free(l->v);
	*l = (struct lookups){0};
}

/* The answer, or NULL: it is to be waited for. */
static const struct dns_answer *
need(struct making *m, const char *name, unsigned type)
{
	struct lookups *l = m->l;

	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].type == type && !strcmp(l->v[i].name, name)) {
			m->waiting = m->waiting || !l->v[i].answer;
			return l->v[i].answer;
		}
	if (l->n == LOOKUP_MAX)
		bug("more than %d lookups for one plan", LOOKUP_MAX);
	l->v = mem_grow(l->v, l->n + 1, sizeof *l->v);
	l->v[l->n++] = (struct lookup){mem_dup(name), type, m->r->host, NULL};
	m->waiting = true;
	return NULL;
}

static void
count_ttl(struct making *m, unsigned ttl)
{
	if (ttl < m->ttl)
		m->ttl = ttl;
}

static void PRINTF(4, 5) refuse(struct making *m, enum plan_kind kind, const char *code, const char *fmt, ...)
{
	struct plan *p = m->p;
	va_list ap;

	if (kind == PLAN_NEVER && m->r->host) {
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

static void
refuse_failed(struct making *m, unsigned type, const char *name, const struct dns_answer *a)
{
	refuse(m, PLAN_LATER, "4.4.3", "unable to look up %s of %s: %s",
	    type ? dns_type_name(type) : "an address", name, a->why ? a->why : "no answer");
	m->p->network_down = a->unreachable;
}

static bool
failed(const struct dns_answer *a)
{
	return a->status == DNS_FAIL || a->status == DNS_BOGUS;
}

/* Follows one alias of the recipient domain: the CNAME record is asked for by itself, since the answer for MX
 * tells of the security of the whole chain only. false: waiting, or refused. */
static bool
alias_follow(struct making *m, const struct dns_answer *mx, char name[DNS_NAME_SIZE])
{
	const struct dns_answer *a = need(m, name, DNS_CNAME);

	if (!a)
		return false;
	if (failed(a)) {
		refuse_failed(m, DNS_CNAME, name, a);
		return false;
	}
	if (a->status == DNS_DATA && a->n == 1) {
		m->secure = m->secure && a->secure;
		count_ttl(m, a->ttl);
		if (rdata_name(name, a->data[0].p, a->data[0].n) && *name)
			return true;
		refuse(m, PLAN_NEVER, "5.1.2", "%s is an alias for what is no host name", m->domain);
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
		const struct dns_answer *a = need(m, m->expanded, DNS_MX);

		if (!a)
			return NULL;
		if (failed(a)) {
			refuse_failed(m, DNS_MX, m->expanded, a);
			return NULL;
		}
		if (!a->canon)
			return a;
		if (!alias_follow(m, a, m->expanded))
			return NULL;
	}
	refuse(m, PLAN_LATER, "4.4.3", "unable to look up MX of %s: more than %d aliases in a row", m->domain,
	    ALIAS_MAX);
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

/* Loopback and the unspecified address, also in IPv6's spelling of IPv4 addresses. */
static bool
addr_is_ours(int family, const unsigned char *b)
{
	static const unsigned char zero[15], mapped[12] = {[10] = 255, [11] = 255};

	if (family == AF_INET)
		return b[0] == 127 || b[0] == 0;
	if (!memcmp(b, mapped, sizeof mapped))
		return addr_is_ours(AF_INET, b + sizeof mapped);
	return !memcmp(b, zero, sizeof zero) && b[15] <= 1;
}

/* Multicast and broadcast: no mail server there, and nobody must be made to send there. */
static bool
addr_is_many(int family, const unsigned char *b)
{
	return family == AF_INET ? b[0] >= 224 : b[0] == 255;
}

static bool
addr_allowed(const struct plan_request *r, int family, const unsigned char *b)
{
	return !addr_is_many(family, b) && (r->loopback || !addr_is_ours(family, b));
}

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
		if (addr_allowed(m->r, family, a->data[i].p))
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

/* Looks host up and makes a hop of it, or counts why not. A family whose lookup failed is left out when the
 * other one has addresses (T4). */
static void
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
			a[i] = need(m, host, types[i]);
	if (m->waiting)
		return;
	for (int i = 0; i < 2; i++) {
		if (!a[i])
			continue;
		if (failed(a[i]))
			bad = bad ? bad : a[i];
		if (a[i]->status != DNS_DATA)
			continue;
		addrs_add(m, &addr, a[i], types[i], i ? PLAN_ADDR_MAX : PLAN_ADDR_MAX / 2, &refused);
		secure = secure && a[i]->secure;
		canon = a[i]->canon;
		count_ttl(m, a[i]->ttl);
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

static void
refuse_hopless(struct making *m)
{
	if (m->failed)
		refuse_failed(m, 0, m->failed_host, m->failed);
	else if (m->refused)
		refuse(m, PLAN_NEVER, "5.4.4",
		    "%s names only addresses where no mail can go, such as this machine's own loopback",
		    m->domain);
	else if (m->r->host || m->has_mx)
		refuse(m, PLAN_NEVER, "5.4.4", "%s %s", m->domain,
		    m->r->host ? "has no address" : "has no mail host with an address");
	else
		refuse(m, PLAN_NEVER, "5.4.4", "%s has neither a mail host nor an address", m->domain);
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

static void
finish(struct making *m, const char *name)
{
	struct plan *p = m->p;

	p->kind = PLAN_HOPS;
	p->name = mem_dup(name);
	p->secure = m->secure;
	p->ttl = m->ttl < TTL_LEAST ? TTL_LEAST : m->ttl > TTL_MOST ? TTL_MOST : m->ttl;
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
		refuse(m, PLAN_NEVER, "5.1.2", "the domain %s does not exist", m->expanded);
		return;
	}
	m->secure = m->secure && a->secure;
	m->has_mx = a->status == DNS_DATA;
	count_ttl(m, a->ttl);
	v = mx_list(a, &n, &null);
	if (!m->has_mx) {
		n = 1;
		v[0].pref = 0;
		memcpy(v[0].host, m->expanded, sizeof v[0].host);
	}
	left = mx_cut_self(v, n, m->r->self);
	if (null) {
		refuse(m, PLAN_NEVER, "5.1.10", "%s takes no mail (null MX)", m->domain);
	} else if (n && !left) {
		refuse(m, PLAN_NEVER, "5.4.6",
		    "%s says that this machine, %s, takes its mail, but it is not local here", m->domain,
		    m->r->self);
	} else {
		for (size_t i = 0; i < left && i < PLAN_HOP_MAX; i++)
			hop_make(m, v[i].host, v[i].pref);
		if (!m->waiting && m->p->nhop) {
			finish(m, m->domain);
			site_set(m->p);
		} else if (!m->waiting) {
			refuse_hopless(m);
		}
	}
	free(v);
}

/* An address in any of the spellings people use for a next hop; 0: it is a name. */
static int
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

/* A next hop that is an address: no DNS, no DANE, no MTA-STS (T22). name: as the plan shows it. */
static void
make_address(struct making *m, const char *name, int family, const unsigned char *b, const char *text)
{
	const struct plan_request *r = m->r;
	struct plan_hop *h;

	if (!addr_allowed(r, family, b)) {
		refuse(m, PLAN_NEVER, "5.4.4", "no mail can go to %s from here", name);
		return;
	}
	if (!(family == AF_INET6 ? r->ipv6 : r->ipv4)) {
		refuse(m, PLAN_NEVER, "5.4.4", "%s is an address of a family that is not to be used", name);
		return;
	}
	h = plan_hop_add(m->p, name);
	h->port = r->port;
	h->tls = r->tls;
	plan_list_add(&h->addr, text);
	m->ttl = TTL_MOST;
	m->secure = false;
	finish(m, name);
	if (r->host)
		plan_list_add(&h->names, text);
	else
		m->p->site = mem_dup(name);
}

static void
make_host(struct making *m)
{
	m->secure = true; /* by configuration (T21) */
	hop_make(m, m->domain, 0);
	if (m->waiting)
		return;
	if (m->p->nhop)
		finish(m, m->domain);
	else
		refuse_hopless(m);
}

bool
plan_make(struct plan *p, const struct plan_request *r, struct lookups *l)
{
	struct making m = {.p = p, .r = r, .l = l, .ttl = TTL_MOST};
	char text[INET6_ADDRSTRLEN];
	unsigned char b[16];
	const char *why = NULL;
	int family = r->host || *r->name == '[' ? addr_parse(r->name, b, text) : 0;
	char *name = family && r->host ? mem_dup(text) : domain_ascii(r->name, &why);

	m.domain = name;
	if (!name)
		refuse(&m, PLAN_NEVER, "5.1.2", "unable to use \"%s\": %s", r->name, why);
	else if (family)
		make_address(&m, name, family, b, text);
	else if (r->host)
		make_host(&m);
	else
		make_domain(&m);
	if (m.waiting)
		plan_free(p);
	else if (p->kind == PLAN_HOPS && r->host) {
		struct str s = {0};

		str_addf(&s, family == AF_INET6 ? "[%s]:%u" : "%s:%u", name, r->port);
		p->site = str_take(&s);
	}
	free(name);
	return !m.waiting;
}
