/* What a worker gives up before it reads its first hostile byte: files (landlock), and by seccomp all sockets
 * but IPv4 and IPv6, new programs and processes, and every call that reaches into another process. Refused
 * calls answer EPERM. */
#ifndef SANDBOX_H
#define SANDBOX_H

#include "base.h"

/* What this kernel lacks for it, for one line in the log ("landlock"); NULL: nothing. */
const char *sandbox_lacks(void);
/* Shuts what can be shut, for good. */
void sandbox_enter(void);
/* For a resolver: shuts files alone, and leaves those of keep (NULL-terminated, files or directories) to be
 * read. Threads begun later are held too. Where the kernel cannot, nothing happens. */
void sandbox_files(const char *const *keep);

#endif
