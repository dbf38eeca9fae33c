#include "base.h"

#include "smtpd.h"
#include "str.h"
#include "unit.h"

#include <stdint.h>

/* ---- the end of a message, against a reader that sees all of it at once ---- */

static uint32_t seed = 1;

static unsigned
roll(unsigned n)
{
	seed = seed * 1103515245u + 12345u;
	return (seed >> 16) % n;
}

static void
collect(void *arg, const char *p, size_t n)
{
	str_add(arg, p, n);
}

/* What RFC 5321 4.1.1.4 and 4.5.2 say, the slow way: answers the bytes consumed; *ended, *bare, and the text.
 */
static size_t
read_whole(const char *s, size_t n, bool *ended, bool *bare, struct str *text)
{
	bool start = true;
	size_t i = 0;

	*ended = *bare = false;
	while (i < n) {
		if (start && n - i >= 3 && !memcmp(s + i, ".\r\n", 3)) {
			*ended = true;
			return i + 3;
		}
		if (start && s[i] == '.') {
			i++;
			start = false;
			continue;
		}
		if (n - i >= 2 && s[i] == '\r' && s[i + 1] == '\n') {
			str_adds(text, "\r\n");
			i += 2;
			start = true;
			continue;
		}
		if (s[i] == '\r' || s[i] == '\n')
			*bare = true;
		str_addc(text, s[i++]);
		start = false;
	}
	return n;
}

/* T104: 20,000 texts made of CR, LF, dots and letters, each fed in pieces. */
static void
property(void)
{
	static const char alphabet[] = "\r\n.\r\n.ab";
	struct str got = {0}, want = {0};
	int bad = 0;

	for (int round = 0; round < 20000; round++) {
		char text[40];
		size_t n = roll(sizeof text) + 1, used, at = 0;
		bool ended, bare, done = false;
		struct smtpd_body b = {.at = AT_LINE, .stuffed = true};

		for (size_t i = 0; i < n; i++)
			text[i] = alphabet[roll(sizeof alphabet - 1)];
		str_reset(&got);
		str_reset(&want);
		used = read_whole(text, n, &ended, &bare, &want);
		while (at < n && !done) {
			size_t piece = roll(4) + 1 < n - at ? roll(4) + 1 : n - at;
			if (piece > n - at)
				piece = n - at;
			at =
			    (size_t)(smtpd_body_feed(&b, text + at, text + at + piece, &done, collect, &got) -
				     text);
		}
		/* Only whole, clean messages have a text anybody will see. */
		if (done != ended || (done && (at != used || b.bare != bare)))
			bad++;
		else if (done && !bare &&
			 (got.len != want.len || memcmp(str_cstr(&got), str_cstr(&want), got.len)))
			bad++;
	}
	INT_EQ(bad, 0, "T104 a message ends at CRLF.CRLF however its bytes arrive");
	str_free(&got);
	str_free(&want);
}

/* ---- sessions ---- */

static struct {
	int begun, done, dropped;
	struct str text;
} seen;

static bool
begin(struct smtpd *s)
{
	(void)s;
	seen.begun++;
	str_reset(&seen.text);
	return true;
}

static void
body(struct smtpd *s, const char *p, size_t n)
{
	(void)s;
	str_add(&seen.text, p, n);
}

static void
done(struct smtpd *s)
{
	seen.done++;
	smtpd_answer(s, "250 2.0.0 got \x01%zu", seen.text.len);
}

static void
drop(struct smtpd *s)
{
	(void)s;
	seen.dropped++;
}

static const struct smtpd_hooks hooks = {.begin = begin, .body = body, .done = done, .drop = drop};
static const struct smtpd_setup setup = {.hostname = "h",
    .mailname = "m.example",
    .max_size = 50,
    .max_rcpt = 2,
    .max_mail = 2,
    .offer = OFFER_ALL};

static const char *
replies(struct smtpd *s)
{
	static char codes[200];
	size_t n = 0;

	for (const char *p = str_cstr(&s->out); *p; p = strchr(p, '\n') + 1)
		if (p[3] == ' ' && n < sizeof codes - 5)
			n += (size_t)snprintf(codes + n, 6, "%s%.3s", n ? " " : "", p);
	codes[n] = 0;
	return codes;
}

