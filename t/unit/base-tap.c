/* A tap gives whole lines however they were fed, and to nobody what he may not hear. */
#include "base.h"

#include "str.h"
#include "tap.h"
#include "unit.h"

static void
hear(void *arg, const struct tap_line *l)
{
	str_adds(arg, tap_mark(l->side));
	str_add(arg, l->text, l->n);
	str_adds(arg, l->cut ? "...|" : "|");
}

static struct tap tap;
static struct str shut, open;

static void
start(unsigned may)
{
	tap = (struct tap){0};
	str_reset(&shut);
	str_reset(&open);
	tap_listen(&tap, &(struct tap_ear){hear, &shut, TAP_PLAIN});
	if (may)
		tap_listen(&tap, &(struct tap_ear){hear, &open, may});
}

static void
say(enum tap_side side, const char *text)
{
	tap_feed(&tap, side, text, strlen(text));
}

static void
lines(void)
{
	char big[TAP_LINE + 30];

	start(0);
	say(TAP_CLIENT, "EH");
	say(TAP_SERVER, "220 hi\r\n250-a\r\n25");
	say(TAP_CLIENT, "LO me\r\nRSET\r\n");
	say(TAP_SERVER, "0 b\n");
	tap_note(&tap, "lost: %s", "reset");
	STR_EQ(str_cstr(&shut), "S: 220 hi|S: 250-a|C: EHLO me|C: RSET|S: 250 b|* lost: reset|",
	    "in pieces, both sides apart");
	for (int more = 0; more <= 2; more++) {
		size_t n = (size_t)(TAP_LINE + more);

		start(0);
		memset(big, 'x', n);
		memcpy(big + n, "\r\nQUIT\r\n", 8);
		tap_feed(&tap, TAP_CLIENT, big, 700);
		tap_feed(&tap, TAP_CLIENT, big + 700, n + 8 - 700);
		INT_EQ(shut.len, 3 + TAP_LINE + (more ? 3 : 0) + 1 + 8, "a long line is cut, the next whole");
		STR_EQ(shut.s + shut.len - 8, "C: QUIT|", "and heard");
	}
	tap_feed(NULL, TAP_CLIENT, "x\n", 2);
	tap_kind(NULL, TAP_AUTH);
	tap_note(NULL, "x");
	OK(!tap_wants_data(NULL), "no tap, no harm");
}

/* A server that repeats what it was told. */
static void
echoes(void)
{
	start(TAP_AUTH);
	tap_kind(&tap, TAP_AUTH);
	say(TAP_CLIENT, "AUTH PLAIN AGEAc2VjcmV0\r\n");
	say(TAP_SERVER, "500 what is AUTH PLAIN AGEAc2VjcmV0?\r\n");
	say(TAP_CLIENT, "AUTH PLAIN AGEAc2VjcmV0LCB3aGljaCBpcyBsb25n\r\n");
	say(TAP_SERVER, "500-AGEAc2VjcmV0LCB3 or so\r\n500 5.5.2 no\r\n");
	say(TAP_CLIENT, "YQ=\r\n");
	say(TAP_SERVER, "535 YQ=\r\n");
	tap_kind(&tap, TAP_PLAIN);
	say(TAP_CLIENT, "NOOP\r\n");
	say(TAP_SERVER, "250 AGEAc2VjcmV0\r\n");
	STR_EQ(str_cstr(&shut),
	    "C: AUTH PLAIN [withheld]|S: 500 what is AUTH PLAIN [withheld]|C: AUTH PLAIN [withheld]|S: "
	    "500-[withheld]|"
	    "S: 500 5.5.2 no|C: [withheld]|S: 535 YQ=|C: NOOP|S: 250 AGEAc2VjcmV0|",
	    "what the server repeats of it is no more to be heard than it was");
	OK(!memmem(&tap, sizeof tap, "AGEAc2Vj", 8) ||
		memmem(tap.part[TAP_SERVER].text, TAP_LINE, "AGEAc2Vj", 8),
	    "nothing of it stays in the tap");
}

static void
secrets(void)
{
	start(TAP_AUTH);
	tap_kind(&tap, TAP_AUTH);
	say(TAP_CLIENT, "AUTH PLAIN AGEAc2VjcmV0\r\n");
	say(TAP_SERVER, "334 Y2hhbGxlbmdl\r\n");
	say(TAP_CLIENT, "c2VjcmV0\r\n*\r\n");
	say(TAP_SERVER, "535-5.7.8 no\r\n535 5.7.8 not you\r\n");
	say(TAP_CLIENT, "auth LOGIN\r\n");
	say(TAP_SERVER, "334 \r\n");
	OK(!memchr(tap.part[TAP_CLIENT].text, 'c', 8), "nothing of it stays in the tap");
	tap_kind(&tap, TAP_PLAIN);
	say(TAP_CLIENT, "QUIT\r\n");
	STR_EQ(str_cstr(&shut),
	    "C: AUTH PLAIN [withheld]|S: 334 [withheld]|C: [withheld]|C: *|S: 535-5.7.8 no|S: 535 5.7.8 not "
	    "you|"
	    "C: auth LOGIN|S: 334 |C: QUIT|",
	    "AUTH: the mechanism and the verdict");
	STR_EQ(str_cstr(&open),
	    "C: AUTH PLAIN AGEAc2VjcmV0|S: 334 Y2hhbGxlbmdl|C: c2VjcmV0|C: *|S: 535-5.7.8 no|S: 535 5.7.8 "
	    "not "
	    "you|C: auth LOGIN|S: 334 |C: QUIT|",
	    "all of it to who may");
}

static void
data(void)
{
	start(TAP_DATA);
	OK(tap_wants_data(&tap), "one of two wants to see the message");
	say(TAP_CLIENT, "BDAT 12 LAST\r\n");
	tap_kind(&tap, TAP_DATA);
	say(TAP_CLIENT, "A: b\r\n\r\n");
	say(TAP_SERVER, "421 bye\r\n");
	say(TAP_CLIENT, "text");
	tap_kind(&tap, TAP_PLAIN);
	say(TAP_CLIENT, "QUIT\r\n");
	STR_EQ(str_cstr(&shut), "C: BDAT 12 LAST|S: 421 bye|C: [withheld] 12 bytes|C: QUIT|",
	    "a message is a number");
	STR_EQ(
	    str_cstr(&open), "C: BDAT 12 LAST|C: A: b|C: |S: 421 bye|C: text|C: QUIT|", "or all its lines");
	start(TAP_AUTH);
	OK(!tap_wants_data(&tap), "AUTH is not data");
	tap_kind(&tap, TAP_DATA);
	say(TAP_CLIENT, "secret\r\n");
	tap_skip(&tap, 1000000);
	tap_kind(&tap, TAP_PLAIN);
	STR_EQ(str_cstr(&open), "C: [withheld] 1000008 bytes|", "nor does who may hear one hear the other");
	start(TAP_DATA);
	tap_kind(&tap, TAP_AUTH);
	say(TAP_CLIENT, "AUTH PLAIN AGEAc2VjcmV0\r\n");
	STR_EQ(str_cstr(&open), "C: AUTH PLAIN [withheld]|", "in either direction");
}

int
main(void)
{
	lines();
	secrets();
	echoes();
	data();
	str_free(&shut);
	str_free(&open);
	DONE();
}
