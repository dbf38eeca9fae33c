/* How much an account may send in a day: limit.c counts, letter.c tells the postmaster. */
#ifndef LIMIT_H
#define LIMIT_H

#include "id.h"
#include "queue.h"

void limit_start(struct runq *q);
/* Counts a message that is taken in. NULL, or why it is to be held: a sentence, until the next call. */
const char *limit_take(struct runq *q, const struct envelope *e);
/* Whether that recipient of such a message is held: what stays on this machine goes its way. */
bool limit_holds(const struct runq *q, const struct envelope *e, unsigned n);
void limit_commit(struct runq *q); /* counts into the transaction */
void limit_released(
    struct runq *q, const struct row *row); /* what was held may go: its address is known now */
void limit_round(struct runq *q);
void limit_child(struct runq *q, pid_t pid, int status); /* some child has ended, maybe ours */
bool limit_busy(const struct runq *q);
void limit_stop(struct runq *q);

/* ---- shared by the two ---- */
#define LIMIT_HOURS 24

struct limit_hour {
	int64_t hour; /* since 1970 */
	unsigned messages, first;
};

struct limit_account {
	struct hnode node;
	char *name;
	struct limit_hour hour[LIMIT_HOURS]; /* by hour mod LIMIT_HOURS; those of other days do not count */
	int64_t told;                        /* the day, since 1970, on which the postmaster was last told */
	char *owed;                          /* what he is still to be told; NULL: nothing */
	bool dirty;
};

/* What is known of them all. */
struct limits {
	struct hash accounts;
	bool dirty;     /* some account has counted */
	unsigned owing; /* accounts of which the postmaster is still to be told */
	struct expiry expiry;
	pid_t pid; /* of the letter's mox-queue-add; 0: none */
	int answer;
	struct limit_account *about; /* whom the letter is about */
	int64_t deadline, again_at;  /* monotonic: it is killed; the next is not begun before */
};

/* Writes the account's record. */
void limit_store(struct runq *q, const struct limit_account *a);

/* ---- letter.c ---- */
void letter_round(struct runq *q);

#endif
