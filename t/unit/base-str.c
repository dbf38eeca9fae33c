#include "base.h"

#include "str.h"
#include "unit.h"

#include <inttypes.h>

static void
numbers(void)
{
	static const struct {
		const char *s;
		uint64_t max;
		bool good;
		uint64_t n;
	} t[] = {
	    {"0", 9, true, 0},
	    {"007", 9, true, 7},
	    {"9", 9, true, 9},
	    {"10", 9, false, 0},
	    {"9999999999999999999", UINT64_MAX, true, UINT64_C(9999999999999999999)},
	    {"18446744073709551616", UINT64_MAX, false, 0},
	    {"", 9, false, 0},
	    {" 1", 9, false, 0},
	    {"1 ", 9, false, 0},
	    {"-1", 9, false, 0},
	    {"+1", 9, false, 0},
	    {"0x1", 99, false, 0},
	    {"1e1", 99, false, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		uint64_t n = 0;

		OK(str_number(t[i].s, t[i].max, &n) == t[i].good && n == t[i].n, t[i].s);
	}
}

static void
durations(void)
{
	static const struct {
		const char *s;
		int64_t seconds; /* -1: refused */
	} t[] = {
	    {"0", 0},
	    {"90", 90},
	    {"90s", 90},
	    {"15m", 900},
	    {"2h", 7200},
	    {"5d", 432000},
	    {"1w", 604800},
	    {"7m30s", 450},
	    {"1h1h", 7200},
	    {"1000000000", 1000000000},
	    {"1000000001", -1},
	    {"999999999w", -1},
	    {"1000000w1000000w", -1},
	    {"", -1},
	    {"s", -1},
	    {"1x", -1},
	    {"1m30", -1},
	    {"-1s", -1},
	    {"1 m", -1},
	    {"1.5h", -1},
	    {"99999999999999999999s", -1},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		int64_t us = -1;
		bool good = str_duration(t[i].s, &us);

		OK(good == (t[i].seconds >= 0) && (!good || us == t[i].seconds * 1000000), t[i].s);
	}
}

static void
sizes(void)
{
	static const struct {
		const char *s;
		bool good;
		uint64_t n;
	} t[] = {
	    {"0", true, 0},
	    {"4096", true, 4096},
	    {"64k", true, 65536},
	    {"64K", true, 65536},
	    {"50M", true, 50 << 20},
	    {"2G", true, UINT64_C(2) << 30},
	    {"1099511627776", true, UINT64_C(1) << 40},
	    {"1099511627777", false, 0},
	    {"1099511627776G", false, 0},
	    {"5T", false, 0},
	    {"5kb", false, 0},
	    {"k", false, 0},
	    {"", false, 0},
	    {"-5", false, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		uint64_t n = 0;

		OK(str_size(t[i].s, &n) == t[i].good && n == t[i].n, t[i].s);
	}
}

static void
utf8(void)
{
	static const struct {
		const char *s;
		size_t n, len;
		const char *what;
	} t[] = {
	    {"", 0, 0, "nothing"},
	    {"a", 1, 1, "ASCII"},
	    {"\0", 1, 1, "NUL is a character"},
	    {"\xc3\xbc", 2, 2, "two bytes"},
	    {"\xe2\x82\xac", 3, 3, "three"},
	    {"\xf0\x9f\x98\x80", 4, 4, "four"},
	    {"\xf4\x8f\xbf\xbf", 4, 4, "U+10FFFF"},
	    {"\xf4\x90\x80\x80", 4, 0, "above U+10FFFF"},
	    {"\xf5\x80\x80\x80", 4, 0, "F5"},
	    {"\xc3", 1, 0, "cut short"},
	    {"\xe2\x82", 2, 0, "cut short at two"},
	    {"\xf0\x9f\x98", 3, 0, "cut short at three"},
	    {"\xc0\x80", 2, 0, "overlong NUL"},
	    {"\xc1\xbf", 2, 0, "overlong"},
	    {"\xe0\x9f\xbf", 3, 0, "overlong of three"},
	    {"\xf0\x8f\xbf\xbf", 4, 0, "overlong of four"},
	    {"\xed\xa0\x80", 3, 0, "a surrogate"},
	    {"\xed\x9f\xbf", 3, 3, "below the surrogates"},
	    {"\x80", 1, 0, "a tail alone"},
	    {"\xc3(", 2, 0, "no tail"},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		INT_EQ(utf8_len(t[i].s, t[i].n), t[i].len, t[i].what);
	OK(utf8_valid("a\xc3\xbcz", 4) && !utf8_valid("a\xc3", 2) && utf8_valid("", 0), "whole strings");
	OK(text_is_ascii("abc\x7f", 4) && !text_is_ascii("\x80", 1), "ASCII or not");
}

static void
visible(void)
{
	static const struct {
		const char *in, *out, *what;
	} t[] = {
	    {"plain text", "plain text", "plain text stays"},
	    {"a\r\nb\tc\x7f", "a\\x0d\\x0ab\\x09c\\x7f", "controls"},
	    {"\x1b[2J", "\\x1b[2J", "an escape sequence"},
	    {"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f", "letters stay"},
	    {"\xff", "\\xff", "no UTF-8"},
	    {"\xc2\x9b", "\\xc2\\x9b", "C1: CSI"},
	    {"\xc2\xa0", "\xc2\xa0", "the first that is no C1"},
	    {"\xe2\x80\xae", "\\xe2\\x80\\xae", "right-to-left override"},
	    {"\xe2\x80\x8b", "\\xe2\\x80\\x8b", "zero width space"},
	    {"\xe2\x81\xa9", "\\xe2\\x81\\xa9", "isolate"},
	    {"\xd8\x9c", "\\xd8\\x9c", "Arabic letter mark"},
	    {"\xef\xbb\xbf", "\\xef\\xbb\\xbf", "byte order mark"},
	    {"\xe2\x80\x94", "\xe2\x80\x94", "a dash stays"},
	};
	char out[64];

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		size_t n = text_visible(out, sizeof out - 1, t[i].in, strlen(t[i].in));

		out[n] = 0;
		STR_EQ(out, t[i].out, t[i].what);
	}
	INT_EQ(text_visible(out, 5, "a\n\n", 3), 5, "as far as it fits");
	INT_EQ(text_visible(out, 8, "a\n\n", 3), 5, "never half an escape");
	INT_EQ(text_visible(out, 2, "a\xc3\xbc", 3), 1, "never half a letter");
}

static void
strings(void)
{
	struct str s = {0};
	char *p;

	STR_EQ(str_cstr(&s), "", "an empty one reads as text");
	for (int i = 0; i < 1000; i++)
		str_addf(&s, "%d,", i);
	INT_EQ(s.len, 3890, "grows");
	OK(!strncmp(s.s, "0,1,2,", 6) && !strcmp(s.s + s.len - 4, "999,"), "and keeps what it has");
	str_shift(&s, 2);
	OK(!strncmp(s.s, "1,2,", 4), "shift");
	str_cut(&s, 3);
	STR_EQ(s.s, "1,2", "cut");
	str_add(&s, "a\0b", 3);
	INT_EQ(s.len, 6, "NUL bytes count");
	p = str_take(&s);
	OK(p && !s.s && !s.len, "taken");
	free(p);
	p = str_take(&s);
	STR_EQ(p, "", "nothing taken is text too");
	free(p);
	str_addc(&s, 'x');
	str_reset(&s);
	OK(s.s && !s.len && !*s.s, "reset");
	str_free(&s);
	OK(str_ieq("MaIl", "mAiL") && !str_ieq("a", "ab") && !str_ieq("ab", "a") &&
		!str_ieq("\xc3\x9c", "\xc3\xbc"),
	    "ASCII case alone");
	OK(str_istarts("Subject: x", "subject:") && !str_istarts("Sub", "subject:"), "prefix");
}

int
main(void)
{
	numbers();
	durations();
	sizes();
	utf8();
	visible();
	strings();
	DONE();
}
