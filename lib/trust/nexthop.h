/* Plans for many requests at once: the rules of planner.h fed by dns.h, identical requests under way made
 * once, plans kept for their time to live (wall time, so that a test can move it). Plans have their `fit`; results for
 * TLSRPT and notes are given to the first who asked. */
#ifndef NEXTHOP_H
#define NEXTHOP_H

#include "base.h"
#include "dns.h"
#include "planner.h"
#include "stsask.h"

#define NEXTHOP_KEPT 10000            /* plans; beyond, the oldest goes */
#define NEXTHOP_KEPT_BYTES (64 << 20) /* likewise, about */

struct nexthop;
/* Both are borrowed. */
struct nexthop *nexthop_open(struct dns *d, struct sts_ask *s);
/* Only when nothing is under way. */
void nexthop_close(struct nexthop *n);

/* The callback may rearrange *p, which is nexthop's. It may come before nexthop_ask returns, else from
 * dns_process or sts_ask_process. */
typedef void nexthop_done(void *arg, struct plan *p);
void nexthop_ask(struct nexthop *n, const struct plan_request *r, nexthop_done *done, void *arg);

#endif
