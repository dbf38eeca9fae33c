/* Fills a report: asks mox-runq, and reads what stands in the spool. */
#ifndef REPORT_ASK_H
#define REPORT_ASK_H

#include "admin.h"
#include "report.h"

/* r: with `since` and `lines` set; a: ready, with its filters. Ends the program at an error; of the spool's files nothing is
 * shown that cannot be read. */
void report_ask(struct report *r, struct admin *a);
/* Its part of spool/tlsrpt-in. */
void report_told(struct report *r, const char *spool);

#endif
