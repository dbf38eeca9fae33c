/* Landlock: this process and all it starts give up files, for good. */
#ifndef LANDLOCK_H
#define LANDLOCK_H

#include "base.h"

#include <linux/landlock.h>
#include <stddef.h>
#include <stdint.h>

/* Debian 12's headers stop at version 2. */
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif

/* The leak checker reads /proc and traces the program when it ends. */
#if defined __has_feature
#if __has_feature(address_sanitizer)
#define LEAK_CHECKER
#endif
#elif defined __SANITIZE_ADDRESS__
#define LEAK_CHECKER
#endif

struct landlock_keep {
	int dir;          /* where path begins; AT_FDCWD */
	const char *path; /* file or directory, with all below it; one that is not there is passed over */
	uint64_t rights;  /* LANDLOCK_ACCESS_FS_*; those that this kernel does not know count for nothing */
};

/* The version that this kernel knows; 0: none. */
int landlock_version(void);
/* Refuses every right that this kernel knows but those of keep. The caller has set PR_SET_NO_NEW_PRIVS, or is privileged. Where the
 * kernel cannot, nothing happens. */
void landlock_shut(const struct landlock_keep *keep, size_t n);

#endif
