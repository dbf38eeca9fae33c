/* A day's TLS results (spool/tlsrpt/YYYYMMDD, mox-rec.5) by the names that a report can be about.
 *
 * A name is a recipient domain, a mail host with TLSA records, or both. In memory is what rows are chosen by, some fifty bytes
 * each; the rest stays in the file, which mox-runq bounds, whatever the number of sessions. A record that a power failure
 * cut is read as far as its lines are whole. */
#ifndef TLSRPT_DAY_H
#define TLSRPT_DAY_H

#include "base.h"
#include "clock.h"
#include "str.h"

#include <stdbool.h>
#include <stdint.h>

#define TLSRPT_DAY_FILE_MAX (65 * 1024 * 1024)

enum tlsrpt_type { TLSRPT_TLSA, TLSRPT_STS, TLSRPT_NO_POLICY };

struct tlsrpt_row {
	const char *domain; /* of the policy */
	const char *result; /* "ok", or of RFC 8460 4.3 */
	const char *rcpt;   /* of tlsa: the recipient domain the session was for; NULL: not told */
	uint32_t count;     /* sessions */
	uint32_t at, len;   /* where its options stand; len 0: none, they were cut */
	enum tlsrpt_type type;
	bool ok;
	bool also; /* the session stands in another row of the same mail host already */
};

/* Rows that concern a name: its own, and those of its mail hosts (with rcpt). */
struct tlsrpt_name {
	const char *name;
	struct tlsrpt_row *const *row;
	size_t n;
	bool recipient, host; /* what it is */
};

struct tlsrpt_day {
	char day[CLOCK_DAY_SIZE];
	int fd; /* -1: it is in text */
	struct str text;
	char **word; /* the rows' strings, each once: a hash table */
	size_t nword, words_room;
	struct tlsrpt_row *row;
	size_t nrow;
	struct tlsrpt_row **by_name;
	struct tlsrpt_name
	    *name; /* sorted: recipient domains, those that are mail hosts, too, and hosts alone */
	size_t nname;
};

/* YYYYMMDD or YYYY-MM-DD, a day that there is. */
bool tlsrpt_day_parse(char out[CLOCK_DAY_SIZE], const char *s) MUST_USE;
int64_t tlsrpt_day_begin(const char *day); /* 00:00:00 UTC */

/* dir: spool/tlsrpt. 0, or -1 with errno (ENOENT: there were no results). Empty a day with tlsrpt_day_free; one
 * that nothing was read into has fd -1. */
int tlsrpt_day_read(struct tlsrpt_day *d, int dir, const char *day) MUST_USE;
/* The same of text, which becomes d's. */
void tlsrpt_day_take(struct tlsrpt_day *d, struct str *text);
/* A row's options, still encoded: *out is emptied first. Ends the program when they cannot be read. */
void tlsrpt_day_options(const struct tlsrpt_day *d, const struct tlsrpt_row *row, struct str *out);
void tlsrpt_day_free(struct tlsrpt_day *d);
/* NULL: nothing of it. */
const struct tlsrpt_name *tlsrpt_day_name(const struct tlsrpt_day *d, const char *name);

/* The sessions of a row that are told of name: 0 when another row of the same mail host has them already. */
uint64_t tlsrpt_day_count(const char *name, const struct tlsrpt_row *row);

const char *tlsrpt_type_word(enum tlsrpt_type type);

#endif
