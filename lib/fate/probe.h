/* What mox-deliver -c shows of a hop: one connection, judged as for mail, ended before MAIL. */
#ifndef PROBE_H
#define PROBE_H

#include "base.h"

#include "worker.h"

/* For confined_fork: visits each hop of how->plan, at the first of its addresses that answers, and prints a
 * record of each (mox-deliver.8) on descriptor 1. Ends early when the other side of sock closes. Exit code 0
 * when some hop would get the mail, else 111. */
int probe_serve(int sock, const struct confined *how);

#endif
