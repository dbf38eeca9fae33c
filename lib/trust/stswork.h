/* `mox-mtasts -w`: questions and answers (stsrec.h) by packets on one SEQPACKET socket, many open at once. */
#ifndef STSWORK_H
#define STSWORK_H

#include "base.h"
#include "conf.h"

/* Reads the file of authorities, confines itself to the cache, then serves sock until its other end is gone, or until the
 * file of authorities was replaced and all that was read is answered. */
void sts_work(const struct conf *c, int sock);

#endif
