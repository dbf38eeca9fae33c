/* mox-deliver -w: the warm parent, and the forked children that do the work.
 *
 * The parent has GnuTLS ready and no heap to speak of. A child's memory is the parent's until it writes to
 * it, so what is loaded before a fork is shared by all children, and what hostile bytes do in one of them is
 * found by none of the others. */
#ifndef WORKER_H
#define WORKER_H

#include "base.h"

#include "conf.h"
#include "plan.h"

#include <stdbool.h>
#include <sys/types.h>

/* Forks a process that runs serve(fd, arg) inside the sandbox and exits with what it answers; fd (its copy
 * becomes the child's, the caller closes its own) and 0 to 2 alone are open in it, descriptor 0 as /dev/null, and with a transport
 * that has a secret the socket of its keeper. The transport's client certificate has been read.
 * tls_prepare must have been called. -1 with errno. */
struct confined {
	int (*serve)(int fd, const struct confined *how);
	const struct conf *conf;
	const struct conf_transport *transport; /* NULL: direct */
	const struct plan *plan;                /* whatever serve wants */
	bool secure;
	int keeper;        /* in the child: of the transport's secret, or -1 */
	const char *unfit; /* in the child: why it cannot log in */
};
pid_t confined_fork(int fd, const struct confined *how) MUST_USE;
/* The same with deliver_run on a job socket. */
pid_t worker_fork(const struct conf *conf, int sock, const struct conf_transport *transport) MUST_USE;

/* Serves worker requests on descriptor 0 until its end, then answers 0; children go on until their own
 * sockets close. Signals that ask for an end are ignored: whoever started us ends us by closing sockets, so
 * that transactions are finished. When a child dies of a signal the parent starts itself anew (argv, its own
 * command line): the addresses an attacker may have learned are worth nothing then. */
int worker_parent(const struct conf *conf, char *const argv[]);

/* Loads the authorities of ca-file into this process, unless they are there and the file is the same as then; the first time that there are none
 * says so in the log, and each call tries again. */
void authorities_load(const struct conf *conf);

#endif
