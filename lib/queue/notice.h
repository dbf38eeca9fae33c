/* Notices to senders (DESIGN 7): shared by notice.c, who decides when; tell.c, who is told; compose.c, which has
 * it written and queued; and told.c, what follows. The rest of mox-runq calls what queue.h lists. */
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
	bool last;    /* when it fails nobody is told */
	bool secure;  /* the message went under REQUIRETLS: what is given back of it is redacted */
	enum { NOTICE_COMPOSED, NOTICE_QUEUED } stage;
	pid_t pid;
	int64_t deadline; /* monotonic: the child is killed */
	int text, answer; /* memory files: the notice, what mox-queue-add says */
};

/* ---- compose.c ---- */
/* Starts mox-dsn; false: cannot, *why says why. fd: the message; e: NULL for a digest. */
bool compose_start(struct runq *q, struct notice *n, int fd, const struct envelope *e, const char **why);
/* Its child has ended: calls one of the four below, or goes on. */
void compose_ended(struct runq *q, struct notice *n, int status);
void compose_free(struct notice *n);
bool compose_lacks_conf(const struct runq *q); /* its children cannot read the configuration */

/* A file in memory with the text in it (NULL: none), to be read from its start; -1 with errno. */
int compose_memory(const struct str *text);

/* ---- notice.c ---- */
const char *notice_word(enum notice_kind kind); /* as mox-dsn calls it */
/* The one of that id and kind whose round is open. */
struct notice *notice_get(struct runq *q, uint64_t id, enum notice_kind kind);
/* The recipient's notice is begun: too late to change anything. */
bool notice_is_made(const struct runq *q, uint64_t id, uint32_t n);
bool notice_names(const struct notice *n, uint32_t rcpt);
void notice_put(struct runq *q, struct notice *n, uint32_t rcpt, char *fate); /* fate is n's from now on */
void notice_free(struct runq *q, struct notice *n);
/* Not now: it waits in the index, and is loaded like what is due. */
void notice_put_off(struct runq *q, uint64_t id, uint32_t n, int64_t next);
bool notice_has_row(struct runq *q, uint64_t id, uint32_t n); /* with its fate */
/* That it is late has been said, or is not wanted. */
void notice_set_told(struct runq *q, uint64_t id, uint32_t n);

/* ---- told.c: all of these end n ---- */
void notice_told(struct runq *q, struct notice *n, const char *id); /* it is queued, durably, as id */
/* It stands in new/ as id, but the last sync failed: counted as told the second time, so that a disk in trouble
 * does not make a notice of the same every few minutes. */
void notice_maybe(struct runq *q, struct notice *n, const char *id);
void notice_wait(struct runq *q, struct notice *n, int64_t wait); /* microseconds; says nothing */
void notice_later(struct runq *q, struct notice *n, const char *why);
void notice_refused(struct runq *q, struct notice *n, const char *why); /* by the door: later */
void notice_again(struct runq *q, struct notice *n, const char *why);   /* mox-dsn failed */
void notice_surrender(struct runq *q, struct notice *n, const char *why);

/* The message, and its envelope in *e; -1: it cannot be read, and n is put off, or gone with it. */
int notice_open(struct runq *q, struct notice *n, struct envelope *e);
/* A failed recipient is done with: F in its file or, for the last one, the unlink; then its row. */
void notice_close(struct runq *q, struct envelope *e, uint32_t n);
void notice_close_success(struct runq *q, struct notice *n, const struct envelope *e);

/* ---- tell.c ---- */
/* Sets n->to, and leaves those recipients in n who belong into the notice. The others are done with. fd: the
 * message. */
void tell_whom(struct runq *q, struct notice *n, int fd, struct envelope *e);
/* `extra moxq-report yes`: mail that programs of ours make by themselves (mox-rec.5). */
bool tell_is_report(const struct envelope *e);
char *tell_postmaster(const struct runq *q); /* his address; the caller frees */

/* ---- doubles.c ---- */
bool doubles_may_tell(struct runq *q); /* one more by a notice of its own */
void doubles_note_told(struct runq *q);
bool doubles_add(struct runq *q, const struct envelope *e, uint32_t n); /* false: cannot now */
void doubles_round(struct runq *q);                                     /* begins a digest when it is time */
bool doubles_fates(struct runq *q, struct str *out);                    /* lines for mox-dsn; false: none */
void doubles_told(struct runq *q);                                      /* it is queued */
void doubles_later(struct runq *q, int64_t wait);                       /* it is not */

#endif
