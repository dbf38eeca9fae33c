#include "base.h"

#include "clock.h"
#include "mtasts.h"
#include "spf_record.h"
#include "standing.h"
#include "tlsrpt_record.h"

#include <sys/socket.h>

#define FETCH_TIME (2 * MINUTE)
#define NAMES_MAX 10 /* of one address */

static void
cut_dot(char *name)
{
	size_t n = strlen(name);

	if (n && name[n - 1] == '.')
		name[n - 1] = 0;
}

static const char *
why_not(const struct lookup *l)
{
	return l->why ? l->why : "no answer";
}

/* ---- names of addresses ---- */

static const char *
type_of(const char *ip)
{
	return strchr(ip, ':') ? "AAAA" : "A";
}

static bool
is_same(const char *a, const char *b)
{
	struct spf_ip x, y;

	return spf_ip_parse(&x, a) && spf_ip_parse(&y, b) && x.family == y.family &&
	       !memcmp(x.b, y.b, sizeof x.b);
}

static bool
is_among(const struct lookup *l, const char *ip)
{
	for (size_t i = 0; lookup_has(l) && i < l->data.n; i++)
		if (is_same(l->data.v[i], ip))
			return true;
	return false;
}

static void
reverse_of(struct str *out, const char *ip)
{
	struct spf_ip a;

	if (!spf_ip_parse(&a, ip))
		return;
	spf_ip_reverse(out, &a);
	str_adds(out, a.family == AF_INET ? ".in-addr.arpa" : ".ip6.arpa");
}

/* A name that leads back; else the first one, when there is any. true: it leads back. */
static bool
find_name(const struct standing *s, const struct lookup *ptr, const char *ip, char **name)
{
	*name = NULL;
	for (size_t i = 0; i < ptr->data.n && i < NAMES_MAX; i++) {
		char *one = mem_dup(ptr->data.v[i]);

		cut_dot(one);
		if (is_among(asker_ask(s->asker, type_of(ip), one), ip)) {
			free(*name);
			*name = one;
			return true;
		}
		if (*name)
			free(one);
		else
			*name = one;
	}
	return false;
}

static void
look_ptr(const struct standing *s, const struct sending *from)
{
	struct findings *f = s->found;
	struct str reverse = {0};
	const struct lookup *l;
	char *name = NULL;

	reverse_of(&reverse, from->ip);
	l = asker_ask(s->asker, "PTR", reverse.s);
	if (lookup_failed(l)) {
		finding_add(f, FINDING_UNKNOWN, "ptr", "the name of %s cannot be looked up: %s", from->ip,
		    why_not(l));
	} else if (!lookup_has(l)) {
		finding_add(f, FINDING_CRITICAL, "ptr", "%s (%s) has no name: many refuse its mail", from->ip,
		    from->how);
		finding_todo(f, "have whose address it is publish %s. PTR %s.", reverse.s, from->ehlo);
	} else if (find_name(s, l, from->ip, &name)) {
		finding_add(f, FINDING_OK, "ptr", "%s (%s) is %s, and that is %s", from->ip, from->how, name,
		    from->ip);
	} else {
		finding_add(f, FINDING_CRITICAL, "ptr",
		    "%s is said to be %s, and that is not %s: many refuse its mail", from->ip, name,
		    from->ip);
		finding_todo(f, "publish %s. %s %s", name, type_of(from->ip), from->ip);
	}
	free(name);
	str_free(&reverse);
}

static void
look_ehlo(const struct standing *s, const struct sending *from)
{
	const struct lookup *l = asker_ask(s->asker, type_of(from->ip), from->ehlo);
	struct findings *f = s->found;

	if (!strchr(from->ehlo, '.')) {
		finding_add(
		    f, FINDING_CRITICAL, "ehlo", "%s is no full name to say at others' servers", from->ehlo);
		finding_todo(f, "set hostname in %s", s->conf->file);
	} else if (lookup_failed(l)) {
		finding_add(f, FINDING_UNKNOWN, "ehlo", "%s cannot be looked up: %s", from->ehlo, why_not(l));
	} else if (is_among(l, from->ip)) {
		finding_add(f, FINDING_OK, "ehlo", "%s, which is said in EHLO, is %s", from->ehlo, from->ip);
	} else {
		finding_add(
		    f, FINDING_WARNING, "ehlo", "%s, which is said in EHLO, is not %s", from->ehlo, from->ip);
		finding_todo(f, "publish %s. %s %s", from->ehlo, type_of(from->ip), from->ip);
	}
}

