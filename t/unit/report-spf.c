/* RFC 7208: the examples of its appendix A and of 7.4, its limits, and what its grammar refuses. */
#include "base.h"

#include "spf.h"
#include "unit.h"

/* NAME TYPE DATA; TYPE ! fails, DATA of TXT is the text. A record "$" is the one under test. */
static const char *const world[][3] = {
    {"example.com", "A", "192.0.2.10"},
    {"example.com", "A", "192.0.2.11"},
    {"example.com", "MX", "10 mail-a.example.com."},
    {"example.com", "MX", "20 mail-b.example.com."},
    {"amy.example.com", "A", "192.0.2.65"},
    {"bob.example.com", "A", "192.0.2.66"},
    {"mail-a.example.com", "A", "192.0.2.129"},
    {"mail-a.example.com", "AAAA", "2001:db8::129"},
    {"mail-b.example.com", "A", "192.0.2.130"},
    {"example.org", "MX", "10 mail-c.example.org."},
    {"mail-c.example.org", "A", "192.0.2.140"},
    {"10.2.0.192.in-addr.arpa", "PTR", "example.com."},
    {"11.2.0.192.in-addr.arpa", "PTR", "example.com."},
    {"65.2.0.192.in-addr.arpa", "PTR", "amy.example.com."},
    {"66.2.0.192.in-addr.arpa", "PTR", "bob.example.com."},
    {"129.2.0.192.in-addr.arpa", "PTR", "mail-a.example.com."},
    {"130.2.0.192.in-addr.arpa", "PTR", "mail-b.example.com."},
    {"140.2.0.192.in-addr.arpa", "PTR", "mail-c.example.org."},
    {"4.0.0.10.in-addr.arpa", "PTR", "bob.example.com."}, /* he says so himself */
    /* A.4 */
    {"ip4._spf.example.com", "TXT", "v=spf1 -ip4:192.0.2.0/24 +all"},
    {"ptr._spf.example.com", "TXT", "v=spf1 -ptr:example.com +all"},
    /* A.3 */
    {"mary.mobile-users._spf.example.com", "A", "127.0.0.2"},
    {"15.15.168.192.joel.remote-users._spf.example.com", "A", "127.0.0.2"},
    /* what may go wrong */
    {"pass.example", "TXT", "v=spf1 +all"},
    {"fail.example", "TXT", "v=spf1 -all"},
    {"soft.example", "TXT", "v=spf1 ~all"},
    {"neutral.example", "TXT", "v=spf1 ?all"},
    {"nothing.example", "TXT", "other"},
    {"twice.example", "TXT", "v=spf1 -all"},
    {"twice.example", "TXT", "v=spf1 +all"},
    {"nearly.example", "TXT", "v=spf10 -all"},
    {"nearly.example", "TXT", "V=SPF1 +ALL"},
    {"broken.example", "TXT", "v=spf1 +all nonsense"},
    {"dead.example", "!", ""},
    {"loop.example", "TXT", "v=spf1 include:loop.example -all"},
    {"round.example", "TXT", "v=spf1 redirect=round.example"},
    {"null.example", "MX", "0 ."},
    {"many.example", "MX", "1 a."},
    {"many.example", "MX", "2 a."},
    {"many.example", "MX", "3 a."},
    {"many.example", "MX", "4 a."},
    {"many.example", "MX", "5 a."},
    {"many.example", "MX", "6 a."},
    {"many.example", "MX", "7 a."},
    {"many.example", "MX", "8 a."},
    {"many.example", "MX", "9 a."},
    {"many.example", "MX", "10 a."},
    {"many.example", "MX", "11 a."},
    {"listed.192.0.2.129.example", "A", "127.0.0.2"},
};

static const char *record; /* of example.com */
static struct lookup answer[200];
static size_t nanswer;

