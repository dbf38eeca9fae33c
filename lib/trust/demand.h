/* What a hop demands of TLS: the one place where configuration, the message's own wish, DANE and MTA-STS meet
 * (DESIGN 10). A pure function; t/unit/trust-demand.c has the table. */
#ifndef DEMAND_H
#define DEMAND_H

#include "base.h"
#include "plan.h"

#include <stdbool.h>

/* The wish of the message (RFC 8689). */
enum plan_need {
	NEED_ORDINARY,
	NEED_SECURE,  /* REQUIRETLS: only hops whose name and server are proved */
	NEED_LENIENT, /* TLS-Required: No: nothing is enforced, all is counted */
};

enum dane_found {
	DANE_NONE, /* no secure TLSA records, or none may be looked for */
	DANE_USABLE,
	DANE_UNUSABLE, /* a secure set of which nothing counts */
	DANE_FAILED,   /* they could not be looked up, at a host where there may be some (T1, T2) */
};

/* What the recipient domain's policy says of a host. */
enum sts_verdict {
	STS_NONE, /* there is no policy, or its mode is none */
	STS_TESTING,
	STS_TESTING_STRANGER, /* not named by it */
	STS_ENFORCE,
	STS_ENFORCE_STRANGER,
};

struct finding {
	enum plan_need need;
	enum plan_tls configured; /* may, none, must, pkix or dane */
	enum dane_found dane;
	enum sts_verdict sts;
	bool mx_secure; /* it is proved that the host is the domain's */
};

enum demand_fate {
	HOP_KEPT,
	HOP_FAILED,   /* left out since DANE_FAILED */
	HOP_STRANGER, /* left out since the policy is enforced */
	HOP_INSECURE, /* left out since the message needs more */
	HOP_UNPROVED, /* left out since the configuration asks for TLSA records, and there are none */
};

struct demand {
	enum demand_fate fate;
	enum plan_tls tls;
	bool stranger; /* kept, though the policy does not name it */
};

struct demand demand_of(const struct finding *f);

#endif
