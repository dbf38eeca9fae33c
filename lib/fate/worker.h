/* mox-deliver -w: the warm parent, and the forked children that do the work.
 *
 * The parent has GnuTLS ready and no heap to speak of. A child's memory is the parent's until it writes to
 * it, so what is loaded before a fork is shared by all children, and what hostile bytes do in one of them is
 * found by none of the others. */
#ifndef WORKER_H
#define WORKER_H

#include "base.h"

#include "conf.h"

#include <sys/types.h>

/* Forks a worker that serves sock (its copy becomes the worker's, the caller closes its own) inside the
 * sandbox. Descriptor 0 is /dev/null in it. tls_prepare must have been called. -1 with errno. */
pid_t worker_fork(const struct conf *conf, int sock) MUST_USE;

/* Serves worker requests on descriptor 0 until its end, then answers 0; children go on until their own
 * sockets close. Signals that ask for an end are ignored: whoever started us ends us by closing sockets, so
 * that transactions are finished. When a child dies of a signal the parent starts itself anew (argv, its own
 * command line): the addresses an attacker may have learned are worth nothing then. */
int worker_parent(const struct conf *conf, char *const argv[]);

#endif
