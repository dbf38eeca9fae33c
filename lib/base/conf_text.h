/* The text of a configuration file before libconfuse sees it: stricter than libconfuse, and with a line for
 * everything.
 *
 * libconfuse drops bytes it has no rule for, replaces ${NAME} by the environment, counts the lines of a block
 * comment wrongly and takes `port = 25;` for a value of three characters. conf_text_check refuses what it
 * would misread, blanks out comments and remembers on which line each key and each section stands, so that
 * any later complaint can name it. */
#ifndef CONF_TEXT_H
#define CONF_TEXT_H

#include "base.h"
#include "str.h"

#include <stdbool.h>

struct conf_place {
	char *section; /* "" at the top; of one within another "OUTER NTH NAME" */
	unsigned nth;  /* of the sections of that name in the same place, in the order of the file, from 0 */
	char *key;     /* "": the section itself */
	int line;
};

struct conf_places {
	struct conf_place *v;
	size_t n;
};

/* text is changed in place. false: *line and half a sentence in *why ("found X, expected Y"). */
bool conf_text_check(struct str *text, struct conf_places *places, int *line, struct str *why) MUST_USE;
/* The name as above of a section within the nth outer one; outer "": the name itself. Appended. */
void conf_place_name(struct str *out, const char *outer, unsigned nth, const char *name);
/* The line of a key, or of its section when it is not set there; 0: neither is in the file. */
int conf_place_line(const struct conf_places *p, const char *section, unsigned nth, const char *key);
bool conf_place_set(const struct conf_places *p, const char *section, unsigned nth, const char *key);
void conf_places_free(struct conf_places *p);

#endif
