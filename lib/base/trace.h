/* The SMTP dialogue in the log, from level trace on: one event `smtp` a line (mox-log(7)). What AUTH says is shown at
 * trace-auth and message data at trace-data, and never otherwise. */
#ifndef TRACE_H
#define TRACE_H

#include "base.h"
#include "tap.h"

/* Another ear of the tap, when the log's level asks for one. peer (a borrow, read at each line; may be NULL) says who is at
 * the other end. false: it does not. */
bool trace_listen(struct tap *t, const char *peer);

#endif
