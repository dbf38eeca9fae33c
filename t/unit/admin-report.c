/* What a report counts, and how it says it. */
#include "base.h"

#include "attempt.h"
#include "clock.h"
#include "html.h"
#include "report.h"
#include "report_draw.h"
#include "report_say.h"
#include "unit.h"

#include <inttypes.h>

#define NOW (INT64_C(1800000000) * SECOND) /* Fri 2027-01-15 08:00:00 UTC */

static struct str out;

static struct report
fresh(size_t lines)
{
	struct report r = {.now = NOW, .since = 7 * DAY, .lines = lines, .host = "h.example"};

	report_start(&r, NOW + HOUR, NOW - 8 * HOUR);
	return r;
}

/* ---- headlines ---- */

struct group {
	unsigned n;
	const char *domain, *site;
	int64_t age;
	unsigned attempts, code;
	const char *error;
	enum row_state state;
	char hold;
	int64_t since; /* of its attempts, before now; 0: not asked */
};

static uint64_t next_id;

static void
add(struct report *r, const struct group *g)
{
	for (unsigned i = 0; i < g->n; i++)
		report_waits(r, &(struct row){.id = ++next_id,
				    .n = 1,
				    .domain = g->domain,
				    .site = g->site,
				    .rcpt = "a@b",
				    .sender = "c@d",
				    .account = "acc",
				    .queued = NOW - g->age,
				    .next = g->state == ROW_HELD ? 0 : NOW + MINUTE,
				    .attempts = g->attempts,
				    .last = g->attempts ? NOW - MINUTE : 0,
				    .code = g->code,
				    .error = g->error,
				    .state = g->state,
				    .hold = g->hold,
				    .size = 1000});
}

static void
tell_since(struct report *r, const struct group *g)
{
	struct report_place *p = top_find(&r->places, g->site ? g->site : g->domain);
	struct str value = {0};
	struct row row = {.n = 1};

	if (!g->since || !p)
		return;
	attempt_write(
	    &value, &(struct attempt){.start = NOW - g->since, .outcome = "later", .code = g->code});
	row.attempt[row.nattempt++] = value.s;
	report_tries(p, &row);
	str_free(&value);
}

static const struct {
	struct group g[3];
	const char *headline;
	enum report_mood mood;
} heads[] = {
    {{{0}}, "The queue is empty.", REPORT_CALM},
    {{{1, "a.example", NULL, MINUTE, 0, 0, NULL, ROW_DUE, '-', 0}},
	"One message waits for its first attempt.", REPORT_CALM},
    {{{12, "a.example", NULL, MINUTE, 0, 0, NULL, ROW_DUE, '-', 0}},
	"12 messages wait for the first attempt.", REPORT_CALM},
    {{{1180, "example.net", "mx1.example.net,mx2.example.net", 5 * HOUR, 7, 421, "4.7.0 deferred",
	  ROW_WAITING, '-', 4 * HOUR + 48 * MINUTE},
	 {24, "b.example", NULL, HOUR, 1, 450, "greylisted", ROW_WAITING, '-', 0}},
	"1,204 messages wait; 1,180 of them for example.net, which has answered 421 since 03:12.",
	REPORT_WATCH},
    {{{3, "a.example", "mx.a.example", HOUR, 2, 451, "busy", ROW_WAITING, '-', 0}},
	"3 messages wait, all of them for a.example, which answered 451.", REPORT_WATCH},
    {{{1, "a.example", "mx.a.example", HOUR, 2, 451, "busy", ROW_WAITING, '-', 30 * HOUR}},
	"One message waits for a.example, which has answered 451 since Thu 02:00.", REPORT_CALM},
    {{{5, "a.example", "mx", HOUR, 2, 0, "unable to connect: Connection refused.", ROW_WAITING, '-', HOUR},
	 {4, "b.example", "mx", HOUR, 2, 0, "x", ROW_WAITING, '-', 0}},
	"9 messages wait, all of them for mx, where every attempt since 07:00 has failed: x.", REPORT_WATCH},
    {{{5, "a.example", "mx", HOUR, 2, 0, "unable to connect: Connection refused.", ROW_WAITING, '-', 0}},
	"5 messages wait, all of them for a.example, where the last attempt failed: unable to connect: "
	"Connection "
	"refused.",
	REPORT_WATCH},
    {{{2, "a.example", NULL, HOUR, 1, 450, "x", ROW_WAITING, '-', 0},
	 {2, "b.example", NULL, 2 * HOUR, 1, 450, "x", ROW_WAITING, '-', 0},
	 {2, "c.example", NULL, 3 * HOUR, 1, 450, "x", ROW_WAITING, '-', 0}},
	"6 messages wait for 3 destinations; the oldest has waited for 3 h.", REPORT_CALM},
    {{{7, "a.example", NULL, HOUR, 0, 0, NULL, ROW_HELD, 'o', 0}}, "7 messages wait, and all are held.",
	REPORT_WATCH},
    {{{1, "a.example", NULL, HOUR, 0, 0, NULL, ROW_HELD, 'l', 0}}, "One message waits, and is held.",
	REPORT_WATCH},
};

