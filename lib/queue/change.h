/* What an operator changes of a recipient (change.c). Each answers whether it changed something, or with `dry` would
 * have. */
#ifndef CHANGE_H
#define CHANGE_H

#include "queue.h"

#define TRANSPORT_NAME_MAX 200
struct change {
	bool privileged, dry;
	bool timed;                             /* schedule: next is given */
	bool relative;                          /* next is added to the row's */
	int64_t next;                           /* schedule */
	char requiretls;                        /* the mark to set */
	char transport[TRANSPORT_NAME_MAX + 1]; /* to set; "": as routes say */
};
bool change_hold(struct runq *q, const struct change *c, struct row *row, uint32_t uid);
bool change_release(struct runq *q, const struct change *c, struct row *row, uint32_t uid);
bool change_schedule(struct runq *q, const struct change *c, struct row *row, uint32_t uid);
bool change_transport(struct runq *q, const struct change *c, struct row *row, uint32_t uid);
bool change_requiretls(struct runq *q, const struct change *c, struct row *row, uint32_t uid);

#endif
