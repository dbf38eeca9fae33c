/* A co-process of mox-runq: a sibling that is asked over descriptors, and started anew when it dies (ask.c, sign.c,
 * work.c). */
#ifndef CO_H
#define CO_H

#include "base.h"
#include "loop.h"
#include "str.h"

#include <stdint.h>
#include <sys/types.h>

struct runq;

struct co_process {
	pid_t pid;
	struct watch out, in; /* fd -1: not there */
	int64_t start_at;     /* monotonic: not before; grows when it keeps dying */
	int64_t started;
	unsigned deaths;
	struct str to, from;
};

/* Its descriptors are closed; it may be started again after a while, longer each time. name is for the log. */
void co_died(struct runq *q, struct co_process *c, const char *name);
void co_close(struct co_process *c);

#endif
