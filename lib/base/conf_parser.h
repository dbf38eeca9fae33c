/* What libconfuse is told of the configuration: every value is text to it, for its own numbers take 010 for 8; and of the schema it learns
 * only what the file names. The rest would cost time at every call of sendmail: it copies all it is told of, and makes a scanner for the
 * default of each list. */
#ifndef CONF_PARSER_H
#define CONF_PARSER_H

#include "base.h"

#include <confuse.h>
#include <stdbool.h>

/* Is the name of a key or section anywhere in the file? Only what stands there may be asked of libconfuse. */
bool conf_stands(const char *name, const char *text);
/* For the file's text; cfg_free. */
cfg_t *conf_parser(const char *text);

#endif
