#include "base.h"

#include "clock.h"
#include "tlsrpt.h"
#include "tlsrpt_mail.h"
#include "tlsrpt_record.h"
#include "tlsrpt_spread.h"
#include "unit.h"

/* ---- records ---- */

static void
record(const char *text, const char *want)
{
	struct tlsrpt_record r;
	struct str got = {0};
	const char *why = tlsrpt_record_parse(&r, text, strlen(text));

	if (why)
		str_addf(&got, "! %s", why);
	for (size_t i = 0; i < r.n; i++)
		str_addf(&got, "%s%s%s", i ? " " : "", r.rua[i].https ? "+" : "", r.rua[i].to);
	if (r.passed_over)
		str_addf(&got, " -%u", r.passed_over);
	STR_EQ(str_cstr(&got), want, text);
	str_free(&got);
	tlsrpt_record_free(&r);
}

static void
records(void)
{
	record("v=TLSRPTv1; rua=mailto:reports@example.com", "reports@example.com");
	record("v=TLSRPTv1;rua=https://r.example.com/v1/tlsrpt", "+https://r.example.com/v1/tlsrpt");
	record("v=TLSRPTv1; rua=mailto:a@b.c,https://d.e/f ;", "a@b.c +https://d.e/f");
	record("v=TLSRPTv1 ;\trua=mailto:a@B.C , mailto:d@e.f;", "a@b.c d@e.f");
	record("v=TLSRPTv1; rua=mailto:a%2Bb%21@x.y", "a+b!@x.y");
	record("v=TLSRPTv1; rua=MailTo:a@x.y?subject=t,mailto:a@X.y", "a@x.y");
	record("v=TLSRPTv1; ext=1; rua=mailto:a@x.y; rua=mailto:b@x.y", "a@x.y b@x.y");
	record("v=TLSRPTv1; rua=ftp://x.y,mailto:,mailto:a@x.y,mailto:%0d@x.y", "a@x.y -3");
	record("v=TLSRPTv1; rua=mailto:a%4@x.y,mailto:a%zz@x.y,mailto:%C3%A9@x.y", " -3");
	record("v=TLSRPTv1; rua=https://,https://u@x.y/,https:///p,https://x.y/\x01,https://x.y:8443/@",
	    "+https://x.y:8443/@ -4");
	record("v=TLSRPTv1; rua=http://x.y/", " -1");
	record("v=TLSRPTv1; rua=mailto:a@1,mailto:a@2,mailto:a@3,mailto:a@4,mailto:a@5,mailto:a@6,"
	       "mailto:a@7,mailto:a@8,mailto:a@9",
	    "a@1 a@2 a@3 a@4 a@5 a@6 a@7 a@8 -1");
	record("v=TLSRPTv1", "! no rua");
	record("v=TLSRPTv1;", "! no rua");
	record("v=TLSRPTv1; a=b", "! no rua");
	record("v=TLSRPTv1; RUA=mailto:a@x.y", "! no rua");
	record("v=TLSRPTv1; rua=", "! a field that is not name=value");
	record("v=TLSRPTv1; rua=mailto:a@x.y,", "! an empty URI in rua");
	record("v=TLSRPTv1; rua=a@x.y", "! a rua that is no URI");
	record("v=TLSRPTv1;; rua=mailto:a@x.y", "! an empty field");
	record("v=TLSRPTv1; rua=mailto:a@x.y; zzz", "! a field that is not name=value");
	record("v=TLSRPTv1; b@d=1; rua=mailto:a@x.y", "! a field whose name is none");
	record("v=tlsrptv1; rua=mailto:a@x.y", "! no v=TLSRPTv1 at its beginning");
	record("v=TLSRPTv10; rua=mailto:a@x.y", "! no v=TLSRPTv1 at its beginning");
	record(" v=TLSRPTv1; rua=mailto:a@x.y", "! no v=TLSRPTv1 at its beginning");
	record("", "! no v=TLSRPTv1 at its beginning");
}

