/* What mox-doctor queue sees in the spool's directories without asking anybody: room, clock, owners and modes, who
 * holds the lock, and what lies where nothing should lie for long. Reads names and attributes, no mail. */
#ifndef DOCTOR_SPOOL_H
#define DOCTOR_SPOOL_H

#include "base.h"
#include "conf.h"
#include "finding.h"

#include <stdint.h>
#include <sys/types.h>

/* -1: the spool cannot be looked at, which is found. */
int look_spool(struct findings *f, const struct conf *c) MUST_USE;
void look_room(struct findings *f, const struct conf *c);
void look_clock(struct findings *f, const struct conf *c, int64_t now);
/* Keys, passwords and the configuration itself: who may read and write them. */
void look_secrets(struct findings *f, const struct conf *c);
/* new/ and corrupt/. */
void look_leftovers(struct findings *f, const struct conf *c, int64_t now);

enum holder_kind { HOLDER_NONE, HOLDER_STAYS, HOLDER_PASS, HOLDER_SERVES, HOLDER_UNKNOWN };
struct holder {
	enum holder_kind kind;
	pid_t pid; /* 0: not known */
};
/* Of spool/lock, by /proc/locks: to try the lock would hold up whoever wants it. */
struct holder spool_holder(const struct conf *c);

#endif
