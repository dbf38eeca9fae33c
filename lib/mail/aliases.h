/* aliases(5): local names that stand for others.
 *
 *	name: target, target, ...        a line that begins with a blank continues the one before; # comments
 *
 * A target is an address, a name without domain (looked up again), \name (not looked up again), a name that
 * means itself in its own line, or :include:/file with targets on its lines. Commands ("|...") and files
 * ("/...") are no targets here: each such target is remarked on and left out. Names are compared without
 * regard to case. name+detail without a line of its own is as name. The name * stands for each name that has
 * no line of its own. Without a line of their own, mailer-daemon is as postmaster, and postmaster is conf's
 * postmaster, else as root where root has a line. A line owner-NAME makes NAME a mailing list: who it stands
 * for is who hears of failures.
 *
 *	a = aliases_parse(file, text, n, &faults);
 *	struct alias_walk w = {.aliases = a, .conf = conf, .each = f, .arg = arg};
 *	aliases_expand(&w, path); ...
 *	alias_walk_free(&w); aliases_free(a);
 *
 * Every line and every included file is gone through once in the life of the aliases, whatever leads to it
 * and however often: what an expansion hands out is bounded by what stands in the files. */
#ifndef ALIASES_H
#define ALIASES_H

#include "base.h"
#include "conf.h"
#include "str.h"

#include <stdbool.h>
#include <stddef.h>

#define ALIASES_MAX (4u << 20)   /* bytes of the file, and of an included one */
#define ALIASES_DEPTH_MAX 50     /* aliases of aliases */
#define ALIASES_INCLUDES_MAX 100 /* files */

struct aliases;

/* A file in the ordinary sense, of at most ALIASES_MAX bytes, appended to out. false with errno; EINVAL: it is
 * something else, a pipe that would never end for one. */
bool aliases_read(const char *path, struct str *out) MUST_USE;
/* text is copied. What cannot be read is left out, and one line "FILE:LINE: why" of faults each; of a name
 * that stands twice the first line counts. */
struct aliases *aliases_parse(const char *file, const char *text, size_t n, struct str *faults);
/* The same of what aliases_read read, which is taken over and empty then: large files are not copied. */
struct aliases *aliases_take(const char *file, struct str *text, struct str *faults);
size_t aliases_count(const struct aliases *a);
void aliases_free(struct aliases *a);

/* A recipient; borrows. */
struct alias_target {
	const char *path;
	bool local;        /* a name of this machine that is not looked up (further) */
	bool exact;        /* ... because an alias says so: nobody is to look it up again */
	const char *owner; /* owner-NAME of the innermost list it came from; NULL: of none */
};

struct alias_walk {
	struct aliases *aliases;
	const struct conf *conf; /* mailname qualifies; local-domains are looked up; postmaster */
	bool
	    keep_lists; /* mailing lists in local-domains are handed out as they are, for mox-local to expand */
	bool strict;    /* any included file that cannot be read makes `why` */
	void (*each)(void *arg, const struct alias_target *t);
	void *arg;
	struct str remarks; /* what was left out: "FILE:LINE: why" lines */
	struct str why; /* not empty: an included file cannot be read now, and what was handed out may lack
	                       somebody: a sentence */

	struct alias_frame *frame; /* the rest belongs to the module */
	struct alias_file *included;
	size_t nincluded;
	bool yields; /* something came of what is walked now */
};

/* path (path_make) is local: in local-domains, or was given without a domain. Calls each for all it stands
 * for; for itself when it has no alias, or one of which nothing is left. Within one life of the aliases what
 * has been handed out is not handed out again. */
void aliases_expand(struct alias_walk *w, const char *path);
/* All names, for their remarks: each is called for what they all stand for. */
void aliases_check(struct alias_walk *w);
void alias_walk_free(struct alias_walk *w);

/* Whether the domain of path is in local-domains. */
bool aliases_domain_is_local(const struct conf *c, const char *path);

#endif