static const struct lookup *
ask(void *arg, const char *type, const char *name)
{
	struct lookup *l = &answer[nanswer++ % ARRAY_LEN(answer)];

	(void)arg;
	plan_list_free(&l->data);
	*l = (struct lookup){.status = LOOKUP_NXDOMAIN};
	for (size_t i = 0; i < ARRAY_LEN(world); i++) {
		if (!str_ieq(world[i][0], name))
			continue;
		l->status = l->status == LOOKUP_NXDOMAIN ? LOOKUP_NODATA : l->status;
		if (*world[i][1] == '!')
			l->status = LOOKUP_FAIL;
		if (strcmp(world[i][1], type) != 0)
			continue;
		l->status = LOOKUP_DATA;
		if (!strcmp(type, "TXT")) {
			char quoted[600];

			snprintf(quoted, sizeof quoted, "\"%s\"", world[i][2]);
			plan_list_add(&l->data, quoted);
		} else {
			plan_list_add(&l->data, world[i][2]);
		}
	}
	if (record && !strcmp(type, "TXT") && str_ieq(name, "example.com")) {
		struct str quoted = {0};

		for (const char *p = record; *p; p += strnlen(p, 200)) /* strings of TXT records are short */
			str_addf(&quoted, "%s\"%.200s\"", quoted.len ? " " : "", p);
		l->status = LOOKUP_DATA;
		plan_list_add(&l->data, str_cstr(&quoted));
		str_free(&quoted);
	}
	return l;
}

/* ---- check_host ---- */

static void
check(const char *text, const char *ip, const char *want)
{
	struct spf_question q = {.ip = ip, .domain = "example.com", .sender = "joel@example.com", .ask = ask};
	struct spf_answer a;
	struct str what = {0};

	record = text;
	spf_check(&a, &q);
	str_addf(&what, "%.150s from %s: %s", text, ip, str_cstr(&a.why));
	STR_EQ(spf_words[a.result], want, what.s);
	str_free(&what);
	str_free(&a.why);
	record = NULL;
}

static void
domain(const char *name, const char *want)
{
	struct spf_question q = {.ip = "192.0.2.1", .domain = name, .ask = ask};
	struct spf_answer a;

	spf_check(&a, &q);
	STR_EQ(spf_words[a.result], want, name);
	str_free(&a.why);
}

static void
examples(void)
{
	/* A.1 */
	check("v=spf1 +all", "10.1.2.3", "pass");
	check("v=spf1 a -all", "192.0.2.10", "pass");
	check("v=spf1 a -all", "192.0.2.11", "pass");
	check("v=spf1 a -all", "192.0.2.65", "fail");
	check("v=spf1 a:example.org -all", "192.0.2.140", "fail");
	check("v=spf1 mx -all", "192.0.2.129", "pass");
	check("v=spf1 mx -all", "192.0.2.130", "pass");
	check("v=spf1 mx -all", "192.0.2.10", "fail");
	check("v=spf1 mx:example.org -all", "192.0.2.140", "pass");
	check("v=spf1 mx mx:example.org -all", "192.0.2.130", "pass");
	check("v=spf1 mx mx:example.org -all", "192.0.2.140", "pass");
	check("v=spf1 mx/30 mx:example.org/30 -all", "192.0.2.131", "pass");
	check("v=spf1 mx/30 mx:example.org/30 -all", "192.0.2.143", "pass");
	check("v=spf1 mx/30 mx:example.org/30 -all", "192.0.2.144", "fail");
	check("v=spf1 ptr -all", "192.0.2.65", "pass");
	check("v=spf1 ptr -all", "192.0.2.140", "fail");
	check("v=spf1 ptr -all", "10.0.0.4", "fail");
	check("v=spf1 ip4:192.0.2.128/28 -all", "192.0.2.65", "fail");
	check("v=spf1 ip4:192.0.2.128/28 -all", "192.0.2.129", "pass");
	/* A.3 */
	check("v=spf1 mx include:mobile-users._spf.%{d} -all", "192.0.2.9", "permerror");
	check("v=spf1 exists:%{ir}.%{l1r+-}.remote-users._spf.%{d} -all", "192.168.15.15", "pass");
	check("v=spf1 exists:%{ir}.%{l1r+-}.remote-users._spf.%{d} -all", "192.168.15.16", "fail");
	/* A.4: both must be so */
	check("v=spf1 -include:ip4._spf.%{d} -include:ptr._spf.%{d} +all", "192.0.2.10", "pass");
	check("v=spf1 -include:ip4._spf.%{d} -include:ptr._spf.%{d} +all", "192.0.2.140", "fail");
	check("v=spf1 -include:ip4._spf.%{d} -include:ptr._spf.%{d} +all", "10.0.0.4", "fail");
}

