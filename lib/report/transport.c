#include "base.h"

#include "clock.h"
#include "die.h"
#include "gather.h"
#include "transport.h"

#include <arpa/inet.h>

#define AT_ONCE 8 /* siblings; each has caches of its own */
#define LOOKUP_TIME (45 * SECOND)
#define FETCH_TIME (2 * MINUTE)
#define CONNECT_TIME (10 * MINUTE) /* all servers of a domain; above the sum of what one waits for */

static const char NEXTHOP[] = "mox-nexthop";

/* name, then -C FILE when given, then the other words. */
static void
sibling(struct gather *g, const struct transport_ask *ask, int64_t time, const char *const words[])
{
	const char *all[GATHER_ARGS] = {words[0]};
	size_t n = 1;

	if (ask->conf_file) {
		all[n++] = "-C";
		all[n++] = ask->conf_file;
	}
	for (size_t i = 1; words[i]; i++)
		all[n++] = words[i];
	gather_make(g, time, all);
}

static void
lookup(
    struct gather *g, const struct transport_ask *ask, const char *type, const char *prefix, const char *name)
{
	struct str full = {0};

	str_addf(&full, "%s%s", prefix, name);
	sibling(g, ask, LOOKUP_TIME, (const char *const[]){NEXTHOP, "-q", type, full.s, NULL});
	str_free(&full);
}

/* A sibling that answered nonsense is a fault of this machine, and said as such. */
static void
complain(const struct gather *g, const char *bad)
{
	struct str words = {0};

	for (size_t i = 0; bad && g->argv[i]; i++)
		str_addf(&words, "%s%s", i ? " " : "", g->argv[i]);
	if (bad)
		warn("unable to read the answer of %s: %s", words.s, bad);
	str_free(&words);
}

static char *
why_nothing(const struct gather *g)
{
	struct str why = {0};

	str_addf(&why, "%s: ", g->argv[0]);
	if (*g->said)
		str_adds(&why, g->said);
	else
		str_addf(&why, "it ended with code %d", g->code);
	return str_take(&why);
}

/* mox-nexthop's plan as the transport would ask for it. */
static void
plan(struct gather *g, const struct transport_ask *ask, const char *option, const char *domain)
{
	const struct conf_transport *t = ask->transport;
	const char *words[8] = {NEXTHOP, option};
	size_t n = 2;

	if (t && t->loopback)
		words[n++] = "-l";
	if (t && !t->ipv4)
		words[n++] = "-6";
	if (t && !t->ipv6)
		words[n++] = "-4";
	words[n++] = "--";
	words[n++] = domain;
	sibling(g, ask, LOOKUP_TIME, words);
}

static void
probe(struct gather *g, const struct transport_ask *ask, const char *domain)
{
	const char *name = ask->transport ? ask->transport->name : NULL;

	if (name)
		sibling(g, ask, CONNECT_TIME,
		    (const char *const[]){"mox-deliver", "-c", "-T", name, "--", domain, NULL});
	else
		sibling(g, ask, CONNECT_TIME, (const char *const[]){"mox-deliver", "-c", "--", domain, NULL});
}

/* That of a relay, for which any address will do. */
static void
plan_relay(struct gather *g, const struct transport_ask *ask, bool strict)
{
	const char *words[8] = {"mox-deliver", "-n", "-T", ask->transport->name};
	size_t n = 4;

	if (strict)
		words[n++] = "-R";
	words[n++] = "--";
	words[n++] = "postmaster@localhost";
	sibling(g, ask, LOOKUP_TIME, words);
}

/* What is configured wins over what is published. */
static void
plan_configure(struct plan *p, const struct conf_transport *t)
{
	for (size_t i = 0; t && !conf_is_relay(t) && t->starttls != STARTTLS_MAY && i < p->nhop; i++) {
		p->hop[i].tls = t->starttls == STARTTLS_MUST ? PLAN_TLS_MUST : PLAN_TLS_NONE;
		plan_list_free(&p->hop[i].tlsa);
	}
}

/* ---- what needs the domain alone ---- */

enum { MX, STS_TXT, TLSRPT_TXT, POLICY_KEPT, POLICY_FETCHED, PLAN, STRICT, PROBE, FIRST };

