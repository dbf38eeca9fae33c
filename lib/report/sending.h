/* The addresses from which this machine sends mail to others' servers, and the names it says there. */
#ifndef SENDING_H
#define SENDING_H

#include "base.h"
#include "conf.h"

#include <stdbool.h>
#include <stddef.h>

struct sending {
	char *ip;
	char *ehlo;
	char *how;     /* where that is known from, in words */
	bool not_seen; /* of a private network, or this machine's own: others see another */
};

struct sendings {
	struct sending *v;
	size_t n;
};

/* As dnsbl { addresses } says; else the configured ones of direct and socks transports; and for deliveries without one, what
 * the kernel would choose, learnt by connecting UDP sockets, which sends nothing. Each once. Relays send by themselves. */
void sendings_find(struct sendings *s, const struct conf *c);
/* Given by hand; false: it is no address. */
bool sendings_add(struct sendings *s, const struct conf *c, const char *ip, const char *how) MUST_USE;
void sendings_free(struct sendings *s);

#endif
