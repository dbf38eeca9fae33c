/* What a reply or a local failure means: sent, later or never, with its RFC 3463 code. The one place that
 * decides it; pure functions, no library, so that mox-runq can ask too.
 *
 * The decisions, where RFC 5321 leaves a choice:
 *   greeting, EHLO   4xx and 5xx speak of the host, not of the mail: next hop, then later (T91)
 *   STARTTLS         a refusal is never a bounce (T19, T35, T99)
 *   AUTH             a login that is refused is our own trouble, never the mail's (T118): later; 5xx would be said by the relay's
 *                    other hosts, too
 *   421 anywhere     the host goes away: close; unfinished recipients later (T84)
 *   MAIL             5xx never; 4xx later, at the next hop at once only when it speaks of the host (421,
 * x.3.x) 503 to MAIL      the peer and we disagree where we are: close, later (T132) 530 to MAIL      later
 * when we came in plaintext because its TLS failed, else never RCPT             5xx never, 4xx later; the
 * next hop is not asked for another opinion. 452 and 552 behind an accepted recipient mean "too many" unless
 * the code speaks of the mailbox or of policy: again, in a transaction of its own (T83) DATA, final dot  any
 * 2xx sent (T84), 4xx later, 5xx never 3xx or 2xx out of place: later, close connection lost or silent:
 * before the final dot the next hop, behind it later and perhaps delivered (T94)
 */
#ifndef FATE_H
#define FATE_H

#include "base.h"

#include <stdbool.h>

enum outcome { FATE_SENT, FATE_LATER, FATE_NEVER };

enum phase {
	PHASE_GREETING,
	PHASE_EHLO,
	PHASE_STARTTLS,
	PHASE_AUTH,
	PHASE_MAIL,
	PHASE_RCPT,
	PHASE_DATA,
	PHASE_DOT,
};

/* What went wrong without a reply. */
enum trouble {
	TROUBLE_CONNECT, /* no connection */
	TROUBLE_LOST,    /* ended by the peer or the network */
	TROUBLE_TIMEOUT,
	TROUBLE_PROTOCOL,    /* what came is no SMTP */
	TROUBLE_TLS,         /* handshake failed, or the peer is not proved to be the host */
	TROUBLE_TLS_MISSING, /* demanded, not offered or refused */
	TROUBLE_SIZE,        /* larger than the peer's SIZE */
	TROUBLE_UTF8,        /* needs SMTPUTF8 */
	TROUBLE_REQUIRETLS,  /* the peer cannot pass on the demand */
	TROUBLE_UNPROVED,    /* REQUIRETLS, and nothing can prove who the peer is */
	TROUBLE_LOGIN,       /* no login can be made with this server */
	TROUBLE_SECRET,      /* what to log in with cannot be had here */
	TROUBLE_FILE,        /* our own copy cannot be read */
	TROUBLE_NO_HOP,      /* nothing to try */
};

#define FATE_CODE_SIZE 12

struct fate {
	enum outcome outcome;
	char code[FATE_CODE_SIZE]; /* RFC 3463, of the class of the outcome */
	bool next_hop;             /* the next one may do better, at once */
	bool close;                /* this connection is not to be used again */
	bool again;                /* RCPT: in another transaction on this connection */
};

/* What else matters for a reply's meaning. */
struct fate_case {
	bool accepted;  /* RCPT: an earlier recipient of the transaction was accepted */
	bool relay;     /* MAIL: that it asks for a login can be mended */
	bool fell_back; /* we are in plaintext only because TLS failed with this host */
};

/* enhanced: the reply's own code, or "". */
struct fate fate_reply(enum phase phase, int code, const char *enhanced, const struct fate_case *with);
struct fate fate_trouble(enum trouble what);
/* As far as the final dot, a lost connection, silence or nonsense sends all on to the next hop; behind it,
 * never. */
struct fate fate_trouble_behind_dot(enum trouble what);

/* "Try again in 5 minutes" in the text of a 4xx reply: seconds, between 60 and 4 hours; 0: no such hint, or
 * an absurd one (T129). */
unsigned fate_wait(const char *text);

#endif
