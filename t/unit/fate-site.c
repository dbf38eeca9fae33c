#include "base.h"

#include "clock.h"
#include "site.h"
#include "unit.h"

static int64_t steps[] = {8 * MINUTE, 15 * MINUTE, 30 * MINUTE};
static const struct conf_retry retry = {.interval = steps, .n = 3};

static void
patterns(void)
{
	static const struct {
		const char *pattern, *name;
		bool matches;
	} t[] = {
	    {"*", "mx.example.com", true},
	    {"*.example.com", "mx.example.com", true},
	    {"*.example.com", "a.b.example.com", true},
	    {"*.example.com", "example.com", false},
	    {"*.example.com", "mxexample.com", false},
	    {"MX.example.com", "mx.EXAMPLE.com", true},
	    {"mx.example.com", "mx2.example.com", false},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		OK(site_matches(t[i].pattern, t[i].name) == t[i].matches, t[i].pattern);
}

static void
limits(void)
{
	char a[] = "*.example.com", b[] = "*";
	struct conf_site sites[] = {{b, 50, 0, 0, 7}, {a, 3, 0, 20, 0}};
	struct conf c = {.site = sites, .nsite = 2};
	struct site_state s;

	site_init(&s, &c, "mx1.example.com,mx2.example.net");
	INT_EQ(s.limits.connections, 3, "its own section first");
	INT_EQ(s.limits.messages_per_minute, 7, "then the section *");
	INT_EQ(s.limits.messages_per_connection, 100, "then the default");
	site_init(&s, &c, "relay.example.net:587");
	INT_EQ(s.limits.connections, 50, "a relay without a section has that of *");
}

static void
pressure(void)
{
	struct conf c = {0};
	struct site_state s;
	int64_t now = 1000 * DAY;

	site_init(&s, &c, "mx");
	INT_EQ(s.window, 2, "starts low");
	OK(site_may_open(&s, 0, 1) && !site_may_open(&s, 1, 3) && site_may_open(&s, 1, 4) &&
		!site_may_open(&s, 2, 100),
	    "opens by need");
	for (int i = 0; i < 1000; i++)
		site_went_well(&s);
	INT_EQ(s.window, 20, "grows to its limit");
	site_is_busy(&s);
	INT_EQ(s.window, 10, "shrinks when busy");
	site_is_unreachable(&s, &retry, now);
	INT_EQ(s.down_until - now, MINUTE, "left alone for an eighth of the first pause");
	OK(site_is_down(&s, now) && !site_is_down(&s, now + MINUTE), "until then");
	OK(site_may_open(&s, 0, 100) && !site_may_open(&s, 1, 100), "one probe");
	site_is_unreachable(&s, &retry, now);
	INT_EQ(s.down_until - now, MINUTE, "what fails together with the first counts once");
	now = s.down_until;
	site_is_unreachable(&s, &retry, now);
	INT_EQ(s.down_until - now, 2 * MINUTE, "then twice as long");
	for (int i = 0; i < 100; i++) {
		now = s.down_until;
		site_is_unreachable(&s, &retry, now);
	}
	INT_EQ(s.down_until - now, 30 * MINUTE, "never longer than the third pause");
	OK(!site_is_down(&s, now - 10 * DAY), "T124 a clock that went back does not keep it down");
	site_went_well(&s);
	OK(!site_is_down(&s, now) && !s.fails, "up again");
	for (int i = 0; i < 9; i++)
		site_refuses(&s, &retry, now);
	OK(!site_is_down(&s, now) && s.window == 1, "421 nine times: one connection");
	site_went_well(&s);
	for (int i = 0; i < 9; i++)
		site_refuses(&s, &retry, now);
	OK(!site_is_down(&s, now), "in a row");
	site_refuses(&s, &retry, now);
	INT_EQ(s.down_until - now, MINUTE, "ten times in a row: left alone");
	now = s.down_until;
	site_refuses(&s, &retry, now);
	INT_EQ(s.down_until - now, 2 * MINUTE, "its probe says it again: twice as long");
	site_went_well(&s);
	OK(!site_is_down(&s, now), "until something is answered");
	s.limits.messages_per_minute = 60;
	OK(!site_is_paced(&s, now), "no pace before the first");
	site_sends(&s, now);
	OK(site_is_paced(&s, now) && site_is_paced(&s, now + SECOND - 1) && !site_is_paced(&s, now + SECOND),
	    "one a second at 60 a minute");
}

int
main(void)
{
	patterns();
	limits();
	pressure();
	DONE();
}
