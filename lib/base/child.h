/* Siblings: the toolkit's other commands, found beside /proc/self/exe and never by PATH. */
#ifndef CHILD_H
#define CHILD_H

#include "base.h"

#include <sys/types.h>

struct child_fd {
	int from, to; /* `from` in this process becomes `to` in the child */
};

/* Path of the sibling; the caller frees it. */
char *child_path(const char *name) MUST_USE;
/* Starts sibling argv[0] with the descriptors of the map; all others must be close-on-exec. Signal mask
 * empty, SIGPIPE, SIGINT, SIGTERM, SIGHUP and SIGCHLD at default. Answers the pid, or -1 with errno. */
pid_t child_spawn(char *const argv[], const struct child_fd *map, size_t n) MUST_USE;
/* Replaces this process by sibling argv[0]; returns (errno set) only on failure. */
void child_exec(char *const argv[]);
/* Waits; answers the exit code, or 128 + signal, or -1. */
int child_wait(pid_t pid);

#endif
