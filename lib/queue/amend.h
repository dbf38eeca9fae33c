/* spool/cur/HH/ID.amend: what an operator changed beyond the mutable bytes. lib/queue alone. */
#ifndef AMEND_H
#define AMEND_H

#include "queue.h"

/* key: `next`, when (microseconds); `transport`, its name; `fail`, why. value NULL: as it came by itself. */
int amend_write(struct runq *q, uint64_t id, uint32_t n, const char *key, const char *value) MUST_USE;
bool amend_read(
    struct runq *q, uint64_t id, uint32_t n, const char *key, struct str *value); /* false: nothing */
int amend_forget(struct runq *q, uint64_t id, uint32_t n) MUST_USE;               /* all of that recipient */
void amend_drop(struct runq *q, uint64_t id); /* it leaves the queue; its signature goes too */

#endif
