/* Root becomes the owner of the spool before it does anything there. */
#ifndef OWNER_H
#define OWNER_H

#include "base.h"

#include <stdbool.h>

/* Where we are root: takes on user, group and supplementary groups of the owner of path; where path is not there yet, of
 * the user mox. false: path belongs to root, and root we stay; true in all other cases. Ends the program where it should
 * and cannot. */
bool owner_become(const char *path);

#endif
