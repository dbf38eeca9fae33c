/* The state of the queue in one struct, for a page to look at (mox-queue-report). Pure: rows come in, figures come out; no
 * I/O, no clock. Memory does not grow with the rows: names are counted by top.h, messages are the first few.
 *
 * report_start; report_waits for each row of the queue and report_past for each of the history, in any order;
 * report_sort; then, if somebody can tell them, report_tries for the attempts of the rows of `probe`. report_free. */
#ifndef REPORT_H
#define REPORT_H

#include "base.h"
#include "row.h"
#include "str.h"
#include "summary.h"
#include "tlsrpt_in.h"
#include "top.h"

#include <stdbool.h>
#include <stdint.h>

#define REPORT_BINS 64
#define REPORT_TEXT 300   /* bytes of a reply */
#define REPORT_DOMAIN 256 /* bytes of a domain with its NUL */
#define REPORT_LINES_MAX 200
#define REPORT_SINCE_MAX (60 * INT64_C(86400000000))
#define REPORT_TRIES 3 /* rows of a place whose attempts are looked at */

/* What became of recipients, by when they left the queue. */
struct report_bin {
	uint64_t sent, failed, other; /* other: cancelled, discarded, gone */
};
struct report_flow {
	int64_t start, width; /* microseconds since 1970; of a bin */
	size_t n;
	struct report_bin bin[REPORT_BINS], sum;
};

/* Where mail waits for: a site, or a domain whose site is not known. */
struct report_place {
	struct top_entry top; /* count: recipients */
	uint64_t held, age[SUMMARY_AGES];
	int64_t oldest, next; /* next 0: none */
	char domain[REPORT_DOMAIN];
	bool domains; /* and others */
	/* What it said last: code 0 when the words are ours. at 0: nothing yet. */
	unsigned code;
	char error[REPORT_TEXT];
	int64_t at;
	int64_t since; /* when it began to say that code; 0: not known */
	struct {
		uint64_t id;
		unsigned n;
	} probe[REPORT_TRIES]; /* its oldest rows that were tried */
	unsigned nprobe;
	int64_t taken; /* when it took something last; 0: not in the history */
};

/* What they say, without what differs from reply to reply. */
struct report_reply {
	struct top_entry top;
	char domain[REPORT_DOMAIN]; /* who says it, for one */
	bool domains;
};

/* Where mail went: a site, or a domain. */
struct report_route {
	struct top_entry top; /* count: what left the queue */
	uint64_t sent, failed, plain;
	char domain[REPORT_DOMAIN];
	bool domains;
	int64_t taken;
};

struct report_taker { /* a domain */
	struct top_entry top;
	int64_t taken;
};

struct report_account {
	struct top_entry top; /* count: held by a limit */
	int64_t oldest;
};

struct report_mail {
	uint64_t id;
	unsigned n, more; /* recipients of the message that wait besides */
	int64_t at;       /* queued; of a failure, when it failed */
	int64_t next;
	unsigned attempts, code;
	enum row_state state;
	char hold;
	char *sender, *rcpt, *error, *result;
};

enum report_tls { REPORT_DANE, REPORT_PKIX, REPORT_OPPORTUNISTIC, REPORT_PLAIN, REPORT_TLS };
extern const char *const report_tls_names[REPORT_TLS]; /* as in rows */

/* How long what was sent took, from acceptance: below so much. */
#define REPORT_SPANS 14
extern const int64_t report_spans[REPORT_SPANS];

#define REPORT_HOLDS "uorlf"

/* From metrics.prom; less than 0: not there. */
struct report_gauges {
	bool there;
	double free_bytes, free_inodes, workers, down, started, counted, received;
};

struct report {
	/* set by the caller, before report_start */
	int64_t now, since; /* since: length of the history shown */
	size_t lines;       /* of each table */
	/* set by whoever knows, at any time; strings are borrows */
	const char *host;
	struct str only; /* filters, in words; empty: everything is shown */
	bool own_mail;   /* what is shown is the asking user's alone */
	struct report_gauges gauges;
	struct str listed; /* addresses of ours on lists, one a line */
	uint64_t suppressed, suppressed_manual;
	bool suppress_known;
	struct top tls_faults; /* top_entry alone: "RESULT DOMAIN" and sessions */
	bool tls_faults_known;
	struct tlsrpt_in told; /* what others told of TLS to us */

	/* what waits */
	uint64_t recipients, messages, bytes, state[ROW_STATES], age[SUMMARY_AGES], tried;
	uint64_t hold[sizeof REPORT_HOLDS - 1];
	int64_t oldest, hold_oldest[sizeof REPORT_HOLDS - 1];
	int64_t overdue;  /* the least next of what is due; 0: none */
	int64_t tried_at; /* the last attempt, of what waits or has left; 0: none known */
	uint64_t last_id;
	struct top places, replies, accounts;
	struct report_mail *old;
	size_t nold;
	struct str buf;

	/* the history */
	struct report_flow day, span;     /* 24 hours by hour; the whole, n 0 when that is no more */
	struct top routes, takers, plain; /* plain: top_entry alone, by host */
	uint64_t tls[REPORT_TLS], here, took[REPORT_SPANS + 1];
	struct report_mail *failed;
	size_t nfailed;
};

/* day_end and midnight: the next full hour, and the last midnight, in whose time zone bins are to begin. */
void report_start(struct report *r, int64_t day_end, int64_t midnight);
void report_waits(struct report *r, const struct row *row);
void report_past(struct report *r, const struct row *row);
void report_sort(struct report *r);
/* A row with its attempts, which are taken apart, of one of p's probes. */
void report_tries(struct report_place *p, struct row *row);
void report_free(struct report *r);

/* The span below which so many percent of what was sent took; 0: nothing was, INT64_MAX: longer than all spans. */
int64_t report_took(const struct report *r, unsigned percent);

#endif
