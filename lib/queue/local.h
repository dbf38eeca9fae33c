/* What is delivered on this machine: children of mox-local. lib/queue alone. */
#ifndef LOCAL_H
#define LOCAL_H

#include "queue.h"

/* As a route would name it; NULL: the domain is not in local-domains. */
const struct conf_transport *local_transport(const struct conf *c, const char *domain);
bool local_is(const struct conf_transport *t);    /* goes to mox-local */
bool local_stays(const struct conf_transport *t); /* needs no plan and no worker: that, or is discarded */
void local_plan(struct runq *q, struct dest *d);
void local_run(struct runq *q, struct site *s, size_t *jobs); /* instead of work.c's workers */
void local_send(struct runq *q, struct job *j);               /* its attempt is registered: it goes out */
void local_drop(struct runq *q, struct job *j);               /* it does not */
void local_child(struct runq *q, pid_t pid);                  /* some child has ended, maybe one of ours */
void local_kill(struct runq *q, bool all);                    /* or only those that hang */

#endif
