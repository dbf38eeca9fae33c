/* A co-process of mox-runq: a sibling that is asked over descriptors, and started anew when it dies. Used by ask.c
 * (mox-nexthop), sign.c (mox-dkim) and work.c (mox-deliver). */
#ifndef CO_H
#define CO_H

#include "base.h"
#include "child.h"
#include "loop.h"
#include "str.h"

#include <stdbool.h>
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

/* It is not there, and has been gone for long enough. */
bool co_may_start(const struct runq *q, const struct co_process *c);
/* Starts `name -w`, with the configuration of this process. false, said: it could not be. */
bool co_spawn(
    struct runq *q, struct co_process *c, const char *name, const struct child_fd *map, size_t n) MUST_USE;
/* The same with a socket of packets on its fd 0: our end is c->out, watched whether it could be started or not. */
bool co_start_pair(struct runq *q, struct co_process *c, const char *name,
    void (*ready)(struct watch *w, uint32_t events)) MUST_USE;
/* Its descriptors are closed; it may be started again after a while, longer each time. name is for the log. */
void co_died(struct runq *q, struct co_process *c, const char *name);
void co_kill(struct co_process *c); /* it may hang rather than be dead */
void co_close(struct co_process *c);
/* It does not run, and has died so often that what waits for it must not wait longer. */
bool co_fails(const struct co_process *c);

#endif
