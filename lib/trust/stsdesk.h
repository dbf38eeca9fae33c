/* What `mox-mtasts -w` does with a question (stsrec.h): looks at what is kept, fetches when it must, keeps what came,
 * answers. One fetch a domain at a time, however many ask (T40); who asks while it runs waits for it. Where
 * a fetch would have to wait for others, a policy that is kept and still valid is the answer for a minute. */
#ifndef STSDESK_H
#define STSDESK_H

#include "base.h"
#include "conf.h"
#include "stsrec.h"

#include <poll.h>

struct sts_desk;
/* Opens the cache (when it cannot, nothing is kept, *kept is false and the log says so) and libcurl; c is borrowed. Whatever confines
 * this process comes behind it. */
struct sts_desk *sts_desk_open(const struct conf *c, bool *kept);
void sts_desk_close(struct sts_desk *d); /* what is under way is abandoned */

/* r is the desk's. */
typedef void sts_desk_done(void *arg, const struct sts_reply *r);
/* Takes what *q owns. May call back from within, else from sts_desk_wait. */
void sts_desk_ask(struct sts_desk *d, struct sts_question *q, sts_desk_done *done, void *arg);
/* As sts_fetches_wait. */
void sts_desk_wait(struct sts_desk *d, struct pollfd *pfd, unsigned n, int ms);

#endif
