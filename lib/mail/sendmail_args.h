/* The command line of sendmail(8) in all the forms its callers use (checklist S1-S10, S15-S32). No side
 * effects. */
#ifndef SENDMAIL_ARGS_H
#define SENDMAIL_ARGS_H

#include "base.h"
#include "str.h"

#include <stdbool.h>

enum sendmail_mode {
	SENDMAIL_SUBMIT,  /* -bm: a message on fd 0 */
	SENDMAIL_SMTP,    /* -bs */
	SENDMAIL_LIST,    /* -bp, mailq */
	SENDMAIL_FLUSH,   /* -q... */
	SENDMAIL_VERIFY,  /* -bv */
	SENDMAIL_ALIASES, /* newaliases, -bi, -I */
	SENDMAIL_NOTHING, /* hoststat, purgestat, -bh, -bH: there is nothing to do */
	SENDMAIL_DAEMON,  /* -bd, -bD, -bl, smtpd */
	SENDMAIL_VERSION, /* -bV, -bP, --version */
	SENDMAIL_HELP,    /* --help */
};

struct sendmail_args {
	enum sendmail_mode mode;
	bool extract; /* -t */
	bool dots;    /* -i: a lone dot does not end the message */
	bool verbose; /* -v */
	bool gateway; /* -G */
	char *conf;   /* -C; the pointers are borrows of argv. NULL: not given */
	char *sender; /* -f, -r */
	char *name;   /* -F */
	const char *requiretls, *ret;
	struct str notify, envid; /* normalised; envid as xtext */
	char **operand;           /* recipients as given */
	int noperand;
};

/* 0, or the exit code (EX_USAGE, EX_DATAERR) and one sentence in why. argv is permuted: options may follow
 * operands. Once a process but for tests. */
int sendmail_args(struct sendmail_args *a, int argc, char **argv, struct str *why) MUST_USE;
void sendmail_args_free(struct sendmail_args *a);

#endif