/* strings: each a TXT record, in which | parts strings. */
static void
answer(enum dns_status status, const char *const *strings, enum tlsrpt_found want, const char *name)
{
	struct dns_answer *a = dns_answer_new(status, false, 60);
	struct tlsrpt_record r;
	const char *why;

	for (; *strings; strings++) {
		struct str wire = {0};

		for (const char *s = *strings; *s; s += *s == '|') {
			size_t n = strcspn(s, "|");

			str_addc(&wire, (char)n);
			str_add(&wire, s, n);
			s += n;
		}
		dns_answer_add(a, wire.s, wire.len);
		str_free(&wire);
	}
	INT_EQ(tlsrpt_record_read(&r, a, &why), want, name);
	if (want == TLSRPT_WANTED)
		STR_EQ(r.rua[0].to, "a@x.y", name);
	tlsrpt_record_free(&r);
	dns_answer_free(a);
}

#define ONE "v=TLSRPTv1; rua=mailto:a@x.y"

static void
answers(void)
{
	answer(DNS_DATA, (const char *[]){ONE, NULL}, TLSRPT_WANTED, "T49 one record");
	answer(DNS_DATA, (const char *[]){"v=spf1 -all", ONE, "", NULL}, TLSRPT_WANTED, "T49 and others");
	answer(DNS_DATA, (const char *[]){"v=TLSRPTv1; rua=mail|to:a@x|.y", NULL}, TLSRPT_WANTED,
	    "T49 its strings are joined");
	answer(DNS_DATA, (const char *[]){ONE, ONE, NULL}, TLSRPT_NONE, "T49 two are none");
	answer(DNS_DATA, (const char *[]){ONE, "v=TLSRPTv1", NULL}, TLSRPT_NONE,
	    "T49 even if one of them is broken");
	answer(DNS_DATA, (const char *[]){"v=TLSRPTv1; rua", NULL}, TLSRPT_NONE, "T49 a broken one");
	answer(DNS_NODATA, (const char *[]){NULL}, TLSRPT_NONE, "none");
	answer(DNS_NXDOMAIN, (const char *[]){NULL}, TLSRPT_NONE, "nor the name");
	answer(DNS_FAIL, (const char *[]){NULL}, TLSRPT_UNKNOWN, "nobody knows");
	answer(DNS_BOGUS, (const char *[]){ONE, NULL}, TLSRPT_UNKNOWN, "a forged one");
}

/* ---- days ---- */

static void
day(const char *s, const char *want)
{
	char got[CLOCK_DAY_SIZE] = "-";

	OK(tlsrpt_day_parse(got, s) == (*want != '-'), s);
	if (*want != '-')
		STR_EQ(got, want, s);
}

static void
days(void)
{
	char got[CLOCK_DAY_SIZE];

	day("20261121", "20261121");
	day("2026-11-21", "20261121");
	day("2024-02-29", "20240229");
	day("2026-02-29", "-");
	day("2026-1121", "-");
	day("2026-11-2", "-");
	day("202611210", "-");
	day("yesterday", "-");
	day("", "-");
	clock_day(got, INT64_C(1795219199) * SECOND);
	STR_EQ(got, "20261120", "the last second of a day");
	INT_EQ(tlsrpt_day_begin("20261121") / SECOND, 1795219200, "a day begins");
}

/* ---- rows ---- */

static void
take(struct tlsrpt_day *d, const char *text)
{
	struct str s = {0};

	str_adds(&s, text);
	tlsrpt_day_take(d, &s);
	memcpy(d->day, "20261120", sizeof d->day);
}

static void
names_are(const char *text, const char *want)
{
	struct tlsrpt_day d;
	struct str got = {0};

	take(&d, text);
	for (size_t i = 0; i < d.nname; i++)
		str_addf(&got, "%s%s:%s%s%zu", i ? " " : "", d.name[i].name, d.name[i].recipient ? "r" : "",
		    d.name[i].host ? "h" : "", d.name[i].n);
	STR_EQ(str_cstr(&got), want, "the names of a day");
	str_free(&got);
	tlsrpt_day_free(&d);
}

static void
rows(void)
{
	names_are("", "");
	names_are("sums 1\nat 5\ntls 2 sts b ok mx=m\ntls 1 no-policy-found a ok\nend\n", "a:r1 b:r1");
	names_are("sums 1\ntls 2 tlsa m.x ok mx=m.x for=c\ntls 1 tlsa m.x ok mx=m.x for=d also=yes\nend\n",
	    "c:r1 d:r1 m.x:h2");
	names_are("sums 1\ntls 2 tlsa x ok mx=x for=x\nend\n", "x:rh1");
	names_are("sums 1\ntls 9 no\nsums 1\ntls 1 sts b ok\nend\n", "b:r1");
	names_are("sums 1\n\x01\x02\ntls 1 sts b ok\n", "b:r1");
	names_are("tls 1 sts b ok", "");
	names_are("tls x sts b ok\ntls 0 sts b ok\ntls 1 sts B ok\ntls 1 sts b Ok\ntls 1 none b ok\ntls 1 "
		  "sts b\nend\n",
	    "");
	names_are("tls 1 tlsa b ok for=../x\nend\n", "b:h1");
}