void
standing_names(const struct standing *s)
{
	for (size_t i = 0; i < s->addresses->n; i++) {
		const struct sending *from = &s->addresses->v[i];
		bool seen = from->not_seen;

		for (size_t k = 0; k < i; k++)
			seen = seen || !strcmp(s->addresses->v[k].ip, from->ip);
		if (!seen)
			look_ptr(s, from);
		if (!from->not_seen)
			look_ehlo(s, from);
	}
}

/* ---- answers ---- */

/* The host of an MX record; the caller frees. */
static char *
mx_host(const char *data)
{
	const char *space = strchr(data, ' ');
	char *host = mem_dup(space ? space + 1 : data);

	cut_dot(host);
	return host;
}

void
standing_mx(const struct standing *s)
{
	const struct lookup *l = asker_ask(s->asker, "MX", s->domain), *a, *aaaa;
	struct findings *f = s->found;

	if (lookup_failed(l)) {
		finding_add(f, FINDING_UNKNOWN, "mx", "the MX record of %s cannot be looked up: %s",
		    s->domain, why_not(l));
		return;
	}
	if (lookup_has(l)) {
		char *host = mx_host(l->data.v[0]);

		if (*host)
			finding_add(f, FINDING_OK, "mx", "answers to %s go to %s%s", s->domain, host,
			    l->data.n > 1 ? " and others" : "");
		else
			finding_add(f, FINDING_WARNING, "mx",
			    "%s takes no mail (null MX): no answers, no notices, and many refuse its mail",
			    s->domain);
		free(host);
		return;
	}
	a = asker_ask(s->asker, "A", s->domain);
	aaaa = asker_ask(s->asker, "AAAA", s->domain);
	if (lookup_has(a) || lookup_has(aaaa)) {
		finding_add(f, FINDING_OK, "mx",
		    "answers to %s go to its own address, for it has no MX record", s->domain);
	} else {
		finding_add(f, FINDING_CRITICAL, "mx",
		    "%s takes no mail: it has neither MX record nor address, and many refuse its mail",
		    s->domain);
		finding_todo(f, "publish %s. MX 10 %s.", s->domain, s->conf->hostname);
	}
}

/* ---- MTA-STS ---- */

static void
judge_policy(const struct standing *s, const struct posture_policy *y)
{
	const struct lookup *mx = asker_ask(s->asker, "MX", s->domain);
	struct findings *f = s->found;
	bool left_out = false;

	for (size_t i = 0; lookup_has(mx) && i < mx->data.n; i++) {
		char *host = mx_host(mx->data.v[i]);

		if (!sts_mx_match(&y->mx, host) && strcmp(y->mode, "none") != 0) {
			left_out = true;
			finding_add(f, !strcmp(y->mode, "enforce") ? FINDING_CRITICAL : FINDING_WARNING,
			    "mta-sts", "the policy of %s (%s) does not name its server %s", s->domain,
			    y->mode, host);
			finding_todo(f, "put mx: %s into it, and give its TXT record a new id", host);
		}
		free(host);
	}
	if (!left_out)
		finding_add(f, FINDING_OK, "mta-sts", "the policy of %s says %s", s->domain, y->mode);
}

static void
fetch_policy(const struct standing *s)
{
	struct posture p;
	struct gather g;
	const char *bad;

	posture_start(&p, s->domain);
	doctor_sibling(
	    s->asker->d, &g, FETCH_TIME, (const char *const[]){"mox-mtasts", "fetch", s->domain, NULL});
	gather_run(&g, 1, 1);
	bad = posture_read_fetched(&p, &g.out);
	if (!bad && p.policy.mode && !p.policy.result) {
		judge_policy(s, &p.policy);
	} else {
		finding_add(s->found, FINDING_WARNING, "mta-sts",
		    "%s announces a policy that cannot be had: %s", s->domain,
		    bad                             ? bad
		    : p.policy.why && *p.policy.why ? p.policy.why
						    : doctor_why(&g));
		finding_todo(s->found,
		    "see to https://mta-sts.%s/.well-known/mta-sts.txt, or take the TXT record away",
		    s->domain);
	}
	gather_free(&g);
	posture_free(&p);
}

