/* One address being visited: what reach.c, secure.c, ticket.c, early.c and enter.c share, and nobody else includes. */
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
	STEP_LATE /* again, by nothing that is remembered of the host */
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
/* By what is remembered of the host it went wrong: forgets, closes, and the host is met again as a stranger; what comes of that
 * alone is counted and told. */
enum step visit_anew(const struct visit *v, enum smtp_got got);
void visit_see(struct line *l, enum sight what);
/* Whom the handshake asks for. */
const char *visit_name(const struct plan_hop *hop);

/* STARTTLS, the handshake and EHLO behind it (secure.c), with a short ClientHello or the usual one. */
enum step secure_starttls(const struct visit *v, bool small);
/* The handshake alone, and who is there. */
enum step secure_handshake(const struct visit *v, bool small);
enum step secure_hello(const struct visit *v, bool small);

/* Behind EHLO: logs in where the transport asks for it. */
enum step enter(const struct visit *v);
/* What to log in with cannot be had on this machine: an alert, and noted in the job. */
enum step enter_unfit(const struct visit *v, const char *why);

#endif
