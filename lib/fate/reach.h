/* From the hops of a job to an open connection, logged in where its transport asks for that: which address to try, what its TLS
 * demand allows when something fails (DESIGN 10). */
#ifndef REACH_H
#define REACH_H

#include "base.h"

#include "conf.h"
#include "job.h"
#include "judge.h"
#include "passage.h"
#include "recall.h"
#include "smtp.h"
#include "tally.h"
#include "transcript.h"

#include <stdbool.h>

#define DIAL_MAX 16 /* connections tried for one job */

struct line;
struct own_ticket;

/* What the probe wants to see while a connection is made. */
enum sight {
	SIGHT_GREETING, /* c.reply is a 2xx greeting */
	SIGHT_HELLO,    /* c.reply is the 2xx answer to EHLO; in TLS when c.io.tls */
	SIGHT_TLS,      /* the handshake is done and judged */
	SIGHT_LOGIN,    /* mechanism */
};

/* A connection with what must be remembered beside it. */
struct line {
	struct smtp c;
	const struct passage *passage;
	struct str demand;            /* plan_demand_write of the hop it was judged for (T101) */
	bool fell_back;               /* in plaintext because TLS failed */
	bool starttls;                /* was offered */
	bool requiretls;              /* was offered inside TLS (T64) */
	struct recall *recall;        /* what hosts offered before; NULL: nothing is remembered */
	struct recalled known;        /* of this one, when `early` */
	bool early;                   /* EHLO went out before the greeting */
	bool trusting;                /* it goes by what is remembered of the host */
	bool tickets;                 /* somebody keeps tickets */
	bool resuming, resumed;       /* a ticket was shown; and it was taken */
	unsigned ticket_of;           /* number of the session whose ticket was told or kept */
	struct own_ticket *own;       /* ticket.h; NULL: none is kept */
	unsigned owed;                /* answers that were not waited for (early.h) */
	struct ehlo plain;            /* offered before TLS */
	const char *mechanism;        /* it is logged in by; NULL: it is not */
	const char *version, *cipher; /* of TLS; NULL: plaintext. Kept behind the connection's end */
	struct judgement judged;
	char reason[200]; /* of judged, when TLS failed */
	struct tally tally;
	struct report *report;                  /* NULL: nothing is counted */
	void (*see)(struct line *, enum sight); /* NULL: nobody looks */
	unsigned mails;                         /* transactions begun on it */
	bool proven;                            /* one of them was taken: it may have several in flight */
	bool dirty;                             /* the server may have a transaction open */
	unsigned session;                       /* number of the addresses tried so far */
	int64_t opened;                         /* monotonic: when its session began */
	struct transcript began;                /* of the session, up to its first transaction */
	struct transcript *ear;                 /* what is said goes there; NULL: nowhere */
	struct hearing {
		int64_t at;     /* monotonic: when something was last said, */
		int side;       /* by whom (enum tap_side), */
		unsigned waits; /* and how far the connection was */
		uint64_t written;
	} hearing;
	bool no_chunking;
};

enum reach { REACH_OPEN, REACH_NONE /* j->miss says why */, REACH_GONE /* nobody waits any more */ };

/* The ear of a connection's tap (tap.h); arg: its struct line. */
void line_hear(void *arg, const struct tap_line *said);

/* Opens a connection to the first address from j->target on that can be had; j->target becomes the one behind
 * it when it fails and stays at it when it is open. What was said where it failed joins the job's transcript. */
enum reach reach(struct line *l, const struct conf *conf, struct job *j);
/* One address of a hop, the same way, whatever j->target is. */
enum reach reach_address(
    struct line *l, const struct conf *conf, struct job *j, const struct plan_hop *hop, const char *ip);
/* Whether the open connection will do for this job: same host, port and all that was demanded and judged as
 * one of its hops, and REQUIRETLS offered where the job needs it (conn_fits of DESIGN 9, T101). */
bool reach_fits(const struct line *l, const struct job *j);
/* A refusal for policy may be meant for our address: sends the job to the hop's first address of the other family that was not
 * tried, once. false: there is none, or it has been sent there already. */
bool reach_turn(const struct line *l, struct job *j, unsigned txn);
/* The hop of the job that the line leads (or led) to; NULL: none. */
const struct plan_hop *reach_hop(const struct line *l, const struct job *j);
/* The index among the job's addresses of where the line leads (or led); the number of all when it is none of
 * them. */
size_t reach_target(const struct line *l, const struct job *j);

/* Remembers why an address did not do; of several the best to tell people stays. */
void miss_reply(struct job *j, const struct line *l, enum phase phase);
void miss_trouble(struct job *j, const struct line *l, enum trouble what, const char *text);
enum trouble trouble_of(enum smtp_got got);

#endif
