/* What hosts that take commands ahead of their greeting (PIPECONNECT) answered to EHLO when they were last asked, by address and
 * port: told to a worker with its first job, and told on by it when it has changed. Lines `offers` of mox-rec.5. No heap. */
#ifndef RECALL_H
#define RECALL_H

#include "base.h"

#include "ehlo.h"

#include <stdbool.h>
#include <stdint.h>

#define RECALL_MAX 8

struct plan_list;
struct report;
struct job;

struct recalled {
	char ip[64];
	uint16_t port;
	struct ehlo plain;
	bool has_tls;
	struct ehlo tls; /* inside TLS, when has_tls */
};

struct recall {
	struct recalled v[RECALL_MAX];
	bool untold[RECALL_MAX]; /* without PIPECONNECT: it is forgotten, and goes when that is told */
	unsigned n;
};

/* From a job: broken lines are passed over. */
void recall_take(struct recall *r, struct plan_list *lines);
/* NULL: it is not known to take anything early. */
const struct recalled *recall_find(const struct recall *r, const char *ip, uint16_t port);
/* The host answered so now. One that offers no PIPECONNECT is forgotten. */
void recall_learn(struct recall *r, const struct recalled *now);
/* What has changed since it was last told. */
void recall_tell(struct recall *r, struct report *to, const struct job *j);

#endif