/* ---- reports ---- */

static const struct tlsrpt_submitter who = {"mail.example.org", "postmaster@mail.example.org"};

static bool
told_of(void *arg, const struct tlsrpt_row *row)
{
	return row->rcpt && !strcmp(row->rcpt, arg);
}

/* OK/FAILED TYPE:OK/FAILED:RESULT*COUNT,... of each policy; [recipient domains] */
static void
report(const char *text, const char *name, const char *told, const char *want)
{
	struct tlsrpt_day d;
	struct tlsrpt_report r;
	struct str got = {0};

	take(&d, text);
	tlsrpt_build(&r, &d, tlsrpt_day_name(&d, name), told ? told_of : NULL, (void *)(uintptr_t)told);
	str_addf(&got, "%ju/%ju", (uintmax_t)r.ok, (uintmax_t)r.failed);
	for (size_t i = 0; i < r.npolicy; i++) {
		const struct tlsrpt_policy *p = &r.policy[i];

		str_addf(&got, " %s %s:%ju/%ju", tlsrpt_type_word(p->type), p->domain, (uintmax_t)p->ok,
		    (uintmax_t)p->failed);
		for (size_t j = 0; j < p->ndetail; j++)
			str_addf(&got, ":%s*%ju", p->detail[j].result, (uintmax_t)p->detail[j].count);
	}
	for (size_t i = 0; i < r.nrcpt; i++)
		str_addf(&got, "%s%s", i ? "," : " [", r.rcpt[i]);
	str_adds(&got, r.nrcpt ? "]" : "");
	STR_EQ(str_cstr(&got), want, name);
	str_free(&got);
	tlsrpt_report_free(&r);
	tlsrpt_day_free(&d);
}

#define E "certificate-expired"

static void
reports(void)
{
	report("tls 2 no-policy-found a ok mx=m\ntls 3 no-policy-found a ok mx=m\ntls 1 no-policy-found a " E
	       " mx=m\n",
	    "a", NULL, "5/1 no-policy-found a:5/1:" E "*1");
	report("tls 2 sts a " E " mx=m reason=x\ntls 3 sts a " E " mx=m reason=y\ntls 4 sts a " E
	       " mx=m reason=x\n",
	    "a", NULL, "0/9 sts a:0/9:" E "*6:" E "*3");
	report("tls 1 sts a ok mx=m mxp=m policy=mode:\\x20testing\ntls 2 sts a ok mx=m mxp=m "
	       "policy=mode:\\x20enforce\n",
	    "a", NULL, "3/0 sts a:2/0 sts a:1/0");
	report("tls 1 sts a ok mx=m mxp=m policy=x\ntls 2 sts a " E "\ntls 7 sts a ok\n", "a", NULL,
	    "8/2 sts a:8/2:" E "*2");
	/* A recipient domain with two hosts; a session for two domains. */
#define SHARED                                                                                               \
	"tls 1 tlsa m1 ok mx=m1 for=a\ntls 1 tlsa m1 ok mx=m1 for=b also=yes\n"                              \
	"tls 2 tlsa m2 tlsa-invalid mx=m2 for=a\ntls 2 tlsa m2 tlsa-invalid mx=m2 for=b also=yes\n"
	report(SHARED, "a", NULL, "1/2 tlsa m2:0/2:tlsa-invalid*2 tlsa m1:1/0");
	report(SHARED, "b", NULL, "1/2 tlsa m2:0/2:tlsa-invalid*2 tlsa m1:1/0");
	report(SHARED, "m1", NULL, "1/0 tlsa m1:1/0 [a,b]");
	report(SHARED, "m2", NULL, "0/2 tlsa m2:0/2:tlsa-invalid*2 [a,b]");
	report("tls 2 tlsa m2 tlsa-invalid mx=m2 for=a\ntls 3 tlsa m2 tlsa-invalid mx=m2 for=b\n", "m2", "a",
	    "0/3 tlsa m2:0/3:tlsa-invalid*3 [b]");
	report("tls 2 tlsa m2 tlsa-invalid mx=m2 for=a\n", "m2", "a", "0/0");
	report("tls 1 tlsa m ok mx=m for=m\ntls 1 sts m ok mx=m\n", "m", NULL, "2/0 tlsa m:1/0 sts m:1/0");
}

