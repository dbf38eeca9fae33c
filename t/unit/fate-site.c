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
		site_went_well(&s, &retry, now);
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
	site_went_well(&s, &retry, now);
	OK(!site_is_down(&s, now) && !s.fails, "up again");
	for (int i = 0; i < 9; i++)
		site_turns_away(&s, &retry, now, 0);
	OK(!site_is_down(&s, now) && s.window == 1, "421 nine times: one connection");
	site_went_well(&s, &retry, now);
	for (int i = 0; i < 9; i++)
		site_turns_away(&s, &retry, now, 0);
	OK(!site_is_down(&s, now), "in a row");
	site_turns_away(&s, &retry, now, 0);
	INT_EQ(s.down_until - now, MINUTE, "ten times in a row: left alone");
	now = s.down_until;
	site_turns_away(&s, &retry, now, 0);
	INT_EQ(s.down_until - now, 2 * MINUTE, "its probe says it again: twice as long");
	site_went_well(&s, &retry, now);
	OK(!site_is_down(&s, now), "until something is answered");
	s.limits.messages_per_minute = 60;
	OK(!site_is_paced(&s, now), "no pace before the first");
	site_sends(&s, now);
	OK(site_is_paced(&s, now) && site_is_paced(&s, now + SECOND - 1) && !site_is_paced(&s, now + SECOND),
	    "one a second at 60 a minute");
}

/* A site that takes so many connections at a time; one more is tried whenever it may be. */
static void
doors(void)
{
	static const struct {
		unsigned takes, tries; /* of connections that it turns away within an hour */
	} t[] = {{1, 6}, {2, 6}, {7, 6}, {20, 0}};
	struct conf c = {0};
	char what[80];

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct site_state s;
		int64_t now = 1000 * DAY;
		unsigned refused = 0, open = 1;
		bool back = true;

		site_init(&s, &c, "mx");
		for (; now < 1000 * DAY + HOUR; now += SECOND / 10) {
			site_went_well(&s, &retry, now);
			if (!site_may_open(&s, open, 1000))
				continue;
			if (open < t[i].takes) {
				open++;
				continue;
			}
			refused++;
			back &= site_turns_away(&s, &retry, now, open);
		}
		snprintf(what, sizeof what, "%u connections are taken, and used", t[i].takes);
		INT_EQ(open, t[i].takes, what);
		INT_EQ(refused, t[i].tries, "a further one is tried less and less often");
		OK(back, "which is no attempt of any message");
	}
}

/* A site that takes so many messages a second, at first as many at once: how many it refuses of 2000, and how long
 * they take. */
static void
paces(void)
{
	static const struct {
		unsigned rate;
		int64_t latency; /* of each message: as fast as the connections are */
		unsigned refused,
		    longer; /* at most; in hundredths of the time that the rate alone makes it */
	} t[] = {{2, 50000, 10, 150}, {20, 5000, 10, 150}, {200, 2000, 10, 150}, {1000, 500, 10, 150},
	    {0, 1000, 0, 100}};
	struct conf c = {0};
	char what[80];

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct site_state s;
		int64_t begin = 1000 * DAY, now = begin, ideal;
		unsigned refused = 0, returned = 0;
		double tokens = t[i].rate;

		site_init(&s, &c, "mx");
		for (unsigned taken = 0; taken < 2000; now += t[i].latency) {
			int64_t sent = site_is_paced(&s, now) ? s.pace_at : now;

			tokens += (double)(sent + t[i].latency - now) / 1e6 * t[i].rate;
			tokens = tokens > t[i].rate ? t[i].rate : tokens;
			now = sent;
			site_sends(&s, now);
			if (!t[i].rate || tokens >= 1) {
				tokens -= 1;
				taken++;
				site_went_well(&s, &retry, now);
				continue;
			}
			refused++;
			returned += site_slows_down(&s, &retry, now + t[i].latency, sent);
		}
		ideal = t[i].rate ? (2000 - t[i].rate) * SECOND / t[i].rate : 2000 * t[i].latency;
		snprintf(what, sizeof what, "%u a second", t[i].rate);
		OK(refused <= t[i].refused, what);
		OK((now - begin) / (ideal / 100) <= t[i].longer, what);
		OK(returned * 10 >= refused * 8, "most of the refused go back into the line");
	}
}

static int64_t
refused_for_a_while(struct site_state *s, int64_t now)
{
	for (int i = 0; i < 9; i++) {
		now = s->pace_at > now ? s->pace_at : now;
		site_sends(s, now);
		site_slows_down(s, &retry, now + 1, now);
	}
	return now;
}

/* Messages that it takes until they go out at most `gap` after one another. */
static unsigned
taken_until(struct site_state *s, int64_t now, int64_t gap)
{
	unsigned n = 0;

	for (; s->pace.gap > gap && n < 1000; n++) {
		now = s->pace_at > now ? s->pace_at : now;
		site_sends(s, now);
		site_went_well(s, &retry, now);
	}
	return n;
}

/* A site that takes nothing for a while, then all again. */
static void
shut(void)
{
	struct conf c = {0};
	struct site_state s;
	int64_t now = 1000 * DAY, known;

	site_init(&s, &c, "mx");
	now = refused_for_a_while(&s, now);
	OK(s.pace.gap > 10 * SECOND, "asked more and more rarely");
	OK(taken_until(&s, now + HOUR, 0) <= 20, "what it takes then is no trickle");
	site_init(&s, &c, "mx");
	for (int i = 0; i < 200; i++) {
		site_sends(&s, now += SECOND / 20);
		site_went_well(&s, &retry, now);
	}
	now += SECOND;
	site_slows_down(&s, &retry, now, now - 1);
	known = s.pace.gap;
	OK(known > 0 && known < SECOND / 10, "the pace it took");
	now = refused_for_a_while(&s, now);
	OK(s.pace.gap > SECOND, "slower while it refuses");
	OK(taken_until(&s, now, known) <= 10, "soon back to the pace that is known");
	OK(taken_until(&s, now, 0) > 1000 / 8, "and slowly beyond");
}

/* Each message that goes back is paid for by one that was taken. */
static void
credit(void)
{
	struct conf c = {0};
	struct site_state s;
	int64_t now = 1000 * DAY;

	site_init(&s, &c, "mx");
	OK(!site_slows_down(&s, &retry, now, now), "nothing taken yet: an attempt");
	site_went_well(&s, &retry, now);
	OK(site_slows_down(&s, &retry, now, now), "one taken: one goes back");
	OK(!site_slows_down(&s, &retry, now, now), "and no other");
	for (int i = 0; i < 1000; i++)
		site_went_well(&s, &retry, now);
	site_sends(&s, now += HOUR);
	INT_EQ(s.pace.taken, 0, "after a rest it begins anew");
	site_slows_down(&s, &retry, now, now);
	OK(s.pace.gap <= MINUTE && site_is_paced(&s, now), "never slower than one a minute");
	OK(!site_is_paced(&s, now - 10 * DAY), "T124 a clock that went back does not keep it slow");
}

int
main(void)
{
	patterns();
	limits();
	pressure();
	doors();
	paces();
	shut();
	credit();
	DONE();
}
