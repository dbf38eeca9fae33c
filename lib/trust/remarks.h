/* What people want to know of a plan besides: lines that other readers of its record pass over (mox-nexthop -v). */
#ifndef REMARKS_H
#define REMARKS_H

#include "base.h"
#include "plan.h"
#include "str.h"

/* record: a whole one, plan_write's; gets lines before its end: `note` for each hop, and `support`, what the domain name
 * was last seen to support (support.h), when the file, -1 for none, knows it. */
void remarks_add(struct str *record, const struct plan *p, const char *name, int support);

#endif
