#include "base.h"

#include "addrlist.h"
#include "path.h"
#include "unit.h"

/* All addresses of a list joined by "|", "!" at the end when the list is bad. */
static char *
all(const char *text)
{
	char *copy = mem_dupn(text, strlen(text)); /* so that asan sees a step too far */
	struct addrlist l = {.p = copy, .end = copy + strlen(text)};
	struct str out = {0};
	enum addrlist_got got;

	while ((got = addrlist_next(&l)) == ADDRLIST_ITEM) {
		str_adds(&out, str_cstr(&l.addr));
		str_addc(&out, '|');
		if (l.behind < copy || l.behind > l.end)
			str_adds(&out, "behind?");
	}
	if (got == ADDRLIST_BAD)
		str_adds(&out, l.why ? "!" : "why?");
	addrlist_free(&l);
	free(copy);
	return str_take(&out);
}

static void
lists(void)
{
	static const char *const t[][2] = {
	    {"a@x", "a@x|"},
	    {"a@x, b@y", "a@x|b@y|"},
	    {"a@x,b@y,", "a@x|b@y|"},
	    {",, a@x ,, b@y", "a@x|b@y|"},
	    {"", ""},
	    {"  \r\n ", ""},
	    {"Name <a@b>", "a@b|"},
	    {"First M. Last <a@b>, c@d", "a@b|c@d|"},
	    {"\"Last, First\" <a@b>", "a@b|"},
	    {"\"a \\\" , <x@y>\" <a@b>", "a@b|"},
	    {"a@b (Name, of <him>)", "a@b|"},
	    {"(c (nested \\) ) , ) a@b", "a@b|"},
	    {"root (Cron Daemon)", "root|"},
	    {"root", "root|"},
	    {"<root>", "root|"},
	    {"<@r1,@r2:a@b>", "a@b|"},
	    {"Name <@r1, @r2 : a@b>", "a@b|"},
	    {"@r1,@r2:a@b", "a@b|"},
	    {"Group: a@x, B <b@y>;", "a@x|b@y|"},
	    {"Group:a@x;, c@z", "a@x|c@z|"},
	    {"undisclosed-recipients:;", ""},
	    {"\"G, H\": a@x;", "a@x|"},
	    {"a@x; b@y", "a@x|b@y|"},
	    {"a @ b . example", "a@b.example|"},
	    {"a(one)@(two)b", "a@b|"},
	    {"\"john doe\"@b", "\"john doe\"@b|"},
	    {"\"a,b\"@c, d@e", "\"a,b\"@c|d@e|"},
	    {"a@[192.0.2.1]", "a@[192.0.2.1]|"},
	    {"a@[IPv6:::1], b@c", "a@[IPv6:::1]|b@c|"},
	    {"=?utf-8?Q?J=C3=BCrg?= <a@b>", "a@b|"},
	    {"=?utf-8?Q?x,y@z?= <a@b>, c@d", "a@b|c@d|"},
	    {"=?utf-8?B?eA==?=\r\n =?utf-8?B?eA==?= <a@b>", "a@b|"},
	    {"a@x,\r\n b@y", "a@x|b@y|"},
	    {"Name\r\n\t<a@b>", "a@b|"},
	    {"a@b <c@d>", "c@d|"},
	    {"J\xc3\xbcrg <j\xc3\xbcrg@b\xc3\xbc"
	     "cher.example>",
		"j\xc3\xbcrg@b\xc3\xbc"
		"cher.example|"},
	    {"<>", "|"},
	    {"a.b.@c", "a.b.@c|"},
	    {"-f@x", "-f@x|"},

	    {"John Doe", "!"},
	    {"a@x, John Doe, b@y", "a@x|!"},
	    {"<a@b", "!"},
	    {"<a@b, c@d>", "!"},
	    {"a@b>", "!"},
	    {"<a@b> <c@d>", "!"},
	    {"<a@b> x", "!"},
	    {"<a b@c>", "!"},
	    {"<<a@b>>", "!"},
	    {"\"a@b", "!"},
	    {"\"a\\", "!"},
	    {"(a@b", "!"},
	    {"(a\\", "!"},
	    {"a@[b", "!"},
	    {"=?a", "=?a|"},
	    {"=?a?b?c", "=?a?b?c|"},
	    {"=?a?b?c?", "=?a?b?c?|"},
	    {"<", "!"},
	    {"@", "@|"},
	    {"@,", "@,|"},
	    {"a\\ b@c", "!"},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		char *got = all(t[i][0]);

		STR_EQ(got, t[i][1], "S9 S11 address list");
		free(got);
	}
}

static void
behind(void)
{
	static const char *const t[][2] = {
	    {"root (Cron)", "root"},
	    {"X <root >", "X <root"},
	    {"<@a:root>", "<@a:root"},
	    {"a . b (x)", "a . b"},
	    {"<>", "<"},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct addrlist l = {.p = t[i][0], .end = t[i][0] + strlen(t[i][0])};

		INT_EQ(addrlist_next(&l), ADDRLIST_ITEM, "S40 an item");
		INT_EQ(l.behind - t[i][0], strlen(t[i][1]), "S40 where its address ends");
		addrlist_free(&l);
	}
}

static void
paths(void)
{
	static const struct {
		const char *s, *mailname, *want;
	} t[] = {
	    {"root", "host.example", "root@host.example"},
	    {"root", NULL, NULL},
	    {"a@B.Example", NULL, "a@b.example"},
	    {"a@b.example.", NULL, "a@b.example"},
	    {"a@b\xc3\xbc"
	     "cher.example",
		NULL, "a@xn--bcher-kva.example"},
	    {"\xc3\xbc@b\xc3\xbc"
	     "cher.example",
		NULL,
		"\xc3\xbc@b\xc3\xbc"
		"cher.example"},
	    {"\xc3\xbc",
		"b\xc3\xbc"
		"cher.example",
		"\xc3\xbc@xn--bcher-kva.example"},
	    {"\"a@b\"", "x.example", "\"a@b\"@x.example"},
	    {"a@[ipv6:::1]", NULL, "a@[IPv6:::1]"},
	    {"a@\xe2\x84\x80.example", NULL, NULL},
	    {"", "x.example", NULL},
	    {"a@.", NULL, NULL},
	    {"a.", "x.example", NULL},
	    {"a@", "x.example", NULL},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		const char *why = NULL;
		char *got = path_make(t[i].s, t[i].mailname, &why);

		STR_EQ(got, t[i].want, "envelope path");
		OK(!got == !!why, "a reason when it is none");
		free(got);
	}
}

static void
locals(void)
{
	static const char *const t[][2] = {
	    {"root", "root"},
	    {"j.doe", "j.doe"},
	    {"CORP\\joe", "\"CORP\\\\joe\""},
	    {"joe doe", "\"joe doe\""},
	    {"a@b", "\"a@b\""},
	    {".x", "\".x\""},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		char *got = path_quote_local(t[i][0]);

		STR_EQ(got, t[i][1], "local part of a login name");
		free(got);
	}
}

int
main(void)
{
	lists();
	behind();
	paths();
	locals();
	DONE();
}
