#include "base.h"

#include "encoded_field.h"
#include "quoted.h"
#include "repair.h"
#include "unit.h"

static void
gather(void *arg, const char *p, size_t n)
{
	str_add(arg, p, n);
}

/* ---- quoted-printable, RFC 2045 6.7 ---- */

#define X5 "xxxxx"
#define X25 X5 X5 X5 X5 X5
#define X75 X25 X25 X25

static const struct {
	const char *what, *in;
	size_t n;
	const char *out;
} quoted_rows[] = {
#define Q(what, in, out)                                                                                     \
	{                                                                                                    \
		what, in, sizeof(in) - 1, out                                                                \
	}
    Q("empty", "", ""),
    Q("plain, line end added", "a b", "a b\r\n"),
    Q("8-bit, =, NUL, controls", "\xc3\xbc=\0\x01\x7f", "=C3=BC=3D=00=01=7F\r\n"),
    Q("blanks at the end of lines", "a \nb\t\n  \nc ", "a=20\r\nb=09\r\n =20\r\nc=20\r\n"),
    Q("line ends", "a\r\nb\nc\rd\r\r\n\n", "a\r\nb\r\nc\r\nd\r\n\r\n"),
    Q("dots at the beginning", ".\n..a\nb.\n", "=2E\r\n=2E.a\r\nb.\r\n"),
    Q("75 columns stay", X75 "\n", X75 "\r\n"),
    Q("76 are parted", X75 "y\n", X75 "=\r\ny\r\n"),
    Q("a byte is not parted", X75 "=\n", X75 "=\r\n=3D\r\n"),
    Q("a blank behind a full line", X75 " \n", X75 "=\r\n=20\r\n"),
    Q("blanks across a soft line end", X75 " y\n", X75 "=\r\n y\r\n"),
    Q("a dot across a soft line end", X75 ".\n", X75 "=\r\n=2E\r\n"),
    Q("no header is looked for", "To: a\n\n b", "To: a\r\n\r\n b\r\n"),
};

static void
quoted(void)
{
	for (size_t i = 0; i < ARRAY_LEN(quoted_rows); i++)
		for (size_t step = 1; step < 9; step += 7) {
			struct str out = {0};
			struct quoted q;

			quoted_start(&q, gather, &out);
			for (size_t k = 0; k < quoted_rows[i].n; k += step)
				quoted_add(&q, quoted_rows[i].in + k,
				    quoted_rows[i].n - k < step ? quoted_rows[i].n - k : step);
			quoted_end(&q);
			STR_EQ(str_cstr(&out), quoted_rows[i].out, quoted_rows[i].what);
			str_free(&out);
		}
}

/* ---- fields ---- */

static const struct {
	const char *in, *out;
} fields[] = {
    {"Subject: plain =?x?= text  \n", "Subject: plain =?x?= text  \n"},
    {"Subject: \xc3\xbc\n", "Subject: =?utf-8?Q?=C3=BC?=\n"},
    {"subject:\xc3\xbc a \xc3\xbc\xc3\xbc  \xc3\xbc b\r\n",
	"subject:=?utf-8?Q?=C3=BC?= a =?utf-8?Q?=C3=BC=C3=BC__=C3=BC?= b\r\n"},
    {"Subject: a\r\n \xc3\xbc\r\n\t\xc3\xbc\r\n", "Subject: a\r\n =?utf-8?Q?=C3=BC_=C3=BC?=\r\n"},
    {"Subject: \xe4\n", "Subject: =?iso-8859-1?Q?=E4?=\n"},
    {"X-A: \xc3\xbc \n", "X-A: =?utf-8?Q?=C3=BC?= \n"},
    {"References: \xc3\xbc\n", "References: \xc3\xbc\n"},
    {"From: \xc3\xbc<a@x>\n", "From: =?utf-8?Q?=C3=BC?= <a@x>\n"},
    {"From: a \"\xc3\xbc, \\\"b\\\"\" c <a@x>\n", "From: =?utf-8?Q?a_=C3=BC=2C_=22b=22_c?= <a@x>\n"},
    {"From: A <a@x>, \xc3\xbc <b@x>\n", "From: A <a@x>, =?utf-8?Q?=C3=BC?= <b@x>\n"},
    {"From: a@x (a (\xc3\xbc) \\) b)\n", "From: a@x (=?utf-8?Q?a_=28=C3=BC=29_=29_b?=)\n"},
    {"To: \xc3\xbc: a@x, b@x;\n", "To: =?utf-8?Q?=C3=BC?= : a@x, b@x;\n"},
    {"To: \"\xc3\xbc\"\n <a@x>\n", "To: =?utf-8?Q?=C3=BC?=\n <a@x>\n"},
    {"To: <\"a>,b\"@x>, \xc3\xbc <c@x>\n", "To: <\"a>,b\"@x>, =?utf-8?Q?=C3=BC?= <c@x>\n"},
    {"To: \xc3\xbc@x, \xc3\xbc <c@x>\n", "To: \xc3\xbc@x, \xc3\xbc <c@x>\n"},
    {"To: \"\xc3\xbc <c@x>\n", "To: \"\xc3\xbc <c@x>\n"},
    {"To: (\xc3\xbc <c@x>\n", "To: (\xc3\xbc <c@x>\n"},
};

