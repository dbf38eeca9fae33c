/* What became of the messages whose ids were asked for: rows of the history, each shown at most once. */
#ifndef HISTORY_H
#define HISTORY_H

#include "admin.h"

struct history {
	struct past *past;
	size_t n;
};

/* Asks for the rows of a's ids, with their attempts, and for what was said (said.h); what was asked before is forgotten. Ends the program at an
 * error. */
void history_ask(struct history *h, struct admin *a);
void history_free(struct history *h);
/* The first row of the message that is not shown yet, and stays so; NULL: none. */
struct row *history_first(const struct history *h, uint64_t id);
/* The same, or in front of it what was said, and it counts as shown. */
struct row *history_next(struct history *h, uint64_t id);
/* That recipient stands in the queue: it is not to be shown. */
void history_skip(struct history *h, uint64_t id, unsigned n);

#endif