static void
read_first(struct posture *p, const struct transport_ask *ask, struct gather g[FIRST])
{
	const char *bad = posture_read_plan(p, &g[PLAN].out);

	complain(&g[PLAN], bad);
	if (!p->planned)
		p->plan_why = why_nothing(&g[PLAN]);
	if (p->relay || !ask->transport || ask->transport->starttls == STARTTLS_MAY)
		complain(&g[STRICT], posture_read_strict(p, &g[STRICT].out));
	complain(&g[MX], lookup_read(&p->mx, &g[MX].out));
	complain(&g[STS_TXT], lookup_read(&p->sts_txt, &g[STS_TXT].out));
	complain(&g[TLSRPT_TXT], lookup_read(&p->tlsrpt_txt, &g[TLSRPT_TXT].out));
	complain(&g[POLICY_KEPT], posture_read_policy(p, &g[POLICY_KEPT].out));
	complain(&g[POLICY_FETCHED], posture_read_fetched(p, &g[POLICY_FETCHED].out));
	if (!p->probing)
		return;
	complain(&g[PROBE], posture_read_probes(p, &g[PROBE].out));
	if (!p->nprobe && p->planned && p->plan.kind == PLAN_HOPS)
		p->probe_why = why_nothing(&g[PROBE]);
}

static void
look_domain(struct posture *p, const struct transport_ask *ask)
{
	struct gather g[FIRST];

	lookup(&g[MX], ask, "MX", "", p->domain);
	lookup(&g[STS_TXT], ask, "TXT", "_mta-sts.", p->domain);
	lookup(&g[TLSRPT_TXT], ask, "TXT", "_smtp._tls.", p->domain);
	sibling(
	    &g[POLICY_KEPT], ask, LOOKUP_TIME, (const char *const[]){"mox-mtasts", "show", p->domain, NULL});
	sibling(&g[POLICY_FETCHED], ask, FETCH_TIME,
	    (const char *const[]){"mox-mtasts", "fetch", p->domain, NULL});
	gather_run(g, PLAN, AT_ONCE);
	/* By the policy that has just been fetched. */
	plan(&g[PLAN], ask, "-v", p->domain);
	plan(&g[STRICT], ask, "-R", p->domain);
	probe(&g[PROBE], ask, p->domain);
	gather_run(g + PLAN, (ask->connect ? FIRST : PROBE) - PLAN, AT_ONCE);
	read_first(p, ask, g);
	plan_configure(&p->plan, ask->transport);
	for (size_t i = 0; i < FIRST; i++)
		gather_free(&g[i]);
	posture_hosts(p);
}

/* The name whose policy a relay's is; NULL: what is configured decides (planner.c, make_hosts). */
static const char *
relay_name(const struct conf_transport *t)
{
	return t->host.n == 1 && t->starttls == STARTTLS_MAY && t->verify == VERIFY_AUTO &&
	               !strpbrk(t->host.v[0], ":[") &&
	               strspn(t->host.v[0], "0123456789.") < strlen(t->host.v[0])
	           ? t->host.v[0]
	           : NULL;
}

static void
look_relay(struct posture *p, const struct transport_ask *ask)
{
	const char *name = relay_name(ask->transport);
	struct gather g[FIRST] = {0};

	if (name) {
		lookup(&g[STS_TXT], ask, "TXT", "_mta-sts.", name);
		lookup(&g[TLSRPT_TXT], ask, "TXT", "_smtp._tls.", name);
		sibling(&g[POLICY_KEPT], ask, LOOKUP_TIME,
		    (const char *const[]){"mox-mtasts", "show", name, NULL});
		sibling(&g[POLICY_FETCHED], ask, FETCH_TIME,
		    (const char *const[]){"mox-mtasts", "fetch", name, NULL});
		gather_run(g + STS_TXT, PLAN - STS_TXT, AT_ONCE);
	}
	plan_relay(&g[PLAN], ask, false);
	plan_relay(&g[STRICT], ask, true);
	probe(&g[PROBE], ask, "localhost");
	gather_run(g + PLAN, (ask->connect ? FIRST : PROBE) - PLAN, AT_ONCE);
	read_first(p, ask, g);
	for (size_t i = 0; i < FIRST; i++)
		gather_free(&g[i]);
	posture_hosts(p);
}

/* ---- what needs the servers' names ---- */

static const char *
tlsa_prefix(const struct posture *p, const struct posture_host *h)
{
	static char prefix[32];

	snprintf(prefix, sizeof prefix, "_%u._tcp.", h->hop >= 0 ? (unsigned)p->plan.hop[h->hop].port : 25U);
	return prefix;
}

/* DNS knows nothing of it. */
static bool
is_address(const char *name)
{
	unsigned char b[16];

	return *name == '[' || inet_pton(AF_INET, name, b) == 1 || inet_pton(AF_INET6, name, b) == 1;
}

