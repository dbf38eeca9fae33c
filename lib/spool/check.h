/* Verifies a spool's files, with the owner running or without: everything of spool-layout.txt that can be
 * seen from outside. What vanishes or moves on while it looks is mail under way, no fault. The index is asked
 * of its owner (op check), not looked at here. */
#ifndef CHECK_H
#define CHECK_H

#include "base.h"
#include "spool.h"

#include <stdbool.h>
#include <stdint.h>

struct check {
	const struct spool *spool; /* SPOOL_OWNER */
	/* Move message files and amendments that are broken to corrupt/, and sound ones in a wrong bucket to
	 * theirs. Only with spool/lock held. */
	bool repair;
	/* path is relative to the spool, with whatever bytes a name may have; what: half a sentence. */
	void (*fault)(const char *path, const char *what, void *arg);
	void *arg;
	/* out */
	uint64_t messages, faults, kept; /* kept: files in corrupt/ */
	bool unable;                     /* something could not be read: not all was checked */
};

/* fault is called for each fault, also for what cannot be read. */
void spool_check(struct check *c);

#endif
