/* Which messages of a spool change while it is copied: by inotify, so that nobody has to be asked and what changed at the very end is known
 * without a look at all the rest.
 *
 * Every change of a name in new/ or cur/HH, or of the bytes behind it, that ended after changes_begin stands in what changes_take
 * answers next, perhaps more than once and perhaps without need. */
#ifndef CHANGES_H
#define CHANGES_H

#include "base.h"
#include "spool.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum changes_place { CHANGES_CUR, CHANGES_NEW };

struct changes {
	bool lost; /* there were more than could be noted: anything may have changed */
	/* private */
	int fd, new_dir;
	struct {
		uint64_t *id;
		size_t n, room;
	} set[2];
};

/* Begins, or begins anew: what was noted before is forgotten. -1 with errno: this cannot be watched, and nothing is to be freed. */
int changes_begin(struct changes *c, const struct spool *s) MUST_USE;
/* Notes what has changed: often enough that the kernel's queue (16384) does not overflow. */
void changes_note(struct changes *c);
/* Those of one place, each once, ascending; the caller frees *ids. Notes first. */
size_t changes_take(struct changes *c, enum changes_place place, uint64_t **ids);
void changes_end(struct changes *c);

#endif
