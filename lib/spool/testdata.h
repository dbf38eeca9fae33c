/* A spool with all kinds of content: each line an envelope can have, each mark, each table, each file that lies beside the
 * messages. The same bytes for the same seed and time. For tests, and for those who want to see what a spool is. */
#ifndef TESTDATA_H
#define TESTDATA_H

#include "base.h"

#include <stdint.h>

/* Fills an empty spool (spool_make); now: microseconds since 1970, when the newest message was queued. 0; -1: not all of it
 * could be written, errno and *what. */
int testdata_write(const char *path, uint64_t seed, int64_t now, const char **what) MUST_USE;

#endif
