/* What was said in the sessions of a job, in memory of fixed size, for the case that one of its recipients is not sent. Adding
 * costs a copy, and text is made of it only when it is wanted. No heap between transcript_init and transcript_free: it runs
 * between the final dot and its report.
 *
 * Of more than fits the beginning and the end stay, whole lines of both; between them stands `[... 12 lines left out ...]`. The
 * text's lines, parted by LF, are `MS C: EHLO client.test`, `MS S: 250 ok`, `MS *: what became of the connection`: milliseconds
 * since that session began. Bytes are as they came, control characters, too; but for NUL, which is shown as a question mark. */
#ifndef TRANSCRIPT_H
#define TRANSCRIPT_H

#include "base.h"
#include "str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* As the value of a record's line a transcript takes no more: it must fit REC_LINE_MAX. */
#define TRANSCRIPT_MAX 16000
#define TRANSCRIPT_MIN 256 /* less would tell nothing: none is kept */

struct transcript {
	size_t cap;    /* bytes of the text as a record's value; 0: nothing is kept */
	size_t room;   /* of buf */
	size_t used;   /* of room */
	size_t first;  /* bytes of the beginning, which stays; 0: nothing was left out yet */
	unsigned lost; /* lines left out between that and the rest */
	char *buf;
};

/* cap: what it may take; of more than TRANSCRIPT_MAX that much. */
void transcript_init(struct transcript *t, uint64_t cap);
void transcript_free(struct transcript *t);
void transcript_reset(struct transcript *t);

struct transcript_line {
	uint32_t ms;
	char who; /* 'C', 'S' or '*' */
	const char *text;
	size_t n;
	bool cut; /* there was more of it */
};
void transcript_add(struct transcript *t, const struct transcript_line *l);
/* Everything of another, too. */
void transcript_join(struct transcript *t, const struct transcript *other);
/* Appended: as a record's value at most t->cap bytes. With that room reserved it needs no heap. */
void transcript_text(const struct transcript *t, struct str *out);

#endif
