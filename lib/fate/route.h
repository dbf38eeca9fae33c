/* Which way a recipient's mail goes: the first route that fits, of its account, then of its sender's domain, then
 * of all (DESIGN 11). Pure but for `header`. */
#ifndef ROUTE_H
#define ROUTE_H

#include "base.h"
#include "conf.h"
#include "str.h"

#include <stdbool.h>

enum route_header {
	ROUTE_HEADER_FITS_NOT,
	ROUTE_HEADER_FITS,
	ROUTE_HEADER_UNREAD, /* it cannot be read now */
};

struct route_query {
	const char *account;   /* NULL: none */
	const char *from, *to; /* domains, lower case; "" none */
	unsigned attempts;     /* begun so far */
	/* Hosts of the domain's own mail servers, parted by commas; NULL: not known yet; "": there are none. */
	const char *mx;
	/* Each value of the header field, unfolded, until `each` answers true; answers what the last call did. NULL: the
	 * message has none. */
	enum route_header (*header)(
	    void *arg, const char *name, bool (*each)(void *to, const char *value), void *to);
	void *arg;
};

enum route_found {
	ROUTE_NONE,
	ROUTE_FITS,
	ROUTE_NEEDS_MX, /* who decides first wants to know mx */
	ROUTE_UNREAD,   /* or the header, which cannot be read now */
};

enum route_found route_choose(
    const struct conf *c, const struct route_query *q, const struct conf_route **found);

/* domain is one of the list's, or below one that begins with a dot. */
bool route_domain_in(const struct conf_list *l, const char *domain);
/* Some host of the comma-separated list is one of the patterns': a name, or *.NAME for what is below. */
bool route_host_in(const struct conf_list *l, const char *hosts);

#endif
