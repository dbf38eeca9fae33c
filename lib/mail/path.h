/* Addresses as an envelope carries them: checked, qualified, the domain in the form DNS knows. Needs libidn2
 * (domain.h). */
#ifndef PATH_H
#define PATH_H

#include "base.h"

/* A bare local part gets @mailname; the domain becomes lower-case A-labels, but stays as it is beside a local
 * part that is not ASCII, for then the message needs SMTPUTF8 anyhow. The caller frees. NULL: not an address
 * (*why: half a sentence, static). mailname NULL: a bare local part is refused. */
char *path_make(const char *s, const char *mailname, const char **why) MUST_USE;

/* A local part for any text, a login name for one: as it is when it is one, else as a quoted string. The
 * caller frees. */
char *path_quote_local(const char *s) MUST_USE;

#endif
