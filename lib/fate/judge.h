/* Who is at the other end of a connection, by what the plan demands of its hop (DESIGN 10). The one place that
 * decides it; asked behind every handshake (T101).
 *
 *   dane, dane+sts   a TLSA record must match; beside it a policy's opinion is counted and changes nothing (T43)
 *   dane-unusable    anybody, in TLS (RFC 7672 2.2)
 *   sts              an authority must speak for the MX host name (T45)
 *   pkix             an authority must speak for one of the names
 *   must             anybody, in TLS
 *   may              anybody; what TLSA records and policy say is counted (T36, T66)
 *
 * An opinion is what one policy makes of a session, in the words of RFC 8460 4.3. */
#ifndef JUDGE_H
#define JUDGE_H

#include "base.h"

#include "plan.h"
#include "tls.h"

#include <stdbool.h>

struct opinion {
	const char *result; /* "ok", "certificate-expired"...; NULL: there is no such policy, or (with why) no
	                       means to judge by it */
	const char *why;    /* NULL with ok; else half a sentence */
};

struct judgement {
	bool trusted;
	const char *verified;     /* "dane", "pkix", "none" */
	const char *why;          /* not trusted: half a sentence */
	struct opinion tlsa, sts; /* of the hop's TLSA records, of the policy when it is enforced or tested */
	bool blind;         /* the policy could not be judged: what the session was for it is not counted */
	struct opinion tls; /* of the session as such, whoever is there; no result: nothing is counted */
};

void judge_peer(struct judgement *to, struct tls *tls, const struct plan *p, const struct plan_hop *hop);
/* A session without TLS, or whose TLS failed: every policy's opinion is that result. Nobody is trusted. */
void judge_failure(
    struct judgement *to, const struct plan *p, const struct plan_hop *hop, struct opinion what);

#endif
