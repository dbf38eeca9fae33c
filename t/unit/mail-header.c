#include "base.h"

#include "header.h"
#include "unit.h"

/* Every field as "name=unfolded;", then what *p stands at. */
static void
walk(const char *text, size_t n, const char *want, const char *rest)
{
	const char *p = text, *end = text + n;
	struct header_field f;
	struct str out = {0};

	while (header_next(&p, end, &f)) {
		OK(f.start >= text && f.end <= end && f.end > f.start && f.value + f.len <= f.end,
		    "inside the text");
		str_add(&out, f.name, f.namelen);
		str_addc(&out, '=');
		header_unfold(&out, &f);
		str_addc(&out, ';');
	}
	STR_EQ(str_cstr(&out), want, "fields");
	INT_EQ(end - p, strlen(rest), "what is left");
	OK(!memcmp(p, rest, (size_t)(end - p)), "where it stands");
	str_free(&out);
}

/* T66, T67: TLS-Required: No */
static void
optional(void)
{
	static const struct {
		const char *text;
		bool want;
	} t[] = {
	    {"TLS-Required: No\n\n", true},
	    {"Subject: x\r\ntls-required:nO \r\nTo: y\r\n", true},
	    {"TLS-Required:\r\n No\r\n", true},
	    {"TLS-Required:\r\n\tNo\r\n \r\n", true},
	    {"TLS-Required: Yes\n", false},
	    {"TLS-Required: None\n", false},
	    {"TLS-Required: N\n o\n", false},
	    {"TLS-Required:\n", false},
	    {"TLS-Required: No\nTLS-Required: No\n", false},
	    {"TLS-Required: No\nTLS-Required: Yes\n", false},
	    {"TLS-Required: Yes\nTLS-Required: No\n", false},
	    {"TLS-Requiredd: No\nX-TLS-Required: No\n", false},
	    {"Subject: x\n TLS-Required: No\n", false},
	    {"Subject: x\n\nTLS-Required: No\n", false},
	    {"", false},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		INT_EQ(header_tls_optional(t[i].text, strlen(t[i].text)), t[i].want, "T66 T67 TLS-Required");
}

int
main(void)
{
	static const struct {
		const char *text, *want, *rest;
	} t[] = {
	    {"A: b\nC: d\n\nbody", "A=b;C=d;", "body"},
	    {"A: b\r\nC: d\r\n\r\nbody", "A=b;C=d;", "body"},
	    {"A: b\r\n c\r\n\td\r\nE:f\r\n", "A=b c\td;E=f;", ""},
	    {"A:\n b\n\n", "A=b;", ""},
	    {"A: b\n \n c\n\nx", "A=b  c;", "x"},
	    {"A : b \t\n\n", "A=b;", ""},
	    {"A: b", "A=b;", ""},
	    {"A:", "A=;", ""},
	    {"A:\r\n\r\n", "A=;", ""},
	    {"A: b\r", "A=b;", ""},
	    {"A: b\nno field here\n", "A=b;", "no field here\n"},
	    {"From x Mon\nA: b\n", "", "From x Mon\nA: b\n"},
	    {" A: b\n", "", " A: b\n"},
	    {": b\n", "", ": b\n"},
	    {"\nA: b\n", "", "A: b\n"},
	    {"\r\nA: b\n", "", "A: b\n"},
	    {"\r", "", "\r"},
	    {"", "", ""},
	    {"\xc3\xbc: b\n", "", "\xc3\xbc: b\n"},
	    {"A", "", "A"},
	};
	const char *p = "x-TEST@`: v";
	struct header_field f;

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		char *copy = mem_dupn(t[i].text, strlen(t[i].text));

		walk(copy, strlen(copy), t[i].want, t[i].rest);
		free(copy);
	}
	optional();
	OK(header_next(&p, p + strlen(p), &f), "a field without a line end");
	OK(header_is(&f, "X-test@`"), "names compare without case");
	OK(!header_is(&f, "X-test`@") && !header_is(&f, "X-test") && !header_is(&f, "X-test@@"),
	    "letters only");
	DONE();
}
