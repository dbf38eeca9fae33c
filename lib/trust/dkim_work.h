/* mox-dkim -w: signs for mox-runq over the SEQPACKET socket on descriptor 0 (mox-rec.5: SIGNATURES). */
#ifndef DKIM_WORK_H
#define DKIM_WORK_H

#include "base.h"
#include "conf.h"

/* Reads all keys of the configuration, then shuts itself off from files, sockets and other processes for good, and only
 * then looks at messages. Answers in the order of the questions, until the other side is gone; then the exit code. */
int dkim_work(const struct conf *c);
/* Whether all keys can be used; says of each that cannot why. 0, EXIT_PERM, EXIT_TEMP. As root it reads them as the user
 * of the spool, whom it becomes. */
int dkim_test(const struct conf *c);

#endif
