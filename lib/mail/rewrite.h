/* Machines whose users are no mail addresses: what a program of such a machine calls itself becomes an address that
 * others can answer, by the `rewrite` sections of the configuration.
 *
 * The rules of the submitter's account come first, then those of all; the first that fits counts, and none is
 * applied to what another made. A pattern `name` means that name without a domain, at mailname, hostname or one of the
 * local-domains; `name@domain` that address, `@domain` all of a domain, `@.domain` that and what is below, `*` all.
 * ASCII case is ignored. Pure. */
#ifndef REWRITE_H
#define REWRITE_H

#include "base.h"
#include "conf.h"
#include "str.h"

#include <stdbool.h>
#include <stddef.h>

struct rewrite {
	const struct conf *conf;
	const char *account; /* login name of who submits */
};

/* Whether the account matters: to look it up may mean to ask a directory. Where not, "" will do. */
bool rewrite_needs_account(const struct conf *c);

/* The new address, appended to out. false: no rule fits, or it is no address; out is as it was. */
bool rewrite_address(const struct rewrite *w, const char *address, struct str *out);
/* An envelope sender as the world is told it: the same when no rule fits. The caller frees. */
char *rewrite_sender(const struct rewrite *w, const char *sender) MUST_USE;
/* From:, Sender: and Reply-To:, with Resent- before them too, get new addresses; the names beside them stay, and all
 * other fields. A header that somebody signed stays as it is, and so does a field that cannot be read from there
 * on. header: fields, perhaps the blank line. */
void rewrite_header(const struct rewrite *w, struct str *header);

#endif