static void
rules(void)
{
	check("v=spf1", "192.0.2.1", "neutral");
	check("v=spf1 ?all", "192.0.2.1", "neutral");
	check("v=spf1 ~all", "192.0.2.1", "softfail");
	check("v=spf1 mx -all", "2001:db8::129", "pass");
	check("v=spf1 mx//64 -all", "2001:db8::1", "pass");
	check("v=spf1 mx/24//64 -all", "192.0.2.9", "pass");
	check("v=spf1 mx//63 -all", "2001:db8:0:2::1", "fail");
	check("v=spf1 ip6:2001:db8::/32 -all", "2001:db8:ffff::1", "pass");
	check("v=spf1 ip6:2001:db8::/32 -all", "2001:db9::1", "fail");
	check("v=spf1 ip6:2001:db8::1 -all", "2001:db8::2", "fail");
	check("v=spf1 ip4:192.0.2.1 -all", "::ffff:192.0.2.1", "pass");
	check("v=spf1 ip4:0.0.0.0/0 -all", "192.0.2.1", "pass");
	check("v=spf1 ip4:0.0.0.0/0 -all", "2001:db8::1", "fail");
	check("v=spf1 include:pass.example -all", "192.0.2.1", "pass");
	check("v=spf1 include:fail.example +all", "192.0.2.1", "pass");
	check("v=spf1 include:soft.example -all", "192.0.2.1", "fail");
	check("v=spf1 include:neutral.example -all", "192.0.2.1", "fail");
	check("v=spf1 ?include:pass.example -all", "192.0.2.1", "neutral");
	check("v=spf1 include:nothing.example -all", "192.0.2.1", "permerror");
	check("v=spf1 include:broken.example -all", "192.0.2.1", "permerror");
	check("v=spf1 include:dead.example -all", "192.0.2.1", "temperror");
	check("v=spf1 ip4:192.0.2.1 include:dead.example -all", "192.0.2.1", "pass");
	check("v=spf1 a:dead.example -all", "192.0.2.1", "temperror");
	check("v=spf1 ip4:192.0.2.9 redirect=fail.example", "192.0.2.9", "pass");
	check("v=spf1 ip4:192.0.2.9 redirect=fail.example", "192.0.2.1", "fail");
	check("v=spf1 redirect=nothing.example", "192.0.2.1", "permerror");
	check("v=spf1 redirect=fail.example ?all", "192.0.2.1", "neutral");
	check("v=spf1 exists:listed.%{i}.example -all", "192.0.2.129", "pass");
	check("v=spf1 exists:%{p}.example.org -all", "192.0.2.65", "fail");
	check("v=spf1 a:%{p} -all", "192.0.2.65", "pass");
	check("v=spf1 mx:null.example -all", "192.0.2.1", "fail");
	check("v=spf1 A:EXAMPLE.com -All", "192.0.2.10", "pass");
	check("v=spf1 unknown=%{d}x-y -all", "192.0.2.1", "fail");
	check("v=spf1 exp=why.%{d} -all", "192.0.2.1", "fail");
	domain("nothing.example", "none");
	domain("not-there.example", "none");
	domain("single", "none");
	domain("a..example", "none");
	domain("twice.example", "permerror");
	domain("nearly.example", "pass");
	domain("dead.example", "temperror");
}

static void
limits(void)
{
	struct str many = {0};

	domain("loop.example", "permerror");
	domain("round.example", "permerror");
	check("v=spf1 a a a a a a a a a a -all", "192.0.2.1", "fail");
	check("v=spf1 a a a a a a a a a a a -all", "192.0.2.1", "permerror");
	check("v=spf1 a a a a a a a a a a ip4:192.0.2.1 redirect=pass.example", "192.0.2.2", "permerror");
	check("v=spf1 a a a a a a a a a a ip4:192.0.2.1 redirect=pass.example", "192.0.2.1", "pass");
	check("v=spf1 a:x.example a:y.example -all", "192.0.2.1", "fail");
	check("v=spf1 a:x.example a:y.example a:z.example -all", "192.0.2.1", "permerror");
	check("v=spf1 exists:x.example mx:y.example ptr -all", "198.51.100.1", "permerror");
	check("v=spf1 mx:many.example -all", "192.0.2.1", "permerror");
	str_adds(&many, "v=spf1");
	for (unsigned i = 0; i < 300; i++)
		str_adds(&many, " ip4:10.0.0.1");
	check(many.s, "192.0.2.1", "permerror");
	str_free(&many);
}

