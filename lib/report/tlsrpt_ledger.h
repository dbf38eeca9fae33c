/* What became of a day's reports: spool/tlsrpt/DAY.sent, lines that are only appended, so that no report goes out twice
 * whatever restarts (T50).
 *
 *	ledger_open(&l, dir, "20261120");
 *	if (ledger_due(&l, domain, uri, now)) {
 *		ledger_note(&l, LEDGER_TRY, domain, uri, NULL);     durable: from here on it may have gone out
 *		...
 *		ledger_note(&l, LEDGER_SENT, domain, uri, id);      or LATER, or NEVER, and why
 *	}
 *	ledger_done(&l, domain, why);                               nothing more is to be done about it
 *
 * Who was killed behind a TRY does not know: such a report counts as sent, since one is better lost than there twice. */
#ifndef TLSRPT_LEDGER_H
#define TLSRPT_LEDGER_H

#include "base.h"
#include "str.h"
#include "tlsrpt_day.h"

#include <stdbool.h>
#include <stdint.h>

/* RFC 8460 5.5 */
#define LEDGER_GIVE_UP (24 * HOUR)

enum ledger_state {
	LEDGER_TRY,
	LEDGER_SENT,
	LEDGER_LATER,
	LEDGER_NEVER,
	LEDGER_DONE,  /* of a domain, without uri */
	LEDGER_WHOLE, /* of the day: every domain is done */
};

struct ledger_entry {
	struct ledger_entry *next;
	enum ledger_state state;
	unsigned later; /* how often */
	int64_t first, last;
	char *uri; /* "": of the domain */
	char domain[];
};

#define LEDGER_BUCKETS 4096

struct ledger {
	int fd;
	bool whole;
	struct ledger_entry *bucket[LEDGER_BUCKETS];
};

/* dir: spool/tlsrpt. 0, or -1 with errno. A line that a power failure cut counts for nothing. */
int ledger_open(struct ledger *l, int dir, const char *day) MUST_USE;
void ledger_close(struct ledger *l);

bool ledger_is_done(const struct ledger *l, const char *domain);
/* Whether that is to be tried now: not yet, or again: 1, 2, 4, 8 hours after what failed. */
bool ledger_due(const struct ledger *l, const char *domain, const char *uri, int64_t now);
/* Whether it may still be tried at some time: not yet, or LATER and not for 24 hours. */
bool ledger_open_ended(const struct ledger *l, const char *domain, const char *uri, int64_t now);
/* Whether a run was killed while that went out. */
bool ledger_is_unknown(const struct ledger *l, const char *domain, const char *uri);
/* Whether that domain's report went, or was to go, there. */
bool ledger_has(const struct ledger *l, const char *domain, const char *uri);
/* When what waits there is next to be tried; 0: nothing. */
int64_t ledger_next(const struct ledger *l, const char *domain, const char *uri);

/* Durable when it answers; ends the program when it cannot be written. why: visible words, or NULL. */
void ledger_note(
    struct ledger *l, enum ledger_state state, const char *domain, const char *uri, const char *why);
void ledger_done(struct ledger *l, const char *domain, const char *why);
void ledger_whole(struct ledger *l);

/* Opens, and makes when it is missing, a file of spool/tlsrpt. -1 with errno. */
int ledger_file(int dir, const char *name, int flags) MUST_USE;

#endif
