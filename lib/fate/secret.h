/* The secret of one transport, for the one worker that needs it.
 *
 * A worker has given up files and programs before it speaks to anybody, and yet a password may change and a token ends
 * while it lives: so a keeper stands beside it, a process that does nothing but read the transport's password-file, or run its
 * password-command or token-command, each time the worker is about to log in. Neither keeps the secret any longer than that. */
#ifndef SECRET_H
#define SECRET_H

#include "base.h"

#include "conf.h"

#define SECRET_MAX 16000 /* bytes, with its NUL */

/* Forks the keeper; answers the worker's end of its socket, or -1 with errno. It ends with that end. */
int secret_keeper(const struct conf_transport *t) MUST_USE;
/* The secret as it is now: its first line. NULL, or half a sentence (static). Whoever asked wipes it. */
const char *secret_ask(int keeper, char secret[SECRET_MAX]) MUST_USE;

/* Whether a password-file can be used by who we are: NULL, or half a sentence (static). */
const char *secret_file_fault(const char *name) MUST_USE;

#endif
