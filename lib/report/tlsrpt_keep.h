/* A report that came to us goes into spool/tlsrpt-in (spool-layout.txt): once, whoever else writes there at the time.
 *
 * What a stranger can make of it is bounded: TLSRPT_KEEP_ROWS rows of a report, TLSRPT_IN_FILE_MAX bytes of a day, and
 * days that are neither old nor far ahead. */
#ifndef TLSRPT_KEEP_H
#define TLSRPT_KEEP_H

#include "base.h"
#include "tlsrpt_read.h"

#define TLSRPT_KEEP_ROWS 100 /* by type, domain and result; what more there are go by the domain "-" */

enum tlsrpt_kept {
	TLSRPT_KEPT,
	TLSRPT_KEPT_BEFORE, /* one of this organisation with this id stands there */
	TLSRPT_KEPT_NEVER,  /* and *why says why it has no place */
	TLSRPT_KEPT_FAILED, /* errno */
};

/* spool/tlsrpt-in, which is made; -1 with errno. */
int tlsrpt_keep_open(const char *spool) MUST_USE;
enum tlsrpt_kept tlsrpt_keep(int dir, const struct tlsrpt_read *r, int64_t now, const char **why) MUST_USE;

#endif
