/* The control socket spool/ctl: client side. Requests and answers are records (mox-rec.5) in packets.
 *
 * Connects; where nobody listens, starts the sibling `mox-runq -s` and waits for it (at most 10 s), if we are
 * root or the spool's user, else says after 2 s that nobody runs the queue; while the
 * owner answers `starting` it asks again. Then sends the request and hands each row record of the answer to
 * `row` (text through its `end` line, writable), in order. Returns 0 and *count (ids or rows concerned), or
 * the exit code for the caller, EXIT_PERM or EXIT_TEMP, and one sentence in *why; or CTL_CUT and the sentence
 * when the connection ended between two packets of rows: the owner drops a reader that takes nothing for half
 * a minute, such as one behind a pager. A listing then goes on with `after ID.N`. */
#ifndef CTL_H
#define CTL_H

#include "base.h"
#include "conf.h"
#include "str.h"

#include <stdbool.h>
#include <stdint.h>

/* Whether an owner listens now; starts none. */
bool ctl_listens(const struct conf *c);

#define CTL_CUT 1

typedef void ctl_row(char *rec, size_t n, void *arg);

int ctl_ask(const struct conf *c, const struct str *request, ctl_row *row, void *arg, uint64_t *count,
    struct str *why) MUST_USE;

#endif
