/* The delivery plan (DESIGN 8): all a delivery must know of its next hops, so that mox-deliver needs no DNS.
 *
 * This is the record alone: building one is planner.h. A struct plan starts as {0} and owns all it points to;
 * plan_free ends it. Hops stand in the order to try. Names are lower-case A-labels, addresses the text of
 * inet_ntop. */
#ifndef PLAN_H
#define PLAN_H

#include "base.h"
#include "str.h"

#include <stdbool.h>
#include <stdint.h>

/* More are not looked up, and a record with more is refused. */
#define PLAN_HOP_MAX 20
#define PLAN_ADDR_MAX 16 /* of one hop */
#define PLAN_TLSA_MAX 32 /* of one hop */
#define PLAN_STS_MX_MAX 32
#define PLAN_COUNT_MAX 64
#define PLAN_NOTE_MAX 64
#define PLAN_LINES_MAX                                                                                       \
	(48 *                                                                                                \
	    1024) /* bytes of plan_lines_write: two jobs with them and 100 recipients must fit into a worker's socket */

enum plan_kind { PLAN_HOPS, PLAN_LATER, PLAN_NEVER };
/* What the hop demands of TLS (DESIGN 10). A word the reader does not know is an error, so that no demand is
 * ever taken for `may`. */
enum plan_tls {
	PLAN_TLS_MAY,           /* opportunistic */
	PLAN_TLS_NONE,          /* never */
	PLAN_TLS_MUST,          /* by configuration; whoever it is */
	PLAN_TLS_DANE,          /* a usable TLSA record must match */
	PLAN_TLS_DANE_UNUSABLE, /* secure TLSA records, none usable: TLS, whoever it is */
	PLAN_TLS_STS,           /* authorities and MX host name */
	PLAN_TLS_DANE_STS,      /* as DANE; the policy has chosen the host */
	PLAN_TLS_PKIX,          /* by configuration; authorities and one of the names */
};

struct plan_list {
	char **v;
	size_t n;
};

struct plan_hop {
	char *host; /* MX host, configured host or its address, or the literal "[192.0.2.1]" */
	unsigned pref;
	unsigned weight; /* among those of equal preference (RFC 2782); not in the record */
	uint16_t port;
	bool secure; /* every address answer used here was DNSSEC secure */
	enum plan_tls tls;
	bool sts_stranger;     /* the policy, which is not enforced, does not name this host */
	char *base;            /* TLSA base domain, goes into SNI; NULL: host */
	struct plan_list tlsa; /* "3 1 1 9f86d0...": all of the secure RRset, usable or not. With tls may: for
	                          counting only */
	struct plan_list names; /* what the certificate may be for; host first; none for a literal */
	struct plan_list addr;
};

/* The recipient domain's MTA-STS policy (RFC 8461); with mode enforce, hops outside it are not in the plan.
 */
struct plan_sts {
	char *mode; /* enforce, testing, none; NULL: no policy */
	char *domain, *id;
	uint64_t max_age;    /* seconds */
	struct plan_list mx; /* patterns; those that do not fit are left out */
};

struct plan {
	uint64_t ask; /* request number; 0: none, and none is written */
	enum plan_kind kind;
	char *name;   /* what was asked for; NULL in later and never */
	char *site;   /* key of limits and connections */
	bool secure;  /* MX answer, and each alias before it */
	bool partial; /* a host was left out since a lookup failed: what the others cannot take, it may */
	struct plan_sts sts;
	char *fit; /* plans of one site with the same word may share a transaction; NULL: none written */
	struct plan_list count; /* results for TLSRPT found on the way here, each the value of a `tls` line
	                           (mox-rec.5); in later and never too */
	struct plan_hop *hop;
	size_t nhop;
	struct plan_list note; /* for people: which hosts were left out, and why */
	char *code, *text;     /* later, never: RFC 3463 code and a sentence */
	bool network_down;     /* later: no resolver can be reached, this was no attempt */
	unsigned ttl;          /* seconds */
};

void plan_free(struct plan *p);
void plan_list_add(struct plan_list *l, const char *s);
void plan_list_free(struct plan_list *l);                        /* empty after it */
struct plan_hop *plan_hop_add(struct plan *p, const char *host); /* valid until the next call */

/* Appends the whole record. */
void plan_write(struct str *out, const struct plan *p);
/* Appends the lines `hop`, `names`, `tlsa` and `addr` of one hop, as plans and jobs have them. */
void plan_hop_write(struct str *out, const struct plan_hop *h);
/* Appends the line `sts`; nothing when there is no policy. */
void plan_sts_write(struct str *out, const struct plan_sts *s);
/* Appends the line `partial`, when the plan is. */
void plan_partial_write(struct str *out, const struct plan *p);
/* Appends those three: all that jobs have of a plan. */
void plan_lines_write(struct str *out, const struct plan *p);
/* Appends what must be equal for a connection that was judged for one hop to serve another of the same host
 * and port: demand, TLSA records, policy, and, where a certificate's names are looked at, the names (T101). */
void plan_demand_write(struct str *out, const struct plan *p, const struct plan_hop *h);
/* The word for `fit`, allocated: a digest of each hop's host, port and plan_demand_write, whatever their
 * order, and of partial, under a key of this process: it compares with no other's. */
char *plan_fit(const struct plan *p) MUST_USE;

/* One decoded line of a record (rec_next) into p: 1 taken, 0 not a key of plans, -1 malformed. For readers
 * whose records carry hops among other lines (jobs); value is consumed. */
int plan_line(struct plan *p, const char *key, char *value) MUST_USE;
/* A whole record, destructively. NULL, or what is wrong with it. *p must be {0} and is the caller's to free
 * in any case. */
const char *plan_parse(struct plan *p, char *buf, size_t n) MUST_USE;

/* Hops of equal preference in random order (RFC 5321 5.1), those with a weight by it (RFC 2782), addresses too within their family. The same seed,
 * the same order. */
void plan_shuffle(struct plan *p, uint64_t seed);

#endif
