/* The spool directory: its places, and the moves between them (spool-layout.txt). */
#ifndef SPOOL_H
#define SPOOL_H

#include "base.h"
#include "conf.h"
#include "id.h"

#include <stdbool.h>
#include <stdint.h>

struct spool {
	const char *path;  /* borrowed from the configuration */
	int dir, tmp, new; /* descriptors, O_PATH or readable as needed; -1 when not opened */
	int cur, corrupt;
};

enum spool_part {
	SPOOL_DOOR,
	SPOOL_OWNER
}; /* mox-queue-add needs tmp and new; mox-runq and mox-queue-check all */

/* Opens the parts; 0, or -1 with errno and *what the part that failed ("new"). */
int spool_open(struct spool *s, const char *path, enum spool_part part, const char **what) MUST_USE;
void spool_close(struct spool *s);
/* Makes what is missing of the tree (modes of DESIGN 12, group left alone) for the user who runs this. -1
 * with errno. */
int spool_make(const char *path) MUST_USE;

/* Free space and inodes against the low-water marks: 0 enough, 1 too little (errno ENOSPC), -1 cannot tell.
 * half: our own notices may go down to half of the marks. */
int spool_room(const struct spool *s, const struct conf *c, uint64_t message_size, bool half) MUST_USE;

/* Wakes mox-runq: one byte into spool/trigger, never blocks, no error when nobody listens. */
void spool_trigger(const struct spool *s);

/* .NAME.PID of a file beside the directories that is replaced as a whole: what a crash of the owner leaves. */
bool spool_is_half(const char *name);

/* cur/HH/ID; size for both names "HH/ID" and "HH/ID.amend". */
#define SPOOL_NAME_SIZE 32
void spool_name(char out[SPOOL_NAME_SIZE], uint64_t id);
int spool_open_message(
    const struct spool *s, uint64_t id, int flags) MUST_USE; /* in cur/; O_RDONLY or O_RDWR */
/* One that failed and is kept (keep-failed-messages), for reading. */
int spool_open_failed(const struct spool *s, uint64_t id) MUST_USE;

#endif
