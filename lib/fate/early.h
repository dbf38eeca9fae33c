/* Early pipelining (draft-harris-early-pipe, Exim's PIPECONNECT): EHLO, and what may stand behind it, goes out before the greeting is
 * heard, to a host that offered this when it was last asked.
 *
 *   the hop demands no TLS   EHLO MAIL RCPT.. [DATA]
 *   else                     EHLO STARTTLS, if it was offered; and inside TLS EHLO MAIL RCPT.. [DATA]
 *
 * Never MAIL in plaintext where TLS might be had (who offered no STARTTLS is asked anew), no REQUIRETLS message and no login ahead
 * of the answer to EHLO, and the message itself never. Whatever then differs from what was known, a refusal included, ends the
 * connection: the host is forgotten and met anew, one thing behind the other, and what that brings alone counts. */
#ifndef EARLY_H
#define EARLY_H

#include "base.h"

#include "reach.h"

enum { OWED_GREETING = 1, OWED_EHLO = 2 };

/* Reads what the line is owed. REACH_OPEN: it is as it was known; REACH_NONE: it is not, and the connection is closed. */
enum reach early_settle(struct line *l, const struct conf *conf, struct job *j);
/* Remembers what the host of the open line offers. */
void early_learn(struct line *l);
/* And no more what the one of an early line did: it has not answered to what it was told early. */
void early_forget(struct line *l);

#endif
