#include "base.h"

#include "attempt.h"
#include "id.h"
#include "rec.h"
#include "row.h"

#include <stddef.h>

#define ATTEMPTS_BYTES 16000 /* of their lines together: a row must fit a packet */

const char *const row_field_names[ROW_FIELDS] = {"id", "sender", "rcpt", "domain", "site", "account", "state",
    "hold", "queued", "next", "attempts", "last", "code", "error", "size", "transport", "requiretls",
    "messageid", "subject", "host", "tls", "duration", "extra", "result", "retired"};
const char *const row_state_names[ROW_STATES] = {
    "due", "waiting", "delivering", "held", "noticing", "retired"};

/* Where a field of plain text lies in struct row; 0 for the others. */
static const size_t text_at[ROW_FIELDS] = {
    [ROW_SENDER] = offsetof(struct row, sender),
    [ROW_RCPT] = offsetof(struct row, rcpt),
    [ROW_DOMAIN] = offsetof(struct row, domain),
    [ROW_SITE] = offsetof(struct row, site),
    [ROW_ACCOUNT] = offsetof(struct row, account),
    [ROW_ERROR] = offsetof(struct row, error),
    [ROW_TRANSPORT] = offsetof(struct row, transport),
    [ROW_REQUIRETLS] = offsetof(struct row, requiretls),
    [ROW_MESSAGEID] = offsetof(struct row, messageid),
    [ROW_SUBJECT] = offsetof(struct row, subject),
    [ROW_HOST] = offsetof(struct row, host),
    [ROW_TLS] = offsetof(struct row, tls),
    [ROW_EXTRA] = offsetof(struct row, extra),
    [ROW_RESULT] = offsetof(struct row, result),
};

bool
row_field_find(const char *name, enum row_field *f)
{
	/* Records have their keys in one order: behind each stood this one last time. */
	static unsigned char behind[ROW_FIELDS];
	static int last;
	int i = behind[last];

	if (strcmp(name, row_field_names[i]) != 0)
		for (i = 0; i < ROW_FIELDS; i++)
			if (*name == *row_field_names[i] && !strcmp(name, row_field_names[i]))
				break;
	if (i == ROW_FIELDS)
		return false;
	behind[last] = (unsigned char)i;
	last = i;
	*f = (enum row_field)i;
	return true;
}

void
row_id(char out[ROW_ID_SIZE], const struct row *r)
{
	char digits[10], *p = digits + sizeof digits, *to = out + ID_LEN;

	id_format(out, r->id);
	if (!r->n)
		return;
	for (uint32_t n = r->n; n; n /= 10)
		*--p = (char)('0' + n % 10);
	*to++ = '.';
	while (p < digits + sizeof digits)
		*to++ = *p++;
	*to = 0;
}

static uint64_t
number_of(const struct row *r, enum row_field f)
{
	switch (f) {
	case ROW_QUEUED: return (uint64_t)r->queued;
	case ROW_NEXT: return (uint64_t)r->next;
	case ROW_LAST: return (uint64_t)r->last;
	case ROW_ATTEMPTS: return r->attempts;
	case ROW_CODE: return r->code;
	case ROW_DURATION: return r->duration;
	case ROW_RETIRED: return (uint64_t)r->retired;
	default: return r->size;
	}
}

void
row_text(struct str *out, const struct row *r, enum row_field f)
{
	char id[ROW_ID_SIZE];

	if (text_at[f]) {
		const char *s = *(const char *const *)((const char *)r + text_at[f]);
		if (s)
			str_adds(out, s);
		return;
	}
	switch (f) {
	case ROW_ID:
		row_id(id, r);
		str_adds(out, id);
		return;
	case ROW_STATE: str_adds(out, row_state_names[r->state]); return;
	case ROW_HOLD: str_addc(out, r->hold ? r->hold : '-'); return;
	default: str_addi(out, (int64_t)number_of(r, f)); return;
	}
}

/* The later fields stand in a record only when there is something to say. */
static bool
has_more(const struct row *r, enum row_field f)
{
	return text_at[f] ? *(const char *const *)((const char *)r + text_at[f]) != NULL
	                  : number_of(r, f) > 0;
}

