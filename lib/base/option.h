/* The options of a command line, as getopt_long(3) reads them, and what all commands of ours have in common: one sentence for what
 * cannot be used, --help for -h and --version for -V. */
#ifndef OPTION_H
#define OPTION_H

#include "base.h"

#include <getopt.h>

/* letters, names, the answer, optarg and optind are getopt_long's; names may be NULL. '?': what was wrong is said. */
int option_next(int argc, char *argv[], const char *letters, const struct option *names);

#endif
