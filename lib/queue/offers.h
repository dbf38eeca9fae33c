/* What a worker tells of its site's hosts and the next one is told with its first job: the `offers` and `ticket` lines of mox-rec.5.
 * A worker is believed of its own site by its own transport alone, and of what its jobs demand of TLS; none of this is read here.
 * In bounded memory, never on disk; a new configuration begins with none. */
#ifndef OFFERS_H
#define OFFERS_H

#include "base.h"

#include "str.h"

struct runq;
struct site;
struct job;

/* The value of an `offers` line of a report, still encoded: who takes commands ahead of its greeting. Kept for a day. */
void offers_note(struct runq *q, const struct site *s, const char *value);
void offers_write(struct runq *q, const struct site *s, struct str *out);

/* The same for tickets of TLS sessions, kept for an hour for jobs that demand the same; each is given to one worker. */
void tickets_note(struct runq *q, const struct job *j, const char *value);
void tickets_write(struct runq *q, struct job *j, struct str *out);

#endif
