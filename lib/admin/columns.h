/* Which fields of a row are shown, and how people read them. */
#ifndef COLUMNS_H
#define COLUMNS_H

#include "base.h"
#include "row.h"
#include "said.h"
#include "str.h"
#include "table.h"

#include <stdint.h>

struct columns {
	struct table table;
	struct table_column column[ROW_FIELDS];
	enum row_field field[ROW_FIELDS];
	struct str value[ROW_FIELDS];
	int64_t now; /* a screen shows how long until and since; 0: the time itself */
};

#define COLUMNS_ALL "*"

/* names: "id,rcpt,...", or COLUMNS_ALL; NULL, for JSON: all that a queue has. Ends the program at a name that is none. */
void columns_start(struct columns *c, const char *names, enum table_form form, unsigned width, int64_t now);
void columns_print(struct columns *c, const struct row *r);
/* In JSON, with the row's attempts as a list of objects, `tries`; they are taken apart. And where the session concerns it, with that
 * as a list of lines, `transcript`. */
void columns_print_tries(struct columns *c, struct row *r, const struct said *said);
void columns_free(struct columns *c);

/* One field as people and scripts read it, appended: times in ISO 8601, or relative to now when that is not 0
 * ("12m", "-3m"); the null sender as <>; what is not there as the empty string; a
 * duration in milliseconds. */
void row_shown(struct str *out, const struct row *r, enum row_field f, int64_t now);
/* "421 " in front of an error that does not begin with its code; 0: nothing. */
void code_shown(struct str *out, unsigned code, const char *error);
/* An attempt of a row, taken apart: when, what came of it, from whom, how, how long it took, and the reply. false:
 * it is none. */
bool attempt_shown(struct str *out, char *value) MUST_USE;
/* "held by the operator", and so on; NULL: not held. */
const char *hold_shown(char hold);

#endif
