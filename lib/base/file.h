/* Durable files. The only place in the tree that calls fsync, rename or syncfs (a test greps for it).
 * All answer 0, or -1 with errno set. */
#ifndef FILE_H
#define FILE_H

#include "base.h"
#include "str.h"

/* fsync fd, close it (checked), rename from/name to to/as without replacing anything, fsync the directory
 * `to`. When it answers 0 the file is there after a power loss. *renamed tells, on failure, whether the name
 * stands already: then only the last sync failed. fd is closed in any case. */
int file_commit(int fd, int from, const char *name, int to, const char *as, bool *renamed) MUST_USE;

/* The same in parts, for batches: sync the data of many (one syncfs, or an fsync of fd), rename each, sync
 * the directory once. */
int file_sync(int fd) MUST_USE;      /* data and metadata of this file or directory */
int file_sync_data(int fd) MUST_USE; /* fdatasync */
int file_sync_fs(int fd) MUST_USE;   /* the whole file system fd lies on, errors reported */
int file_move(
    int from, const char *name, int to, const char *as) MUST_USE; /* never replaces: EEXIST; not synced */
int file_move_over(int from, const char *name, int to, const char *as) MUST_USE; /* replaces; not synced */

/* Writes name anew, whole or not at all, durable (temporary name beside it, fsync, rename, directory sync).
 */
int file_replace(int dir, const char *name, const void *data, size_t n, unsigned mode) MUST_USE;
/* The same, but the caller sees to the sync. Until then a power loss may leave the old file, the new one, or an empty one.
 */
int file_replace_unsynced(int dir, const char *name, const void *data, size_t n, unsigned mode) MUST_USE;
/* Makes name, when it is missing, and sets its times to `when` (microseconds since 1970); not synced. */
int file_stamp(int dir, const char *name, int64_t when) MUST_USE;
/* The whole of a file of at most max bytes, appended to out. EFBIG when longer, ENOENT when missing. */
int file_read(int dir, const char *name, struct str *out, size_t max) MUST_USE;

#endif
