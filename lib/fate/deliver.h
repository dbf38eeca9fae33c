/* A worker of mox-deliver: jobs come in at its socket, reports go out, mail goes over one connection that is
 * kept while it fits.
 *
 * The SMTP it speaks: with PIPELINING, MAIL+RCPT+DATA in one write, and those of the next job behind the
 * final dot of this one; with CHUNKING too a whole small message in one write, and the next behind it before
 * the answer has come. What is sent before the previous outcome is known is led by RSET (T132). The first
 * transaction of a connection goes alone; a server that stumbled over ours gets them one at a time for as
 * long as this worker lives (T133).
 *
 * Order of reports: that of the jobs. Only a transaction whose outcome cannot put recipients back is followed
 * by another job's before it is answered. */
#ifndef DELIVER_H
#define DELIVER_H

#include "base.h"

#include "conf.h"
#include "reach.h"

/* Serves the job socket until its other side closes, then QUIT. If that happens before the final dot of a
 * job, the connection is dropped at once. Answers the exit code. */
int deliver_run(const struct conf *conf, int sock, const struct passage *passage);

#endif
