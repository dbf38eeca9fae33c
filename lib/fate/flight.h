/* The state of a worker (deliver.h), and what replies and lost connections do to it: fates are told, recipients put back, connections
 * ended. Nothing here writes a command or reads a reply. */
#ifndef FLIGHT_H
#define FLIGHT_H

#include "base.h"

#include "conf.h"
#include "txn.h"

#include <stdbool.h>

#define FLIGHT_JOBS 3
#define FLIGHT_MAX 2 /* transactions under way at once */

struct deliver {
	const struct conf *conf;
	int sock;
	struct line line;
	struct job job[FLIGHT_JOBS]; /* a ring: `first` is the one whose report is being made */
	unsigned first, njobs;
	struct txn txn[FLIGHT_MAX]; /* in the order in which they went out */
	unsigned ntxn;
	struct report report;
	struct str transcript; /* reserved once */
	enum smtp_got broken;  /* SMTP_REPLY: nothing; else writing failed and only answers are still read */
	bool
	    careful; /* this site stumbled over transactions behind one another (T133): here or at another worker */
	bool stumbled; /* it did here, and no report has said so yet */
	bool packet;   /* poll has seen a job at the socket */
	bool deaf;     /* the job socket gives no more jobs */
	bool bad_job;
	struct recall recall;
	unsigned trips; /* of the connection, when the last job was done */
};

/* The job whose report is being made. */
struct job *flight_head(struct deliver *d);
/* The reply in d->line answers the first transaction's next step. */
void flight_apply(struct deliver *d);
/* In place of that reply: got (not SMTP_REPLY, SMTP_WATCH or SMTP_GONE). */
void flight_lost(struct deliver *d, enum smtp_got got);
/* Whatever is in flight is to be done again, over another connection to the same host. */
void flight_again(struct deliver *d);
/* No hop is left for the job: its recipients hear so. */
void flight_no_hop(struct deliver *d, struct job *j);
/* The first job's recipients all have their fate: ends its report and drops it. */
void flight_finish(struct deliver *d);

#endif
