/* What DNS answered to one question. */
#ifndef ANSWER_H
#define ANSWER_H

#include "base.h"
#include "rdata.h"

#include <stdbool.h>
#include <stdint.h>

enum dns_status {
	DNS_DATA,
	DNS_NODATA,
	DNS_NXDOMAIN,
	DNS_BOGUS, /* validation failed: nothing else in the answer is worth a look */
	DNS_FAIL,  /* SERVFAIL and its like, or no answer in time */
};

struct dns_answer {
	enum dns_status status;
	bool secure;      /* the whole of it, aliases too; for NODATA and NXDOMAIN: the denial is proved */
	bool unreachable; /* DNS_FAIL: no name server can be reached at all */
	unsigned ttl;     /* seconds */
	char *canon;      /* the name at the end of the aliases; NULL: the name asked for is none */
	struct dns_rdata *data;
	size_t n;
	char *why; /* DNS_BOGUS, DNS_FAIL: half a sentence */
};

struct dns_answer *dns_answer_new(enum dns_status status, bool secure, unsigned ttl) MUST_USE;
void dns_answer_add(struct dns_answer *a, const void *rdata, size_t n);
void dns_answer_free(struct dns_answer *a);
/* DNS_FAIL, and why. */
struct dns_answer *dns_answer_fail(const char *why) MUST_USE;

/* Neither data nor a denial. */
bool dns_answer_failed(const struct dns_answer *a);

/* Validation does not work here: said loudly, once a process, with the way out. */
void dns_broken_say(const char *why);

/* From libunbound's result for the name asked; bogus is looked at before anything else, since a bogus answer
 * comes with data and response code 0. */
struct ub_result;
struct dns_answer *dns_answer_from(const struct ub_result *r, const char *asked) MUST_USE;

#endif
