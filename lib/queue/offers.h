/* What hosts that take commands ahead of their greeting offered when a worker last asked (`offers` of mox-rec.5): kept for the next
 * worker of the same site by the same transport. A worker is believed of its own site alone, and none of this is read here.
 * Bounded: so many hosts, the least used of them goes; each for a day. */
#ifndef OFFERS_H
#define OFFERS_H

#include "base.h"

#include "hash.h"
#include "str.h"

#include <sys/queue.h>

struct runq;
struct site;
struct offer;

struct offers {
	struct hash by_site;
	TAILQ_HEAD(offer_list, offer) all; /* the least used first; set up by the first offers_note */
};

/* The value of an `offers` line of a report, still encoded. */
void offers_note(struct runq *q, const struct site *s, const char *value);
/* Lines for a job. */
void offers_write(struct runq *q, const struct site *s, struct str *out);

#endif
