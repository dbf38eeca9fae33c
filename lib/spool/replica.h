/* A copy of a spool's files. Reflinks where the file system can, else copies; never hard links, for state bytes change
 * in place. Modes, times and, for root, owners are those of the original.
 *
 * What is copied once may be brought up to date: a file whose size and time are the same, and which was not changed
 * shortly before the first copy was begun, is not copied again. Every error is a sentence in *why, and -1. */
#ifndef REPLICA_H
#define REPLICA_H

#include "base.h"
#include "spool.h"
#include "str.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

struct replica {
	const struct spool *from, *to; /* SPOOL_OWNER, both */
	struct stat top;               /* of from: whom the copy belongs to */
	time_t since;                  /* when the first copy was begun */
	void (*step)(void *arg);       /* between two files: may end the program */
	void *arg;
	bool keep; /* replica_mark removes no message of which nobody is left: mox-runq will */
	struct str why;
	/* out */
	uint64_t messages; /* what replica_count counts: in cur/ and new/ of the copy */
};

/* cur/ and new/ as they are now; what is gone goes. 0 or -1. */
int replica_cur(struct replica *r) MUST_USE;
int replica_new(struct replica *r) MUST_USE;
/* One message that changed, in new/ or in cur/ with its amendment: as it is now, or gone. */
int replica_again(struct replica *r, uint64_t id, bool in_new) MUST_USE;
int replica_count(struct replica *r) MUST_USE;
/* failed/, corrupt/, sts/, tlsrpt/, doubles, support. */
int replica_rest(struct replica *r) MUST_USE;
/* Owners of the directories. */
int replica_own(struct replica *r) MUST_USE;
/* The history says what became of a recipient: the copy is marked, and goes when nobody is left. 1: it was to do
 * there, 0: not, -1. state 0: only looks. */
int replica_mark(struct replica *r, uint64_t id, unsigned n, char state) MUST_USE;
/* The mark that a word of the history stands for; 0: none. */
char replica_state(const char *result);

#endif
