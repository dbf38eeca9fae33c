/* The posture of a destination, a domain or a relay: what its owner has published about mail to it, what of that counts, and what a
 * delivery would demand of TLS.
 *
 * A struct posture starts with posture_start. The posture_read_* functions take the records that siblings printed,
 * destructively and in any order but one: hosts come from plan and MX, so these two are read first. Then
 * posture_judge; then posture_print or posture_json. posture_free ends it. What was not read is not known, which is
 * never a fault. All text in it is hostile until it is printed (both printers escape). */
#ifndef POSTURE_H
#define POSTURE_H

#include "base.h"
#include "plan.h"
#include "str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POSTURE_HOST_MAX PLAN_HOP_MAX
#define POSTURE_PROBE_MAX 64

enum yes_no { NOT_KNOWN, KNOWN_NO, KNOWN_YES };

enum lookup_status { LOOKUP_UNKNOWN, LOOKUP_DATA, LOOKUP_NODATA, LOOKUP_NXDOMAIN, LOOKUP_BOGUS, LOOKUP_FAIL };

struct lookup {
	enum lookup_status status;
	bool secure;
	char *name, *canon, *why;
	struct plan_list data; /* presentation form, as mox-nexthop -q prints it */
};

struct posture_host {
	char *name;
	bool in_mx;
	unsigned pref;
	int hop;                                 /* index into the plan; -1: no hop of it */
	struct lookup a, aaaa, tlsa, tlsa_canon; /* the last: at the name the host is an alias of */
};

struct posture_cert {
	char *subject, *issuer, *names, *not_before, *not_after, *spki;
};

/* A connection to a hop (mox-deliver -c). */
struct posture_probe {
	char *host, *ip, *port;
	char *greeting, *offers, *offers_in_tls, *tls, *verified, *login, *error;
	/* "ok", or a result of RFC 8460 and why, parted by a space; NULL: there was nothing to judge by */
	char *starttls, *pkix, *sts, *tlsa;
	enum yes_no requiretls;
	struct posture_cert *cert; /* leaf first */
	size_t ncert;
};

struct posture_policy {
	bool read, expired;
	char *mode, *id, *result, *why; /* mode NULL: there is none; result, why: of a fetch that failed */
	uint64_t max_age;               /* seconds */
	struct plan_list mx;
};

enum remark_weight { REMARK_NOTE, REMARK_PROBLEM };

struct remark {
	enum remark_weight weight;
	char *about; /* a host name, "mx", "sts", "tlsrpt", "resolver" */
	char *text;  /* one sentence */
};

/* Best first. */
enum protection {
	PROTECTED_DANE,
	PROTECTED_MIXED,
	PROTECTED_STS,
	PROTECTED_SOME,
	PROTECTED_PKIX, /* by configuration */
	ENCRYPTED,
	OPPORTUNISTIC,
	CLEAR
};

struct posture {
	char *domain;             /* or the transport's name */
	bool relay;               /* the servers are a transport's, whatever the domain */
	bool probing;             /* -c was given */
	char *proxy;              /* address of one that mail goes through; NULL: none */
	struct plan_list seen_as; /* and the addresses that servers see then, as configured */

	struct plan plan;
	bool planned;
	struct plan strict; /* the plan for REQUIRETLS mail */
	bool strict_planned;
	char *plan_why; /* why there is no plan, when mox-nexthop gave none */
	struct lookup mx, sts_txt, tlsrpt_txt;
	struct posture_policy policy;
	struct posture_host host[POSTURE_HOST_MAX];
	size_t nhost;
	struct posture_probe *probe;
	size_t nprobe;
	char *probe_why;
	enum yes_no starttls, requiretls; /* as last seen here */
	int64_t seen;
	enum yes_no validation; /* by this machine's resolver */
	char *validation_word, *validation_why;

	/* posture_judge */
	enum plan_kind fate;        /* PLAN_HOPS: it is sent */
	enum protection protection; /* when sent */
	char *verdict;              /* one sentence */
	enum yes_no requiretls_fit; /* whether REQUIRETLS mail has a way, as far as it is known */
	char *requiretls_why;       /* it has none */
	struct remark *remark;
	size_t nremark;
	char *sts_id;         /* of a good record */
	struct plan_list rua; /* of a good TLSRPT record */
};

void posture_start(struct posture *p, const char *domain);
void posture_free(struct posture *p);

/* NULL, or what is wrong with the record. An empty one is none. */
const char *posture_read_plan(struct posture *p, struct str *rec) MUST_USE;
const char *posture_read_strict(struct posture *p, struct str *rec) MUST_USE;
/* What is kept, and behind it what a fetch has just said. */
const char *posture_read_policy(struct posture *p, struct str *rec) MUST_USE;
const char *posture_read_fetched(struct posture *p, struct str *rec) MUST_USE;
const char *posture_read_probes(struct posture *p, struct str *recs) MUST_USE;
const char *posture_read_validation(struct posture *p, struct str *rec) MUST_USE;
const char *lookup_read(struct lookup *l, struct str *rec) MUST_USE;
void lookup_free(struct lookup *l);
/* The hosts of plan and MX answer, in the order of their preference, and the plan's policy where there is none yet; behind
 * all that is read of these. */
void posture_hosts(struct posture *p);

/* The text of a TXT record in presentation form, its strings joined, appended; false: that is none. */
bool txt_join(struct str *out, const char *shown) MUST_USE;

/* Pure. now: microseconds since 1970, for what runs out. */
void posture_judge(struct posture *p, int64_t now);
/* Every address answer was secure, and there is one. */
bool posture_addresses_secure(const struct posture_host *h);
/* The TLSA lookup that tells most: at the alias' target when there are signed records, else at the host. */
const struct lookup *posture_tlsa(const struct posture_host *h);
/* 0, 100: mail can never go there, 111: not now. */
int posture_code(const struct posture *p);

void posture_print(const struct posture *p);
void posture_json(const struct posture *p);

#endif