static void
large(void)
{
	struct tlsrpt_day d;
	struct tlsrpt_report r;
	struct str text = {0}, json = {0}, gz = {0}, mail = {0};
	const char *to[] = {"a@x.y", NULL};
	uint64_t sum = 0;
	char *end, *p;

	for (unsigned i = 0; i < 12000; i++)
		str_addf(&text,
		    "tls 100 sts a.example " E
		    " mx=mx%u.a.example helo=\\x22h\\x22 from=192.0.2.1 to=2001:db8::%x reason=%0200u mxp=%u "
		    "policy=mx:\\x20%u\n",
		    i, i % 65536, i, i % 3000, i % 3000);
	tlsrpt_day_take(&d, &text);
	memcpy(d.day, "20261120", sizeof d.day);
	tlsrpt_build(&r, &d, &d.name[0], NULL, NULL);
	INT_EQ(r.failed, 1200000, "T60 more than a million sessions failed");
	tlsrpt_json(&json, &r, &who);
	OK(json.len < TLSRPT_JSON_MAX, "T60 the report is below 1 MB");
	OK(json.len > 100000, "and tells what it can");
	for (p = json.s; (p = strstr(p, "failed-session-count\": ")); p = end)
		sum += strtoull(p + strlen("failed-session-count\": "), &end, 10);
	INT_EQ(sum, 100 * 4 * 100, "T60 the details of its policies add up");
	tlsrpt_gzip(&gz, &json);
	tlsrpt_mail(&mail, &r, &who, to, &gz, 0);
	OK(mail.len < TLSRPT_JSON_MAX, "T60 so is the mail");
	tlsrpt_report_free(&r);
	tlsrpt_day_free(&d);
	str_free(&json);
	str_free(&gz);
	str_free(&mail);
}

static void
large_policy(void)
{
	struct tlsrpt_day d;
	struct tlsrpt_report r;
	struct str text = {0}, json = {0};
	uint64_t sum = 0;
	char *end, *p;

	for (unsigned i = 0; i < 9000; i++)
		str_addf(
		    &text, "tls 100 no-policy-found a.example " E " mx=mx%u.a.example reason=%0200u\n", i, i);
	tlsrpt_day_take(&d, &text);
	memcpy(d.day, "20261120", sizeof d.day);
	tlsrpt_build(&r, &d, &d.name[0], NULL, NULL);
	tlsrpt_json(&json, &r, &who);
	OK(json.len < TLSRPT_JSON_MAX, "T60 many details of one policy are below 1 MB");
	for (p = json.s; (p = strstr(p, "failed-session-count\": ")); p = end)
		sum += strtoull(p + strlen("failed-session-count\": "), &end, 10);
	INT_EQ(sum, 900000, "T60 and add up");
	tlsrpt_report_free(&r);
	tlsrpt_day_free(&d);
	str_free(&json);
}

static void
spread(void)
{
	static const size_t reports[] = {1, 2, 10, 48, 1000, 100000};
	static const uint32_t randoms[] = {0, 0xffff, 0x1234};

	for (size_t i = 0; i < ARRAY_LEN(reports); i++)
		for (size_t k = 0; k < ARRAY_LEN(randoms); k++) {
			int64_t time = 4 * HOUR, most = 0;

			for (size_t left = reports[i]; left; left--) {
				int64_t pause = spread_pause(time, left, randoms[k]);

				most = pause > most ? pause : most;
				time -= pause;
			}
			OK(time >= 0 && most <= 8 * MINUTE,
			    "T50 reports within 4 hours, none long after another");
			OK(reports[i] < 1000 || time < HOUR, "and over most of them");
		}
	INT_EQ(spread_pause(-5, 3, 77), 0, "what is late does not wait");
}

int
main(void)
{
	records();
	answers();
	days();
	rows();
	reports();
	large();
	large_policy();
	spread();
	DONE();
}
