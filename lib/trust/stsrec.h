/* What passes between mox-nexthop and `mox-mtasts -w`: one record a packet, each way (mox-rec.5).
 *
 * A question says what the TXT record said; the answer is the policy that applies, or that the addresses of the
 * policy host are wanted first: then the same question comes again with them. */
#ifndef STSREC_H
#define STSREC_H

#include "base.h"
#include "mtasts.h"

#define STS_ADDR_MAX 16
#define STS_PACKET_MAX 32768 /* a policy's patterns (STS_MX_BYTES_MAX) and all the rest fit */

struct sts_question {
	uint64_t ask; /* number, echoed */
	char *domain; /* recipient domain, A-labels */
	enum sts_txt txt;
	char id[STS_ID_MAX + 1];
	bool refetch;          /* fetch, whatever is kept (the daily round, and by hand) */
	bool has_addr;         /* the addresses were looked up */
	struct plan_list addr; /* of mta-sts.DOMAIN */
	char *no_addr;         /* why there is none, a sentence; or NULL */
};

enum sts_kind {
	STS_REPLY_POLICY,
	STS_REPLY_NONE,      /* the domain has none */
	STS_REPLY_UNDECIDED, /* nothing is kept and the TXT record could not be looked up */
	STS_REPLY_ADDRESSES, /* wanted */
	STS_REPLY_FAILED,    /* never on the wire: mox-mtasts does not answer */
};

struct sts_reply {
	uint64_t ask;
	enum sts_kind kind;
	struct sts_policy policy; /* STS_REPLY_POLICY, its id, */
	char id[STS_ID_MAX + 1];
	int64_t fetched;    /* and when */
	char *result, *why; /* the last fetch failed: RFC 8460 4.3 result type, a sentence; else NULL */
	unsigned ttl;       /* seconds this holds */
};

/* From the answers for AAAA and A of mta-sts.DOMAIN. */
void sts_question_addresses(
    struct sts_question *q, const struct dns_answer *aaaa, const struct dns_answer *a);
void sts_question_free(struct sts_question *q);
void sts_question_write(struct str *out, const struct sts_question *q);
/* Destructively; false: not a whole question, *q is {0}. */
bool sts_question_parse(struct sts_question *q, char *buf, size_t n) MUST_USE;

void sts_reply_free(struct sts_reply *r);
void sts_reply_write(struct str *out, const struct sts_reply *r);
bool sts_reply_parse(struct sts_reply *r, char *buf, size_t n) MUST_USE;

/* The value of a `tls` line (mox-rec.5) for TLSRPT. result: RFC 8460 4.3; mx, why: may be NULL; policy: NULL:
 * there is none. At most 4 kB: what does not fit is left out from the end. */
void sts_count(struct str *out, const char *domain, const char *result, const char *mx, const char *why);
void sts_count_policy(struct str *out, const struct sts_policy *p);

#endif
