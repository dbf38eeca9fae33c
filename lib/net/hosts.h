/* Names this machine knows without DNS: /etc/hosts, and localhost (RFC 6761 6.3). */
#ifndef HOSTS_H
#define HOSTS_H

#include "base.h"

#include <stdbool.h>
#include <stddef.h>

#define HOSTS_FILE "/etc/hosts"

struct host_entry {
	char *name; /* lower-case */
	unsigned char addr[16];
	size_t len; /* 4 or 16 */
};

struct hosts {
	struct host_entry *v;
	size_t n;
};

/* What cannot be read or parsed is passed over; at most 10,000 names. */
void hosts_load(struct hosts *h);
void hosts_parse(struct hosts *h, const char *text);
void hosts_free(struct hosts *h);
bool hosts_has(const struct hosts *h, const char *name);
bool host_is_localhost(const char *name); /* localhost, or below it */

#endif
