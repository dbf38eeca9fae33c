#include "base.h"

#include "clock.h"
#include "rec.h"
#include "select.h"
#include "unit.h"

#define NOW (INT64_C(1800000000) * SECOND)
#define ID_A "0d3k9v2x7m4qa"
#define ID_B "0d3k9v2x7m4qb"

static const struct row plain = {.n = 2,
    .sender = "Joe@Example.org",
    .rcpt = "\"a@b\"@Sub.Example.com",
    .domain = "sub.example.com",
    .site = "mx1.example.com,mx2.example.com",
    .account = "joe",
    .state = ROW_WAITING,
    .hold = '-',
    .queued = NOW - 2 * HOUR,
    .next = NOW + 30 * MINUTE,
    .attempts = 3,
    .code = 450,
    .result = "failed",
    .retired = NOW - 10 * MINUTE,
    .extra = "Invoice-No=12%2034 b= c=d",
    .error = "451 4.7.1 Greylisted, Come back later"};

/* One condition against the row above. */
static void
conditions(uint64_t id)
{
	static const struct {
		const char *key, *value;
		bool match;
	} t[] = {
	    {"id", ID_A, true},
	    {"id", ID_A ".2", true},
	    {"id", ID_A ".1", false},
	    {"id", ID_B, false},
	    {"from", "joe@example.ORG", true},
	    {"from", "oe@example.org", false},
	    {"from", "@EXAMPLE.org", true},
	    {"from", "@ample.org", false},
	    {"from", "", false},
	    {"from", "<>", false},
	    {"to", "@sub.example.com", true},
	    {"to", "@b", false},
	    {"to", "@example.com", false},
	    {"to", "\"A@b\"@sub.example.com", true},
	    {"domain", "sub.example.com", true},
	    {"domain", "example.com", false},
	    {"domain", ".example.com", true},
	    {"domain", ".sub.example.com", true},
	    {"domain", ".ample.com", false},
	    {"site", "mx2.example.com", true},
	    {"site", "mx1.example.com,mx2.example.com", true},
	    {"site", "x2.example.com", false},
	    {"site", "mx1.example.co", false},
	    {"account", "joe", true},
	    {"account", "jo", false},
	    {"hold", "no", true},
	    {"hold", "yes", false},
	    {"hold", "o", false},
	    {"state", "waiting", true},
	    {"state", "due", false},
	    {"next", "<1h", true},
	    {"next", "<29m", false},
	    {"next", ">29m", true},
	    {"next", ">now", true},
	    {"next", "<now", false},
	    {"next", "<1800001801000000@", true},
	    {"next", ">1800001801000000@", false},
	    {"queued", ">1h", true},
	    {"queued", "<1h", false},
	    {"queued", "<3h", true},
	    {"queued", "<1800000000000000@", true},
	    {"queued", "<now", true},
	    {"attempts", "3", true},
	    {"attempts", "=3", true},
	    {"attempts", ">2", true},
	    {"attempts", ">3", false},
	    {"attempts", "<4", true},
	    {"error", "greyLISTED, come", true},
	    {"error", "blocked", false},
	    {"error", "451 * greylisted*LATER", true},
	    {"error", "451*4.7.1*back", true},
	    {"error", "back*451", false},
	    {"error", "*later*later", false},
	    {"error", "*", true},
	    {"error", "450 451 4.7.1 grey", true},
	    {"error", "450 greylisted", false},
	    {"extra", "Invoice-No=12 34", true},
	    {"extra", "invoice-NO=12 34", true},
	    {"extra", "Invoice-No=12 3", false},
	    {"extra", "Invoice-No=12 345", false},
	    {"extra", "Invoice-No=12", false},
	    {"extra", "Invoice", false},
	    {"extra", "invoice-no", true},
	    {"extra", "34", false},
	    {"extra", "b=", true},
	    {"extra", "b", true},
	    {"extra", "b=c", false},
	    {"extra", "c=d", true},
	    {"extra", "c=D", false},
	    {"result", "failed", true},
	    {"result", "delivered", false},
	    {"retired", "<1h", true},
	    {"retired", ">1h", false},
	    {"retired", "<now", true},
	    {"retired", ">1799999000000000@", true},
	    {"transport", "", true},
	    {"transport", "relay", false},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct select s = {0};
		struct row r = plain;
		char name[80];

		r.id = id;
		snprintf(name, sizeof name, "%s %s %s", t[i].key, t[i].value,
		    t[i].match ? "matches" : "does not match");
		STR_EQ(select_add(&s, t[i].key, t[i].value, NOW), NULL, name);
		INT_EQ(select_match(&s, &r), t[i].match, name);
		select_free(&s);
	}
}

