/* Rules that make a delivery plan out of DNS answers (DESIGN 8). No DNS in here: pure functions over a table
 *of lookups.
 *
 *	struct lookups l = {0};
 *	while (!plan_make(&plan, &request, &l))
 *		ask what stands in l without an answer, fill the answers in;
 *	lookups_free(&l);
 *
 * Each round begins anew from the first rule with all the answers so far, and ends at the first that is
 *missing. RFC 5321 5.1, 7505, 7672 2.2, 3.2.2. */
#ifndef PLANNER_H
#define PLANNER_H

#include "base.h"
#include "demand.h"
#include "dns.h"
#include "plan.h"
#include "stsrec.h"

#include <stdbool.h>

/* So many attempts at least are later while nobody knows whether the domain has an MTA-STS policy; then mail goes as
 * to a domain without one: a broken zone must not hold it for days (T46). */
#define PLAN_STS_PATIENCE 3

struct plan_request {
	/* Recipient domain or address literal; with host, names or addresses parted by spaces, in the order to try; with srv
	 * the owner of SRV records. In any spelling. */
	const char *name;
	bool host; /* a configured next hop: no MX lookup, never a `never`: configuration can be mended */
	bool
	    srv; /* likewise, and host is set: _SERVICE._tcp.DOMAIN (RFC 6186, 8314), whose records have the ports */
	uint16_t port;
	bool loopback; /* targets on this machine are allowed */
	bool ipv4, ipv6;
	enum plan_tls
	    tls; /* by configuration: may, none, must, pkix or dane; of these only may leaves DANE and MTA-STS a say */
	enum plan_need need;
	unsigned attempts; /* of the message so far; 0: not told. See PLAN_STS_PATIENCE */
	const char *self;  /* our own name in MX lists */
};

enum lookup_kind { LOOKUP_DNS, LOOKUP_STS /* asked of mox-mtasts */ };
struct lookup {
	enum lookup_kind kind;
	char *name;
	unsigned type;
	bool hosts;                    /* /etc/hosts counts */
	struct dns_answer *answer;     /* NULL: to be asked */
	struct sts_question *question; /* LOOKUP_STS: what to ask, and */
	struct sts_reply *reply;       /* the answer; NULL: to be asked */
	bool told;                     /* the log has a line about it */
};

struct lookups {
	struct lookup *v;
	size_t n;
};

/* true: *p, which was {0}, is the answer, still to be shuffled. false: l has lookups without answer, *p is
 * {0}. */
bool plan_make(struct plan *p, const struct plan_request *r, struct lookups *l) MUST_USE;
void lookups_free(struct lookups *l);

#endif
