/* TCP connections with an absolute deadline. */
#ifndef DIAL_H
#define DIAL_H

#include "base.h"

#include <stdint.h>

/* Connects to ip (text of inet_ntop) and port: a non-blocking, close-on-exec descriptor with TCP_NODELAY, or
 * -1 with errno: ETIMEDOUT past the deadline (CLOCK_MONOTONIC), ECANCELED when the other side of watch (-1:
 * none) is gone meanwhile. */
int dial(const char *ip, uint16_t port, int64_t deadline, int watch) MUST_USE;

#endif
