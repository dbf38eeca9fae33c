/* corrupt/: files that fail their check, kept for a person. */
#ifndef CORRUPT_H
#define CORRUPT_H

#include "base.h"
#include "spool.h"

#include <stdbool.h>

#define CORRUPT_WHY ".why"

/* Moves at/name there, durable, never over another: a name that is taken gets a number. Beside it stands NAME.why, a record
 * of where it was (path, from the spool), why, and when: as far as there is room for that. 0, or -1 with errno. */
int corrupt_move(const struct spool *s, int at, const char *name, const char *path, const char *why) MUST_USE;
/* A reason, no file that is kept. */
bool corrupt_is_why(const char *name);

#endif
