#include "base.h"

#include "rec.h"
#include "transcript.h"
#include "unit.h"

static void
add(struct transcript *t, unsigned ms, char who, const char *text)
{
	transcript_add(t, &(struct transcript_line){ms, who, text, strlen(text), false});
}

static const char *
text_of(const struct transcript *t)
{
	static struct str out;

	str_reset(&out);
	str_reserve(&out, TRANSCRIPT_MAX);
	transcript_text(t, &out);
	return str_cstr(&out);
}

/* Bytes of its text as the value of a record's line. */
static size_t
encoded(const struct transcript *t)
{
	struct str line = {0};
	size_t n;

	rec_add(&line, "t", text_of(t));
	n = line.len - 3;
	str_free(&line);
	return n;
}

static unsigned
lines(const char *s)
{
	unsigned n = 0;

	for (; *s; s++)
		n += *s == '\n';
	return n;
}

static void
small(void)
{
	struct transcript t, none, other;

	transcript_init(&t, 1000);
	STR_EQ(text_of(&t), "", "nothing was said");
	add(&t, 0, '*', "connected");
	add(&t, 12, 'S', "220 mx.test");
	add(&t, 123456, 'C', "EHLO client.test");
	STR_EQ(text_of(&t), "     0 *: connected\n    12 S: 220 mx.test\n123456 C: EHLO client.test\n",
	    "what was said");
	transcript_init(&other, 2000);
	transcript_join(&other, &t);
	STR_EQ(text_of(&other), text_of(&t), "joined to nothing");
	transcript_reset(&t);
	add(&t, 1, 'S', "451 no");
	transcript_join(&other, &t);
	OK(lines(text_of(&other)) == 4 && strstr(text_of(&other), "client.test\n     1 S: 451 no\n"),
	    "joined to something");
	transcript_reset(&other);
	STR_EQ(text_of(&other), "", "emptied");
	transcript_add(&other, &(struct transcript_line){0, 'S', "a\0b\x1b\xff", 5, true});
	STR_EQ(text_of(&other), "     0 S: a?b\x1b\xff [...]\n",
	    "bytes as they came, but for NUL; what was cut says so");
	transcript_init(&none, 0);
	add(&none, 0, 'C', "NOOP");
	transcript_join(&none, &t);
	transcript_join(&t, &none);
	STR_EQ(text_of(&none), "", "none is kept");
	transcript_free(&none);
	transcript_init(&none, TRANSCRIPT_MIN - 1);
	add(&none, 0, 'C', "NOOP");
	STR_EQ(text_of(&none), "", "nor one of a few bytes");
	transcript_free(&t);
	transcript_free(&other);
	transcript_free(&none);
}

/* Whatever is said, and however much: it fits, it begins and ends with what was said first and last, and counts what is missing. */
static void
large(void)
{
	static const size_t caps[] = {256, 1000, 4096, 16000, 100000};
	static const char *const fillers[] = {"x", "\x01\x02\\", "Grüße ", "\xff"};
	bool fits = true, whole = true, counts = true, first = true, last = true;

	for (size_t c = 0; c < ARRAY_LEN(caps); c++)
		for (unsigned n = 1; n < 3000; n += n / 5 + 1)
			for (size_t f = 0; f < ARRAY_LEN(fillers); f++) {
				struct transcript t, more;
				unsigned out = 0, shown;
				char line[2100], want[40];
				const char *mark;

				transcript_init(&t, caps[c]);
				transcript_init(&more, 256);
				for (unsigned i = 0; i < n; i++) {
					size_t k = (size_t)snprintf(line, sizeof line, "line %u ", i);
					size_t end = k + i * 37 % (i % 50 ? 60 : 1990);

					while (k + strlen(fillers[f]) < end)
						k += (size_t)snprintf(
						    line + k, sizeof line - k, "%s", fillers[f]);
					add(&t, i, 'C', line);
				}
				shown = lines(text_of(&t));
				if ((mark = strstr(text_of(&t), "[... ")) &&
				    sscanf(mark, "[... %u lines", &out) == 1)
					shown--;
				fits = fits &&
				       encoded(&t) <= (caps[c] < TRANSCRIPT_MAX ? caps[c] : TRANSCRIPT_MAX);
				counts = counts && shown + out == n;
				snprintf(want, sizeof want, "%6u C: line %u ", n - 1, n - 1);
				last = last && (caps[c] < 9000 || strstr(text_of(&t), want));
				first = first && (caps[c] < 9000 ||
						     strstr(text_of(&t), "     0 C: line 0 ") == text_of(&t));
				whole = whole && (out > 0 || !mark);
				transcript_join(&more, &t);
				fits = fits && encoded(&more) <= 256;
				shown = lines(text_of(&more));
				if ((mark = strstr(text_of(&more), "[... ")) &&
				    sscanf(mark, "[... %u lines", &out) == 1)
					shown--;
				counts = counts && (!mark || shown + out == n);
				transcript_free(&t);
				transcript_free(&more);
			}
	OK(fits, "never longer than it may be, escapes counted");
	OK(counts, "what is left out is counted, also when it is joined");
	OK(first && last, "the first line and the last are there");
	OK(whole, "nothing is left out that would fit");
}

int
main(void)
{
	struct transcript t;
	const char *text;

	small();
	large();
	transcript_init(&t, 300);
	for (unsigned i = 0; i < 100; i++)
		add(&t, i, 'C', "RCPT TO:<someone@x.test>");
	text = text_of(&t);
	OK(strstr(text, "     0 C: RCPT") == text && strstr(text, "\n    99 C: RCPT"), "beginning and end");
	OK(strstr(text, "\n[... 94 lines left out ...]\n"), "the middle is cut");
	INT_EQ(lines(text), 7, "whole lines");
	transcript_free(&t);
	DONE();
}
