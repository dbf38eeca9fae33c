/* Tickets of TLS sessions, for the next connection to the same host: address, port and name asked for, by a mail transport of the same
 * demand. A worker gets a few with its first job and tells a new one behind it (`ticket` of mox-rec.5); those of later connections
 * it keeps to itself. Each is used once. Not where we log in: a session of
 * TLS 1.2 that was resumed binds no login to its channel (T112), and a certificate of ours might have changed meanwhile. */
#ifndef TICKET_H
#define TICKET_H

#include "base.h"

#include "reach.h"

#define TICKET_MAX 6144 /* bytes; three certificates fit, since who was met stands in it */

struct visit;

/* The worker's own. */
struct own_ticket *ticket_own(void);
/* The job's ticket for the host, or our own: into how, valid until the next call. */
bool ticket_take(struct line *l, struct job *j, const struct visit *v, struct tls_how *how);
/* When a job is done: what it got and did not use goes back, and the ticket of the session that was begun for it. */
void ticket_tell(struct line *l, struct report *r, struct job *j);

#endif
