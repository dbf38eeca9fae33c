/* Delivery into a Maildir (maildir(5)): written under tmp/, seen by readers only when whole, in new/.
 *
 * maildir_open, then for each message: maildir_begin, maildir_write..., and maildir_commit or maildir_abort.
 * Line ends are written as LF whatever comes in as CRLF. A process killed at any point before the rename
 * leaves at most a file in tmp/, which readers of the Maildir remove after 36 hours. */
#ifndef MAILDIR_H
#define MAILDIR_H

#include "base.h"
#include "str.h"

#include <stdbool.h>
#include <stdint.h>

struct maildir {
	int tmp, new; /* descriptors; -1: not open */
};

#define MAILDIR_NAME_SIZE 200

struct maildir_message {
	const struct maildir *dir; /* borrow */
	int fd;                    /* -1: none begun */
	int error;                 /* errno of the first write that failed; commit answers it */
	bool cr;                   /* the last byte was a CR, not written yet */
	uint64_t size;
	struct str buf;
	char name[MAILDIR_NAME_SIZE]; /* "tmp" name; behind commit the name in new/ */
};

/* local-maildir with %u, %h and %% filled in; the caller frees. */
char *maildir_path(const char *pattern, const char *user, const char *home) MUST_USE;

/* Opens path, and makes it with its tmp, new and cur (0700) where they are missing; the directory above must
 * exist. 0, or -1 with errno and *what the part that failed ("tmp", or "" for the Maildir itself). */
int maildir_open(struct maildir *m, const char *path, const char **what) MUST_USE;
void maildir_close(struct maildir *m);

/* 0, or -1 with errno. *msg is set up whole; dir is borrowed until commit or abort. */
int maildir_begin(struct maildir_message *msg, const struct maildir *dir) MUST_USE;
/* Errors are kept for maildir_commit. */
void maildir_write(struct maildir_message *msg, const void *p, size_t n);
/* 0: the message stands in new/ under msg->name and, with durable, stays there after a power loss. -1 with
 * errno: nothing of it is left, except that with *may_stand the name is there and only the last sync failed.
 * msg is used up in any case. */
int maildir_commit(struct maildir_message *msg, bool durable, bool *may_stand) MUST_USE;
void maildir_abort(struct maildir_message *msg);

#endif