void
row_write(struct str *out, const struct row *r)
{
	struct str value = {0};

	for (int f = 0; f < ROW_FIELDS; f++) {
		if (f >= ROW_HOST && !has_more(r, (enum row_field)f))
			continue;
		str_reset(&value);
		row_text(&value, r, (enum row_field)f);
		rec_addn(out, row_field_names[f], str_cstr(&value), value.len);
	}
	for (unsigned i = 0; i < r->nattempt; i++)
		rec_add_encoded(out, "attempt", r->attempt[i]);
	rec_end(out);
	str_free(&value);
}

void
row_add_attempt(struct row *r, char *value)
{
	size_t bytes = strlen(value);
	unsigned keep = 0;

	while (keep < r->nattempt && keep + 1 < ROW_ATTEMPTS_MAX &&
	       (bytes += strlen(r->attempt[r->nattempt - keep - 1])) <= ATTEMPTS_BYTES)
		keep++;
	memmove(r->attempt, r->attempt + r->nattempt - keep, keep * sizeof *r->attempt);
	r->attempt[keep] = value;
	r->nattempt = keep + 1;
}

void
row_tell_last(struct row *r)
{
	struct attempt a;

	if (!r->nattempt || !attempt_read(&a, r->attempt[--r->nattempt]))
		return;
	r->host = strcmp(a.host, "-") ? a.host : NULL;
	r->tls = strcmp(a.tls, "-") ? a.tls : NULL;
	r->duration = (uint64_t)a.duration;
}

static const char *
number_set(struct row *r, enum row_field f, const char *value)
{
	uint64_t v, max = f == ROW_ATTEMPTS ? UINT32_MAX : f == ROW_CODE ? 999 : INT64_MAX;

	if (!str_number(value, max, &v))
		return "a field that is not a number";
	switch (f) {
	case ROW_QUEUED: r->queued = (int64_t)v; break;
	case ROW_NEXT: r->next = (int64_t)v; break;
	case ROW_LAST: r->last = (int64_t)v; break;
	case ROW_ATTEMPTS: r->attempts = (unsigned)v; break;
	case ROW_CODE: r->code = (unsigned)v; break;
	case ROW_DURATION: r->duration = v; break;
	case ROW_RETIRED: r->retired = (int64_t)v; break;
	default: r->size = v; break;
	}
	return NULL;
}

static const char *
field_set(struct row *r, enum row_field f, char *value)
{
	if (!(value = rec_text(value)))
		return "a broken escape";
	if (text_at[f]) {
		*(const char **)((char *)r + text_at[f]) = value;
		return NULL;
	}
	switch (f) {
	case ROW_ID: return id_parse_rcpt(value, &r->id, &r->n) ? NULL : "an id that is none";
	case ROW_HOLD:
		if (!*value || value[1] || !strchr("-uorlf", *value))
			return "an unknown hold";
		r->hold = *value;
		return NULL;
	case ROW_STATE:
		for (int i = 0; i < ROW_STATES; i++)
			if (!strcmp(value, row_state_names[i])) {
				r->state = (enum row_state)i;
				return NULL;
			}
		return "an unknown state";
	default: return number_set(r, f, value);
	}
}

const char *
row_parse(struct row *r, char *rec, size_t n)
{
	struct rec_in in = {rec, rec + n};
	char *key, *value;
	enum rec_got got;
	bool has_id = false;

	*r = (struct row){.hold = '-'};
	while ((got = rec_next(&in, &key, &value)) == REC_LINE) {
		const char *why;
		enum row_field f;

		if (row_field_find(key, &f)) {
			if ((why = field_set(r, f, value)))
				return why;
			has_id |= f == ROW_ID;
		} else if (!strcmp(key, "fate")) {
			r->fate = value;
		} else if (!strcmp(key, "told")) {
			r->told = true;
		} else if (!strcmp(key, "attempt")) {
			row_add_attempt(r, value);
		} else if (!strcmp(key, "origin")) {
			r->local = !strcmp(value, "local");
		} else if (!strcmp(key, "recipients")) {
			r->recipients = rec_text(value);
		} else if (!strcmp(key, "transcript")) {
			r->transcript = rec_text(value);
		}
	}
	if (got != REC_END)
		return got == REC_MORE ? "a record without its end"
		                       : "a line that is not of the record grammar";
	return has_id ? NULL : "a row without id";
}
