/* From the hops of a job to an open connection: which address to try, what its TLS demand allows when
 * something fails (DESIGN 10). */
#ifndef REACH_H
#define REACH_H

#include "base.h"

#include "conf.h"
#include "job.h"
#include "smtp.h"

#include <stdbool.h>

#define DIAL_MAX 16 /* connections tried for one job */

/* A connection with what must be remembered beside it. */
struct line {
	struct smtp c;
	enum plan_tls demand;
	bool fell_back;               /* in plaintext because TLS failed */
	const char *version, *cipher; /* of TLS; NULL: plaintext. Kept behind the connection's end */
	unsigned mails;               /* transactions begun on it */
	bool proven;                  /* one of them was taken: it may have several in flight */
	bool dirty;                   /* the server may have a transaction open */
	bool no_chunking;
};

enum reach { REACH_OPEN, REACH_NONE /* j->miss says why */, REACH_GONE /* nobody waits any more */ };

/* Opens a connection to the first address from j->target on that can be had; j->target becomes the one behind
 * it when it fails and stays at it when it is open. */
enum reach reach(struct line *l, const struct conf *conf, struct job *j);
/* Whether the open connection will do for this job: same host, port and TLS demand as one of its hops
 * (conn_fits of DESIGN 9). */
bool reach_fits(const struct line *l, const struct job *j);
/* The index among the job's addresses of where the line leads (or led); the number of all when it is none of
 * them. */
size_t reach_target(const struct line *l, const struct job *j);

/* Remembers why an address did not do; of several the best to tell people stays. */
void miss_reply(struct job *j, const struct line *l, enum phase phase);
void miss_trouble(struct job *j, const struct line *l, enum trouble what, const char *text);
enum trouble trouble_of(enum smtp_got got);

#endif
