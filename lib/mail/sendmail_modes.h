/* What sendmail(8) is called for besides sending: it becomes, or runs, the sibling that does it. Each ends the
 * program with an exit code of <sysexits.h>. */
#ifndef SENDMAIL_MODES_H
#define SENDMAIL_MODES_H

#include "base.h"
#include "conf.h"
#include "recipients.h"

/* Becomes the sibling, whose exit code is then ours: the option makes it one of <sysexits.h>. conf_file: for its -C; NULL: none. */
NORETURN void sendmail_become(const char *name, char *conf_file, const char *option);

/* -q (S30). what stands behind it: "" or "f" makes all queued mail due and delivers it, I, R or S with a text
 * (behind a ! without it) what has it in its id, a recipient or the sender; anything else, such as an
 * interval, wakes mox-runq. */
NORETURN void sendmail_flush(const struct conf *c, char *conf_file, const char *what);

/* -bv: where mail for them would go, as mox-nexthop tells. */
NORETURN void sendmail_verify(const struct recipients *to, char *conf_file);

/* Pure: whether a row "ID.N\tSENDER\tRECIPIENT" is meant by `what`. */
bool sendmail_flush_means(const char *what, const char *row);

#endif
