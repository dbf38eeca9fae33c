/* The command line of sendmail(8) in all the forms its callers use (checklist S1-S10, S15-S32). No side
 * effects. */
#ifndef SENDMAIL_ARGS_H
#define SENDMAIL_ARGS_H

#include "base.h"
#include "str.h"

#include <stdbool.h>
#include <stdint.h>

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
	bool wait;    /* -odi, -O DeliveryMode=i: until the first attempt is over */
	char *conf;   /* -C; the pointers are borrows of argv. NULL: not given */
	char *sender; /* -f, -r */
	char *name;   /* -F */
	const char *requiretls, *ret;
	const char *smtputf8;         /* "yes", "no" */
	const char *flush;            /* what stands behind -q: "" everything, "Rtext" and so on */
	bool hold;                    /* -O holdfor=, -O holduntil= (RFC 4865) */
	int64_t hold_for, hold_until; /* microseconds; hold_until since 1970, 0: hold_for counts */
	struct str notify, envid;     /* normalised; envid as xtext */
	char **operand;               /* recipients as given */
	int noperand;
};

/* 0, or the exit code (EX_USAGE, EX_DATAERR) and one sentence in why. argv is permuted: options may follow
 * operands. Once a process but for tests. */
int sendmail_args(struct sendmail_args *a, int argc, char **argv, struct str *why) MUST_USE;
void sendmail_args_free(struct sendmail_args *a);

#endif
