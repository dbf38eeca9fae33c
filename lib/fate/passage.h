/* What a worker's transport adds to what the plan says. */
#ifndef PASSAGE_H
#define PASSAGE_H

#include "base.h"

#include "conf.h"
#include "smtp.h"

#include <stdbool.h>

/* All connections of a worker are of one transport: none is ever used with another's login, source or name (T101). */
struct passage {
	const struct conf_transport *transport; /* NULL: direct, and nothing else */
	int keeper;                             /* of its secret (secret.h); -1: none */
	const char *unfit;                      /* why nothing can go this way now: half a sentence; NULL */
	struct smtp_way way;
	char proxy[64];
};
void passage_init(struct passage *p, const struct conf_transport *t, int keeper);
/* To the domains' own mail exchangers, perhaps through a proxy. */
bool passage_is_direct(const struct conf_transport *t);
/* A server, not a proxy, is to be shown a secret or a certificate. */
bool passage_logs_in(const struct passage *p);
/* The name in EHLO. */
const char *passage_hostname(const struct passage *p, const struct conf *conf);

#endif
