/* mox-queue-add -B: many messages on one stream, CONTRACT 1. For each an envelope record with a `size N`
 * line, then N bytes of message; for each one line on fd 1, in order: `id ID`, `never REASON`, `later
 * REASON`.
 *
 * Messages gather until 128 of them or 32 MB wait, or until the stream has nothing more to read at once; then
 * one commit makes them durable and their answers go out in one write. A message that is refused does not
 * stop the stream. What makes the stream unreadable (no size line, an end in the middle) ends the program
 * behind the answers for all that came before. */
#ifndef BATCH_H
#define BATCH_H

#include "base.h"
#include "enter.h"

void batch_run(struct door *d);

#endif