static void
headlines(void)
{
	for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
		struct report r = fresh(5);

		for (size_t k = 0; k < ARRAY_LEN(heads[i].g); k++)
			add(&r, &heads[i].g[k]);
		report_sort(&r);
		for (size_t k = 0; k < ARRAY_LEN(heads[i].g) && heads[i].g[k].n; k++)
			tell_since(&r, &heads[i].g[k]);
		str_reset(&out);
		report_headline(&out, &r);
		STR_EQ(str_cstr(&out), heads[i].headline, heads[i].headline);
		INT_EQ(report_mood(&r), heads[i].mood, "and who is to look");
		report_free(&r);
	}
}

static void
remarks(void)
{
	struct report r = fresh(5);

	add(&r, &(struct group){2, "a", NULL, HOUR, 0, 0, NULL, ROW_HELD, 'o', 0});
	add(&r, &(struct group){1, "a", NULL, HOUR, 0, 0, NULL, ROW_HELD, 'l', 0});
	r.overdue = r.tried_at = NOW - 40 * MINUTE;
	str_reset(&out);
	report_remarks(&out, &r);
	STR_EQ(str_cstr(&out),
	    "Nobody delivers: mail has been due for 40 min, and nothing was tried since 07:20. Does mox-runq "
	    "run? 3 are held: 2 by the "
	    "operator, 1 "
	    "by a limit. Nothing was delivered in the last 24 hours, and nothing failed.",
	    "remarks");
	INT_EQ(report_mood(&r), REPORT_TROUBLE, "somebody is needed");
	r.tried_at = NOW - 14 * MINUTE;
	INT_EQ(report_mood(&r), REPORT_WATCH, "not while others are tried");
	r.tried_at = 0;
	r.overdue = NOW - MINUTE;
	INT_EQ(report_mood(&r), REPORT_WATCH, "not before a pass of cron's is late");
	report_free(&r);
}

/* ---- counting ---- */

static void
past(struct report *r, const char *result, int64_t ago, const char *tls, int64_t took)
{
	report_past(r, &(struct row){.id = ++next_id,
			   .n = 1,
			   .domain = "d.example",
			   .site = "mx.d.example",
			   .rcpt = "a@d.example",
			   .host = "mx.d.example[192.0.2.1]",
			   .tls = tls,
			   .result = result,
			   .error = "no",
			   .state = ROW_GONE,
			   .retired = NOW - ago,
			   .queued = NOW - ago - took});
}

