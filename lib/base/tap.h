/* What is said on an SMTP connection, line by line, for those who read along: the trace in the log (trace.h), the transcript
 * of a failed session.
 *
 * Whoever writes to the connection or reads from it feeds the tap, in any pieces, and says by tap_kind what comes next; an ear
 * hears whole lines without their ends, and of secrets only what it may: without TAP_AUTH an exchange of AUTH is
 * `AUTH PLAIN [withheld]`, `334 [withheld]`, `[withheld]`, also where the server repeats what it was told; without TAP_DATA a message is one line, `[withheld] 1234 bytes`.
 * Lines are cut behind TAP_LINE bytes. The bytes are the peer's: an ear makes them visible itself.
 *
 * No heap, nothing that can fail: it runs between the final dot and its reply. Every function takes NULL for a tap, and does
 * nothing. */
#ifndef TAP_H
#define TAP_H

#include "base.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TAP_LINE 1000
#define TAP_EARS 2

enum tap_side { TAP_CLIENT, TAP_SERVER, TAP_NOTE /* said by nobody: what became of the connection */ };
/* Bits of tap_ear.may, but for the first. AUTH is for both sides, DATA for the client's. */
enum tap_kind { TAP_PLAIN, TAP_AUTH, TAP_DATA };

struct tap_line { /* a borrow, for the time of the call */
	enum tap_side side;
	const char *text;
	size_t n;
	bool cut; /* there was more of it */
};

struct tap_ear {
	void (*hear)(void *arg, const struct tap_line *l);
	void *arg;
	unsigned may; /* TAP_AUTH | TAP_DATA */
};

struct tap_part {
	char text[TAP_LINE];
	size_t n;
	bool cut, begun;
};

struct tap { /* begins as zeroes; all private */
	struct tap_ear ear[TAP_EARS];
	unsigned ears;
	enum tap_kind kind;
	struct tap_part part[2]; /* the line that is being said, by side */
	uint64_t data;           /* bytes of the message so far */
	size_t secret, secret_n; /* of the client's last line of AUTH, which lies there until the next */
};

/* At most TAP_EARS. */
void tap_listen(struct tap *t, const struct tap_ear *ear);
/* What is fed from here on; what was fed before and not ended is heard first. */
void tap_kind(struct tap *t, enum tap_kind kind);
void tap_feed(struct tap *t, enum tap_side side, const char *p, size_t n);
/* Bytes of a message that nobody wants to see (tap_wants_data). */
void tap_skip(struct tap *t, uint64_t n);
bool tap_wants_data(const struct tap *t);
/* Where in s, of n bytes, what was said in secret is repeated, or its beginning; n: nowhere. */
size_t tap_echo(const char *s, size_t n, const char *secret, size_t secret_n);
void tap_note(struct tap *t, const char *fmt, ...) PRINTF(2, 3);
/* The note `message ID`. Of its own, as it costs each message that goes out. */
void tap_message(struct tap *t, const char *id);

/* "C: ", "S: ", "* ". */
const char *tap_mark(enum tap_side side);

#endif
