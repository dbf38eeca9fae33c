/* One delivery by hand: the part of mox-runq that a single message needs, in front of the same sandboxed
 * worker. */
#ifndef HAND_H
#define HAND_H

#include "base.h"

#include "conf.h"
#include "plan.h"

#include <stdbool.h>

struct hand {
	const struct conf *conf;
	const char *sender;
	char **rcpt; /* recipient N of the report is rcpt[N-1] */
	size_t nrcpt;
	int message; /* spooled by hand_spool */
	uint64_t size;
	unsigned flags;    /* enum job_flag */
	bool secure;       /* REQUIRETLS */
	bool later, never; /* what has been reported so far */
};

/* Reads descriptor 0 to its end into a file without a name, in wire form (wire.h). */
void hand_spool(struct hand *h);

/* The plan for a domain by this transport, of the configuration or made up (as mox-nexthop -w answers). Ends the program
 * when none can be had; a plan may still say later or never. */
void hand_plan(const struct hand *h, const struct conf_transport *way, const char *domain, struct plan *p);

/* Delivers to those recipients (indices) by the plan, and prints the report on descriptor 1. */
void hand_deliver(
    struct hand *h, const struct conf_transport *way, const struct plan *p, const size_t *who, size_t n);

/* Connects to each hop of the plan, stops before MAIL and prints what was seen (probe.h). */
void hand_probe(struct hand *h, const struct conf_transport *way, const char *domain, const struct plan *p);

#endif
