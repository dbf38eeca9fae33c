/* Reports on TLS (RFC 8460), the queue's half: that they are made, and what is different about mail that brings one.
 *
 * reporting.c: mox-tlsrpt-send as a child of mox-runq -w, between 5 and 65 minutes after the end of a day (UTC), and then
 * every half hour while spool/tlsrpt/DAY.sent says that something is left of one of the last two days. The time of the last
 * start is the mtime of spool/tlsrpt/sending, so that restarts keep to it, and a day that ended while nobody ran is made up for.
 *
 * reportmail.c: such mail is known by `extra moxq-tlsrpt yes`. */
#ifndef REPORTING_H
#define REPORTING_H

#include "queue.h"

#include <stdbool.h>

void reporting_round(struct runq *q);
void reporting_child(pid_t pid, int status); /* as waitpid says; others' are ignored */
void reporting_stop(void);

bool reportmail_is(const struct envelope *e);
bool reportmail_is_row(const struct row *row);

/* No attempt is made when a day has gone since it was queued (RFC 8460 5.5); the last one comes a little before. */
bool reportmail_is_late(const struct runq *q, const struct item *it);
bool reportmail_is_over(
    const struct runq *q, const struct item *it); /* an attempt has failed: that was the last */
int64_t reportmail_next(const struct item *it, int64_t next);

/* A recipient failed for good: spool/tlsrpt/DAY.failed has it for mox-tlsrpt-send, which after some days sends no more there.
 * Only of mail of root's or our own: anybody may call his mail a report. */
void reportmail_failed(const struct runq *q, const struct envelope *e, uint32_t n);

#endif
