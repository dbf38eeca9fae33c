/* The DMARC record of a domain (RFC 7489 6.3), and which of its reports need the receiver's word (7.1). Pure. */
#ifndef DMARC_H
#define DMARC_H

#include "base.h"
#include "plan.h"

#include <stdbool.h>

struct dmarc {
	char policy[16],
	    subdomains[16];           /* none, quarantine, reject; subdomains as policy when it is not said */
	bool strict_dkim, strict_spf; /* alignment */
	unsigned percent;
	struct plan_list rua, ruf; /* URIs without their sizes */
};

/* Text that begins with v=DMARC1. NULL, or half a sentence: what is wrong; then it does not count. dmarc_free in any case. */
const char *dmarc_parse(struct dmarc *r, const char *text) MUST_USE;
void dmarc_free(struct dmarc *r);
/* The host of a mailto: or https: URI, appended; false: it is neither. */
bool dmarc_uri_host(struct str *out, const char *uri) MUST_USE;
/* Whether host needs to say that it takes reports about domain: it is neither of them, nor above or below it. */
bool dmarc_is_elsewhere(const char *host, const char *domain);

#endif
