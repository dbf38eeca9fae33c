/* Puts a report into the queue: mox-queue-add, with the envelope of mail that nobody is told of (T57). */
#ifndef TLSRPT_QUEUE_H
#define TLSRPT_QUEUE_H

#include "base.h"
#include "str.h"

/* sender: an address; to: addresses, NULL at the end. 0 and the id in *said; or 100 or 111, and why in *said or, from
 * mox-queue-add itself, on fd 2. The program does not end here: who notes what he tries must learn what became of it. */
int tlsrpt_queue(const char *conf_file, const struct str *message, const char *sender, const char *const *to,
    struct str *said) MUST_USE;

#endif