static void
refusals(void)
{
	static const char *const t[] = {"id ", "id x", ("id " ID_A ".0"), "hold maybe", "hold ",
	    "state asleep", "next 1h", "next <", "next <1y", "next <x@", "queued >@", "queued =1h",
	    "attempts x", "attempts -1", "attempts ", "to ", "error ", "size 3", "result lost", "result ",
	    "retired 1h", "", "from", "extra ", "extra =x", "error \\x4", "error a\\x00b"};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct select s = {0};
		char line[64];

		snprintf(line, sizeof line, "%s", t[i]);
		OK(select_line(&s, line, NOW) && !s.nid && !s.nterm, t[i]);
		select_free(&s);
	}
}

static void
held_and_null(void)
{
	struct row r = plain;
	struct select s = {0};

	r.hold = 'u', r.next = 0, r.state = ROW_HELD, r.sender = NULL;
	STR_EQ(select_add(&s, "hold", "yes", NOW), NULL, "two conditions: held");
	STR_EQ(select_add(&s, "from", "<>", NOW), NULL, "and from the null sender");
	OK(select_match(&s, &r), "both match");
	STR_EQ(select_add(&s, "next", "<5d", NOW), NULL, "and due within five days");
	OK(!select_match(&s, &r), "what is held is never due");
	STR_EQ(select_text(&s, SELECT_HOLD), "yes", "the text of a term");
	OK(!select_text(&s, SELECT_DOMAIN), "no term of that key");
	select_free(&s);
	OK(select_match(&s, &r), "an empty selection matches every row");
	r.retired = 0, r.result = NULL;
	STR_EQ(select_add(&s, "retired", "<now", NOW), NULL, "one condition: has left the queue");
	OK(!select_match(&s, &r), "what has not is not meant");
	select_free(&s);
}

static void
ids_and_lines(uint64_t a, uint64_t b)
{
	struct select s = {0};
	struct str req = {0};
	struct rec_in in;
	char *key, *value;
	bool good = true;

	select_put(&req, "id", ID_B);
	select_put(&req, "id", ID_A ".7");
	select_put(&req, "id", ID_A ".2");
	select_put(&req, "id", ID_A ".2");
	select_put(&req, "error", "a b\nc\\");
	in = (struct rec_in){req.s, req.s + req.len};
	while (rec_next(&in, &key, &value) == REC_LINE)
		good = good && !strcmp(key, "sel") && !select_line(&s, value, NOW);
	OK(good, "lines written are read");
	INT_EQ(s.nid, 3, "ids are kept once");
	OK(s.nid == 3 && s.id[0].id == a && s.id[0].n == 2 && s.id[1].n == 7 && s.id[2].id == b, "in order");
	OK(select_has_id(&s, a, 2) && select_has_id(&s, a, 7) && !select_has_id(&s, a, 3) &&
		select_has_id(&s, a, 0),
	    "recipients of an id");
	OK(select_has_id(&s, b, 1) && !select_has_id(&s, b + 1, 1) && !select_has_id(&s, a - 1, 0),
	    "a whole message");
	STR_EQ(select_text(&s, SELECT_ERROR), "a b\nc\\", "the value comes back as it was");
	select_free(&s);
	str_free(&req);
}

static void
rows(uint64_t id)
{
	struct row r = plain, got;
	struct str rec = {0}, again = {0}, text = {0};
	static const char *const bad[] = {"", "end\n", "id x\nend\n", ("id " ID_A ".1\n"),
	    ("id " ID_A ".1\nstate odd\nend\n"), ("id " ID_A "\nhold x\nend\n"),
	    ("id " ID_A "\nnext -1\nend\n"), ("id " ID_A "\ncode 1000\nend\n"),
	    ("id " ID_A "\nerror \\xzz\nend\n"), ("id " ID_A "\nJunk\nend\n")};

	r.id = id;
	r.subject = "two\nlines \xff";
	row_write(&rec, &r);
	str_add(&text, rec.s, rec.len);
	STR_EQ(row_parse(&got, rec.s, rec.len), NULL, "a row reads back");
	row_write(&again, &got);
	STR_EQ(again.s, text.s, "and writes the same record");
	STR_EQ(got.subject, r.subject, "hostile bytes come back whole");
	str_reset(&text);
	row_text(&text, &got, ROW_ID);
	STR_EQ(text.s, ID_A ".2", "id of a recipient");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		str_reset(&rec);
		str_adds(&rec, bad[i]);
		str_reserve(&rec, 1);
		OK(row_parse(&got, rec.s, rec.len),
		    bad[i][0] ? "a broken row is refused" : "nothing is no row");
	}
	str_free(&rec);
	str_free(&again);
	str_free(&text);
}

int
main(void)
{
	struct select s = {0};
	uint64_t a, b;

	if (select_add(&s, "id", ID_A, NOW) || select_add(&s, "id", ID_B, NOW))
		return 1;
	a = s.id[0].id, b = s.id[1].id;
	select_free(&s);
	conditions(a);
	refusals();
	held_and_null();
	ids_and_lines(a, b);
	rows(a);
	DONE();
}
