#include "base.h"

#include "reply.h"
#include "unit.h"

static const char *
show(const struct reply *r, enum reply_got got)
{
	static char out[256];

	if (got == REPLY_MORE)
		return "more";
	if (got == REPLY_BAD)
		return "bad";
	snprintf(out, sizeof out, "%d %s|%.100s", r->code, r->enhanced, r->text);
	return out;
}

static void
replies(void)
{
	static const struct {
		const char *in, *want;
		size_t left; /* bytes of the next reply */
	} t[] = {
	    {"250 ok\r\n", "250 |ok", 0},
	    {"250\r\n", "250 |", 0},
	    {"250 \r\n", "250 |", 0},
	    {"250\n", "250 |", 0},
	    {"250 ok\n", "250 |ok", 0},
	    {"250 2.1.5 fine\r\n", "250 2.1.5|fine", 0},
	    {"250 2.1.5\r\n", "250 2.1.5|", 0},
	    {"550 2.1.5 other class\r\n", "550 |2.1.5 other class", 0},
	    {"250 2.1 short\r\n", "250 |2.1 short", 0},
	    {"250 2.1.5x no\r\n", "250 |2.1.5x no", 0},
	    {"250 2.1234.5 no\r\n", "250 |2.1234.5 no", 0},
	    {"550-5.1.1 one\r\n550-5.1.1 two\r\n550 5.1.1 three\r\n", "550 5.1.1|one\ntwo\nthree", 0},
	    {"550-5.1.1 one\r\n550 two\r\n", "550 5.1.1|one\ntwo", 0},
	    {"550-\r\n550\r\n", "550 |\n", 0},
	    {"354-go\r\n354 on\r\n", "354 |go\non", 0},
	    {"250 ok\r\n250 next\r\n", "250 |ok", 10},
	    {"250 gr\xc3\xbc\xc3\x9f\r\n", "250 |gr\xc3\xbc\xc3\x9f", 0},
	    /* not finished */
	    {"250-one\r\n", "more", 0},
	    {"250 no end", "more", 0},
	    {"25", "more", 0},
	    {"", "more", 0},
	    /* T89 */
	    {"250-one\r\n550 two\r\n", "bad 550 two\r", 0},
	    {"hello\r\n", "bad hello\r", 0},
	    {"25x ok\r\n", "bad 25x ok\r", 0},
	    {"250x ok\r\n", "bad 250x ok\r", 0},
	    {"999 ok\r\n", "bad 999 ok\r", 0},
	    {"199 ok\r\n", "bad 199 ok\r", 0},
	    {"\r\n", "bad ", 0},
	    {"2\r\n", "bad ", 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct reply r;
		size_t used, n = strlen(t[i].in);
		enum reply_got got;

		reply_start(&r);
		got = reply_feed(&r, t[i].in, n, &used);
		if (got == REPLY_BAD) {
			OK(!strncmp(t[i].want, "bad", 3) &&
				!strncmp(r.text, t[i].want + 4, strlen(t[i].want) - 4),
			    t[i].in);
			OK(r.bad && strlen(r.bad) > 5, "and says why");
			continue;
		}
		STR_EQ(show(&r, got), t[i].want, t[i].in);
		INT_EQ(n - used, t[i].left, "what is not of this reply is left alone");
		/* byte by byte it is the same */
		reply_start(&r);
		got = REPLY_MORE;
		for (size_t k = 0; k < n && got == REPLY_MORE; k++) {
			size_t one;

			got = reply_feed(&r, t[i].in + k, 1, &one);
		}
		STR_EQ(show(&r, got), t[i].want, "and byte by byte");
	}
}

static void
sizes(void)
{
	static char big[REPLY_MAX + 16];
	struct reply r;
	size_t used;

	memset(big, 'x', sizeof big);
	memcpy(big, "250 ", 4);
	memcpy(big + 10240, "\r\n", 2);
	reply_start(&r);
	INT_EQ(reply_feed(&r, big, 10242, &used), REPLY_DONE, "T89 a line of 10 kB");
	INT_EQ(r.len, REPLY_TEXT, "of which the first 8 are kept");
	memset(big, 'x', sizeof big);
	memcpy(big, "250 ", 4);
	reply_start(&r);
	for (size_t at = 0; at + 4096 < REPLY_MAX; at += 4096)
		if (reply_feed(&r, big + at, 4096, &used) != REPLY_MORE)
			break;
	INT_EQ(reply_feed(&r, big, 8192, &used), REPLY_BAD, "a reply without end is none");
	reply_start(&r);
	INT_EQ(reply_feed(&r, "250 a\0b\r\n", 9, &used), REPLY_DONE, "T89 a NUL");
	STR_EQ(r.text, "a?b", "is shown as a question mark");
}

int
main(void)
{
	replies();
	sizes();
	DONE();
}
