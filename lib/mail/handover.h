/* Giving a message to mox-queue-add so that its promise and its exit code (as sysexits) become ours: what
 * fits into memory by becoming it, larger messages through a pipe, in constant memory. */
#ifndef HANDOVER_H
#define HANDOVER_H

#include "base.h"
#include "str.h"

#include <stdbool.h>

struct parcel {
	struct str header, envelope; /* envelope: the record of -e with its `end` */
	const char *body, *end;      /* what was read of the body */
	bool whole;                  /* that is all of it; else the rest is on fd 0 */
	bool quoted;                 /* the body is to become quoted-printable on the way */
	bool say_id;                 /* mox-queue-add prints the id */
	char *conf_file;             /* for its -C; NULL: none */
};

/* Before handover, and before anybody signs: lib/mail/repair.h, where that may be done; else nothing. What of the body is
 * still on fd 0 is looked into when it is a file; in a pipe it is not, and what was read decides for the rest.
 * smtputf8: an address of the envelope needs it. */
void parcel_repair(struct parcel *p, bool convert_8bit, bool smtputf8);

NORETURN void handover(const struct parcel *p);

#endif
