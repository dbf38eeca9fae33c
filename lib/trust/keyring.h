/* The DKIM keys of the configuration, and who may use them (DESIGN 12): in mox-dkim alone. */
#ifndef KEYRING_H
#define KEYRING_H

#include "base.h"
#include "conf.h"
#include "dkim.h"
#include "str.h"

#include <stdbool.h>

#define KEYRING_KEYS_MAX 6 /* of a domain: their signatures fit one packet */

struct keyring_key {
	const struct conf_dkim *conf;
	struct dkim_key key;
	const char **fields; /* NULL: dkim_fields_default */
};

struct keyring_domain {
	const struct conf_domain *conf;
	struct keyring_key key[KEYRING_KEYS_MAX];
	size_t n;
	char *
	    why; /* some key of it cannot be used: a sentence without program and full stop; then nothing is signed */
	bool passes; /* ... but may be another time */
};

/* Borrows from the configuration. */
struct keyring {
	struct keyring_domain *v; /* as in conf->domain */
	size_t n;
};

void keyring_load(struct keyring *k, const struct conf *c);
void keyring_free(struct keyring *k);

/* The domain's own section, or that of the nearest domain above it; NULL: there is none, or it has no keys (so that a
 * section without keys keeps mail of a subdomain unsigned). domain: lower-case A-labels. */
const struct keyring_domain *keyring_find(const struct keyring *k, const char *domain);
/* root may use every domain; so may own, the login name of the toolkit's user, whose notices and reports they are. */
bool keyring_allows(const struct keyring_domain *d, const char *account, const char *own);

/* Reads a private key. NULL, or what is wrong: in *why, which is the caller's; *passes: with the file, not the key. */
const char *keyring_read(struct dkim_key *k, const char *file, struct str *why, bool *passes) MUST_USE;

#endif
