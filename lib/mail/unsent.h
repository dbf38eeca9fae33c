/* ~/moxsubmit.failures: what could not be sent is kept there for a person, as mox does. */
#ifndef UNSENT_H
#define UNSENT_H

#include "base.h"
#include "str.h"

/* Writes the text durably into a new file of the directory, which is made, mode 0700, when it is missing. The caller's home is HOME, or
 * under setgid what the user database says. 0 and the file's name in *name; -1 and half a sentence in it. */
int unsent_keep(const char *text, size_t n, struct str *name) MUST_USE;

#endif
