/* /etc/moxsubmit.conf, as mox itself reads it (sconf): lines `Key: value`, the value up to the end of the line, comments behind `#`.
 * Indented lines are structures there, of which this file has none. */
#ifndef SUBMITCONF_H
#define SUBMITCONF_H

#include "base.h"
#include "str.h"

#include <stdbool.h>
#include <stdint.h>

struct submitconf {     /* owned strings, never NULL; "" where nothing was said */
	char *hostname; /* for EHLO */
	char *host;
	uint64_t port;
	bool tls, insecure, starttls;
	char *username, *password;
	char *client_key;  /* raw-url-base64 of an Ed25519 key */
	char *client_file; /* PEM: key and certificate */
	char *mechanism;
	char *from, *destination;
	char *requiretls; /* "yes", "no", "" */
};

/* text is destroyed; name is for the sentence. false and one sentence in why; c is empty then. */
bool submitconf_parse(struct submitconf *c, const char *name, char *text, struct str *why) MUST_USE;
/* Overwrites the secrets. */
void submitconf_free(struct submitconf *c);
/* A file to fill in, with comments. */
void submitconf_describe(struct str *out);

#endif
