#include "base.h"

#include "addr.h"
#include "unit.h"

#define L63 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk"

static void
checks(void)
{
	static const struct {
		const char *s;
		bool bare_ok, good;
	} t[] = {
	    {"user@example.com", false, true},
	    {"a.b+c=d/e@sub.example.com", false, true},
	    {"!#$%&'*+-/=?^_`{|}~@example.com", false, true},
	    {"-froot@example.com", false, true},
	    {"\"a b\"@example.com", false, true},
	    {"\"a@b\"@example.com", false, true},
	    {"\"a\\\"b<>\"@example.com", false, true},
	    {"\"\"@example.com", false, true},
	    {"user@[192.0.2.1]", false, true},
	    {"user@[IPv6:2001:db8::1]", false, true},
	    {"user@[ipv6:::1]", false, true},
	    {"gr\xc3\xbc\xc3\x9f"
	     "e@example.com",
		false, true},
	    {"user@b\xc3\xbc"
	     "cher.example",
		false, true},
	    {"user@xn--bcher-kva.example", false, true},
	    {"user@localhost", false, true},
	    {"user@a_b.example", false, true},
	    {"user@" L63 ".example", false, true},
	    {"root", true, true},
	    {"\"john doe\"", true, true},

	    {"", true, false},
	    {"root", false, false},
	    {"@example.com", false, false},
	    {"user@", false, false},
	    {"user@@example.com", false, false},
	    {"a@b@example.com", false, false},
	    {".a@example.com", false, false},
	    {"a.@example.com", false, false},
	    {"a..b@example.com", false, false},
	    {"a b@example.com", false, false},
	    {"a@exa mple.com", false, false},
	    {"<a@example.com>", false, false},
	    {"a>@example.com", false, false},
	    {"a@example.com>", false, false},
	    {"a\r\nRCPT@example.com", false, false},
	    {"\"a\nb\"@example.com", false, false},
	    {"a\tb@example.com", false, false},
	    {"a\x7f@example.com", false, false},
	    {"a\xc2\x85@example.com", false, false},
	    {"a\xff@example.com", false, false},
	    {"a\xc0\x80@example.com", false, false},
	    {"\"a@example.com", false, false},
	    {"\"a\"b@example.com", false, false},
	    {"\"a\\\"@example.com", false, false},
	    {"a,b@example.com", false, false},
	    {"a(b)@example.com", false, false},
	    {"@a:b@example.com", false, false},
	    {"a@.example.com", false, false},
	    {"a@example..com", false, false},
	    {"a@example.com.", false, false},
	    {"a@-example.com", false, false},
	    {"a@example-.com", false, false},
	    {"a@exa;mple.com", false, false},
	    {"a@" L63 "x.example", false, false},
	    {"a@[192.0.2.1", false, false},
	    {"a@[192.0.2.256]", false, false},
	    {"a@[IPv6:192.0.2.1]", false, false},
	    {"a@[2001:db8::1]", false, false},
	    {"a@[]", false, false},
	    {"a@[", false, false},
	    {"a@[192.0.2.1]x", false, false},
	};
	char big[ADDR_MAX + 2];

	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		OK(!addr_check(t[i].s, strlen(t[i].s), t[i].bare_ok) == t[i].good, "T111 addr_check");
	OK(addr_check("a\0b@example.com", 15, false), "T111 a NUL is refused");
	memset(big, 'a', sizeof big);
	OK(!addr_check(big, ADDR_MAX, true), "the longest address");
	OK(addr_check(big, ADDR_MAX + 1, true), "one byte too long");
}

static void
domains(void)
{
	static const struct {
		const char *s, *domain;
	} t[] = {
	    {"a@b.example", "b.example"},
	    {"\"a@b\"@c.example", "c.example"},
	    {"root", NULL},
	    {"\"a@b\"", NULL},
	    {"a@[IPv6:::1]", "[IPv6:::1]"},
	    {"a@", ""},
	    {"a@b@c", "c"},
	    {"", NULL},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		STR_EQ(addr_domain(t[i].s), t[i].domain, "addr_domain");
}

static void
unwraps(void)
{
	static const struct {
		const char *s, *path;
	} t[] = {
	    {"a@b", "a@b"},
	    {" <a@b> ", "a@b"},
	    {"<>", ""},
	    {"", ""},
	    {"  ", ""},
	    {"< a@b >", "a@b"},
	    {"<@x,@y:a@b>", "a@b"},
	    {"@x:a@b", "a@b"},
	    {"<@[IPv6:::1],@y:a@b>", "a@b"},
	    {"@x", "@x"},
	    {"@[x", "@[x"},
	    {"<a@b", "<a@b"},
	    {"<", "<"},
	    {"<<a@b>>", "<a@b>"},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		char *s = mem_dup(t[i].s);

		STR_EQ(addr_unwrap(s), t[i].path, "addr_unwrap");
		free(s);
	}
}

int
main(void)
{
	checks();
	domains();
	unwraps();
	DONE();
}
