/* What mox-smtpd does with a message: it gives it to mox-queue-add, or to mox-local. For smtpd.h. */
#ifndef TAKER_H
#define TAKER_H

#include "base.h"
#include "conf.h"
#include "head.h"
#include "recipients.h"
#include "smtpd.h"

#include <sys/types.h>

/* With a Maildir recipients stand on mox-local's command line; RFC 5321 4.5.3.1.8 asks for 100. */
#define TAKER_MAILDIR_RCPTS 100

/* The child that takes the message under way. Private but for the first line. */
struct taker {
	char *conf_file, *maildir; /* as given; NULL: not */
	const struct conf *conf;
	struct recipients
	    to; /* of the message under way, aliases expanded; `from` is the number in the session */
	pid_t pid;
	int message, envelope; /* to the child; -1: closed */
	int said, sorry;       /* its stdout and stderr */
	bool local;            /* the client is on this machine. Set behind taker_start, as is peer */
	int peer;              /* the Unix socket whose other end submits; -1: we do */
	bool
	    strangers; /* we do, for people we cannot tell: the door is to judge the mail as ours by name, not as the toolkit's own */
	char *account; /* login name of who submits, for rules of the configuration; looked up when needed */
	struct head head;  /* of the message under way */
	struct str extras; /* lines for its envelope */
	char *refusal;     /* why its header cannot be taken: the reply; NULL: it can */
};

/* The arg of a session with these hooks. conf_file: for -C of the child. maildir NULL: the queue. All are borrows. */
extern const struct smtpd_hooks taker_hooks;
void taker_start(struct taker *t, const struct conf *conf, char *conf_file, char *maildir);
void taker_free(struct taker *t);

#endif
