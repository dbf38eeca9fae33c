/* Whether lists of bad senders have our addresses: `mox-doctor dnsbl -r` as a child, when zones are configured: every three
 * hours, and after each hundred messages sent, though not within five minutes of the last time. What was found is kept in
 * spool/metrics.prom, so that restarts and passes neither ask nor tell anew. */
#ifndef DNSBL_H
#define DNSBL_H

#include "queue.h"

#include <stdbool.h>

void dnsbl_round(struct runq *q);
void dnsbl_child(struct runq *q, pid_t pid, int status); /* as waitpid says; others' are ignored */
bool dnsbl_busy(void);
void dnsbl_stop(void);

/* ---- metrics.c keeps it ---- */
/* -1: never looked at; else whether it was listed. */
int metrics_listed(const char *zone, const char *ip);
int64_t metrics_dnsbl_checked(void); /* microseconds since 1970; 0: never */
/* A check is over. When it was good, metrics_listed_set follows for all it found. */
void metrics_dnsbl_check(const struct runq *q, bool good);
void metrics_dnsbl_forget(void);
void metrics_listed_set(const char *zone, const char *ip, bool listed);

#endif
