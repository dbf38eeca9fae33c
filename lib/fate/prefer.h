/* Which address first, when earlier attempts are known: greylisting wants to see the same one again, a block list may know one
 * family of ours alone. Pure. */
#ifndef PREFER_H
#define PREFER_H

#include "base.h"
#include "plan.h"

/* dialed: the address of each earlier attempt, the oldest first. At the second attempt that one comes first, of its host, and
 * its host of those of equal preference; later the family of the last one comes second, and within a family what was dialed least comes
 * first. What is equal stays in the order of the plan. */
void prefer_addresses(struct plan *p, const struct plan_list *dialed);

#endif
