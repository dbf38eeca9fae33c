/* One address being visited: what reach.c and enter.c share, and nobody else includes. */
#ifndef VISIT_H
#define VISIT_H

#include "base.h"

#include "reach.h"

enum step {
	STEP_OPEN,
	STEP_NEXT,
	STEP_GONE,
	STEP_SMALL /* again with a short ClientHello */,
	STEP_PLAIN /* again without TLS */
};

struct visit {
	struct line *l;
	const struct conf *conf;
	struct job *j;
	const struct plan_hop *hop;
	const char *ip;
};

/* The server's reply says no: noted in the job, QUIT. */
enum step visit_refused(const struct visit *v, enum phase phase);
/* The connection is over: noted in the job. */
enum step visit_broken(const struct visit *v, enum smtp_got got, const char *during);

/* Behind EHLO: logs in where the transport asks for it. */
enum step enter(const struct visit *v);
/* What to log in with cannot be had on this machine: an alert, and noted in the job. */
enum step enter_unfit(const struct visit *v, const char *why);

#endif
