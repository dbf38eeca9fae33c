/* What others told of TLS to us: spool/tlsrpt-in/YYYYMMDD, a record for each report (spool-layout.txt), read and summed.
 *
 * Strangers wrote it, and tlsrpt_keep.h bounds what it is: texts are as they came, words are of the lists below. */
#ifndef TLSRPT_IN_H
#define TLSRPT_IN_H

#include "base.h"
#include "str.h"

#include <stdbool.h>
#include <stdint.h>

#define TLSRPT_IN_DAYS 10                       /* that are kept, today among them; and the one to come */
#define TLSRPT_IN_FILE_MAX (4 * 1024 * 1024)    /* of a day */
#define TLSRPT_IN_SESSIONS UINT64_C(1000000000) /* of a row, at most: what is more is not believed */

/* Types of policy, and results; both end with "other". */
enum { TLSRPT_IN_TYPES = 4, TLSRPT_IN_RESULTS = 14 };
extern const char *const tlsrpt_in_types[TLSRPT_IN_TYPES];
extern const char *const tlsrpt_in_results[TLSRPT_IN_RESULTS]; /* [0] is "ok" */
/* The place of a word; that of "other" when it is none of them. */
unsigned tlsrpt_in_type(const char *word);
unsigned tlsrpt_in_result(const char *word);

struct tlsrpt_in_row {
	const char *reporter, *domain; /* borrows of the collection */
	unsigned type, result;
	uint64_t sessions;
};

/* Rows of one reporter and policy domain. */
struct tlsrpt_in_sum {
	const char *reporter, *domain;
	unsigned type; /* of the first */
	uint64_t ok, failed, by[TLSRPT_IN_RESULTS];
	unsigned most; /* of failures; 0: there are none */
};

struct tlsrpt_in {
	struct str *text;
	size_t ntext;
	struct tlsrpt_in_row *row;
	size_t nrow, room;
	struct tlsrpt_in_sum *sum;
	size_t nsum;
	unsigned reports;
};

/* spool/tlsrpt-in; -1 with errno: ENOENT when nothing ever came. */
int tlsrpt_in_open(const char *spool) MUST_USE;
/* Adds a day's rows to what there is; start with {0}. 0, or -1 with errno (ENOENT: no reports). */
int tlsrpt_in_read(struct tlsrpt_in *in, int dir, const char *day) MUST_USE;
/* in->sum: by reporter and domain, and by type of policy if types says so; in that order. */
void tlsrpt_in_add_up(struct tlsrpt_in *in, bool types);
void tlsrpt_in_free(struct tlsrpt_in *in);

#endif
