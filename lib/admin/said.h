/* What was said in the last session of a message that failed, as the ops show and retired tell it in front of the message's rows
 * when they are asked for transcripts. */
#ifndef SAID_H
#define SAID_H

#include "base.h"
#include "row.h"

#include <stdbool.h>
#include <stdint.h>

struct said { /* begins as zeroes */
	uint64_t id;
	int64_t at;       /* of the attempt */
	char *recipients; /* numbers of those who were not sent: "1,3" */
	char *text;       /* lines, parted by LF */
};

/* Whether it is such a record; it takes the place of the one before. */
bool said_take(struct said *s, const struct row *r);
/* Whether it is of this message. */
bool said_is_of(const struct said *s, uint64_t id);
/* Whether this recipient was one of those. */
bool said_concerns(const struct said *s, const struct row *r);
/* The next line: *at, which begins as s->text, moves on behind it. NULL: none is left. */
const char *said_line(const char **at, size_t *n);
void said_free(struct said *s);

#endif
