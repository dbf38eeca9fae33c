/* The queue as mailq(1) shows it: Postfix's layout, which most parsers know, with the line `Total Requests:
 * N` of sendmail's (checklist S45, S46). Rows of a message must follow each other. */
#ifndef MAILQ_H
#define MAILQ_H

#include "base.h"
#include "row.h"
#include "str.h"

#include <stdint.h>

struct mailq {
	uint64_t id; /* the message gathered; 0: none yet */
	struct str head, rcpts, reason;
	unsigned held, moving, all; /* its recipients */
	uint64_t messages, bytes;
};

void mailq_row(struct mailq *m, const struct row *r);
/* The last message and the last lines. */
void mailq_end(struct mailq *m);

#endif