void
standing_sts(const struct standing *s)
{
	struct str name = {0}, text = {0}, more = {0};
	char id[STS_ID_MAX + 1];
	struct findings *f = s->found;
	const struct lookup *l;
	const char *bad;

	str_addf(&name, "_mta-sts.%s", s->domain);
	l = asker_ask(s->asker, "TXT", name.s);
	if (lookup_failed(l)) {
		finding_add(f, FINDING_UNKNOWN, "mta-sts", "%s cannot be looked up: %s", name.s, why_not(l));
	} else if (!lookup_text(&text, l, "v=STSv1", 0)) {
		finding_add(f, FINDING_OK, "mta-sts", "%s has no policy for mail to it", s->domain);
		finding_todo(f,
		    "where its servers have good certificates and DANE is not there: serve one, and publish "
		    "%s. TXT \"v=STSv1; id=1\"",
		    name.s);
	} else if (lookup_text(&more, l, "v=STSv1", 1)) {
		finding_add(
		    f, FINDING_WARNING, "mta-sts", "%s has several records, so that none counts", name.s);
		finding_todo(f, "leave one");
	} else if ((bad = sts_txt_parse(text.s, text.len, id))) {
		finding_add(
		    f, FINDING_WARNING, "mta-sts", "the record at %s does not count: %s", name.s, bad);
		finding_todo(f, "publish %s. TXT \"v=STSv1; id=1\"", name.s);
	} else {
		fetch_policy(s);
	}
	str_free(&name);
	str_free(&text);
	str_free(&more);
}

/* ---- TLSRPT ---- */

static void
look_tlsrpt(const struct standing *s, const char *domain)
{
	struct str name = {0}, text = {0}, more = {0};
	struct tlsrpt_record r = {0};
	struct findings *f = s->found;
	const struct lookup *l;
	const char *bad = NULL;

	str_addf(&name, "_smtp._tls.%s", domain);
	l = asker_ask(s->asker, "TXT", name.s);
	if (lookup_failed(l)) {
		finding_add(f, FINDING_UNKNOWN, "tlsrpt", "%s cannot be looked up: %s", name.s, why_not(l));
	} else if (!lookup_text(&text, l, "v=TLSRPTv1", 0)) {
		finding_add(f, FINDING_OK, "tlsrpt", "nobody gets reports on TLS to %s", domain);
		finding_todo(
		    f, "publish %s. TXT \"v=TLSRPTv1; rua=mailto:postmaster@%s\"", name.s, s->domain);
	} else if (lookup_text(&more, l, "v=TLSRPTv1", 1)) {
		finding_add(
		    f, FINDING_WARNING, "tlsrpt", "%s has several records, so that none counts", name.s);
		finding_todo(f, "leave one");
	} else {
		bad = tlsrpt_record_parse(&r, text.s, text.len);
		if (!bad && !r.n)
			bad = "it names nobody who can get reports";
		finding_add(f, bad ? FINDING_WARNING : FINDING_OK, "tlsrpt", "%s %s%s", name.s,
		    bad ? "does not count: " : "has reports go to ", bad ? bad : r.rua[0].uri);
		if (bad)
			finding_todo(
			    f, "publish %s. TXT \"v=TLSRPTv1; rua=mailto:postmaster@%s\"", name.s, s->domain);
		tlsrpt_record_free(&r);
	}
	str_free(&name);
	str_free(&text);
	str_free(&more);
}

/* Whose zone is likely the domain's, or this machine's: others' servers are for others to publish of. */
static bool
is_ours(const struct standing *s, const char *host)
{
	size_t n = strlen(host), below = strlen(s->domain) + 1;

	return str_ieq(host, s->conf->hostname) ||
	       (n > below && host[n - below] == '.' && str_ieq(host + n - below + 1, s->domain));
}

/* What senders saw of the TLSA records of a server is reported to the server's name (RFC 8460 4.4). */
void
standing_tlsrpt(const struct standing *s)
{
	const struct lookup *mx = asker_ask(s->asker, "MX", s->domain);

	look_tlsrpt(s, s->domain);
	for (size_t i = 0; lookup_has(mx) && i < mx->data.n; i++) {
		char *host = mx_host(mx->data.v[i]);

		if (is_ours(s, host) && !str_ieq(host, s->domain))
			look_tlsrpt(s, host);
		free(host);
	}
}
