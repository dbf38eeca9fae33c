/* What mox-nexthop is asked for mail that goes by a transport (mox-rec.5 PLANS). */
#ifndef WAY_H
#define WAY_H

#include "base.h"
#include "conf.h"
#include "str.h"

#include <stdbool.h>

/* Appends domain, host or srv, then port, loopback, ipv4, ipv6, starttls and need of a request, which a message's own need may
 * follow: the last one counts. t NULL: as if there were a transport
 * of type direct without any key. domain: the recipient's, which a relay's plan does not depend on. */
void way_write(struct str *out, const struct conf *c, const struct conf_transport *t, const char *domain);

#endif
