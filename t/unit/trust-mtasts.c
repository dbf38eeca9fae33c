#include "base.h"

#include "unit.h"

#include "mtasts.h"

#define HOUR_ (INT64_C(3600) * 1000000)
#define DAY_ (24 * HOUR_)

/* ---- TXT ---- */

static void
txt_tables(void)
{
	static const struct {
		const char *text, *id;
	} rows[] = {
	    {"v=STSv1; id=20160831085700Z;", "20160831085700Z"},
	    {"v=STSv1;id=1", "1"},
	    {"v=STSv1; \t id=abcDEF09 \t ;", "abcDEF09"},
	    {"v=STSv1; ext=x:y; id=1; other.name-1_=!;", "1"},
	    {"v=STSv1; id=12345678901234567890123456789012", "12345678901234567890123456789012"},
	    {"v=STSv1; id=123456789012345678901234567890123", NULL},
	    {"v=STSv1; id=2016-08-31", NULL},
	    {"v=STSv1; id=", NULL},
	    {"v=STSv1; id", NULL},
	    {"v=STSv1; id=1; id=2", NULL},
	    {"v=STSv1; id=1;; x=y", NULL},
	    {"v=STSv1; ID=1", NULL},
	    {"v=STSv1;", NULL},
	    {"v=STSv1; x=y", NULL},
	    {"v=STSv10; id=1", NULL},
	    {"v=stsv1; id=1", NULL},
	    {" v=STSv1; id=1", NULL},
	    {"id=1; v=STSv1;", NULL},
	    {"v=STSv1; id=1; x=a=b", NULL},
	    {"v=STSv1; id=1; x=a b", NULL},
	    {"v=STSv1; id=1\n", NULL},
	    {"v=STSv1; id=1; =x", NULL},
	    {"v=STSv1; id=1; -x=y", NULL},
	    {"v=STSv1; id=1; x23456789012345678901234567890123=y", NULL},
	    {"", NULL},
	};
	char id[STS_ID_MAX + 1];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *why = sts_txt_parse(rows[i].text, strlen(rows[i].text), id);
		struct str name = {0};

		str_addf(&name, "T27 %s", rows[i].text);
		for (size_t k = 0; k < name.len; k++)
			name.s[k] = name.s[k] == '\n' ? '|' : name.s[k];
		STR_EQ(why ? NULL : id, rows[i].id, name.s);
		str_free(&name);
	}
	OK(sts_txt_parse("v=STSv1; id=1\0;", 15, id) != NULL, "T27 NUL in a record");
}

/* Strings parted by "|". */
static void
txt_add(struct dns_answer *a, const char *text)
{
	struct str wire = {0};

	for (const char *s = text;; s++) {
		size_t n = strcspn(s, "|");

		str_addc(&wire, (char)n);
		str_add(&wire, s, n);
		s += n;
		if (!*s)
			break;
	}
	dns_answer_add(a, wire.s, wire.len);
	str_free(&wire);
}

