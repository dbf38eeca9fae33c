/* TCP connections with an absolute deadline. */
#ifndef DIAL_H
#define DIAL_H

#include "base.h"

#include <stdint.h>

struct dial {
	int64_t deadline;              /* CLOCK_MONOTONIC */
	int watch;                     /* -1: none */
	const char *source4, *source6; /* our own address, by family of the target; NULL: any */
};

/* Connects to ip (text of inet_ntop) and port: a non-blocking, close-on-exec descriptor with TCP_NODELAY, or
 * -1 with errno: ETIMEDOUT past the deadline, ECANCELED when the other side of watch is gone meanwhile. */
int dial(const char *ip, uint16_t port, const struct dial *how) MUST_USE;

#endif
