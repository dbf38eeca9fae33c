/* A spool that is being made beside the name it will have: TARGET.PID.half. Who makes it has it locked, so that one
 * which is not is what a kill has left. */
#ifndef HALF_H
#define HALF_H

#include "base.h"
#include "str.h"

/* An empty spool, locked until the program ends; its path in *path, also when it fails. 0, or -1 with errno. */
int half_make(struct str *path, const char *target) MUST_USE;
void half_remove(const char *path);
/* What killed ones have left beside the target: of the same target it goes, of another it is told of. */
void half_clear(const char *target);

#endif
