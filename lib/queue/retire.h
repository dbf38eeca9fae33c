/* Attempts in rows, what is kept of recipients that have left the queue, and giving a message up. lib/queue alone. */
#ifndef RETIRE_H
#define RETIRE_H

#include "queue.h"

/* ---- failed.c ---- */
/* All of its recipients are done, in e at least: its file goes, or to failed/ when one of them failed and
 * keep-failed-messages says so. Needs no space. 0; -1 with errno: it is still there. */
int message_give_up(struct runq *q, const struct envelope *e) MUST_USE;
void failed_round(struct runq *q);      /* what was kept too long goes, a bucket a round */
bool failed_busy(const struct runq *q); /* in the middle of it */

/* ---- retire.c ---- */
/* What vouched for the server, by the worker's session line: none, opportunistic, pkix, dane; NULL: there was no session. */
const char *attempt_tls(const char *session);
/* How an attempt ended, added to its row; with no job: what settle_without_job was told. buf holds the line. */
void attempt_add(
    struct runq *q, struct row *row, struct str *buf, const struct job *j, const struct job_rcpt *r);
/* delivered, relayed, expanded: what became of one that was sent. */
const char *sent_word(const struct job *j, const struct job_rcpt *r);
/* A recipient leaves the queue: its row goes, and its record comes into the history in the same commit, for as
 * long as keep-retired says. Its file has been marked or unlinked before. result (mox-rec.5): where the row
 * itself names none in row->result, which whoever wrote its fate may have set. */
void retire(struct runq *q, uint64_t id, uint32_t n, const char *result);
/* The same of one just sent, from its job: where it was the first attempt, its row is not read. */
void retire_sent(struct runq *q, const struct job *j, const struct job_rcpt *r);
#define RETIRE_KEY 12 /* bytes of a key of INDEX_RETIRED */
struct index_key retire_key(unsigned char buf[RETIRE_KEY], uint64_t id, uint32_t n);
void retire_unkey(struct index_key key, uint64_t *id, uint32_t *n);
void retire_round(struct runq *q);      /* a slice of what is kept too long goes */
bool retire_busy(const struct runq *q); /* there is more to look at */

#endif
