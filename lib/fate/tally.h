/* What is told of a connection's TLS for the reports of RFC 8460: the `tls` lines of mox-rec.5. One for each
 * policy and, where there is none, for each recipient domain, once in the life of a connection (T53). Of TLSA records there is one
 * for each recipient domain, too, which it names, since both the host and the domain have reports (T51): all but the first
 * say that the session stands in another one already. */
#ifndef TALLY_H
#define TALLY_H

#include "base.h"

#include "job.h"
#include "judge.h"
#include "smtp.h"

#include <stdbool.h>
#include <stdint.h>

/* Domains remembered of one connection; of those before, a later message counts again. */
#define TALLY_MAX 256

struct tally {
	bool
	    direct; /* to mail exchangers: recipient domains without a policy are counted. Not for a relay, whose
	                TLS is none of theirs */
	uint64_t told[TALLY_MAX];
	unsigned n;
};

/* A connection to another address begins. */
void tally_start(struct tally *t);
/* Tells what has not been told, of the job's hop and recipients. */
void tally_tell(struct tally *t, struct report *r, const struct job *j, const struct plan_hop *hop,
    const struct smtp *c, const struct judgement *judged);

#endif
