/* -odi (S22): after the message is queued, waiting for what the first attempt makes of it. */
#ifndef SENDMAIL_WAIT_H
#define SENDMAIL_WAIT_H

#include "base.h"
#include "conf.h"

/* Runs submit, which becomes mox-queue-add or ends the program with its exit code, in a child. Answers that code, with it at 0
 * the message's id; the child may say nothing else on fd 1. */
#define WAIT_ID_SIZE 32
int wait_for_id(void (*submit)(void), char id[WAIT_ID_SIZE]);

/* Asks mox-queue-list until each recipient is gone, failed, held or to be tried again later, at most a minute, ten
 * seconds for its turn, and only while there is a mox-runq that delivers. EX_UNAVAILABLE, having said which, when some have
 * failed; else 0: who has to wait is queued. */
int wait_for_attempt(const struct conf *c, char *conf_file, const char *id, bool verbose);

/* Pure: what rows "STATE\tATTEMPTS\tRCPT\tERROR\n" come to, all in all. */
enum wait_state {
	WAIT_GONE, /* no rows */
	WAIT_OVER,
	WAIT_TURN,    /* for some the first attempt has not begun */
	WAIT_ATTEMPT, /* for some it is under way */
};
enum wait_state wait_judge(const char *rows);

#endif