static void
answer_tables(void)
{
	static const struct {
		enum dns_status status;
		const char *a, *b;
		enum sts_txt want;
		const char *id, *why, *name;
	} rows[] = {
	    {DNS_DATA, "v=STSv1; id=1", NULL, STS_TXT_GOOD, "1", NULL, "T27 one record"},
	    {DNS_DATA, "v=STS|v1; i|d=1|", NULL, STS_TXT_GOOD, "1", NULL, "T28 several strings"},
	    {DNS_DATA, "v=spf1 -all", "v=STSv1; id=2", STS_TXT_GOOD, "2", NULL, "T27 other TXT is ignored"},
	    {DNS_DATA, "v=STSv10; id=1", "v=STSv1; id=2", STS_TXT_GOOD, "2", NULL,
		"T27 another version is ignored"},
	    {DNS_DATA, "v=STSv1; id=1", "v=STSv1; id=2", STS_TXT_NONE, "", "several records",
		"T27 two records"},
	    {DNS_DATA, "v=STSv1; id=1", "v=STSv1; x", STS_TXT_NONE, "", "several records",
		"T27 two, one of them broken"},
	    {DNS_DATA, "id=1; v=STSv1;", NULL, STS_TXT_NONE, "", NULL, "T27 the order"},
	    {DNS_DATA, "v=STSv1;", NULL, STS_TXT_NONE, "", "no id", "T27 no id"},
	    {DNS_DATA, "", NULL, STS_TXT_NONE, "", NULL, "T27 an empty string"},
	    {DNS_NODATA, NULL, NULL, STS_TXT_NONE, "", NULL, "T27 no TXT"},
	    {DNS_NXDOMAIN, NULL, NULL, STS_TXT_NONE, "", NULL, "T27 no such name"},
	    {DNS_FAIL, NULL, NULL, STS_TXT_UNKNOWN, "", "no answer", "T46 no answer"},
	    {DNS_BOGUS, "v=STSv1; id=1", NULL, STS_TXT_UNKNOWN, "", "no answer", "T46 a bogus answer"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct dns_answer *a = dns_answer_new(rows[i].status, false, 60);
		char id[STS_ID_MAX + 1];
		const char *why;

		if (rows[i].a)
			txt_add(a, rows[i].a);
		if (rows[i].b)
			txt_add(a, rows[i].b);
		INT_EQ(sts_txt_read(a, id, &why), rows[i].want, rows[i].name);
		STR_EQ(id, rows[i].id, rows[i].name);
		STR_EQ(why, rows[i].why, rows[i].name);
		dns_answer_free(a);
	}
}

static void
answer_malformed(void)
{
	struct dns_answer *a = dns_answer_new(DNS_DATA, false, 60);
	char id[STS_ID_MAX + 1];
	const char *why;

	dns_answer_add(a, "\x0ev=STSv1; id=1", 14);
	dns_answer_add(a, "", 0);
	INT_EQ(sts_txt_read(a, id, &why), STS_TXT_NONE, "T28 a string that ends behind its record");
	dns_answer_free(a);
}

/* ---- policy ---- */

#define HEAD "version: STSv1\nmode: enforce\n"
#define TAIL "max_age: 604800\n"

static void
policy_tables(void)
{
	static const struct {
		const char *text, *want, *name; /* want: "mode max_age mx mx", or "!why" */
	} rows[] = {
	    {HEAD "mx: mx1.example\n" TAIL, "enforce 604800 mx1.example", "T32 LF"},
	    {"version: STSv1\r\nmode: testing\r\nmx: *.example.com\r\nmax_age: 1\r\n",
		"testing 1 *.example.com", "T32 CRLF"},
	    {"mx: a.example\nmax_age:86400\nmode:enforce\nversion:\t STSv1", "enforce 86400 a.example",
		"T32 any order, no last line end"},
	    {"version: STSv1\nmode: none\nmax_age: 60\n", "none 60", "T32 none needs no mx"},
	    {HEAD "mx: a.example\nmx: B.Example.\nmx: *.C.example\n" TAIL,
		"enforce 604800 a.example b.example *.c.example", "T32 mx accumulates"},
	    {HEAD "mode: none\nmode: rubbish\nversion: 2\nmax_age: x\nmx: a.example\n" TAIL,
		"!a max_age that is no number of seconds", "T32 the first max_age counts, and it is none"},
	    {HEAD "mode: none\nmode: rubbish\nversion: 2\nmx: a.example\nmax_age: 5\nmax_age: x\n",
		"enforce 5 a.example", "T32 the first of each key counts"},
	    {HEAD "mx: a.example\nnew-key_1.x: any thing: at all \xc3\xbc\n\n" TAIL,
		"enforce 604800 a.example", "T32 unknown keys are ignored"},
	    {HEAD "mx: a.example  \t\n" TAIL, "enforce 604800 a.example", "T32 blanks at the end"},
	    {HEAD "mx: a.example\nmax_age: 9999999999\n", "enforce 31557600 a.example",
		"T32 max_age is capped"},
	    {HEAD "mx: a.example\nmax_age: 99999999999\n", "!a max_age that is no number of seconds",
		"T32 eleven digits"},
	    {HEAD "mx: a.example\nmax_age: -1\n", "!a max_age that is no number of seconds", "T32 -1"},
	    {HEAD "mx: a.example\nmax_age: 0\n", "enforce 0 a.example", "T32 max_age 0"},
	    {HEAD "mx: a.example\n", "!no max_age", "T32 max_age is required"},
	    {HEAD TAIL, "!no mx", "T32 enforce without mx"},
	    {"version: STSv1\nmode: testing\n" TAIL, "!no mx", "T32 testing without mx"},
	    {"mode: none\n" TAIL, "!no version", "T32 version is required"},
	    {"version: STSv1\n" TAIL, "!no mode", "T32 mode is required"},
	    {"version: STSv2\nmode: none\n" TAIL, "!a version other than STSv1", "T32 another version"},
	    {"version: STSv1\nmode: Enforce\nmx: a.example\n" TAIL, "!an unknown mode",
		"T32 an unknown mode"},
	    {"Version: STSv1\nmode: none\n" TAIL, "!no version", "T32 keys are case-sensitive"},
	    {HEAD "mx: b\xc3\xbc"
		  "cher.example\nmx: *.B\xc3\x9c"
		  "CHER.example\n" TAIL,
		"enforce 604800 xn--bcher-kva.example *.xn--bcher-kva.example",
		"T33 U-labels become A-labels"},
	    {HEAD "mx: [192.0.2.1]\n" TAIL, "!an mx that is no host name or pattern", "T32 a literal"},
	    {HEAD "mx: *\n" TAIL, "!an mx that is no host name or pattern", "T32 * alone"},
	    {HEAD "mx: .example.com\n" TAIL, "!an mx that is no host name or pattern", "T32 a leading dot"},
	    {HEAD "mx: mx.*.example\n" TAIL, "!an mx that is no host name or pattern", "T32 a star inside"},
	    {HEAD "mx:\n" TAIL, "!an mx that is no host name or pattern", "T32 an empty mx"},
	    {HEAD "mx: a.example b.example\n" TAIL, "!an mx that is no host name or pattern",
		"T32 two in a line"},
	    {"<html><body>404: Not found</body></html>", "!a line that is not KEY: VALUE", "T47 HTML"},
	    {HEAD "mx: a.example\x01\n" TAIL, "!control bytes", "T32 a control byte"},
	    {HEAD "x: a\rb\nmx: a.example\n" TAIL, "!control bytes", "T32 a bare CR"},
	    {HEAD "x: \xff\nmx: a.example\n" TAIL, "!bytes that are not UTF-8", "T32 no UTF-8"},
	    {"", "!no version", "T32 nothing"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sts_policy p;
		const char *why = sts_policy_parse(&p, rows[i].text, strlen(rows[i].text));
		struct str got = {0};

		if (why)
			str_addf(&got, "!%s", why);
		else
			str_addf(&got, "%s %ju", sts_mode_word(p.mode), (uintmax_t)p.max_age);
		for (size_t k = 0; !why && k < p.mx.n; k++)
			str_addf(&got, " %s", p.mx.v[k]);
		STR_EQ(str_cstr(&got), rows[i].want, rows[i].name);
		str_free(&got);
		sts_policy_free(&p);
	}
}

static void
policy_limits(void)
{
	struct str s = {0};
	struct sts_policy p;

	str_adds(&s, HEAD "mx: a.example\n" TAIL "x: ");
	while (s.len < STS_BODY_MAX)
		str_addc(&s, 'x');
	OK(!sts_policy_parse(&p, s.s, s.len), "T31 64 kB");
	sts_policy_free(&p);
	str_addc(&s, 'x');
	STR_EQ(sts_policy_parse(&p, s.s, s.len), "longer than 64 kB", "T31 a byte more");
	sts_policy_free(&p);
	str_reset(&s);
	str_adds(&s, HEAD TAIL);
	for (int i = 0; i < 2000; i++)
		str_adds(&s, "mx: mail.example\n");
	STR_EQ(sts_policy_parse(&p, s.s, s.len), "too many mx", "T32 more mx than a plan can carry");
	sts_policy_free(&p);
	STR_EQ(sts_policy_parse(&p, HEAD "mx: a.ex\0ample\n" TAIL, sizeof HEAD "mx: a.ex\0ample\n" TAIL - 1),
	    "control bytes", "T32 NUL");
	sts_policy_free(&p);
	str_free(&s);
}

static void
match_tables(void)
{
	static const struct {
		const char *pattern, *host;
		bool want;
	} rows[] = {
	    {"*.example.com", "mail.example.com", true},
	    {"*.example.com", "MAIL.Example.COM", true},
	    {"*.Example.com", "mail.example.com.", true},
	    {"*.example.com", "example.com", false},
	    {"*.example.com", "a.b.example.com", false},
	    {"*.example.com", "mailexample.com", false},
	    {"*.example.com", "mail.example.org", false},
	    {"mail.example.com.", "mail.example.com", true},
	    {"mail.example.com", "mail.example.com", true},
	    {"mail.example.com", "a.mail.example.com", false},
	    {"example.com", "mail.example.com", false},
	    {"*.b\xc3\xbc"
	     "cher.example",
		"mx.xn--bcher-kva.example", true},
	    {"mx.b\xc3\xbc"
	     "cher.example",
		"mx.B\xc3\x9c"
		"CHER.example",
		true},
	    {"*.example.com", "[192.0.2.1]", false},
	    {"*", "mail.example.com", false},
	    {"*.com", "example.com", true},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct plan_list l = {0};
		struct str name = {0};

		plan_list_add(&l, "other.example");
		plan_list_add(&l, rows[i].pattern);
		str_addf(&name, "T33 %s and %s", rows[i].pattern, rows[i].host);
		INT_EQ(sts_mx_match(&l, rows[i].host), rows[i].want, name.s);
		str_free(&name);
		plan_list_free(&l);
	}
}

static void
media_tables(void)
{
	static const struct {
		const char *type;
		bool want;
	} rows[] = {
	    {"text/plain", true},
	    {"Text/Plain; charset=utf-8", true},
	    {" text/plain ;charset=us-ascii", true},
	    {"text/plainer", false},
	    {"text/html", false},
	    {"application/text/plain", false},
	    {"", false},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct str name = {0};

		str_addf(&name, "T30 media type \"%s\"", rows[i].type);
		INT_EQ(sts_media_type_ok(rows[i].type), rows[i].want, name.s);
		str_free(&name);
	}
}

/* ---- what is kept ---- */

static const char *
there_and_back(const char *text)
{
	static struct str out;
	struct sts_entry e;
	char *copy = mem_dup(text);

	str_reset(&out);
	if (sts_entry_parse(&e, copy, strlen(text)))
		sts_entry_write(&out, &e);
	sts_entry_free(&e);
	free(copy);
	return str_cstr(&out);
}

#define WHOLE                                                                                                \
	"sts 1\ndomain example.com\nid 1\nmode enforce\nmax-age 604800\nmx *.example.com\nmx b.example\n"    \
	"fetched 5000000\nused 6000000\nfailed 7000000\nresult sts-webpki-invalid\nwhy it says no\nend\n"

static void
entry_tables(void)
{
	STR_EQ(there_and_back(WHOLE), WHOLE, "a whole entry there and back");
	STR_EQ(there_and_back(
		   "sts 1\ndomain a.example\nused 0\nfailed 7\nresult sts-policy-invalid\nwhy x\nend\n"),
	    "sts 1\ndomain a.example\nused 0\nfailed 7\nresult sts-policy-invalid\nwhy x\nend\n",
	    "T40 a failure alone");
	STR_EQ(there_and_back(
		   "sts 1\ndomain a.example\nid 1\nmode enforce\nmax-age 5\nfetched 1\nused 1\nend\n"),
	    "", "enforce without mx is not believed");
	STR_EQ(there_and_back("sts 2\ndomain a.example\nused 1\nend\n"), "", "another form");
	STR_EQ(there_and_back("sts 1\ndomain a.example\nused 1\n"), "", "no end");
	STR_EQ(there_and_back("sts 1\nused 1\nend\n"), "", "no domain");
	STR_EQ(there_and_back("sts 1\ndomain a.example\nid a-b\nend\n"), "", "a bad id");
	STR_EQ(there_and_back("sts 1\ndomain a.example\nused -1\nend\n"), "", "a bad time");
	STR_EQ(there_and_back("sts 1\ndomain a.example\nfailed 1\nresult ok\nend\n"), "",
	    "a result that is none");
	STR_EQ(there_and_back("sts 1\ndomain ../../etc\nend\n"), "", "a domain that is none");
}

/* ---- decisions ---- */

static const int64_t at = INT64_C(1800000000) * 1000000;

static struct sts_entry
kept(enum sts_mode mode, int64_t age, int64_t failed_age)
{
	struct sts_entry e = {.has_policy = true, .id = "1", .policy = {.mode = mode, .max_age = 7 * 86400}};

	e.fetched = e.used = at - age;
	e.failed = failed_age < 0 ? 0 : at - failed_age;
	return e;
}

static void
choose_tables(void)
{
	const struct sts_entry nothing = {0}, fresh = kept(STS_MODE_ENFORCE, HOUR_, -1),
			       old = kept(STS_MODE_ENFORCE, 8 * DAY_, -1),
			       fresh_failed = kept(STS_MODE_ENFORCE, HOUR_, 4 * 60 * INT64_C(1000000)),
			       fresh_failed_long = kept(STS_MODE_ENFORCE, HOUR_, 6 * 60 * INT64_C(1000000)),
			       ahead = kept(STS_MODE_ENFORCE, -HOUR_, -1),
			       far_ahead = kept(STS_MODE_ENFORCE, -8 * DAY_, -1), failed = {.failed = at - 1},
			       failed_ahead = {.failed = at + HOUR_};
	const struct {
		const struct sts_entry *e;
		enum sts_txt txt;
		const char *id;
		enum sts_choice want;
		const char *name;
	} rows[] = {
	    {&nothing, STS_TXT_NONE, "", STS_NO_POLICY, "nothing kept, no record"},
	    {&nothing, STS_TXT_GOOD, "1", STS_FETCH, "nothing kept, a record"},
	    {&nothing, STS_TXT_UNKNOWN, "", STS_UNDECIDED, "T46 nothing kept, lookup failed"},
	    {&fresh, STS_TXT_GOOD, "1", STS_APPLY, "T39 same id: no fetch"},
	    {&fresh, STS_TXT_GOOD, "2", STS_FETCH, "T39 new id: fetch"},
	    {&fresh, STS_TXT_NONE, "", STS_APPLY, "T38 kept, the record is gone"},
	    {&fresh, STS_TXT_UNKNOWN, "", STS_APPLY, "T38 kept, DNS fails"},
	    {&old, STS_TXT_NONE, "", STS_NO_POLICY, "T38 run out"},
	    {&old, STS_TXT_GOOD, "1", STS_FETCH, "T38 run out, same id"},
	    {&old, STS_TXT_UNKNOWN, "", STS_UNDECIDED, "T46 run out, DNS fails"},
	    {&fresh_failed, STS_TXT_GOOD, "2", STS_APPLY, "T40 new id, failed 4 minutes ago: the old policy"},
	    {&fresh_failed_long, STS_TXT_GOOD, "2", STS_FETCH, "T40 new id, failed 6 minutes ago"},
	    {&failed, STS_TXT_GOOD, "1", STS_NO_POLICY, "T40 nothing kept, failed just now"},
	    {&failed, STS_TXT_UNKNOWN, "", STS_UNDECIDED, "T46 failed before, now DNS too"},
	    {&failed_ahead, STS_TXT_GOOD, "1", STS_FETCH, "T124 a failure in the future holds nothing back"},
	    {&ahead, STS_TXT_NONE, "", STS_APPLY, "T124 the clock went back an hour"},
	    {&far_ahead, STS_TXT_NONE, "", STS_NO_POLICY, "T124 the clock went back more than max_age"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		INT_EQ(sts_choose(rows[i].e, rows[i].txt, rows[i].id, at), rows[i].want, rows[i].name);
}

static void
refresh_tables(void)
{
	struct sts_entry unused = kept(STS_MODE_ENFORCE, DAY_, -1),
			 byhand = kept(STS_MODE_ENFORCE, 2 * DAY_, -1);
	const struct sts_entry young = kept(STS_MODE_ENFORCE, HOUR_, -1),
			       day = kept(STS_MODE_ENFORCE, DAY_, -1), none = kept(STS_MODE_NONE, HOUR_, -1),
			       over = kept(STS_MODE_ENFORCE, 8 * DAY_, -1),
			       failing = kept(STS_MODE_ENFORCE, DAY_, 1), failed = {.failed = at - HOUR_},
			       just_failed = {.failed = at - 1};
	const struct {
		const struct sts_entry *e;
		enum sts_txt txt;
		enum sts_chore want;
		const char *name;
	} rows[] = {
	    {&young, STS_TXT_GOOD, STS_KEEP, "T41 an hour old"},
	    {&day, STS_TXT_GOOD, STS_REFETCH, "T41 a day old"},
	    {&day, STS_TXT_NONE, STS_REFETCH, "T41 a day old, the record is gone"},
	    {&day, STS_TXT_UNKNOWN, STS_REFETCH, "T41 a day old, DNS fails"},
	    {&unused, STS_TXT_GOOD, STS_DROP, "T41 unused for 180 days"},
	    {&byhand, STS_TXT_GOOD, STS_REFETCH, "T41 fetched by hand"},
	    {&none, STS_TXT_NONE, STS_DROP, "T41 none, and the record is gone"},
	    {&none, STS_TXT_UNKNOWN, STS_KEEP, "T41 none, DNS fails"},
	    {&none, STS_TXT_GOOD, STS_KEEP, "T41 none, a record is there"},
	    {&over, STS_TXT_NONE, STS_DROP, "T38 run out, no record"},
	    {&over, STS_TXT_GOOD, STS_REFETCH, "T41 run out, a record is there"},
	    {&failing, STS_TXT_GOOD, STS_KEEP, "T40 the last fetch failed just now"},
	    {&failed, STS_TXT_GOOD, STS_DROP, "an old failure alone"},
	    {&just_failed, STS_TXT_GOOD, STS_KEEP, "T40 a fresh failure alone"},
	};

	unused.used = at - 181 * DAY_;
	byhand.used = 0;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		INT_EQ(sts_refresh(rows[i].e, rows[i].txt, at), rows[i].want, rows[i].name);
	OK(!sts_used_stale(&young, at), "used: once a day");
	OK(sts_used_stale(&day, at), "used: a day old");
}

int
main(void)
{
	txt_tables();
	answer_tables();
	answer_malformed();
	policy_tables();
	policy_limits();
	match_tables();
	media_tables();
	entry_tables();
	choose_tables();
	refresh_tables();
	DONE();
}
