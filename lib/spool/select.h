/* Selections: which rows an operator means (CONTRACT 6, `sel KEY VALUE`). Pure: no I/O, no clock, no
 * database.
 *
 * The clients check what they were told with select_add before they write it as a `sel` line with select_put;
 * mox-runq reads the lines with select_line and asks select_match of each row. All conditions must match; ids
 * are alternatives to each other.
 *
 *   id ID | ID.N             from, to ADDRESS | @domain | <> (the null sender)
 *   domain NAME | .NAME (it and what is below)     site HOST (of the site's hosts, or the whole)
 *   account NAME   hold yes|no|u|o|r|l|f   state WORD   transport NAME
 *   result WORD (delivered relayed expanded failed cancelled suppressed discarded gone), retired <D >D: what has left the
 *                            queue; retired <1h: within the last hour
 *   next, queued <D >D       D a duration, "now", or microseconds since 1970 behind which stands @.
 *                            next <1h: due within the hour (what is held never matches)
 *                            queued <1h: younger than an hour, >1h: older; <N@ before, >N@ after that time
 *   attempts N <N >N         error TEXT (part of it, * for any text, ASCII case ignored)
 *   extra KEY=VALUE (this value) | KEY (any)      ASCII case of the key ignored
 *
 * Addresses, domains and hosts are compared without regard to ASCII case. */
#ifndef SELECT_H
#define SELECT_H

#include "base.h"
#include "row.h"
#include "str.h"

#include <stdbool.h>
#include <stdint.h>

enum select_key {
	SELECT_FROM,
	SELECT_TO,
	SELECT_DOMAIN,
	SELECT_SITE,
	SELECT_ACCOUNT,
	SELECT_HOLD,
	SELECT_STATE,
	SELECT_NEXT,
	SELECT_QUEUED,
	SELECT_ATTEMPTS,
	SELECT_ERROR,
	SELECT_TRANSPORT,
	SELECT_EXTRA,
	SELECT_RESULT,
	SELECT_RETIRED,
	SELECT_ID,
	SELECT_KEYS
};

struct select_id {
	uint64_t id;
	unsigned n; /* 0: every recipient */
};

struct select_term {
	enum select_key key; /* never SELECT_ID */
	char op;             /* '<', '>' or '=': attempts, next, queued, retired */
	int64_t
	    number; /* of them: a count, or an absolute time in microseconds; of state an enum row_state */
	char *text; /* of the others */
};

struct select {
	struct select_id
	    *id; /* ascending, none twice: the owner may look them up instead of walking the queue */
	size_t nid;
	struct select_term *term;
	size_t nterm;
};

void select_free(struct select *s);
/* One condition; value is plain text. Times relative to now (microseconds since 1970) become absolute here.
 * NULL, or half a sentence. */
const char *select_add(struct select *s, const char *key, const char *value, int64_t now) MUST_USE;
/* The value of a `sel` line as rec_next gave it, decoded in place. */
const char *select_line(struct select *s, char *value, int64_t now) MUST_USE;
bool select_match(const struct select *s, const struct row *r);
/* Does an id of the selection mean this recipient (n 0: any of the message)? True when the selection names no
 * ids. */
bool select_has_id(const struct select *s, uint64_t id, unsigned n);
/* The text of the first term of that key ("domain"), for an owner with an index on it; NULL: none. */
const char *select_text(const struct select *s, enum select_key key);

/* Appends the line `sel KEY VALUE` for a request. */
void select_put(struct str *request, const char *key, const char *value);

#endif
