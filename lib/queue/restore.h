/* A spool that was a backup: the tables that came with it (lib/spool/saved.h) go into the index, durably, and their file
 * goes. Before anything looks at them. */
#ifndef RESTORE_H
#define RESTORE_H

#include "queue.h"

void restore_tables(struct runq *q);

#endif
