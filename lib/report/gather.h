/* Runs siblings, several at once, each with a time of its own, and keeps what they print. */
#ifndef GATHER_H
#define GATHER_H

#include "base.h"
#include "str.h"

#include <stdint.h>
#include <sys/types.h>

#define GATHER_ARGS 16
#define GATHER_OUT_MAX (4 << 20) /* bytes of one; who prints more is killed */

struct gather {
	char *argv[GATHER_ARGS]; /* owned; NULL behind the last */
	int64_t time;            /* microseconds it may take; then it is killed */
	/* filled in */
	struct str out;
	char *
	    said; /* the last line on its fd 2, visible; "" when there is none, and "it took longer than ..." when it was
	               killed */
	int code; /* exit code; 128 + signal; -1: it could not be run */
	/* ours */
	pid_t pid;
	int fd, errors;
	int64_t deadline;
	bool started, late;
};

/* Takes copies of the words; NULL ends them. *g is made anew. */
void gather_make(struct gather *g, int64_t time, const char *const words[]);
/* Runs all of them, at most at_once at a time; answers when the last has ended. */
void gather_run(struct gather *g, size_t n, unsigned at_once);
void gather_free(struct gather *g);

#endif
