/* Notices to senders (DESIGN 7): shared by notice.c, who decides when, and what follows; tell.c, who is told;
 * and compose.c, which has it written and queued. The rest of mox-runq calls what queue.h lists. */
#ifndef NOTICE_H
#define NOTICE_H

#include "queue.h"

struct notice_rcpt {
	uint32_t n;
	char *fate; /* of a delay; NULL: its row has it */
};

/* What is to be told of one message. While its round is open it grows, and is found by id and kind; begun, it
 * is fixed. */
struct notice {
	struct hnode node;
	TAILQ_ENTRY(notice) in_list;
	uint64_t id;
	enum notice_kind kind;
	int64_t since;     /* monotonic: the round began */
	int64_t at;        /* monotonic: not before */
	unsigned failures; /* of mox-dsn, in a row */
	bool minimal;      /* so often that the plain form must do */
	struct notice_rcpt *rcpt;
	size_t nrcpt;
	/* begun */
	bool running; /* it has one of the places */
	char *to;     /* whom it is for */
	bool secure;  /* it must travel under REQUIRETLS as the message did */
	enum { NOTICE_COMPOSED, NOTICE_QUEUED } stage;
	pid_t pid;
	int64_t deadline; /* monotonic: the child is killed */
	int text, answer; /* memory files: the notice, what mox-queue-add says */
};

/* ---- compose.c ---- */
/* Starts mox-dsn; false: cannot, *why says why. fd: the message. */
bool compose_start(struct runq *q, struct notice *n, int fd, const struct envelope *e, const char **why);
/* Its child has ended: calls one of the four below, or goes on. */
void compose_ended(struct runq *q, struct notice *n, int status);
void compose_free(struct notice *n);
bool compose_lacks_conf(const struct runq *q); /* its children cannot read the configuration */

/* ---- notice.c ---- */
const char *notice_word(enum notice_kind kind);                     /* as mox-dsn calls it */
void notice_told(struct runq *q, struct notice *n, const char *id); /* it is queued, durably, as id */
void notice_later(struct runq *q, struct notice *n, const char *why);
void notice_again(struct runq *q, struct notice *n, const char *why); /* mox-dsn failed */
void notice_surrender(struct runq *q, struct notice *n, const char *why);

bool notice_has_row(struct runq *q, uint64_t id, uint32_t n); /* with its fate */
/* That it is late has been said, or is not wanted. */
void notice_set_told(struct runq *q, uint64_t id, uint32_t n);
/* A failed recipient is done with: F in its file or, for the last one, the unlink; then its row. */
void notice_close(struct runq *q, struct envelope *e, uint32_t n);

/* ---- tell.c ---- */
/* Sets n->to, and leaves those recipients in n who belong into the notice. The others are done with. fd: the
 * message. */
void tell_whom(struct runq *q, struct notice *n, int fd, struct envelope *e);

#endif
