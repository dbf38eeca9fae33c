/* In whose name reports on TLS go out: that of the nearest domain at or above the host's (else the postmaster's) that
 * has DKIM keys here, since a report without a signature of its submitter counts for nothing (RFC 8460 3). */
#ifndef TLSRPT_SUBMITTER_H
#define TLSRPT_SUBMITTER_H

#include "base.h"
#include "conf.h"
#include "tlsrpt.h"

#include <stdbool.h>

struct tlsrpt_signer {
	struct tlsrpt_submitter who;
	bool signs; /* false: there are no keys; then who is the host */
	const struct conf_domain *conf;
	char *domain, *contact; /* ours */
};

void tlsrpt_signer_find(struct tlsrpt_signer *s, const struct conf *c);
void tlsrpt_signer_free(struct tlsrpt_signer *s);

#endif
