#include "base.h"

#include "mime_read.h"
#include "unit.h"

static bool
gather(void *arg, const struct mime_leaf *leaf)
{
	struct str *out = arg;

	str_addf(out, "%s{", leaf->type);
	mime_decode(out, leaf);
	str_adds(out, "}");
	return true;
}

static const char *
leaves(const char *message)
{
	static struct str out;

	str_reset(&out);
	mime_walk(message, strlen(message), gather, &out);
	return str_cstr(&out);
}

static bool
count(void *arg, const struct mime_leaf *leaf)
{
	(void)leaf;
	++*(unsigned *)arg;
	return true;
}

static void
bounds(void)
{
	struct str deep = {0}, wide = {0};
	unsigned n = 0;

	for (int i = 0; i < 50; i++)
		str_addf(&deep, "Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i, i);
	str_adds(&deep, "\nx\n");
	mime_walk(deep.s, deep.len, count, &n);
	INT_EQ(n, 0, "what is too deep is passed over");
	str_adds(&wide, "Content-Type: multipart/mixed; boundary=b\n\n");
	for (int i = 0; i < 1000; i++)
		str_adds(&wide, "--b\n\nx\n");
	mime_walk(wide.s, wide.len, count, &n);
	INT_EQ(n, MIME_LEAVES, "of many the first");
	str_free(&deep);
	str_free(&wide);
}

int
main(void)
{
	static const struct {
		const char *message, *want, *name;
	} t[] = {
	    {"Subject: x\r\n\r\nbody\r\n", "text/plain{body\r\n}", "a message without MIME"},
	    {"", "text/plain{}", "nothing"},
	    {"From me Mon\nSubject: x\n\nbody", "text/plain{body}", "out of an mbox"},
	    {"Content-Type: Text/HTML; charset=\"x;boundary=y\"\n\nb", "text/html{b}", "a type, in any case"},
	    {"Content-Type: application/json\nContent-Transfer-Encoding: BASE64\n\nYWJj\r\nZGVm!\nZw==YWJj",
		"application/json{abcdefg}", "base64: blanks and nonsense are passed over, = ends it"},
	    {"Content-Transfer-Encoding: quoted-printable\n\na=3Db=\r\nc= \nd=zz=3d=",
		"text/plain{a=bcd=zz=}", "quoted-printable"},
	    {"Content-Type: multipart/report; boundary=\"a b\"; report-type=x\n\npre\n--a b\nContent-Type: "
	     "text/x\n\none\n--a b  \r\n"
	     "Content-Type: application/tlsrpt+gzip\nContent-Transfer-Encoding: base64\n\nYQ==\r\n--a "
	     "b--\nepilogue\n--a b\n\nno\n",
		"text/x{one}application/tlsrpt+gzip{a}", "parts; nothing before or behind them"},
	    {"Content-Type: multipart/mixed;\n\tboundary=o\n\n--o\nContent-Type: multipart/mixed; "
	     "boundary=oi\n\n--oi\n\nx\n--oi--\n--o\n\ny\n--o--",
		"text/plain{x}text/plain{y}", "parts within parts, a boundary that begins with another"},
	    {"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n", "text/plain{x\n}", "cut short"},
	    {"Content-Type: multipart/mixed\n\n--b\n\nx", "multipart/mixed{--b\n\nx}", "no boundary"},
	    {"Content-Type: multipart/mixed; boundary=b\n\nnothing", "", "no part"},
	    {"Content-Type: multipart/mixed; boundary=\"b\n\n--b\n\nx\n--b--", "text/plain{x}",
		"a quote that does not end"},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		STR_EQ(leaves(t[i].message), t[i].want, t[i].name);
	bounds();
	DONE();
}
