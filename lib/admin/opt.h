/* Options with names: `-name`, `-name value`, `-name=value`, two dashes as well as one. Only whole names
 * count, so that an option added later never changes what an old script means. Options and arguments may be
 * mixed; `--` ends the options. `-` alone and what begins like a negative number are arguments. */
#ifndef OPT_H
#define OPT_H

#include "base.h"

#include <stdbool.h>

struct opt {
	const char *name;
	int code; /* above 0 */
	bool has_value;
};

struct opt_in {
	char **argv; /* from the first argument on, NULL behind the last; what is no option gathers at its
			head */
	int at, nargs;
	bool ended;
	char *value;      /* of the option just answered */
	const char *name; /* its name as given, also when it is wrong */
};

enum { OPT_END = 0, OPT_UNKNOWN = -1, OPT_NO_VALUE = -2, OPT_STRAY_VALUE = -3 };

/* The code of the next option, or one of the above. At OPT_END argv[0..nargs-1] are the arguments, NULL
 * behind them. */
int opt_next(struct opt_in *in, const struct opt *table, size_t n) MUST_USE;

#endif
