/* Verifies a spool's files, with the owner running or without: everything of spool-layout.txt that can be
 * seen from outside. What vanishes or moves on while it looks is mail under way, no fault. The index is asked
 * of its owner (op check), not looked at here; of a backup its tables are, which are a file. */
#ifndef CHECK_H
#define CHECK_H

#include "base.h"
#include "spool.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

struct finding {
	const char
	    *path; /* relative to the spool, with whatever bytes a name may have; or the id of a recipient */
	const char *what; /* half a sentence */
	const char *then; /* likewise: what comes of it when nobody does anything; NULL: it cannot be told */
	const char *done; /* what the repair has done instead; NULL: nothing */
	bool note;        /* harmless, and no fault */
};

struct check {
	const struct spool *spool; /* SPOOL_OWNER */
	/* What is broken goes to corrupt/, what is sound to where it belongs, and modes and owners are set right.
	 * Nothing is removed. Only with spool/lock held. */
	bool repair;
	void (*found)(const struct finding *f, void *arg);
	void *arg;
	/* out */
	uint64_t messages, faults, kept; /* kept: files in corrupt/ */
	bool unable;                     /* something could not be read: not all was checked */
	/* private */
	struct stat top;
};

/* found is called for each finding, also for what cannot be read. */
void spool_check(struct check *c);
/* spool/saved, the tables of a backup that no mox-runq has read yet: whole, each entry what it should be, and nobody to do
 * whom its history calls done. false: there is no such file. */
bool check_saved(struct check *c);

#endif
