#include "base.h"

#include "demand.h"

static enum plan_tls
tls_of(enum dane_found dane, enum sts_verdict sts)
{
	bool enforced = sts == STS_ENFORCE;

	switch (dane) {
	case DANE_USABLE: return enforced ? PLAN_TLS_DANE_STS : PLAN_TLS_DANE;
	/* The policy asks for more than records that prove nobody. */
	case DANE_UNUSABLE: return enforced ? PLAN_TLS_STS : PLAN_TLS_DANE_UNUSABLE;
	default: return enforced ? PLAN_TLS_STS : PLAN_TLS_MAY;
	}
}

/* Both the way from the domain to the host and the server itself are proved (RFC 8689 4.2.1). A policy that is
 * enforced proves the way too; DANE of a host that an unsigned MX record names proves only the server (T8). */
static bool
satisfies(enum plan_tls tls, bool mx_secure)
{
	return tls == PLAN_TLS_STS || tls == PLAN_TLS_DANE_STS || (tls == PLAN_TLS_DANE && mx_secure);
}

/* What the configuration says holds whatever the message wishes. A host that it names and that proves its name satisfies
 * REQUIRETLS; may and must prove nobody. */
static enum demand_fate
fate_configured(const struct finding *f)
{
	if (f->configured == PLAN_TLS_PKIX)
		return HOP_KEPT;
	if (f->configured == PLAN_TLS_DANE)
		return f->dane == DANE_USABLE ? HOP_KEPT : f->dane == DANE_FAILED ? HOP_FAILED : HOP_UNPROVED;
	return f->need == NEED_SECURE ? HOP_INSECURE : HOP_KEPT;
}

struct demand
demand_of(const struct finding *f)
{
	struct demand d = {.fate = HOP_KEPT, .tls = f->configured};

	if (f->configured != PLAN_TLS_MAY) {
		d.fate = fate_configured(f);
		return d;
	}
	if (f->need == NEED_LENIENT) {
		d.stranger = f->sts == STS_ENFORCE_STRANGER || f->sts == STS_TESTING_STRANGER;
		return d;
	}
	d.tls = tls_of(f->dane, f->sts);
	d.stranger = f->sts == STS_TESTING_STRANGER;
	if (f->dane == DANE_FAILED)
		d.fate = HOP_FAILED;
	else if (f->sts == STS_ENFORCE_STRANGER)
		d.fate = HOP_STRANGER;
	else if (f->need == NEED_SECURE && !satisfies(d.tls, f->mx_secure))
		d.fate = HOP_INSECURE;
	return d;
}
