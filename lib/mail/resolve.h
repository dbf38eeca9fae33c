/* Where mail for one recipient of this machine goes: conf's aliases, then, where a name has neither alias nor
 * mailbox, default-destination.
 *
 * Mail for others is given back to the spool, where each has a fate of his own; what comes out as one single
 * Maildir is delivered there at once. Nothing is ever looked up twice: names that aliases led to are handed
 * on as exact, default-destination is asked for once, and who leads back to himself has nobody. */
#ifndef RESOLVE_H
#define RESOLVE_H

#include "base.h"
#include "conf.h"
#include "mailbox.h"
#include "str.h"

#include <stdbool.h>
#include <stddef.h>

struct onward {
	char *path;
	char *owner; /* the new reverse-path: it came from a mailing list. NULL: it stays what it was */
	bool exact;  /* a name of this machine that is not to be looked up again */
};

struct resolved {
	/* In: what a user has. mailbox_look, or a test's. */
	enum mailbox_is (*look)(struct mailbox *m, const struct conf *c, const char *user);

	struct onward *to; /* by owner; each path once */
	size_t n;
	struct mailbox box; /* user NULL: no Maildir of this machine gets it */
	bool nobody;        /* part of it, or all, is for a name that is nobody's: 5.1.1 */
	struct str why;     /* not empty: it cannot be known now, a sentence; then the rest means nothing */
	struct str remarks; /* what of the aliases was left out: lines "FILE:LINE: why" */
};

/* path has a domain, one of local-domains unless a route brought it here; names that its alias names get the same
 * one. exact: some alias says so, aliases are not asked. */
void resolve(struct resolved *r, const struct conf *c, const char *path, bool exact);
void resolved_free(struct resolved *r);

#endif
