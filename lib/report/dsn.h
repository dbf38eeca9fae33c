/* Delivery status notifications: RFC 3461, 3464, 6522, and 6533 where addresses, replies or the message are
 * not ASCII. And the digest of those that reached nobody, in text alone.
 *
 * dsn_compose writes one whole notice in wire form: header, the human part, the machine part, and what is
 * given back of the message. Pure but for memory. Everything in the fates, the message and the site's template
 * is hostile: no byte of it can end a header line, begin a field or close a part. */
#ifndef DSN_H
#define DSN_H

#include "base.h"
#include "fates.h"
#include "returned.h"
#include "str.h"

struct dsn {
	const struct fates *fates;
	const char *hostname;       /* the reporting MTA: a checked domain name */
	const char *postmaster;     /* of this system */
	const char *token;          /* letters and digits that no other notice has */
	int64_t now;                /* microseconds since 1970 */
	const struct returned *msg; /* NULL: nothing of it is known or given back */
	const struct str *template; /* the site's text; NULL: the built-in one */
};

/* NULL; or why the site's template could not be used (static or in *room): then the built-in text stands. */
const char *dsn_compose(struct str *out, const struct dsn *d, struct str *room) MUST_USE;

/* Addresses and texts are written in UTF-8 where they need it, else in ASCII alone: in the form FORM_AUTO
 * when the notice goes to an address that only SMTPUTF8 can reach. */
bool dsn_ascii(const struct fates *f);
/* Name of a kind, and of its template file: "failed", "delayed", "success", "digest". */
const char *dsn_kind_name(enum fates_kind kind);

#endif
