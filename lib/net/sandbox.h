/* What a worker gives up before it reads its first hostile byte: files (landlock), and by seccomp all sockets but IPv4 and IPv6, new
 * programs and processes, and every call that reaches into another process. Refused calls answer EPERM. */
#ifndef SANDBOX_H
#define SANDBOX_H

#include "base.h"

/* Shuts what the kernel can shut, for good. Answers NULL, or what it lacks, for one line in the log ("landlock"). */
const char *sandbox_enter(void);

#endif