static void
sessions(void)
{
	static const struct {
		const char *what, *in, *codes;
		int begun, done, dropped;
	} t[] = {
	    {"a message", "EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nhi\r\n.\r\nQUIT\r\n",
		"220 250 250 250 354 250 221", 1, 1, 0},
	    {"broken off", "EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nhi\r\n",
		"220 250 250 250 354", 1, 0, 1},
	    {"too big",
		"EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT "
		"TO:<c@d>\r\nDATA\r\n12345678901234567890123456789012345678901234567890\r\n.\r\n",
		"220 250 250 250 354 552", 1, 0, 1},
	    {"bare LF by BDAT", "EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 2 LAST\r\na\nNOOP\r\n",
		"220 250 250 250 550 250", 1, 0, 1},
	    {"BDAT that ends in CR",
		"EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 2 LAST\r\na\rNOOP\r\n",
		"220 250 250 250 550 250", 1, 0, 1},
	    {"RSET between chunks",
		"EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 1\r\naRSET\r\nMAIL FROM:<>\r\n",
		"220 250 250 250 250 250 250", 1, 0, 1},
	    {"the third recipient",
		"EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nRCPT TO:<c>\r\nRCPT TO:<e@f>\r\n",
		"220 250 250 250 250 452", 0, 0, 0},
	    {"the third message",
		"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<c>\r\nDATA\r\n.\r\nMAIL FROM:<>\r\nRCPT "
		"TO:<c>\r\nDATA\r\n.\r\nMAIL FROM:<>\r\nNOOP\r\n",
		"220 250 250 250 354 250 250 250 354 250 421", 2, 2, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		for (size_t step = 1; step < 40; step += 19) {
			struct smtpd s;
			size_t n = strlen(t[i].in);

			seen.begun = seen.done = seen.dropped = 0;
			smtpd_start(&s, &setup, &hooks, NULL);
			for (size_t at = 0; at < n; at += step)
				smtpd_feed(&s, t[i].in + at, n - at < step ? n - at : step);
			STR_EQ(replies(&s), t[i].codes, t[i].what);
			OK(!memchr(str_cstr(&s.out), 1, s.out.len), "no control byte in a reply");
			smtpd_end(&s);
			INT_EQ(seen.begun, t[i].begun, "... begun");
			INT_EQ(seen.done, t[i].done, "... done");
			INT_EQ(seen.dropped, t[i].dropped, "... dropped: all that begins is done or dropped");
		}
	str_free(&seen.text);
}

/* ---- who reads along ---- */

static void
hear(void *arg, const struct tap_line *l)
{
	size_t most = l->side == TAP_SERVER ? 3 : 40;

	str_addf(arg, "%s%.*s%s\n", tap_mark(l->side), (int)(l->n < most ? l->n : most), l->text,
	    l->cut ? "+" : "");
}

#define HELLO "EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n"
#define TOLD "S: 220\nC: EHLO x\nS: 250\nS: 250\nC: MAIL FROM:<a@b>\nS: 250\nC: RCPT TO:<c@d>\nS: 250\n"

static void
hearing(void)
{
	static struct smtpd_setup few = {
	    .hostname = "h", .max_size = 50, .max_rcpt = 2, .offer = OFFER_CHUNKING};
	static const char overlong[] = "NOOP 23456789012345678901234567890123456789";
	static const struct {
		const char *what, *in, *told;
		unsigned may;
	} t[] = {
	    {"a message is its size, dots doubled", HELLO "DATA\r\na\r\n..b\r\n.c\r\n.\r\nQUIT\r\n",
		TOLD "C: DATA\nS: 354\nC: [withheld] 12 bytes\nC: .\nS: 250\nC: QUIT\nS: 221\n", 0},
	    {"or, asked for, what it is", HELLO "DATA\r\na\r\n..b\r\n.c\r\n.\r\nQUIT\r\n",
		TOLD "C: DATA\nS: 354\nC: a\nC: ..b\nC: .c\nC: .\nS: 250\nC: QUIT\nS: 221\n", TAP_DATA},
	    {"what looks like the end and is none", HELLO "DATA\r\n.\rx\r\n.\r\n",
		TOLD "C: DATA\nS: 354\nC: .\rx\nC: .\nS: 550\n", TAP_DATA},
	    {"an empty one", HELLO "DATA\r\n.\r\nNOOP\r\n",
		TOLD "C: DATA\nS: 354\nC: [withheld] 0 bytes\nC: .\nS: 250\nC: NOOP\nS: 250\n", 0},
	    {"chunks", HELLO "BDAT 5\r\n.\r\na.BDAT 2 LAST\r\n\r\nQUIT\r\n",
		TOLD "C: BDAT 5\nC: [withheld] 5 bytes\nS: 250\nC: BDAT 2 LAST\nC: [withheld] 2 bytes\nS: "
		     "250\nC: QUIT\nS: 221\n",
		0},
	    {"a login that nobody asked for", "AUTH PLAIN secret\r\nQUIT\r\n",
		"S: 220\nC: AUTH PLAIN [withheld]\nS: 502\nC: QUIT\nS: 221\n", 0},
	    {"and what follows it", "auth login\r\nc2VjcmV0\r\nsecret\r\nNOOP\r\nfoo\r\n",
		"S: 220\nC: auth login\nS: 502\nC: [withheld]\nS: 502\nC: [withheld]\nS: 502\nC: NOOP\nS: "
		"250\nC: foo\nS: 502\n",
		0},
	    {"or is written oddly", " AUTH\tPLAIN secret\n", "S: 220\nC: [withheld]\nS: 500\n", 0},
	    {"asked for, it is heard", "AUTH PLAIN secret\r\n", "S: 220\nC: AUTH PLAIN secret\nS: 502\n",
		TAP_AUTH},
	    {"half a command", "EHLO", "S: 220\nC: EHLO\n", 0},
	    {"half a message", HELLO "DATA\r\nabc\r\n.", TOLD "C: DATA\nS: 354\nC: [withheld] 5 bytes\n", 0},
	    {"too long a command", NULL, "S: 220\nC: NOOP 23456789012345678901234567890123456+\nS: 500\n", 0},
	};
	char line[3 * SMTPD_LINE_MAX];

	memset(line, 'x', sizeof line);
	memcpy(line, overlong, sizeof overlong - 1);
	memcpy(line + sizeof line - 3, "\r\n", 3);
	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		for (size_t step = 1; step < sizeof line; step = step * 3 + 1) {
			const char *in = t[i].in ? t[i].in : line;
			size_t n = strlen(in);
			struct str heard = {0};
			struct tap tap = {0};
			struct smtpd s;

			tap_listen(&tap, &(struct tap_ear){hear, &heard, t[i].may});
			smtpd_start(&s, &few, &hooks, NULL);
			smtpd_listen(&s, &tap);
			for (size_t at = 0; at < n; at += step) {
				smtpd_feed(&s, in + at, n - at < step ? n - at : step);
				if (step % 2)
					str_reset(&s.out);
			}
			smtpd_end(&s);
			STR_EQ(str_cstr(&heard), t[i].told, t[i].what);
			str_free(&heard);
		}
	str_free(&seen.text);
}

int
main(void)
{
	property();
	sessions();
	hearing();
	DONE();
}
