/* spool/ctl, shared by the files of serve*.c: serve.c knows connections and packets, the others what is asked.
 *
 * A request names its op, and each op is a struct serve_op in one of the tables that serve.c lists. What a
 * file of ops needs of a request besides the common lines it reads by `line`. An answer is made in slices, each
 * of which goes on where the last one stopped; `slice` appends whole records to c->out, stops when that is
 * longer than SERVE_PACKET, and says serve_status at the end. What changes something sets q->answers_wait: it
 * is answered after it is durable. */
#ifndef SERVE_H
#define SERVE_H

#include "change.h"
#include "queue.h"
#include "select.h"

#define SERVE_PACKET 24000 /* a packet is full from here on; a record is smaller than the rest of PKT_MAX */
#define SERVE_SLICE 200    /* rows looked at, or changed, in one slice */
#define SERVE_TIME                                                                                           \
	(SECOND /                                                                                            \
	    20) /* of a client in a round: a message of thousands is read for each recipient that changes */

struct client;

struct serve_op {
	const char *word;
	bool privileged; /* for root and the spool's user alone */
	bool reads;      /* answers while the index is compared with the spool, but for a rebuild */
	unsigned slices; /* a round at most; 0: 8 */
	/* A line whose key is not common; value still encoded. NULL, or half a sentence. May be NULL. */
	const char *(*line)(struct client *c, const char *key, char *value, int64_t now);
	/* The request has been read: NULL, or what is wrong with it. May be NULL. */
	const char *(*begin)(struct runq *q, struct client *c);
	void (*slice)(struct runq *q, struct client *c);
};

struct client {
	TAILQ_ENTRY(client) in_list;
	struct watch watch;
	uid_t uid;
	bool privileged; /* root or the spool's user; others see and change their own alone */
	bool dead;
	bool unwanted;    /* told so, then dropped */
	struct str out;   /* the packet being made, or waiting to go */
	int64_t stuck_at; /* monotonic; 0: it takes what we send */
	/* of a request; `own` is freed with it */
	const struct serve_op *op; /* NULL: none */
	struct select select;
	uint64_t limit, count; /* count: of the answer's status */
	bool finishing;        /* the status is said */
	void *own;
	struct sweep *sweep;
	struct change change;
	/* where the answer stands: behind this row, in this range of the selection's ids */
	size_t range;
	uint64_t id;
	uint32_t n;
	bool done, full;
	struct {
		uint64_t id;
		uint32_t n;
	} chosen[SERVE_SLICE];
	size_t nchosen, nchanged; /* of the chosen, those that are dealt with */
	size_t walked;            /* rows that were looked at for them */
	bool attempts;            /* rows with all of theirs */
	bool
	    transcripts; /* in front of the rows of each message what was said in its last session that failed */
	uint64_t told; /* the message whose turn it was last */
};

/* For walks through rows in order of id and recipient. Where this one begins: c->id and c->n, behind which to
 * look. */
void serve_walk_begin(struct client *c);
/* Whether the walk goes on with this row; false: not, and it is not to be looked at. */
bool serve_walk_at(struct client *c, uint64_t id, uint32_t n);
/* A row that is meant: it joins the answer, or those chosen for a change. false: enough for now. */
bool serve_walk_take(struct client *c, struct row *row);
/* The walk is over for this slice, after `got` rows: on to the next range of ids, or the end. */
void serve_walk_end(struct client *c, size_t got);

/* A slice of an op that changes rows of the queue, those of its selection, and answers the ids changed. */
void serve_change(struct runq *q, struct client *c, change_fn *change);

/* The end of the answer. word: ok, denied, bad or failed; text: a sentence, or NULL. */
void serve_status(struct client *c, const char *word, const char *text);

/* Each ends with a word of NULL. */
extern const struct serve_op serve_queue_ops[];   /* serve_queue.c: rows of the queue */
extern const struct serve_op serve_retired_ops[]; /* serve_retired.c: the history */
extern const struct serve_op
    serve_check_ops[]; /* serve_check.c: the index against the files, and what its tables hold */
extern const struct serve_op serve_backup_ops[];   /* serve_backup.c: what a backup asks */
extern const struct serve_op serve_suppress_ops[]; /* serve_suppress.c: whom an account does not write to */
extern const struct serve_op serve_holdrule_ops[]; /* serve_holdrule.c: what is held as it comes in */

#endif
