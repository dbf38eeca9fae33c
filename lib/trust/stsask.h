/* mox-nexthop's (and mox-mtasts fetch's) end of the co-process `mox-mtasts -w`.
 *
 * sts_ask_open forks a keeper, a process that does nothing but wait for the first question and then run mox-mtasts,
 * again and again as it ends or dies; so nothing is paid where nobody asks. It must come before this process
 * confines itself, and before it has threads: what confines it would confine them too.
 *
 * Then: sts_ask puts a question; wait until sts_ask_fd is ready for sts_ask_events or sts_ask_deadline has passed,
 * and call sts_ask_process, which calls back. Each question is answered once, after STS_ASK_TIME at the latest, with
 * STS_REPLY_FAILED when nobody does, and never from within sts_ask. */
#ifndef STSASK_H
#define STSASK_H

#include "base.h"
#include "stsrec.h"

#define STS_ASK_TIME (65 * INT64_C(1000000)) /* above the 60 s of a fetch (conf_sts) */

struct sts_ask;
/* conf: for -C; NULL: as found. spool: from the configuration. */
struct sts_ask *sts_ask_open(const char *conf, const char *spool);
/* What is open is never answered. Waits for the keeper, which goes at once. */
void sts_ask_close(struct sts_ask *s);

/* r is the callee's to empty. */
typedef void sts_ask_done(void *arg, struct sts_reply *r);
/* q's number is set here. */
void sts_ask(struct sts_ask *s, const struct sts_question *q, sts_ask_done *done, void *arg);
size_t sts_ask_open_questions(const struct sts_ask *s);
int sts_ask_fd(const struct sts_ask *s);
short sts_ask_events(const struct sts_ask *s);
int64_t sts_ask_deadline(const struct sts_ask *s); /* monotonic; INT64_MAX: none; 0: answers are waiting */
void sts_ask_process(struct sts_ask *s);

#endif
