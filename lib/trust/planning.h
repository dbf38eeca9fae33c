/* A plan in the making: what the files planner*.c share, and nobody else includes.
 *
 * planner.c has the way from a domain to its hosts, planner_hop.c from a host to a hop, planner_tlsa.c its TLSA
 * records, planner_sts.c the recipient domain's MTA-STS policy. Each function is begun anew in every round (planner.h):
 * it asks with making_need for all it can ask now, and returns when m->waiting is set or the plan is refused. */
#ifndef PLANNING_H
#define PLANNING_H

#include "base.h"
#include "planner.h"

#include <stdbool.h>

#define PLANNING_TTL_MOST 3600 /* seconds */

struct making {
	struct plan *p;
	const struct plan_request *r;
	struct lookups *l;
	bool waiting; /* an answer is missing: this round leads to nothing */
	unsigned ttl;
	const char *domain;              /* asked for, A-labels */
	char expanded[DNS_NAME_SIZE];    /* at the end of its aliases */
	bool secure;                     /* aliases, and then the MX answer */
	bool has_mx;                     /* false: the domain is its own mail host */
	unsigned refused, none;          /* hosts left out: bad addresses, no address */
	unsigned strangers;              /* hosts left out: not named by the policy */
	const struct dns_answer *failed; /* the first host lookup that failed */
	char failed_host[DNS_NAME_SIZE];
};

/* The answer, or NULL: it is to be waited for. Each question is asked once for all rounds. */
const struct dns_answer *making_need(struct making *m, const char *name, unsigned type);
/* What was learnt holds so many seconds: so long the plan does, at most. */
void making_ttl(struct making *m, unsigned ttl);
/* The plan is later or never. */
void making_refuse(struct making *m, enum plan_kind kind, const char *code, const char *fmt, ...)
    PRINTF(4, 5);
/* Later, since this answer failed. type 0: of several types. */
void making_refuse_failed(struct making *m, unsigned type, const char *name, const struct dns_answer *a);
/* The plan has its hops. name: as it shows it. */
void making_done(struct making *m, const char *name);

/* Looks host up and makes a hop of it, or counts in m why not. */
void hop_make(struct making *m, const char *host, unsigned pref);
/* An address in any of the spellings people use for a next hop; 0: it is a name. */
int addr_parse(const char *s, unsigned char b[16], char text[INET6_ADDRSTRLEN]);
/* A next hop that is an address: no DNS, no DANE, no MTA-STS (T22). name: as the plan shows it. */
void address_make(struct making *m, const char *name, int family, const unsigned char *b, const char *text);

/* What the recipient domain's policy says of a host. */
enum sts_verdict {
	STS_NONE, /* there is no policy, or its mode is none */
	STS_TESTING,
	STS_TESTING_STRANGER, /* not named by it */
	STS_ENFORCE,
	STS_ENFORCE_STRANGER,
};
/* The policy of m->domain into m->p->sts (mode NULL: there is none), before any hop is made; not called when the
 * configuration says what TLS is wanted, nor for configured hosts. false: waiting, or the plan is refused. */
bool sts_find(struct making *m);
/* host: lower-case A-labels. After sts_find. */
enum sts_verdict sts_judge(const struct making *m, const char *host);

#endif