static void
field(const char *in, const char *want, bool smtputf8)
{
	const char *p = in;
	struct header_field f;
	struct str out = {0};

	if (header_next(&p, in + strlen(in), &f))
		encoded_field_add(&out, &f, smtputf8);
	STR_EQ(str_cstr(&out), want, want);
	str_free(&out);
}

/* ---- what becomes of the body ---- */

static const struct {
	const char *what, *header, *body;
	bool convert, quoted;
} wants[] = {
    {"ASCII", "", "a", 0, 0},
    {"8-bit", "", "\xff", 0, 1},
    {"text", "content-type: TEXT/html\n", "\xff", 0, 1},
    {"a comment before the type", "Content-Type: (x (y) z) text/plain\n", "\xff", 0, 0},
    {"a simple one", "Content-Type: (x) text/plain\n", "\xff", 0, 1},
    {"an open one", "Content-Type: (x text/plain\n", "\xff", 0, 0},
    {"nothing in the type", "Content-Type:\n", "\xff", 0, 0},
    {"no text", "Content-Type: image/png\n", "\xff", 0, 0},
    {"8bit", "Content-Transfer-Encoding: 8BIT (x)\n", "\xff", 0, 0},
    {"8bit, convert", "Content-Transfer-Encoding: 8BIT(x)\n", "\xff", 1, 1},
    {"binary", "Content-Transfer-Encoding: binary\n", "\xff", 0, 0},
    {"7bit", "Content-Transfer-Encoding: 7bit\n", "\xff", 0, 1},
    {"unknown", "Content-Transfer-Encoding: x-uuencode\n", "\xff", 1, 0},
    {"two encodings", "Content-Transfer-Encoding: 7bit\nContent-Transfer-Encoding: 7bit\n", "\xff", 0, 0},
    {"signed", "DKIM-Signature: v=1\n", "\xff", 1, 0},
    {"signed on the way", "ARC-Message-Signature: i=1\n", "\xff", 1, 0},
};

static const struct {
	const char *what, *in;
	bool utf8;
} looks[] = {
    {"ASCII", "a", 1},
    {"two bytes", "\xc3\xbc", 1},
    {"four", "\xf0\x9f\x98\x80.", 1},
    {"the highest", "\xf4\x8f\xbf\xbf", 1},
    {"cut at the end", "a\xf0\x9f\x98", 1},
    {"cut within", "\xf0\x9f\x98.", 0},
    {"overlong", "\xc0\x80", 0},
    {"overlong, three", "\xe0\x9f\x80", 0},
    {"surrogate", "\xed\xa0\x80", 0},
    {"too high", "\xf4\x90\x80\x80", 0},
    {"no first byte", "\x80", 0},
    {"latin-1", "b\xe4r", 0},
};

static void
decisions(void)
{
	for (size_t i = 0; i < ARRAY_LEN(wants); i++) {
		struct look l;

		look_start(&l);
		look_add(&l, wants[i].body, strlen(wants[i].body));
		look_end(&l);
		INT_EQ(repair_wants_quoted(wants[i].header, strlen(wants[i].header), &l, wants[i].convert),
		    wants[i].quoted, wants[i].what);
	}
	for (size_t i = 0; i < ARRAY_LEN(looks); i++) {
		struct look l;

		look_start(&l);
		for (const char *p = looks[i].in; *p; p++)
			look_add(&l, p, 1);
		look_end(&l);
		INT_EQ(l.utf8, looks[i].utf8, looks[i].what);
	}
}

int
main(void)
{
	quoted();
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		field(fields[i].in, fields[i].out, false);
	field("Subject: \xc3\xbc\n", "Subject: \xc3\xbc\n", true);
	field("Subject: \xe4\n", "Subject: =?iso-8859-1?Q?=E4?=\n", true);
	decisions();
	DONE();
}