static void
history(void)
{
	struct report r = fresh(2);
	const struct report_route *route;

	past(&r, "delivered", MINUTE, "dane", SECOND / 2);
	past(&r, "relayed", 90 * MINUTE, "none", SECOND / 2);
	past(&r, "expanded", 90 * MINUTE, NULL, SECOND / 2);
	past(&r, "delivered", 30 * HOUR, "pkix", 2 * HOUR);
	past(&r, "failed", 3 * HOUR, NULL, 0);
	past(&r, "failed", 2 * HOUR, NULL, 0);
	past(&r, "suppressed", HOUR, NULL, 0);
	past(&r, "cancelled", HOUR, NULL, 0);
	past(&r, "delivered", 8 * DAY, "dane", 0);
	report_sort(&r);
	INT_EQ(r.day.sum.sent, 3, "delivered in a day");
	INT_EQ(r.day.sum.failed, 3, "failed in a day");
	INT_EQ(r.day.sum.other, 1, "neither");
	INT_EQ(r.day.bin[22].sent, 1, "the hour before this one ends now");
	INT_EQ(r.day.bin[21].sent, 2, "the one before that");
	INT_EQ(r.span.n, 28, "seven days of four bins");
	INT_EQ(r.span.sum.sent, 4, "what is older does not count");
	INT_EQ(r.span.bin[20].sent, 1, "30 hours ago, in the first quarter of yesterday");
	route = top_find(&r.routes, "mx.d.example");
	OK(route && route->sent == 4 && route->failed == 3 && route->plain == 1, "by site");
	OK(r.tls[REPORT_DANE] == 1 && r.tls[REPORT_PKIX] == 1 && r.tls[REPORT_PLAIN] == 1 && r.here == 1,
	    "by TLS");
	OK(top_find(&r.plain, "mx.d.example") != NULL, "a host without its address");
	OK(r.nfailed == 2 && r.failed[0].at == NOW - HOUR && r.failed[1].at == NOW - 2 * HOUR,
	    "the newest failures first");
	INT_EQ(report_took(&r, 50), SECOND, "half within");
	INT_EQ(report_took(&r, 95), 4 * HOUR, "nearly all within");
	report_free(&r);
}

static void
oldest(void)
{
	static const int64_t age[] = {5, 9, 1, 7, 7, 3};
	struct report r = fresh(3);

	for (size_t i = 0; i < ARRAY_LEN(age); i++)
		report_waits(&r, &(struct row){.id = 100 + i,
				     .n = 1,
				     .queued = NOW - age[i] * HOUR,
				     .rcpt = "x",
				     .domain = "d",
				     .state = ROW_WAITING});
	report_waits(&r, &(struct row){.id = 101,
			     .n = 2,
			     .queued = NOW - 9 * HOUR,
			     .rcpt = "y",
			     .domain = "d",
			     .state = ROW_WAITING});
	OK(r.nold == 3 && r.old[0].id == 101 && r.old[1].id == 103 && r.old[2].id == 104,
	    "the oldest, in order");
	INT_EQ(r.old[0].more, 1, "a message stands once");
	INT_EQ(r.age[summary_age(9 * HOUR)], 5, "classes of age");
	report_free(&r);
}

static void
since(void)
{
	struct report_place p = {.code = 421, .taken = NOW - 5 * HOUR};
	static const struct {
		int64_t ago;
		unsigned code;
	} tries[] = {{9 * HOUR, 421}, {8 * HOUR, 451}, {3 * HOUR, 421}, {2 * HOUR, 421}};
	struct str value[ARRAY_LEN(tries)] = {{0}};
	struct row row = {.n = 1};

	for (size_t i = 0; i < ARRAY_LEN(tries); i++) {
		attempt_write(&value[i],
		    &(struct attempt){
			.start = NOW - tries[i].ago, .outcome = "later", .code = tries[i].code, .text = "x"});
		row.attempt[row.nattempt++] = value[i].s;
	}
	report_tries(&p, &row);
	INT_EQ(NOW - p.since, 3 * HOUR, "since the first of the last attempts that ended so");
	for (size_t i = 0; i < ARRAY_LEN(tries); i++)
		str_free(&value[i]);
	p = (struct report_place){.code = 421, .taken = NOW - HOUR};
	attempt_write(&value[0], &(struct attempt){.start = NOW - 2 * HOUR, .outcome = "later", .code = 421});
	row = (struct row){.n = 1, .nattempt = 1, .attempt = {value[0].s}};
	report_tries(&p, &row);
	INT_EQ(p.since, 0, "not when it has taken something in between");
	str_free(&value[0]);
}

