/* A plan in the making: what the files planner*.c share, and nobody else includes.
 *
 * planner.c has the way from a domain to its hosts, planner_hop.c from a host to a hop, planner_tlsa.c its TLSA
 * records, planner_sts.c its MTA-STS policy, or the relay's. Each function is begun anew in every round (planner.h):
 * it asks with making_need for all it can ask now, and returns when m->waiting is set or the plan is refused. */
#ifndef PLANNING_H
#define PLANNING_H

#include "base.h"
#include "demand.h"
#include "planner.h"

#include <stdbool.h>

#define PLANNING_TTL_MOST 3600 /* seconds */

struct making {
	struct plan *p;
	const struct plan_request *r;
	struct lookups *l;
	bool waiting; /* an answer is missing: this round leads to nothing */
	unsigned ttl;
	uint16_t port;
	const char *domain; /* asked for, A-labels; of SRV records what stands behind _SERVICE._tcp */
	char expanded[DNS_NAME_SIZE];    /* at the end of its aliases */
	bool secure;                     /* aliases, and then the MX answer */
	bool has_mx;                     /* false: the domain is its own mail host */
	unsigned refused, none;          /* hosts left out: bad addresses, no address */
	unsigned strangers, insecure;    /* not named by the policy, not enough for the message */
	unsigned unproved;               /* without the TLSA records that the configuration asks for */
	const struct dns_answer *failed; /* the first lookup that cost a host */
	char failed_name[DNS_NAME_SIZE];
	unsigned failed_type;      /* 0: its addresses */
	const char *policy_failed; /* why it is not known whether there is a policy; NULL: it is */
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
/* The host is left out of the plan, and why. */
void making_skip(struct making *m, const char *host, const char *fmt, ...) PRINTF(3, 4);
/* The host is left out since this answer failed; makes the plan later when no other is left. */
void making_skip_failed(
    struct making *m, const char *host, unsigned type, const char *name, const struct dns_answer *a);
/* A result for TLSRPT (mox-rec.5); host: the MX host it is about; reason: one of few words, since it is part of what is
 * counted by, and strangers read it. */
void making_count(struct making *m, const char *type, const char *domain, const char *result,
    const char *host, const char *reason);
/* The plan has its hops. name: as it shows it. */
void making_done(struct making *m, const char *name);

/* Looks host up and makes a hop of it, or counts in m why not. */
void hop_make(struct making *m, const char *host, unsigned pref);
/* An address in any of the spellings people use for a next hop; 0: it is a name. */
int addr_parse(const char *s, unsigned char b[16], char text[INET6_ADDRSTRLEN]);
/* One of several configured hosts that is an address: a hop, or counted in m why not. */
void address_add(struct making *m, int family, const unsigned char *b, const char *text, unsigned pref);
/* A next hop that is an address: no DNS, no DANE, no MTA-STS (T22). name: as the plan shows it. */
void address_make(struct making *m, const char *name, int family, const unsigned char *b, const char *text);

/* Where TLSA records of a host may be looked for. */
struct tlsa_host {
	const char *name;
	const char *canon; /* what it is an alias for; NULL: none */
	bool secure;       /* addresses, through all aliases */
};

struct tlsa_found {
	enum dane_found dane;
	char base[DNS_NAME_SIZE]; /* where the records are */
	struct plan_list text;    /* the caller's */
	const struct dns_answer *failed;
	char failed_name[DNS_NAME_SIZE];
	unsigned failed_type;
};

/* RFC 7672 2.2.2. *found is {0}. false: waiting. */
bool tlsa_find(struct making *m, const struct tlsa_host *h, struct tlsa_found *found) MUST_USE;

/* The policy of m->domain into m->p->sts (mode NULL: there is none), before any hop is made; not called when the
 * configuration says what TLS is wanted, nor for one of several configured hosts. false: waiting, or the plan is refused. */
bool sts_find(struct making *m);
/* host: lower-case A-labels. After sts_find. */
enum sts_verdict sts_judge(struct making *m, const char *host);
/* Counts that the enforced policy names none of the domain's hosts. */
void sts_count_strangers(struct making *m);

#endif
