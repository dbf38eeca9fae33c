#include "base.h"

#include "domain.h"
#include "unit.h"

#define L63 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk"

static void
ascii(void)
{
	static const struct {
		const char *s, *want;
	} t[] = {
	    {"Example.COM", "example.com"},
	    {"example.com.", "example.com"},
	    {"localhost", "localhost"},
	    {"_dmarc.a-b.example", "_dmarc.a-b.example"},
	    {"B\xc3\xbc"
	     "cher.example",
		"xn--bcher-kva.example"},
	    {"XN--BCHER-KVA.example", "xn--bcher-kva.example"},
	    {"fa\xc3\x9f.de", "xn--fa-hia.de"},                           /* non-transitional: not fass.de */
	    {"\xe4\xbe\x8b\xe3\x81\x88\xe3\x80\x82jp", "xn--r8jz45g.jp"}, /* ideographic full stop */
	    {"\xce\xb4\xce\xbf\xce\xba\xce\xb9\xce\xbc\xce\xae", "xn--jxalpdlp"},
	    {"[192.0.2.1]", "[192.0.2.1]"},
	    {"[ipv6:2001:0DB8:0::1]", "[IPv6:2001:db8::1]"},
	    {L63 ".example", L63 ".example"},
	    {"", NULL},
	    {".", NULL},
	    {"..", NULL},
	    {"a..b", NULL},
	    {".a", NULL},
	    {"a..", NULL},
	    {"a b", NULL},
	    {"a/b", NULL},
	    {"a@b", NULL},
	    {"-a.example", NULL},
	    {"a-.example", NULL},
	    {L63 "x.example", NULL},
	    {L63 "." L63 "." L63 "." L63, NULL},
	    {"a\xff.example", NULL},
	    {"\xe2\x84\x80.example", NULL}, /* U+2100 maps to "a/c" */
	    {"\xef\xbc\xa0.example", NULL}, /* fullwidth @ */
	    {"\xe2\x80\xae"
	     "a.example",
		NULL},
	    {"a\r\nb.example", NULL},
	    {"[192.0.2.1", NULL},
	    {"[1.2.3]", NULL},
	    {"[IPv6:1.2.3.4]", NULL},
	    {"[::1]", NULL},
	    {"[]", NULL},
	    {"[", NULL},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		const char *why = NULL;
		char *got = domain_ascii(t[i].s, &why);

		STR_EQ(got, t[i].want, "T109 domain_ascii");
		OK(!got == !!why, "a reason when it is none");
		free(got);
	}
}

static void
unicode(void)
{
	static const char *const t[][2] = {
	    {"xn--bcher-kva.example", "b\xc3\xbc"
				      "cher.example"},
	    {"example.com", "example.com"},
	    {"[192.0.2.1]", "[192.0.2.1]"},
	    {"xn--\x7f.example", "xn--\x7f.example"},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		char *got = domain_unicode(t[i][0]);

		STR_EQ(got, t[i][1], "domain_unicode");
		free(got);
	}
}

int
main(void)
{
	ascii();
	unicode();
	DONE();
}
