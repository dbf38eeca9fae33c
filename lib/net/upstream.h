/* The name servers our questions go to, and whether any of them can be reached at all: a message must not
 * lose an attempt because the cable was out (T128), and libunbound says SERVFAIL for that as for a broken
 * zone. */
#ifndef UPSTREAM_H
#define UPSTREAM_H

#include "base.h"
#include "conf.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define UPSTREAM_MAX 8
#define RESOLV_CONF "/etc/resolv.conf"

struct upstream {
	struct sockaddr_storage addr;
	socklen_t len;
	char text[96]; /* "address@port", as libunbound takes it */
	int fd;        /* of a probe under way, else -1 */
};

struct upstreams {
	struct upstream v[UPSTREAM_MAX];
	size_t n;
	bool root; /* v are root servers, to be probed only: nothing is forwarded */
};

/* From the configuration; with none there, from resolv.conf; 127.0.0.1 when that names none, as libc does. A
 * malformed address in the configuration ends the program (die_perm). */
void upstream_load(struct upstreams *u, const struct conf_dns *c);
/* The nameserver lines of a resolv.conf; what cannot be read is passed over. */
void upstream_parse(struct upstreams *u, const char *text);
/* "address" or "address@port", appended. false: not an address, or the table is full. */
bool upstream_add(struct upstreams *u, const char *text) MUST_USE;

/* The kernel knows a way to at least one of them. Sends nothing. */
bool upstream_routed(const struct upstreams *u);

/* A probe asks each of them a small question; whoever answers anything is alive.
 * upstream_probe sends; each fd >= 0 is then to be watched for reading. upstream_probe_read is called when
 * one is readable. */
enum upstream_state { UPSTREAM_ALIVE, UPSTREAM_DEAD, UPSTREAM_WAIT };
enum upstream_state upstream_probe(struct upstreams *u);
void upstream_probe_again(struct upstreams *u); /* to those that are silent: a datagram may be lost */
enum upstream_state upstream_probe_read(struct upstreams *u);
void upstream_probe_stop(struct upstreams *u);

#endif
