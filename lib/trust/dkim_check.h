/* Checks the signatures of the message on descriptor 0, for mox-dkim verify. */
#ifndef DKIM_CHECK_H
#define DKIM_CHECK_H

#include "base.h"

/* Prints a line for each of the first 16: RESULT d=DOMAIN s=SELECTOR a=ALGORITHM WHY, or "none". record: the key's TXT
 * record; NULL: a mox-nexthop is asked for it. Answers 0 when one passes, EXIT_PERM when none does, EXIT_TEMP when none
 * does and some key could not be looked up. Ends the program when the message cannot be read. */
int dkim_check(const char *record);

#endif
