/* One recipient of a queued message as people and programs see it: the rows of mox-queue-list and of
 * spool/ctl's answers. The fields have the same names everywhere (DESIGN 3). Strings are borrows; NULL is the
 * empty string. */
#ifndef ROW_H
#define ROW_H

#include "base.h"
#include "str.h"

#include <stdbool.h>
#include <stdint.h>

enum row_state { ROW_DUE, ROW_WAITING, ROW_DELIVERING, ROW_HELD, ROW_NOTICING, ROW_GONE, ROW_STATES };

#define ROW_ATTEMPTS_MAX 20 /* the newest */

struct row {
	uint64_t id;
	unsigned n; /* recipient, from 1; 0: the row is about the message */
	const char *sender, *rcpt, *domain, *site, *account;
	enum row_state state;
	char hold;            /* - u o r l f; 0 as - */
	int64_t queued, next; /* microseconds since 1970; next 0: none, it is held */
	unsigned attempts;
	int64_t last; /* 0: never tried */
	unsigned code;
	const char *error;
	uint64_t size;
	const char *transport, *requiretls, *messageid, *subject;
	const char *extra; /* of the message: envelope_extra_text */
	/* of the last attempt: name and address, what vouched for it, microseconds */
	const char *host, *tls;
	uint64_t duration;
	/* of one that has left the queue: a word, and when */
	const char *result;
	int64_t retired;
	/* Attempts, the newest last: values still encoded (attempt.h), in writable bytes. */
	char *attempt[ROW_ATTEMPTS_MAX];
	unsigned nattempt;
	/* Of a record that is no recipient's, of the message's last session that failed (`last` says when it was tried): numbers
	 * of those who were not sent, parted by commas; what was said, parted by LF. NULL: a recipient's. */
	const char *recipients, *transcript;
	/* Of the index alone; row_write leaves them out. */
	const char
	    *fate;  /* still encoded, as it stands in a rcpt line of the fates: it waits for its notice */
	bool told;  /* that it is late, or nobody wants to know */
	bool local; /* its message's origin: it may be signed */
};

enum row_field {
	ROW_ID,
	ROW_SENDER,
	ROW_RCPT,
	ROW_DOMAIN,
	ROW_SITE,
	ROW_ACCOUNT,
	ROW_STATE,
	ROW_HOLD,
	ROW_QUEUED,
	ROW_NEXT,
	ROW_ATTEMPTS,
	ROW_LAST,
	ROW_CODE,
	ROW_ERROR,
	ROW_SIZE,
	ROW_TRANSPORT,
	ROW_REQUIRETLS,
	ROW_MESSAGEID,
	ROW_SUBJECT,
	ROW_HOST,
	ROW_TLS,
	ROW_DURATION,
	ROW_EXTRA,
	ROW_RESULT,
	ROW_RETIRED,
	ROW_FIELDS
};
#define ROW_QUEUE_FIELDS ROW_RESULT /* the rest has only what left the queue */

extern const char *const row_field_names[ROW_FIELDS];
extern const char *const row_state_names[ROW_STATES];

/* false: no field of that name. */
bool row_field_find(const char *name, enum row_field *f) MUST_USE;
/* The field's value as text, as it stands in a record before encoding: times in microseconds, state by its
 * word. Appended. */
void row_text(struct str *out, const struct row *r, enum row_field f);
/* "ID.N", or "ID" when n is 0. */
#define ROW_ID_SIZE 32
void row_id(char out[ROW_ID_SIZE], const struct row *r);

/* A further attempt, the newest; as many old ones go as must (ROW_ATTEMPTS_MAX, and bytes). */
void row_add_attempt(struct row *r, char *value);
/* host, tls and duration from the newest attempt, whose bytes are taken apart: it is the row's no more. */
void row_tell_last(struct row *r);

/* The whole record, `end` line included, appended; attempts as far as the row has them. */
void row_write(struct str *out, const struct row *r);
/* As the index keeps it: without what is not known, and with the uid of who queued it, which is not for everybody's eyes and
 * so no field. Appended. */
void row_record(struct str *out, const struct row *r, uint32_t uid);
/* Such a record, its n bytes appended with other numbers of its last attempt: cheaper than to read and write all of it.
 * false, and nothing appended: it is not as row_record writes it. */
bool row_record_attempt(struct str *out, const char *rec, size_t n, const struct row *numbers) MUST_USE;
/* Reads a record, through its `end` line, in place: the strings of *r point into rec. Missing fields are
 * empty, unknown keys are ignored. NULL, or half a sentence of what is wrong (no id, a broken number, an
 * unknown state, no end). */
const char *row_parse(struct row *r, char *rec, size_t n) MUST_USE;

#endif
