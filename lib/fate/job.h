/* What a worker of mox-deliver is told and what it tells (mox-rec.5: job, report), over its SEQPACKET socket.
 */
#ifndef JOB_H
#define JOB_H

#include "base.h"

#include "fate.h"
#include "plan.h"
#include "str.h"

#include "transcript.h"

#include <stdbool.h>
#include <stdint.h>

#define JOB_RCPT_MAX 100     /* of one transaction */
#define JOB_TEXT_MAX 2048    /* of a reply, in a report */
#define REPORT_LINE_MAX 4096 /* bytes of a line of fields */

enum job_flag { JOB_8BIT = 1, JOB_SMTPUTF8 = 2, JOB_LONGLINE = 4, JOB_DOT = 8 };

/* What the message itself demands of TLS (RFC 8689). */
enum job_demand {
	JOB_USUAL,
	JOB_SECURE, /* REQUIRETLS */
	JOB_LENIENT /* TLS-Required: No; the plan has been made accordingly */
};

enum rcpt_state { RCPT_TODO, RCPT_OUT /* in a transaction */, RCPT_ACCEPTED, RCPT_DONE /* reported */ };

struct job_rcpt {
	unsigned n;                           /* number in the report */
	const char *address, *notify, *orcpt; /* NULL: not given */
	bool utf8_local;                      /* the local part needs SMTPUTF8 */
	bool no_dsn;                          /* the server it was last named to does not know NOTIFY */
	enum rcpt_state state;
	unsigned txn; /* number of the transaction it is, or was last, in */
};

/* The best that can be said of why no hop took it. */
struct miss {
	int rank; /* 0: nothing yet */
	struct fate fate;
	int code;
	char peer[336]; /* HOST[IP] or "-" */
	char text[JOB_TEXT_MAX + 1];
};

struct job {
	struct str record;  /* the strings below lie in it */
	struct str prepend; /* header lines that go out before the message: its signatures */
	int fd;             /* the message; -1 */
	uint64_t number, size;
	const char *id, *sender, *ret, *envid;
	unsigned flags, rcpt_max;
	bool uncounted; /* its sessions are in no report on TLS: it is one */
	bool careful;   /* its site stumbled over transactions behind one another before */
	enum job_demand demand;
	bool sender_utf8;
	unsigned attempt;         /* which one of the message this is, from 1; 0: not told */
	struct plan_list dialed;  /* addresses of earlier attempts, the oldest first */
	struct plan plan;         /* its hops */
	bool keeps;               /* who gave it keeps tickets of the session that is begun for it */
	struct plan_list tickets; /* of earlier sessions (ticket.h), as they were told; used ones are empty */
	struct plan_list offers;  /* what their hosts offered before (recall.h), as it was told */
	struct job_rcpt *rcpt;
	size_t nrcpt, cap;
	unsigned txns; /* begun so far */

	/* how it goes */
	int utf8_header; /* -1: not looked yet */
	size_t target;   /* the next address to try, counted over all hops */
	unsigned dials;
	bool begun;                 /* start is set */
	bool reached;               /* some hop was ready to take mail */
	bool reused;                /* its first transaction went over a connection that had carried others */
	bool maybe;                 /* a connection died between final dot and reply */
	bool redone;                /* it has had its second chance at one hop */
	bool greeted, some_network; /* some server spoke; some failure that was not "no network" */
	bool welcome;               /* some server took our EHLO */
	bool login;                 /* no connection could be logged in */
	bool avoid6;                /* turned: from IPv6 */
	unsigned turned; /* the transaction whose refusal has sent it to the other address family; 0: none */
	bool stop;       /* what is wrong is wrong for all addresses */
	struct miss miss;
	unsigned wait;  /* seconds, from a reply's hint */
	int64_t start;  /* CLOCK_MONOTONIC */
	uint64_t bytes; /* of the message, sent */
	bool unsent;    /* one of its recipients was not */
	struct transcript said;
	unsigned heard; /* number of the session whose beginning stands in it; 0: none */
};

/* What the server gets, without dots: what SIZE and BDAT say. */
static inline uint64_t
job_bytes(const struct job *j)
{
	return j->prepend.len + j->size;
}

/* Takes one job from the socket, waiting for its first packet unless flags say MSG_DONTWAIT. 1 a job, 0 none
 * now (EAGAIN), -1 the socket's other side is gone or sent what is no job (*why; NULL: gone). j starts as
 * {.fd = -1} and is used again and again. */
int job_take(struct job *j, int sock, int flags, const char **why) MUST_USE;
/* Ends with this job; keeps memory for the next. */
void job_drop(struct job *j);
/* Recipients in that state. */
size_t job_count(const struct job *j, enum rcpt_state state);
/* Header or envelope make SMTPUTF8 necessary, whoever the recipient is (T109). Reads the header the first
 * time. */
bool job_needs_utf8(struct job *j);

/* ---- the report: no heap, so that it can be made when memory is gone; what is told goes out by report_flush
 * ---- */

struct report {
	int sock;
	bool open;      /* `job N` was written */
	bool gone;      /* nobody listens any more */
	struct str out; /* reserved once */
};

void report_start(struct report *r, int sock);
void report_rcpt(struct report *r, const struct job *j, const struct job_rcpt *to, const struct fate *f,
    int code, const char *peer_and_text[2]);
void report_line(struct report *r, const struct job *j, const char *key, const char *value);
/* A line of fields, those in `fields` up to NULL; one with which the line would be too long is left out. */
void report_fields(struct report *r, const struct job *j, const char *key, const char *const *fields);
void report_end(struct report *r, const struct job *j);
void report_flush(struct report *r);

#endif