static void
grammar(void)
{
	static const char *const broken[] = {"all:", "all/8", "all.", "+", "+-all", "a:", "a/", "a/33",
	    "a//129", "a/024", "a:foo", "a:example.com/33", "a:.com./x", "a:example.com..", "a:example.123",
	    "a:example.-com", "include", "include:", "include:/", "mx:example.com//24/", "ip4", "ip4:192.0.2",
	    "ip4:192.0.2.1/33", "ip4:192.0.2.1//24", "ip4:2001:db8::1", "ip6:192.0.2.1", "ip6:2001:db8::/129",
	    "exists", "exists:%d.example.com", "exists:%{x}.example.com", "exists:%{d",
	    "exists:%{d0}.example.com", "exists:%{dr2}.example.com", "exists:%{d!}.example.com",
	    "exists:%{c}.example.com", "exists:%", "redirect=", "redirect:example.com",
	    "redirect=fail.example redirect=fail.example", "exp=a.example exp=b.example",
	    "+redirect=fail.example", "foo", "foo:example.com", "-foo=bar", "=x", "2=x", "x=%", "a=b:%{x}"};
	static const char *const good[] = {"+all", "-ALL", "a:example.com.", "a/0", "a//0", "a/0//0",
	    "a:%{d}", "a:%{d}/24//64", "a:x.%{d2r+-}", "a:a/b.example.com/24", "exists:%{ir}.%{v}._spf.%{d2}",
	    "exists:a%%b%_c%-d.example.com", "a:example.c-m", "a:example.c0m", "x=", "x.y_z-0=%{D}",
	    "moo.cow-far_out=man:dog/cat"};
	char text[200];

	/* It stands behind what matches: all of a record must be good. */
	for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
		snprintf(text, sizeof text, "v=spf1 ip4:192.0.2.1 %s", broken[i]);
		check(text, "192.0.2.1", "permerror");
	}
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		snprintf(text, sizeof text, "v=spf1 ip4:192.0.2.1 %s", good[i]);
		check(text, "192.0.2.1", "pass");
	}
}

static void
expand(const char *ip, const char *spec, const char *want)
{
	struct spf_question q = {
	    .ip = ip, .domain = "email.example.com", .sender = "strong-bad@email.example.com"};
	struct str out = {0};
	char dotted[400];

	/* Those of 7.4 are macros alone; a name must end in one, or in a label. */
	snprintf(dotted, sizeof dotted, "%s", spec);
	STR_EQ(spf_expand_text(&out, dotted, &q) ? out.s : NULL, want, spec);
	str_free(&out);
}

static void
macros(void)
{
	static const char *const rows[][2] = {{"%{s}", "strong-bad@email.example.com"},
	    {"%{o}", "email.example.com"}, {"%{d}", "email.example.com"}, {"%{d4}", "email.example.com"},
	    {"%{d3}", "email.example.com"}, {"%{d2}", "example.com"}, {"%{d1}", "com"},
	    {"%{dr}", "com.example.email"}, {"%{d2r}", "example.email"}, {"%{l}", "strong-bad"},
	    {"%{l-}", "strong.bad"}, {"%{lr}", "strong-bad"}, {"%{lr-}", "bad.strong"}, {"%{l1r-}", "strong"},
	    {"%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"},
	    {"%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"},
	    {"%{lr-}.lp.%{ir}.%{v}._spf.%{d2}", "bad.strong.lp.3.2.0.192.in-addr._spf.example.com"},
	    {"%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}", "3.2.0.192.in-addr.strong.lp._spf.example.com"},
	    {"%{d2}.trusted-domains.example.net", "example.com.trusted-domains.example.net"},
	    {"%{S}", "strong-bad%40email.example.com"}, {"%{h}", "email.example.com"}, {"%{p}", "unknown"},
	    {"%%%_%-", "% %20"}, {"%{d}.", NULL}, {"x.example.com.", "x.example.com"},
	    {"%{d999999999999}", "email.example.com"}};
	char longest[400] = "";

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		expand("192.0.2.3", rows[i][0], rows[i][1]);
	expand("2001:db8::cb01", "%{ir}.%{v}._spf.%{d2}",
	    "1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6._spf.example.com");
	for (size_t i = 0; i < 30; i++)
		snprintf(longest + 10 * i, sizeof longest - 10 * i, "%zu23456789.", i % 10);
	snprintf(longest + 300, sizeof longest - 300, "%s", "example.com");
	/* 311 bytes: labels go from the left until no more than 253 are left. */
	expand("192.0.2.3", longest, longest + 60);
}

int
main(void)
{
	examples();
	rules();
	limits();
	grammar();
	macros();
	for (size_t i = 0; i < ARRAY_LEN(answer); i++)
		plan_list_free(&answer[i].data);
	DONE();
}
