/* The server side of SMTP (RFC 5321) without input and output: bytes go in by smtpd_feed, replies gather in
 * `out`, and what is to be done about a message is asked of hooks. mox-smtpd drives one on stdin and stdout,
 * mox-localserve many with poll.
 *
 * Guarantees to the hooks: addresses passed addr_check and have a domain; a message ends at CRLF.CRLF or with
 * BDAT LAST and nowhere else; the bytes of a message are unstuffed and hold no bare CR or LF (a message that
 * does is refused with 550 5.6.11 and never reaches `done`). Nothing of a transaction outlives it. */
#ifndef SMTPD_H
#define SMTPD_H

#include "base.h"
#include "str.h"
#include "tap.h"

#include <stdbool.h>
#include <stdint.h>

#define SMTPD_LINE_MAX                                                                                       \
	4096               /* a command with its line end; above RFC 5321's 512 + the extensions' additions */
#define SMTPD_HOPS_MAX 100 /* RFC 5321 6.3: at least */

/* What EHLO offers. */
enum smtpd_offer {
	OFFER_PIPELINING = 1,
	OFFER_8BITMIME = 2,
	OFFER_SMTPUTF8 = 4,
	OFFER_SIZE = 8,
	OFFER_DSN = 16,
	OFFER_CHUNKING = 32,
	OFFER_ENHANCED = 64,       /* ENHANCEDSTATUSCODES */
	OFFER_ALL = 127,           /* of those above */
	OFFER_REQUIRETLS = 128,    /* RFC 8689; only where nobody listens in between */
	OFFER_FUTURERELEASE = 256, /* RFC 4865; needs max_hold and clock */
};

struct smtpd_setup {          /* borrowed for the life of the sessions */
	const char *hostname; /* in the greeting */
	const char *mailname; /* completes addresses without a domain */
	uint64_t max_size;
	unsigned max_rcpt; /* the next gets 452 4.5.3 */
	unsigned max_mail; /* messages a session, the next MAIL gets 421; 0: any number */
	unsigned offer;
	bool limits;            /* announce max_rcpt and max_mail as LIMITS (RFC 9422) */
	bool count_hops;        /* a message that passed SMTPD_HOPS_MAX servers is refused */
	int64_t max_hold;       /* microseconds */
	int64_t (*clock)(void); /* microseconds since 1970 */
};

struct smtpd_rcpt {
	char *address, *notify, *orcpt; /* notify lower-case; both NULL when not given */
	bool bare;                      /* the client gave no domain */
};

struct smtpd;

/* `mail` and `rcpt` answer false to refuse, having called smtpd_answer (or set stalled). `begin`: the message
 * is about to come; false as above. `body`: bytes of it. `done`: all of it has come, and the commit; calls
 * smtpd_answer. `drop`: it has begun and will not be done. */
struct smtpd_hooks {
	bool (*mail)(struct smtpd *s); /* may be NULL */
	bool (*rcpt)(struct smtpd *s); /* the last of s->rcpt; may be NULL */
	bool (*begin)(struct smtpd *s);
	void (*body)(struct smtpd *s, const char *p, size_t n);
	void (*done)(struct smtpd *s);
	void (*drop)(struct smtpd *s);
};

enum smtpd_line { AT_LINE, AT_TEXT, AT_CR, AT_DOT, AT_DOT_CR };

/* Finds the end of a message, takes the stuffing dots out and tells of bare CR and LF (smtpd_body.c). */
struct smtpd_body {
	enum smtpd_line at;
	bool stuffed; /* DATA: dots are stuffed and CRLF.CRLF ends it; else BDAT */
	bool bare;    /* a CR or LF stood alone */
};

typedef void smtpd_emit(void *arg, const char *p, size_t n);
/* Counts the Received: fields of a message's header, whose bytes come in any pieces. */
struct smtpd_hops {
	unsigned n, at; /* at: bytes of the field's name that have matched so far in this line */
	enum { HOPS_LINE, HOPS_OTHER, HOPS_BODY } in;
};

