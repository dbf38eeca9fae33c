#include "base.h"

#include "clock.h"
#include "dane.h"
#include "judge.h"

static bool
has_policy(const struct plan *p)
{
	return p->sts.mode && strcmp(p->sts.mode, "none") != 0;
}

static struct opinion
by_tlsa(const struct tls *tls, const struct plan_hop *hop)
{
	struct tlsa_set set = {0};
	struct dane_verdict v = {0};
	unsigned n;
	const gnutls_datum_t *chain = tls_chain(tls, &n);
	bool good;

	tlsa_add_list(&set, &hop->tlsa);
	good = dane_judge(&v, &set, chain, n, &hop->names, clock_now());
	tlsa_free(&set);
	if (good)
		return (struct opinion){.result = "ok"};
	return (struct opinion){v.type, v.why};
}

static struct opinion
by_policy(const struct tls *tls, const struct plan_hop *hop)
{
	struct cert_fault f;

	if (hop->sts_stranger)
		return (struct opinion){"validation-failure", "the policy does not name this host"};
	/* That is our own fault: nobody else is to hear of it. */
	if (!tls_has_authorities())
		return (struct opinion){NULL, "this machine has no certificate authorities"};
	if (!tls_is_for(tls, hop->host, &f))
		return (struct opinion){f.result, f.why};
	return (struct opinion){.result = "ok"};
}

static struct opinion
by_names(const struct tls *tls, const struct plan_hop *hop)
{
	struct cert_fault f = {NULL, "nothing says who it should be"};

	if (!tls_has_authorities())
		return (struct opinion){NULL, "this machine has no certificate authorities"};
	for (size_t i = 0; i < hop->names.n; i++)
		if (tls_is_for(tls, hop->names.v[i], &f))
			return (struct opinion){.result = "ok"};
	return (struct opinion){f.result, f.why};
}

static bool
is_ok(const struct opinion *o)
{
	return o->result && !strcmp(o->result, "ok");
}

void
judge_peer(struct judgement *to, struct tls *tls, const struct plan *p, const struct plan_hop *hop)
{
	const struct opinion *asked = NULL;
	struct opinion names = {0};

	*to = (struct judgement){.trusted = true, .verified = "none", .tls.result = "ok"};
	if (hop->tlsa.n)
		to->tlsa = by_tlsa(tls, hop);
	if (has_policy(p))
		to->sts = by_policy(tls, hop);
	to->blind = to->sts.why && !to->sts.result;
	if (is_ok(&to->tlsa))
		to->verified = "dane";
	else if (is_ok(&to->sts))
		to->verified = "pkix";
	switch (hop->tls) {
	case PLAN_TLS_MAY:
	case PLAN_TLS_MUST:
	case PLAN_TLS_DANE_UNUSABLE: return;
	case PLAN_TLS_DANE:
	case PLAN_TLS_DANE_STS: asked = &to->tlsa; break;
	case PLAN_TLS_STS: asked = &to->sts; break;
	case PLAN_TLS_PKIX:
		names = by_names(tls, hop);
		asked = &names;
		if (is_ok(asked))
			to->verified = "pkix";
		break;
	case PLAN_TLS_NONE: break;
	}
	to->trusted = asked && is_ok(asked);
	if (!to->trusted)
		to->why = asked && asked->why ? asked->why : "nothing says who it should be";
}

void
judge_failure(struct judgement *to, const struct plan *p, const struct plan_hop *hop, struct opinion what)
{
	*to = (struct judgement){.verified = "none", .tls = what, .why = what.why};
	if (hop->tlsa.n)
		to->tlsa = what;
	if (has_policy(p))
		to->sts = what;
}
