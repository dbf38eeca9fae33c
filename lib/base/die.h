/* Ending, and saying why.
 *
 * Every sentence is "PROG: unable to X: why" on fd 2, in one write, control bytes shown as \xHH.
 * die_temp: try later (111). die_perm: never as asked (100). bug: abort, leave a core.
 * mox-sendmail, whose callers know sysexits, changes the two codes with die_codes or names one with die_exit.
 * printf's %m is errno's text. */
#ifndef DIE_H
#define DIE_H

#include "base.h"

#define EXIT_PERM 100
#define EXIT_TEMP 111

extern const char *prog;

void prog_start(const char *name);
void die_codes(int perm, int temp);
int die_code_perm(void); /* as they stand: 100 and 111 unless die_codes changed them */
int die_code_temp(void);
NORETURN void die_temp(const char *fmt, ...) PRINTF(1, 2);
NORETURN void die_perm(const char *fmt, ...) PRINTF(1, 2);
NORETURN void die_exit(int code, const char *fmt, ...) PRINTF(2, 3);
/* usage is the SYNOPSIS, one form a line; printed as it is behind "usage: ", exit code as die_perm. */
NORETURN void die_usage(const char *usage);
void warn(const char *fmt, ...) PRINTF(1, 2);
NORETURN void bug(const char *fmt, ...) PRINTF(1, 2);

/* Answers -h and -V: prints on fd 1 and exits 0. */
NORETURN void print_usage(const char *usage);
NORETURN void print_version(void);

#endif
