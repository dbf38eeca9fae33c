/* One address being visited: what reach.c, early.c and enter.c share, and nobody else includes. */
#ifndef VISIT_H
#define VISIT_H

#include "base.h"

#include "reach.h"

enum step {
	STEP_OPEN,
	STEP_NEXT,
	STEP_GONE,
	STEP_SMALL /* again with a short ClientHello */,
	STEP_PLAIN /* again without TLS */,
	STEP_LATE /* again, with nothing said ahead of its time */
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
/* Tells what the session in TLS was for TLSRPT. */
void visit_count(const struct visit *v);

/* Commands ahead of the greeting (early.h): whether this visit may begin so; then l->known is set. */
bool early_may(const struct visit *v);
/* EHLO, and what may go behind it, then the greeting and the answer to EHLO, or both are owed. */
enum step early_greet(const struct visit *v);
/* Behind the handshake: EHLO is put and its answer owed. false: it has to be waited for. */
bool early_in_tls(const struct visit *v);
/* What was said early was answered otherwise than before, or not at all: forgets and closes. */
enum step early_over(const struct visit *v, enum smtp_got got);

/* Behind EHLO: logs in where the transport asks for it. */
enum step enter(const struct visit *v);
/* What to log in with cannot be had on this machine: an alert, and noted in the job. */
enum step enter_unfit(const struct visit *v, const char *why);

#endif
