/* Maildirs of the users of this machine. Asks NSS: not for commands that are linked statically. */
#ifndef MAILBOX_H
#define MAILBOX_H

#include "base.h"
#include "conf.h"

#include <sys/types.h>

enum mailbox_is {
	MAILBOX_NOBODY,  /* there is no such user */
	MAILBOX_MISSING, /* the user is there, his Maildir is not */
	MAILBOX_THERE,   /* or cannot be seen, in a home directory closed to us or on a disk in trouble */
	MAILBOX_UNKNOWN, /* the user database is in trouble: errno */
};

struct mailbox {
	char *user, *path; /* as the user database has the name; local-maildir for him */
	uid_t uid;
	gid_t gid;
};

/* The login name that a path of this machine means: the local part in lower case, without quotes and without
 * +detail. The caller frees. */
char *mailbox_user(const char *path) MUST_USE;

/* *m is set for MISSING and THERE; mailbox_free in any case. */
enum mailbox_is mailbox_look(struct mailbox *m, const struct conf *c, const char *user);
void mailbox_free(struct mailbox *m);
/* Root becomes the user: in his directory anything else could be led astray by a link of his. Others stay who
 * they are. 0, or -1 with errno. */
int mailbox_become(const struct mailbox *m) MUST_USE;
/* What is wrong with a local-maildir: a sentence's end, static. NULL: nothing. */
const char *mailbox_pattern_check(const char *pattern);

#endif