static void
look_servers(struct posture *p, const struct transport_ask *ask)
{
	enum { A, AAAA, TLSA, EACH };
	static const char *const types[] = {"A", "AAAA", "TLSA"};
	struct gather *g = mem_zalloc((p->nhost * EACH + 1) * sizeof *g);
	struct lookup **to = mem_alloc((p->nhost * EACH + 1) * sizeof(struct lookup *));
	size_t n = 0;

	for (size_t i = 0; i < p->nhost; i++) {
		struct posture_host *h = &p->host[i];
		struct lookup *of[] = {&h->a, &h->aaaa, &h->tlsa};

		for (size_t k = 0; k < EACH && !is_address(h->name); k++) {
			lookup(&g[n], ask, types[k], k == TLSA ? tlsa_prefix(p, h) : "", h->name);
			to[n++] = of[k];
		}
	}
	gather_run(g, n, AT_ONCE);
	for (size_t i = 0; i < n; i++) {
		complain(&g[i], lookup_read(to[i], &g[i].out));
		gather_free(&g[i]);
	}
	free(to);
	free(g);
}

/* RFC 7672 2.2.2: the records of an alias stand at its target. */
static void
look_aliases(struct posture *p, const struct transport_ask *ask)
{
	struct gather g[POSTURE_HOST_MAX];
	struct lookup *to[POSTURE_HOST_MAX];
	size_t n = 0;

	for (size_t i = 0; i < p->nhost; i++) {
		struct posture_host *h = &p->host[i];
		const char *canon = h->a.canon ? h->a.canon : h->aaaa.canon;

		if (!canon || !strcmp(canon, h->name))
			continue;
		lookup(&g[n], ask, "TLSA", tlsa_prefix(p, h), canon);
		to[n++] = &h->tlsa_canon;
	}
	gather_run(g, n, AT_ONCE);
	for (size_t i = 0; i < n; i++) {
		complain(&g[i], lookup_read(to[i], &g[i].out));
		gather_free(&g[i]);
	}
}

/* ---- */

/* Once for all domains. */
static void
look_resolver(struct str *rec, const struct transport_ask *ask)
{
	struct gather g;

	sibling(&g, ask, LOOKUP_TIME, (const char *const[]){NEXTHOP, "-t", NULL});
	gather_run(&g, 1, 1);
	str_add(rec, str_cstr(&g.out), g.out.len);
	gather_free(&g);
}

static void
show(const struct transport_ask *ask, const struct posture *p)
{
	int code = posture_code(p);

	if (ask->found)
		finding_add(ask->found,
		    code == EXIT_PERM ? FINDING_CRITICAL
		    : code            ? FINDING_WARNING
				      : FINDING_OK,
		    "transport", "%s", p->verdict);
	else
		(ask->json ? posture_json : posture_print)(p);
}

static int
look_one(const struct transport_ask *ask, const char *domain, const struct str *resolver)
{
	const struct conf_transport *t = ask->transport;
	struct str rec = {0};
	struct posture p;
	const char *bad;
	int code;

	posture_start(&p, domain);
	p.relay = t && conf_is_relay(t);
	p.probing = ask->connect;
	if (t && t->proxy)
		p.proxy = mem_dup(t->proxy);
	for (size_t i = 0; t && i < t->remote_ips.n; i++)
		plan_list_add(&p.seen_as, t->remote_ips.v[i]);
	str_add(&rec, str_cstr(resolver), resolver->len);
	if ((bad = posture_read_validation(&p, &rec)))
		warn("unable to read the answer of mox-nexthop -t: %s", bad);
	str_free(&rec);
	(p.relay ? look_relay : look_domain)(&p, ask);
	look_servers(&p, ask);
	look_aliases(&p, ask);
	posture_judge(&p, clock_now());
	show(ask, &p);
	code = posture_code(&p);
	posture_free(&p);
	return code;
}

int
transport_look(const struct transport_ask *ask, char *const domain[], size_t n)
{
	struct str resolver = {0};
	int worst = 0, code;

	look_resolver(&resolver, ask);
	if (!n)
		worst = look_one(ask, ask->transport->name, &resolver);
	for (size_t i = 0; i < n; i++) {
		if (i && !ask->json && !ask->found)
			putchar('\n');
		code = look_one(ask, domain[i], &resolver);
		worst = code > worst ? code : worst;
	}
	if (fflush(stdout))
		die_temp("unable to write: %m");
	str_free(&resolver);
	return worst;
}
