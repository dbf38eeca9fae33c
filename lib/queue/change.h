/* What an operator changes of a recipient (change.c), or brings to its end (finish.c). Each answers whether it changed something, or with `dry` would
 * have. */
#ifndef CHANGE_H
#define CHANGE_H

#include "queue.h"

#define TRANSPORT_NAME_MAX 200
#define FAIL_TEXT_MAX 500
struct change {
	bool privileged, dry;
	uint32_t uid;                           /* who asks */
	bool timed;                             /* schedule: next is given */
	bool relative;                          /* next is added to the row's */
	int64_t next;                           /* schedule */
	int64_t spread;                         /* schedule, release: as much later at most, by message */
	char requiretls;                        /* the mark to set */
	char transport[TRANSPORT_NAME_MAX + 1]; /* to set; "": as routes say */
	char hold;                              /* hold: the mark; 0: by who asks */
	const char *why;                        /* hold: for the row; NULL: nothing */
	char text[FAIL_TEXT_MAX + 1];           /* fail: why; "": the usual words */
};
typedef bool change_fn(struct runq *q, const struct change *c, struct row *row, uint32_t uid);
/* After the last of several changes: the message last looked into is let go, which else may end or be put away meanwhile. */
void change_end(void);
bool change_hold(struct runq *q, const struct change *c, struct row *row, uint32_t uid);
bool change_release(struct runq *q, const struct change *c, struct row *row, uint32_t uid);
bool change_schedule(struct runq *q, const struct change *c, struct row *row, uint32_t uid);
bool change_transport(struct runq *q, const struct change *c, struct row *row, uint32_t uid);
bool change_requiretls(struct runq *q, const struct change *c, struct row *row, uint32_t uid);
/* Failed for good, for those words: its sender gets a notice. */
bool change_fail(struct runq *q, const struct change *c, struct row *row, uint32_t uid);
/* What was failed so, and stands nowhere else, waits for its notice from now on; stores the row. */
void finish_failed(struct runq *q, struct row *row, uint32_t uid, const char *text);
/* Out of the queue, and nobody is told. */
bool change_drop(struct runq *q, const struct change *c, struct row *row, uint32_t uid);

#endif
