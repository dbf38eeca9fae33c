#include "base.h"

#include "unit.h"
#include "wire.h"

static void
gather(void *arg, const char *p, size_t n)
{
	str_add(arg, p, n);
}

/* Fed in pieces of `step` bytes. */
static void
convert(struct wire *w, struct str *out, const char *in, size_t n, size_t step)
{
	wire_start(w, gather, out);
	for (size_t i = 0; i < n; i += step)
		wire_add(w, in + i, n - i < step ? n - i : step);
	wire_end(w);
}

#define T(in, out, flags)                                                                                    \
	{                                                                                                    \
		in, sizeof(in) - 1, out, sizeof(out) - 1, flags                                              \
	}

static void
table(void)
{
	static const struct {
		const char *in;
		size_t nin;
		const char *out;
		size_t nout;
		const char *flags; /* 8bit, utf8 header, dot */
	} t[] = {
	    T("A: b\n\nx\n", "A: b\r\n\r\nx\r\n", ""),
	    T("A: b\r\n\r\nx\r\n", "A: b\r\n\r\nx\r\n", ""),
	    T("A: b\n\nx", "A: b\r\n\r\nx\r\n", ""),
	    T("A: b\n\nx\r", "A: b\r\n\r\nx\r\n", ""),
	    T("A: b\n\nx\r\r\r", "A: b\r\n\r\nx\r\n", ""),
	    T("A: b\n\nx\r\r\ny\n", "A: b\r\n\r\nx\r\ny\r\n", ""),
	    T("A: b\n\nx\ry\r\rz\n", "A: b\r\n\r\nx\r\ny\r\n\r\nz\r\n", ""),
	    T("A: b\n\n\n.\n", "A: b\r\n\r\n\r\n.\r\n", "."),
	    T("A: b\n\n\r.\r", "A: b\r\n\r\n\r\n.\r\n", "."),
	    T("A: b\n\nx\n.\r\ny", "A: b\r\n\r\nx\r\n.\r\ny\r\n", "."),
	    T("A: b\n\nx\r\n.\ry", "A: b\r\n\r\nx\r\n.\r\ny\r\n", "."),
	    T("A: b\n\nx.\n", "A: b\r\n\r\nx.\r\n", ""),
	    T("A: b\n\na\0b\n", "A: b\r\n\r\na\0b\r\n", ""),
	    T("A: b\n\n\xe9\n", "A: b\r\n\r\n\xe9\r\n", "8"),
	    T("A: \xc3\xa9\n\nx\n", "A: \xc3\xa9\r\n\r\nx\r\n", "8u"),
	    T("A: \xe9\n\nx\n", "A: \xe9\r\n\r\nx\r\n", "8"),
	    T("A: b\rBcc: c\n\n", "A: b Bcc: c\r\n\r\n", ""),
	    T("A: b\r\r\n\r\nx\n", "A: b\r\n\r\nx\r\n", ""),
	    T("A: b\n c\n\td\nE : f\n\nx\n", "A: b\r\n c\r\n\td\r\nE : f\r\n\r\nx\r\n", ""),
	    T("A: b\nno field\nC: d\n", "A: b\r\n\r\nno field\r\nC: d\r\n", ""),
	    T(".no field\n", "\r\n.no field\r\n", "."),
	    T(".a: b\n\n", ".a: b\r\n\r\n", "."),
	    T(" x\nA: b\n", "\r\n x\r\nA: b\r\n", ""),
	    T("hello", "\r\nhello\r\n", ""),
	    T("caf\xc3\xa9", "\r\ncaf\xc3\xa9\r\n", "8"),
	    T("", "\r\n", ""),
	    T("\r", "\r\n", ""),
	    T("\n\n", "\r\n\r\n", ""),
	    T("A: b", "A: b\r\n\r\n", ""),
	    T("\n\r\n\r", "\r\n\r\n\r\n", ""),
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		for (size_t step = 1; step <= t[i].nin + 1; step++) {
			struct wire w;
			struct str out = {0};
			const char *f = t[i].flags;
			bool good;

			convert(&w, &out, t[i].in, t[i].nin, step);
			good = !w.bad && out.len == t[i].nout && !memcmp(str_cstr(&out), t[i].out, t[i].nout);
			good = good && w.eightbit == !!strchr(f, '8') && w.utf8_header == !!strchr(f, 'u') &&
			       w.dot == !!strchr(f, '.');
			if (!good || step > t[i].nin)
				OK(good, "T104 row");
			if (!good)
				printf("# row %zu in pieces of %zu: %.*s\n", i, step, (int)out.len,
				    str_cstr(&out));
			str_free(&out);
			wire_free(&w);
		}
	}
}

static void
long_lines(void)
{
	char *line = mem_alloc(2000);

	memset(line, 'x', 2000);
	for (size_t n = 997; n < 1001; n++)
		for (int in_body = 0; in_body < 2; in_body++) {
			struct wire w;
			struct str in = {0}, out = {0};

			str_adds(&in, in_body ? "A: b\n\nshort\n" : "A:");
			str_add(&in, line, in_body ? n : n - 2);
			str_adds(&in, "\nz\n");
			convert(&w, &out, in.s, in.len, 100);
			INT_EQ(w.longline, n > 998,
			    in_body ? "T106 long line of the body" : "T106 long line of the header section");
			str_free(&in);
			str_free(&out);
			wire_free(&w);
		}
	free(line);
}

static void
refusals(void)
{
	struct wire w;
	struct str out = {0}, in = {0};

	convert(&w, &out, "A: b\nC: \0d\n\nx\n", 15, 4);
	STR_EQ(w.bad, "there is a NUL byte in its header section", "T106 NUL in the header section");
	wire_free(&w);
	str_adds(&in, "A: ");
	for (int i = 0; i < 20000; i++)
		str_adds(&in, "0123456789012345678901234567890123456789012345678901234567890123456789\n ");
	convert(&w, &out, in.s, in.len, 65536);
	STR_EQ(w.bad, "its header section is longer than 1 MB", "a header section without end");
	wire_free(&w);
	str_free(&in);
	str_free(&out);
}

/* Whatever goes in, what comes out has CRLF line ends only, and the pieces it came in do not matter. */
static void
property(void)
{
	static const char bytes[] = "\r\n\r\n..a: \xc3\xa9";
	unsigned seed = 42, bad = 0;

	for (int round = 0; round < 20000; round++) {
		char in[40];
		size_t n;
		struct wire w;
		struct str out = {0}, whole = {0};

		seed = seed * 1103515245 + 12345;
		n = seed >> 16 & 31;
		for (size_t i = 0; i < n; i++) {
			seed = seed * 1103515245 + 12345;
			in[i] = bytes[(seed >> 16) % (sizeof bytes - 1)];
		}
		convert(&w, &whole, in, n, sizeof in);
		wire_free(&w);
		convert(&w, &out, in, n, 1 + (seed >> 20 & 7));
		wire_free(&w);
		if (out.len != whole.len || memcmp(str_cstr(&out), str_cstr(&whole), out.len))
			bad++;
		for (size_t i = 0; i < out.len; i++)
			if ((out.s[i] == '\r' && (i + 1 == out.len || out.s[i + 1] != '\n')) ||
			    (out.s[i] == '\n' && (!i || out.s[i - 1] != '\r')))
				bad++;
		if (out.len < 2 || out.s[out.len - 1] != '\n')
			bad++;
		str_free(&out);
		str_free(&whole);
	}
	INT_EQ(bad, 0, "T104 20,000 random texts: CRLF only, however they are cut");
}

int
main(void)
{
	table();
	long_lines();
	refusals();
	property();
	DONE();
}
