#include "base.h"

#include "status.h"
#include "template.h"
#include "text.h"
#include "unit.h"

static void
show(const char *in, bool ascii, size_t max, const char *want)
{
	struct str s = {0};

	text_show(&s, in, ascii, max);
	STR_EQ(str_cstr(&s), want, "text_show");
	str_free(&s);
}

static void
field(const char *value, const char *want)
{
	struct str s = {0};

	text_field_encoded(&s, "Subject", value);
	STR_EQ(str_cstr(&s), want, "text_field_encoded");
	str_free(&s);
}

static void
wrap(const char *in, const char *want)
{
	struct str s = {0};

	text_wrap(&s, in);
	STR_EQ(str_cstr(&s), want, "text_wrap");
	str_free(&s);
}

static void
qp(const char *in, size_t n, const char *want)
{
	struct str s = {0};

	text_qp(&s, in, n);
	STR_EQ(str_cstr(&s), want, "text_qp");
	str_free(&s);
}

static void
decode(void (*f)(struct str *, const char *), const char *in, const char *want)
{
	struct str s = {0};

	f(&s, in);
	STR_EQ(str_cstr(&s), want, "decoded");
	str_free(&s);
}

static void
address(const char *type, const char *in, bool ascii, const char *want)
{
	struct str s = {0};

	text_typed_address(&s, type, in, ascii);
	STR_EQ(str_cstr(&s), want, "text_typed_address");
	str_free(&s);
}

/* No line of a field may end it, whatever the length of a word. */
static void
long_words(void)
{
	struct str in = {0}, out = {0};
	size_t longest = 0, bad = 0;

	for (int i = 0; i < 2000; i++)
		str_adds(&in, "\xc3\xa9");
	text_field(&out, "X", in.s);
	for (const char *s = out.s; *s;) {
		size_t n = strcspn(s, "\r");

		longest = n > longest ? n : longest;
		bad += !utf8_valid(s, n) || strncmp(s + n, "\r\n", 2);
		s += n + 2;
		bad += *s && (*s != ' ' || s[1] == '\r');
	}
	OK(longest <= 998 && longest > 500, "a long word is broken below 998 bytes");
	INT_EQ(bad, 0, "between characters, and each line goes on");
	str_free(&in);
	str_free(&out);
}

static void
fill(const char *text, const char *want, const char *why)
{
	static const struct template_value v[] = {{"a", "A${b}"}, {"b", "B"}, {"must", "M"}, {0}};
	struct str t = {0}, out = {0}, room = {0};
	const char *got;

	str_adds(&t, text);
	got = template_fill(&out, &t, "must", v, &room);
	STR_EQ(got, why, "why a template is refused");
	STR_EQ(str_cstr(&out), want, "a template");
	str_free(&t);
	str_free(&out);
	str_free(&room);
}

static void
status(void)
{
	static const struct {
		const char *code, *comment;
	} t[] = {{"5.1.1", "Bad destination mailbox address"}, {"4.2.2", "Mailbox full"},
	    {"5.1.10", "Recipient address has null MX"}, {"5.1.99", "Other address status"},
	    {"5.7.30", "REQUIRETLS support required"}, {"5.7.99", "Other or undefined security status"},
	    {"5.0.0", "Other undefined status"}, {"5.9.1", "Other undefined status"},
	    {"5", "Other undefined status"}, {"", "Other undefined status"}, {"2.0.0", "Success"},
	    {"2.1.5", "Destination address valid"}, {"5.1.5", "Other address status"}};

	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		STR_EQ(status_words(t[i].code).comment, t[i].comment, t[i].code);
}

int
main(void)
{
	show("a\tb\r\nX: 1", false, 99, "a b\\x0d\\x0aX: 1");
	show("\xe2\x80\xae\xff\xc3\xa9", false, 99, "\\xe2\\x80\\xae\\xff\xc3\xa9");
	show("\xc3\xa9\xf0\x9f\x98\x80", true, 99, "\\x{E9}\\x{1F600}");
	show("abcd", false, 4, "abcd");
	show("abcde", false, 4, "abcd...");
	show("abc\xc3\xa9", false, 4, "abc...");

	field("Not delivered", "Subject: Not delivered\r\n");
	field("", "Subject:\r\n");
	field("  a   b ", "Subject: a b\r\n");
	field("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbbbbbbbbbbbb cccccccccccccccccccccccccccc",
	    "Subject: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\r\n "
	    "cccccccccccccccccccccccccccc\r\n");
	field("\xc3\xa9", "Subject: =?utf-8?Q?=C3=A9?=\r\n");
	field("=?utf-8?q?=0D?=", "Subject: =?utf-8?Q?=3D=3Futf-8=3Fq=3F=3D0D=3F=3D?=\r\n");
	long_words();

	wrap("a\n\nb", "a\r\n\r\nb\r\n");
	wrap("  aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbbbbbbbbbbbb ccccccccccccccccc\nd\n",
	    "  aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\r\n  "
	    "ccccccccccccccccc\r\nd\r\n");

	qp("a=b \r\n\t\r\nc", 10, "a=3Db=20\r\n=09\r\nc");
	qp("\0\r\xff", 3, "=00=0D=FF");
	qp("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", 76,
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa=\r\nb");

	decode(text_unxtext, "QQ+20314159", "QQ 314159");
	decode(text_unxtext, "a+2Bb+3dc", "a+b=c");
	decode(text_unxtext, "a+", "a+");
	decode(text_unxtext, "a+2", "a+2");
	decode(text_unxtext, "a+00b", "a+00b");
	decode(text_unescape, "chlo\\x{E9}@x", "chlo\xc3\xa9@x");
	decode(text_unescape, "\\x{1F600}\\x{2B}\\x{20AC}", "\xf0\x9f\x98\x80+\xe2\x82\xac");
	decode(
	    text_unescape, "\\x{}\\x{D800}\\x{110000}\\x{0}\\x{E9", "\\x{}\\x{D800}\\x{110000}\\x{0}\\x{E9");

	address("rfc822", "a+b@x", true, "rfc822; a+b@x");
	address("", "a@x", false, "rfc822; a@x");
	address("rfc822", "\xc3\xa9+@x", true, "utf-8; \\x{E9}\\x{2B}@x");
	address("rfc822", "\xc3\xa9+@x", false, "utf-8; \xc3\xa9+@x");
	address("rfc822", "a\r\nX: 1@x", false, "rfc822; a\\x0d\\x0aX: 1@x");
	address("utf-8", "a\r\n@x", true, "utf-8; a\\x{0D}\\x{0A}@x");
	address("x400", "c=us", true, "x400; c=us");

	fill("${must}${a}$$$ $", "MA${b}$$ $", NULL);
	fill("${must}\r\n\tx", "M\n x", NULL);
	fill("x", "", "it does not show ${must}");
	fill("${must} ${c}", "", "${c} is no name of a value");
	fill("${must} ${mus}", "", "${mus} is no name of a value");
	fill("${must} ${a", "", "a ${ is not closed");
	fill("${must} ${a\n}", "", "a ${ is not closed");
	fill("${must}\x1b", "", "it has control characters");
	fill("${must}\xff", "", "it is not UTF-8");

	status();
	DONE();
}
