/* The way into the spool: one message at a time is written to tmp/, and becomes ours by a rename into new/.
 *
 * Order: door_open once; then for each message enter_init, enter_ask, enter_check and enter_open (before or
 * after the two), enter_text..., enter_finish; then enter_commit for one or many finished ones; enter_free.
 * Between enter_open and enter_finish of one message no other may be open. A refusal is not an exit: fate and
 * why tell it, later calls for that message do nothing, and its file is gone after enter_commit or
 * enter_free.
 *
 * Signals: door_open blocks TERM, INT, HUP and ALRM, and they are let in by enter_read alone, while it waits
 * for input: there nothing is half done, so their handler unlinks what is in tmp/ and exits 111. From the
 * first rename on to the answer nothing interrupts. A writer older than 24 h ends in the same way (the
 * janitor takes files of 36 h). */
#ifndef ENTER_H
#define ENTER_H

#include "base.h"
#include "conf.h"
#include "envelope.h"
#include "spool.h"

#include <stdbool.h>
#include <sys/types.h>

#define ENTER_BATCH 128        /* messages that may wait for one commit */
#define ENTER_TIME (24 * 3600) /* seconds; must be below the janitor's 36 h */

enum enter_fate { ENTER_GOOD, ENTER_NEVER, ENTER_LATER };

struct door {
	struct spool spool;
	const struct conf *conf;
	uint32_t uid; /* who submits */
	uid_t owner;
	gid_t group;
	bool trusted; /* root, or the spool's owner: may name an account, and notices of his own pass at half
			 the marks */
	bool kept;    /* some domain is kept for some accounts */
};

struct enter {
	struct envelope env;
	enum enter_fate fate;
	bool large;     /* refused for its size alone */
	bool forbidden; /* refused because a domain is not open to the submitter (S16) */
	char why[512];  /* "unable to X: why" unless the fate is good */
	int fd;         /* in tmp/; -1: closed */
	char name[24];  /* in tmp/; "": no file */
	bool committed; /* the file stands in new/; with ENTER_LATER only the last sync failed */
};

/* Ends the program when the spool cannot be opened. make: a missing spool is made (for trying things out). false: it may not
 * be opened or written by us (errno), and signals are blocked all the same. */
bool door_open(struct door *d, const struct conf *conf, bool make) MUST_USE;
/* From now on the submitter is who made the connection at the other end of this Unix socket. Ends the program unless root or
 * the spool's owner asks for that: others could pass on a connection that a better man made to them. */
void door_peer(struct door *d, int fd);
/* Looks up whose account that is, in case it will matter: later there may be no files to look into. */
void door_know_submitter(const struct door *d);
/* For strangers' bytes read with the rights of the spool's owner: from here on no file can be opened but those in tmp/ and new/ and
 * the trigger, no program started and no socket made. Where the kernel cannot (landlock 2, seccomp), nothing happens. */
void door_confine(const struct door *d);

void enter_init(struct enter *m, const struct door *d);
/* Takes over what a submitter may say; what is ours to say (id, times, uid, size, checksums, flags) is left
 * behind. asked is emptied. */
void enter_ask(struct enter *m, struct envelope *asked);
/* Judges it: addresses (a bare local part gets the mailname), options, rights. What a trusted caller brings in without
 * naming an account is the toolkit's own, and may be from any domain: who takes mail of others names theirs. */
void enter_check(struct enter *m, const struct door *d);
/* The file in tmp/ and its Received: line. size: bytes to come when known, else 0. */
void enter_open(struct enter *m, const struct door *d, uint64_t size);
/* Text of the message, in any line ends, in any pieces. */
void enter_text(struct enter *m, const char *p, size_t n);
void enter_finish(struct enter *m, const struct door *d);
/* Durable, all or those that can. Afterwards fate GOOD means: accepted, even if the power fails now. */
void enter_commit(struct enter *const *m, size_t n, const struct door *d);
/* Drops the file when it was not committed. */
void enter_free(struct enter *m, const struct door *d);

/* S16: whether the domains in From: are open to the submitter. header: the whole section. */
void enter_check_author(struct enter *m, const struct door *d, const char *header, size_t n);
void enter_refuse(struct enter *m, enum enter_fate fate, const char *fmt, ...) PRINTF(3, 4);

/* read(2) with the signals let in. */
ssize_t enter_read(int fd, void *p, size_t n);
/* Waits for either, signals let in; answers the one that can be read, the first when both can. -1 errno. */
int enter_wait(int first, int second);

#endif
