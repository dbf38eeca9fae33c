#include "base.h"

#include "rec.h"
#include "unit.h"

#include <stdbool.h>

static void
round_trip(void)
{
	static const struct {
		const char *value;
		size_t n;
		const char *line, *field;
	} t[] = {
	    {"", 0, "k \n", "k \n"},
	    {"a b", 3, "k a b\n", "k a\\x20b\n"},
	    {"a\r\nrcpt 1", 9, "k a\\x0d\\x0arcpt 1\n", "k a\\x0d\\x0arcpt\\x201\n"},
	    {"\\x41", 4, "k \\x5cx41\n", "k \\x5cx41\n"},
	    {"\xff\x7f", 2, "k \\xff\\x7f\n", "k \\xff\\x7f\n"},
	    {"gr\xc3\xbc\xc3\x9f", 6, "k gr\xc3\xbc\xc3\x9f\n", "k gr\xc3\xbc\xc3\x9f\n"},
	    {"\xc3", 1, "k \\xc3\n", "k \\xc3\n"},
	    {"a\0b", 3, "k a\\x00b\n", "k a\\x00b\n"},
	};
	struct str s = {0};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		char *key, *value, *got;
		size_t n = 0;
		struct rec_in in;

		str_reset(&s);
		rec_addn(&s, "k", t[i].value, t[i].n);
		STR_EQ(s.s, t[i].line, "encoded as a value");
		in = (struct rec_in){s.s, s.s + s.len};
		INT_EQ(rec_next(&in, &key, &value), REC_LINE, "reads back");
		got = rec_bytes(value, &n);
		OK(got && n == t[i].n && !memcmp(got, t[i].value, n), "the same bytes");
		str_reset(&s);
		rec_open(&s, "k");
		rec_putn(&s, t[i].value, t[i].n);
		rec_close(&s);
		STR_EQ(s.s, t[i].field, "encoded as a field");
	}
	str_free(&s);
}

static bool
must_be_escaped(unsigned char c, bool field)
{
	return c < 32 || c >= 127 || c == '\\' || (field && c == ' ');
}

/* Every byte at every place of texts that are longer than what is looked at together. */
static void
every_byte(void)
{
	unsigned wrong = 0;

	for (int c = 0; c < 256; c++)
		for (size_t at = 0; at < 17; at++)
			for (size_t around = 0; around < 3; around++)
				for (int field = 0; field < 2; field++) {
					struct str got = {0}, want = {0};
					char text[17];

					memset(text, "a~ "[around], sizeof text);
					text[at] = (char)c;
					if (field)
						rec_putn(&got, text, sizeof text);
					else
						rec_addn(&got, "k", text, sizeof text);
					str_adds(&want, field ? " " : "k ");
					for (size_t i = 0; i < sizeof text; i++)
						if (must_be_escaped((unsigned char)text[i], field))
							str_addf(&want, "\\x%02x", (unsigned char)text[i]);
						else
							str_addc(&want, text[i]);
					if (!field)
						str_addc(&want, '\n');
					wrong += strcmp(got.s, want.s) != 0;
					str_free(&got);
					str_free(&want);
				}
	INT_EQ(wrong, 0, "each byte is escaped, or not, wherever it stands");
}

static void
reads(void)
{
	static const struct {
		const char *text;
		enum rec_got got;
	} t[] = {
	    {"a b\n", REC_LINE},
	    {"a-1 \n", REC_LINE},
	    {"end\n", REC_END},
	    {"a b", REC_MORE},
	    {"", REC_MORE},
	    {"a\n", REC_BAD},
	    {"end \n", REC_LINE},
	    {"A b\n", REC_BAD},
	    {"1 b\n", REC_BAD},
	    {" b\n", REC_BAD},
	    {"\n", REC_BAD},
	    {"a\tb\n", REC_BAD},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		char buf[64], *key, *value;
		size_t n = strlen(t[i].text);
		struct rec_in in = {buf, buf + n};

		memcpy(buf, t[i].text, n + 1);
		INT_EQ(rec_next(&in, &key, &value), t[i].got, t[i].text);
	}
}

static void
fields(void)
{
	char line[] = "one two\\x20words  last", bad[] = "\\x4", nul[] = "a\\x00b", *p = line;

	STR_EQ(rec_field(&p), "one", "first field");
	STR_EQ(rec_field(&p), "two words", "a field with a space");
	STR_EQ(rec_field(&p), "", "an empty field");
	STR_EQ(rec_field(&p), "last", "last field");
	OK(!p && !rec_field(&p), "no field behind the last");
	OK(!rec_text(bad), "a broken escape is refused");
	OK(!rec_text(nul), "a NUL in text is refused");
	INT_EQ(rec_whole("a b\nend\nc", 9), 8, "whole record found");
	INT_EQ(rec_whole("a b\nend", 7), 0, "no record without its end line");
}

int
main(void)
{
	round_trip();
	every_byte();
	reads();
	fields();
	DONE();
}
