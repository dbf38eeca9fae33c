/* spool/metrics.prom, written every 15 s. lib/queue alone. */
#ifndef METRICS_H
#define METRICS_H

#include "queue.h"

void metrics_start(struct runq *q);
void metrics_taken(void); /* a message */
void metrics_attempt(const struct runq *q, const struct job *j, const struct job_rcpt *r);
void metrics_session(const struct job *j); /* once a job */
void metrics_round(struct runq *q);
bool metrics_busy(const struct runq *q);
void metrics_timers(const struct runq *q, int64_t *mono_deadline);
void metrics_count(struct runq *q);   /* now: counts what waits, ... */
bool metrics_counted(struct runq *q); /* ... and whether it has, and has written it */
void metrics_stop(struct runq *q);    /* the last time */

#endif
