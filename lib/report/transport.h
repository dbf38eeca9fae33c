/* mox-doctor transport: the posture of destinations, domains or a relay, gathered from siblings. */
#ifndef TRANSPORT_H
#define TRANSPORT_H

#include "base.h"
#include "conf.h"
#include "finding.h"
#include "posture.h"

#include <stdbool.h>

struct transport_ask {
	const char *conf_file;                  /* for the siblings; NULL: as they find it */
	const struct conf_transport *transport; /* NULL: delivery without one */
	bool connect;                           /* try a connection to each server */
	bool json;
	struct findings *found; /* not NULL: a finding for each domain, and nothing is printed */
};

/* Looks at the domains one after the other and prints each; with a transport to a relay there are none, and it looks at
 * that. Answers the exit code: 111 when mail for one has to wait, else 100
 * when mail for one can never be delivered, else 0. */
int transport_look(const struct transport_ask *ask, char *const domain[], size_t n);

#endif