void smtpd_hops_feed(struct smtpd_hops *h, const char *p, size_t n);
/* Takes what belongs to the message; answers the first byte behind it. *ended: CRLF.CRLF was seen. */
const char *smtpd_body_feed(
    struct smtpd_body *b, const char *p, const char *end, bool *ended, smtpd_emit *emit, void *arg);

struct smtpd {
	const struct smtpd_setup *setup;
	const struct smtpd_hooks *hooks;
	void *arg;      /* the hooks' own */
	struct str out; /* replies; the caller writes and empties it */
	bool quit;      /* write out, then close; whatever is fed is dropped */
	bool stalled;   /* set by a hook: nothing is read or answered any more */

	/* the transaction */
	char *sender; /* NULL: no MAIL yet; "" the null sender */
	bool smtputf8, requiretls;
	int64_t hold_until; /* microseconds since 1970; 0: not asked for, or past */
	bool hold;          /* it was asked for */
	char *ret, *envid;  /* NULL: not given; ret lower-case */
	struct smtpd_rcpt *rcpt;
	size_t nrcpt;
	uint64_t size; /* of the message so far */

	/* private */
	enum { MODE_COMMAND, MODE_DATA, MODE_CHUNK } mode;
	bool greeted, answered, begun, overlong;
	bool mute;          /* the chunk under way was answered when it began */
	size_t ehlo;        /* where the last line of the reply to EHLO begins */
	const char *failed; /* the reply for the message under way, that will not be taken; static */
	struct str line;
	struct smtpd_body filter;
	struct smtpd_hops hops;
	uint64_t chunk; /* bytes of the BDAT chunk still to come */
	bool last;
	unsigned errors, mails;
	struct tap *tap; /* NULL: nobody reads along */
	size_t said;     /* bytes of out that it has heard */
	bool secret;     /* the client tries to log in */
};

void smtpd_start(struct smtpd *s, const struct smtpd_setup *setup, const struct smtpd_hooks *hooks,
    void *arg); /* greets */
void smtpd_feed(struct smtpd *s, const char *p, size_t n);
/* Text of a message is coming in: it may take its time as long as some comes. */
bool smtpd_in_message(const struct smtpd *s);
/* The reply to the command under way: "451 4.3.0 text". Bytes that are not printable ASCII become `?`; at
 * most 500 bytes. */
void smtpd_answer(struct smtpd *s, const char *fmt, ...) PRINTF(2, 3);
/* Ends the session: drops a message under way, frees everything. */
void smtpd_end(struct smtpd *s);
/* Behind smtpd_start: the tap, a borrow until smtpd_end, hears the dialogue from the greeting on. What the caller himself says to
 * the client he feeds it. */
void smtpd_listen(struct smtpd *s, struct tap *tap);

/* ---- the arguments of MAIL and RCPT (smtpd_param.c) ----
 * s is what follows "FROM:" or "TO:", changed in place. NULL when good, else the reply. */
const char *smtpd_read_mail(struct smtpd *s, char *args) MUST_USE;
const char *smtpd_read_rcpt(struct smtpd *s, char *args) MUST_USE; /* appends to s->rcpt */
void smtpd_pop_rcpt(struct smtpd *s);

/* ---- what the tap hears (smtpd_hear.c) ---- */
void smtpd_hear_replies(struct smtpd *s);
void smtpd_hear_command(struct smtpd *s, bool known); /* s->line */
/* n bytes of a message, behind which the filter stands now; held: what smtpd_hear_held said in front of them. What may be the
 * dot at the end is held back. */
void smtpd_hear_text(struct smtpd *s, size_t held, const char *p, size_t n, bool ended);
size_t smtpd_hear_held(const struct smtpd *s);
void smtpd_hear_end(struct smtpd *s);

#endif