static void
many_names(void)
{
	struct top t = {.size = sizeof(struct top_entry)};
	struct top_entry *e;
	char name[32];

	for (int i = 0; i < 3 * TOP_MAX; i++) {
		snprintf(name, sizeof name, "n%d", i);
		e = top_get(&t, name);
		e->count++;
		e = top_get(&t, "often");
		e->count++;
	}
	top_sort(&t);
	OK(t.n <= TOP_MAX && t.cut, "no more names than that");
	OK(!strcmp(t.v[0]->name, "often") && t.v[0]->count == 3 * TOP_MAX,
	    "what comes often is counted exactly");
	top_free(&t);
	OK(!top_find(&t, "often"), "an empty one finds nothing");
}

static void
words(void)
{
	static const struct {
		int64_t span;
		const char *want;
	} spans[] = {{0, "0 s"}, {59 * SECOND, "59 s"}, {90 * SECOND, "1 min"}, {200 * MINUTE, "3 h 20 min"},
	    {11 * HOUR + MINUTE, "11 h"}, {52 * HOUR, "2 d 4 h"}, {48 * HOUR, "2 d"}, {40 * DAY, "40 d"}};
	static const struct {
		int64_t t;
		const char *want;
	} times[] = {{NOW - 5 * HOUR, "03:00"}, {NOW - 9 * HOUR, "Thu 23:00"}, {NOW + 20 * HOUR, "Sat 04:00"},
	    {NOW - 20 * DAY, "26 Dec"}};

	for (size_t i = 0; i < ARRAY_LEN(spans); i++) {
		str_reset(&out);
		say_span(&out, spans[i].span);
		STR_EQ(str_cstr(&out), spans[i].want, spans[i].want);
	}
	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		str_reset(&out);
		say_when(&out, times[i].t, NOW);
		STR_EQ(str_cstr(&out), times[i].want, times[i].want);
	}
	str_reset(&out);
	say_bytes(&out, 999);
	str_addc(&out, ' ');
	say_bytes(&out, 1500);
	str_addc(&out, ' ');
	say_bytes(&out, 83.2e9);
	STR_EQ(str_cstr(&out), "999 bytes 1.5 kB 83 GB", "sizes");
}

/* What is not there is not drawn. */
static void
pictures(void)
{
	struct report_flow f = {.start = NOW - 24 * HOUR, .width = HOUR, .n = 24};
	uint64_t part[] = {3, 0, 1};
	static const char *const word[] = {"a", "b", "<c>"};

	str_reset(&out);
	report_draw_flow(&out, "x", &f);
	OK(!strstr(str_cstr(&out), "<rect") && !strstr(out.s, "nan") && !strstr(out.s, "inf"),
	    "a picture of nothing");
	f.bin[3] = f.sum = (struct report_bin){.sent = 1, .failed = 100000};
	str_reset(&out);
	report_draw_flow(&out, "x", &f);
	OK(strstr(str_cstr(&out), "<title>Thu 11:00\xe2\x80\x93"
				  "12:00: 100,000 failed</title>"),
	    "a bar says what it is");
	str_reset(&out);
	report_draw_bar(
	    &out, &(struct report_bar){.id = "i", .class = "a", .word = word, .part = part, .n = 3});
	OK(strstr(str_cstr(&out), "<title id=\"i-0\">a: 3; &lt;c&gt;: 1</title>"), "so does a bar of parts");
	OK(strstr(out.s, "<rect class=\"a2\" x=\"750.0\" y=\"0\" width=\"250.0\" height=\"10\"/>"),
	    "in proportion");
	part[0] = part[2] = 0;
	str_reset(&out);
	report_draw_bar(
	    &out, &(struct report_bar){.id = "", .class = "a", .word = word, .part = part, .n = 3});
	OK(!strstr(str_cstr(&out), "<rect"), "nothing is no bar");
}

int
main(void)
{
	setenv("TZ", "UTC", 1);
	headlines();
	remarks();
	history();
	oldest();
	since();
	many_names();
	words();
	pictures();
	str_free(&out);
	DONE();
}
