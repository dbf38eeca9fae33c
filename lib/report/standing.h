/* How a domain stands with those who receive its mail: what it publishes, held against what is configured here. Each function
 * looks at one thing and adds what it finds; answers of DNS come through the asker. What is missing is told with the record to
 * publish. */
#ifndef STANDING_H
#define STANDING_H

#include "asker.h"
#include "base.h"
#include "conf.h"
#include "finding.h"
#include "sending.h"

struct standing {
	const char *domain; /* A-labels */
	const struct conf *conf;
	struct findings *found;
	struct asker *asker;
	const struct sendings *addresses;
};

/* standing.c: who may send and sign */
void standing_spf(const struct standing *s);
void standing_dkim(const struct standing *s);
void standing_dmarc(const struct standing *s);

/* standing_host.c: names, and what protects mail to the domain */
void standing_names(const struct standing *s);
void standing_mx(const struct standing *s);
void standing_sts(const struct standing *s);
void standing_tlsrpt(const struct standing *s);

/* The nearest section of the domain, or of one above it, as mox-dkim looks for one; NULL: none. */
const struct conf_domain *standing_section(const struct conf *c, const char *domain);

#endif
