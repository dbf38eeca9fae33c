/* spool/inject from the caller's side: the way round the door for those for whom its setgid bit has no effect
 * (no_new_privs, nosuid, a user namespace, a file system that is read-only for them). mox-inject listens there and runs
 * `mox-queue-add -B --peer 0`, which takes the submitter's uid from the kernel; what is said is the stream of -B. */
#ifndef INJECT_H
#define INJECT_H

#include "base.h"
#include "conf.h"
#include "envelope.h"

#include <stdbool.h>

struct inject {
	const struct conf *conf;
	int envelope_fd;            /* of -e; 0: the envelope is env */
	const struct envelope *env; /* what a submitter may say */
	bool quiet;
};

/* A connection, or -1 with errno. */
int inject_connect(const struct conf *conf) MUST_USE;
/* The message on fd 0, through a file of its own where fd 0 is none: its size goes first. Prints the id, or ends the program as
 * mox-queue-add does. Signals (enter.h) are let in until all of it is on its way: from then on it may be queued. */
void inject_message(const struct inject *in, int sock);
/* The stream of -B on fd 0, and the answers on fd 1. */
void inject_stream(int sock);

#endif
