/* One mail transaction on a connection: which commands have been asked, which answered. The steps are
 * numbered [RSET] MAIL RCPT... DATA dot    or    [RSET] MAIL RCPT... BDAT LAST with the message and their
 * replies come in that order. */
#ifndef TXN_H
#define TXN_H

#include "base.h"

#include "job.h"
#include "reach.h"

enum ask { ASK_RSET, ASK_MAIL, ASK_RCPT, ASK_DATA, ASK_DOT /* the dot, or BDAT LAST */ };

struct txn {
	struct job *job;
	unsigned short who[JOB_RCPT_MAX]; /* into job->rcpt */
	unsigned number;                  /* of the job's transactions */
	unsigned n, asked, answered, accepted;
	bool rset, bdat;
	bool whole;   /* BDAT and message go out with the commands, before anything is answered */
	bool mail_ok; /* MAIL was accepted */
	bool go;      /* 354 */
	bool over;    /* nothing more is to be asked */
	bool body;    /* the message was written to its end: up to byte `end` of the connection */
	uint64_t end;
	bool cut; /* its end could not be sent */
};

/* Chooses recipients of the job that this connection can take in one transaction and marks them RCPT_OUT.
 * false: none. */
bool txn_start(struct txn *t, const struct line *l, struct job *j, bool careful);
/* Puts whatever may be asked now into the stream. */
enum io txn_ask(struct txn *t, struct line *l);
/* The i-th recipient, if its fate still depends on this transaction: it may be in another by now (T83). NULL: no. */
struct job_rcpt *txn_rcpt(const struct txn *t, unsigned i);
/* Everything is asked: another transaction may follow. */
bool txn_is_asked(const struct txn *t);
/* The recipients have all been answered, so that none but those accepted depend on the outcome. */
bool txn_is_settled(const struct txn *t);
/* What the next reply answers; *rcpt for ASK_RCPT. */
enum ask txn_next(const struct txn *t, struct job_rcpt **rcpt);
/* How long that reply may take. */
int64_t txn_timeout(const struct txn *t, const struct conf_timeouts *c);

#endif
