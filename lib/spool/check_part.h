/* What the files of the check share; theirs alone. */
#ifndef CHECK_PART_H
#define CHECK_PART_H

#include "base.h"
#include "check.h"

#define CHECK_PATH 320 /* "cur/HH/" and any name */

/* A name in a directory that was read. */
struct check_at {
	const char *dir, *name; /* dir as a path from the spool: "cur/0a" */
	int fd;                 /* of the directory */
	char path[CHECK_PATH];  /* DIR/NAME, or NAME in the spool itself */
};

/* ---- check.c ---- */
void check_say(struct check *c, const struct finding *f);
/* It cannot be looked at, or repaired: errno. */
void check_errno(struct check *c, const char *path);
/* A finding of what belongs to corrupt/, and is moved there when that is asked for. */
void check_broken(struct check *c, const struct check_at *at, const char *what, const char *then);
/* Mode and owner of an open file, or one opened with O_PATH. */
void check_rights(struct check *c, int fd, const char *path, unsigned allowed);
bool check_exists(int at, const char *name);

/* ---- check_message.c: message files and amendments ---- */
enum check_place { CHECK_NEW, CHECK_CUR, CHECK_FAILED };
void check_message(struct check *c, const struct check_at *at, enum check_place place);
/* ID.amend, and .ID.amend.PID, which a crash leaves. */
void check_amend(struct check *c, const struct check_at *at);
bool check_is_unfinished(const char *name);

#endif
