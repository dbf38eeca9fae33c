/* To whom no reports go (spool/tlsrpt/suppress): addresses and URLs, each until some time, by hand or because reports
 * to it kept failing. */
#ifndef TLSRPT_SUPPRESS_H
#define TLSRPT_SUPPRESS_H

#include "base.h"
#include "str.h"

#include <stdbool.h>
#include <stdint.h>

#define TLSRPT_SUPPRESS_FOR (30 * DAY) /* by itself */
#define TLSRPT_FAILED_DAYS 3           /* of the last seven, on which reports failed for good */

enum tlsrpt_how {
	SUPPRESS_MANUAL,
	SUPPRESS_AUTOMATIC,
	SUPPRESS_OFF /* taken off: what failed before counts no more */
};

struct tlsrpt_suppressed {
	char *uri;
	int64_t until;
	enum tlsrpt_how how;
};

extern const char *const tlsrpt_how_words[];

struct tlsrpt_suppress {
	struct tlsrpt_suppressed *v;
	size_t n;
};

/* dir: spool/tlsrpt. What ran out by now is left out. Ends the program when the file is there and cannot be read. */
void tlsrpt_suppress_read(struct tlsrpt_suppress *s, int dir, int64_t now);
void tlsrpt_suppress_free(struct tlsrpt_suppress *s);
bool tlsrpt_suppress_has(const struct tlsrpt_suppress *s, const char *uri);
/* until <= now: taken off. Durable when it answers; ends the program when it cannot be. false: it was not there to be
 * taken off. */
bool tlsrpt_suppress_set(int dir, const char *uri, int64_t until, enum tlsrpt_how how);
/* Those whose reports failed on TLSRPT_FAILED_DAYS days (spool/tlsrpt/DAY.failed, which mox-runq writes). */
void tlsrpt_suppress_learn(int dir, int64_t now);

#endif
