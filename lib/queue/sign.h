/* Signatures of loaded messages, by mox-dkim -w. Until a message is decided, signed or not, its recipients stand in no
 * destination's list (struct item, waits); then sign.c calls item_ready for them. A signature stands in the index until
 * the message leaves the queue. Part of queue.h. */
#ifndef SIGN_H
#define SIGN_H

#include "base.h"
#include "co.h"
#include "conf.h"
#include "row.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct item;
struct msg;
TAILQ_HEAD(sign_list, msg);

/* In struct msg. */
struct sign_place {
	TAILQ_ENTRY(msg) in_list; /* wanted or asked */
	enum sign_state { SIGN_UNKNOWN, SIGN_WANTED, SIGN_ASKED, SIGN_DONE } state;
	bool bulk;        /* one of many: others go before */
	unsigned deaths;  /* of mox-dkim at it, in a row */
	uint64_t no;      /* of the question */
	int64_t asked_at; /* monotonic */
};

/* In struct runq. */
struct sign_desk {
	struct co_process co; /* out: its socket */
	bool on;              /* some domain has keys */
	bool kept;            /* the index may hold signatures */
	bool full;            /* its socket takes no more */
	bool stale;           /* it said "later": its keys are to be read anew */
	unsigned out;         /* questions under way */
	unsigned turn;
	uint64_t no;
	struct sign_list wanted[2], asked; /* wanted: of the few, of the many */
};

/* Whether it has to wait for its message's signature. */
bool sign_before(struct runq *q, struct item *it, const struct row *row);
void sign_forget(struct runq *q, struct msg *m); /* it is unloaded */
void sign_drop(struct runq *q, uint64_t id);     /* it has left the queue */
void sign_round(struct runq *q);
void sign_init(struct runq *q);
void sign_start(struct runq *q); /* the configuration is new, or was read anew */
void sign_stop(struct runq *q);
void sign_sweep(struct runq *q);       /* questions that nobody answers */
bool sign_waits(const struct runq *q); /* some may be asked at once */
bool sign_busy(const struct runq *q);
void sign_timers(const struct runq *q, int64_t *mono_deadline);
/* Whether all keys of the configuration can be used: exit code, and mox-dkim has said why. */
int sign_test(const struct conf *c, const char *conf_flag);

#endif
