/* Copying a spool in use: its messages, and the tables that no file knows, of one moment. Whoever calls makes the directory before, and
 * syncs and names it behind. Ends the program with a sentence (die.h) when it cannot. */
#ifndef BACKUP_H
#define BACKUP_H

#include "base.h"
#include "changes.h"
#include "conf.h"
#include "replica.h"
#include "saved.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct backup {
	const struct conf *conf;
	const char *name;                     /* of the copy, for sentences */
	const volatile sig_atomic_t *stopped; /* a signal came: its number */
	struct replica replica;               /* from, to, top, since, keep; step is ours */
	/* out */
	uint64_t done; /* recipients to do in the copied files whom the history calls done: they are marked */
	int64_t stood; /* microseconds in which nothing was taken in */
	/* private */
	bool paused, lost;
	int64_t paused_at, pause_again; /* monotonic */
	struct changes changes;
	struct saved saved;
	FILE *out;
	uint64_t entries;
};

/* cur/, new/ and saved. */
void backup_copy(struct backup *b);
/* Ends the program when a replica_* call failed, or a signal came. */
void backup_must(struct backup *b, int failed);
void backup_step(void *arg);

#endif
