/* What was said in the last session that failed, of each message: INDEX_TRANSCRIPT, id -> the record of spool/ctl's answer without
 * its id (mox-rec.5). It stays as long as the queue or the history knows the message, and is lost when the index is built anew. */
#ifndef DIALOGUE_H
#define DIALOGUE_H

#include "queue.h"

/* The value of a job's `transcript` line, still encoded; false: it is none. */
bool dialogue_read(struct runq *q, struct job *j, char *value) MUST_USE;
/* In place of the one before, when a recipient of the job was not sent. Before its items go. */
void dialogue_keep(struct runq *q, const struct job *j);
/* The record for an answer; nothing when there is none. */
void dialogue_answer(struct runq *q, struct str *out, uint64_t id);
void dialogue_round(struct runq *q);      /* a slice of those that nothing knows any more goes */
bool dialogue_busy(const struct runq *q); /* in the middle of it */

#endif
