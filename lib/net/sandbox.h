/* What a worker gives up before it reads its first hostile byte: files (landlock), and by seccomp all sockets
 * but TCP, new programs and processes, every call that reaches into another process, and every call that
 * changes what a path names. Refused calls answer EPERM, calls younger than this list ENOSYS. t/hostile.c
 * tries them. */
#ifndef SANDBOX_H
#define SANDBOX_H

#include "base.h"

#include <stdbool.h>

/* What this kernel lacks for it, for one line in the log ("landlock"); NULL: nothing. */
const char *sandbox_lacks(void);
/* Shuts what can be shut, for good. bind: sockets may choose their own address (and still not listen). */
void sandbox_enter(bool bind);
/* The same, and TCP too: who is in it has nothing but the descriptors it holds. */
void sandbox_enter_alone(void);
/* For a resolver: shuts files alone, and leaves those of keep (NULL-terminated, files or directories) to be
 * read. Threads begun later are held too. Where the kernel cannot, nothing happens. */
void sandbox_files(const char *const *keep);
/* The same, and below dir (NULL: nowhere) files may be read, written, made, replaced and removed. */
void sandbox_files_below(const char *const *keep, const char *dir);

#endif
