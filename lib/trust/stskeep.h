/* The cache of MTA-STS policies: spool/sts, one file a domain (spool-layout.txt), read and written by mox-mtasts
 * alone. Files are replaced as a whole; what cannot be parsed counts as not there. */
#ifndef STSKEEP_H
#define STSKEEP_H

#include "base.h"
#include "mtasts.h"

#include <stdbool.h>

struct sts_keep {
	int dir; /* -1: nothing is kept */
};

/* 0, or -1 with errno: then k->dir is -1 and everything below does nothing. */
int sts_keep_open(struct sts_keep *k, const char *spool) MUST_USE;
void sts_keep_close(struct sts_keep *k);
/* {0} but for its domain when there is none. domain: A-labels. */
void sts_keep_load(const struct sts_keep *k, const char *domain, struct sts_entry *e);
int sts_keep_save(const struct sts_keep *k, const struct sts_entry *e) MUST_USE;
/* 0: it was there; -1 with errno. */
int sts_keep_drop(const struct sts_keep *k, const char *domain) MUST_USE;
/* All domains, sorted. */
int sts_keep_list(const struct sts_keep *k, struct plan_list *out) MUST_USE;

/* Removes what a crash left half-written an hour ago or earlier. */
void sts_keep_sweep(const struct sts_keep *k);

#endif
