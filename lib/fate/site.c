#include "base.h"

#include "clock.h"
#include "site.h"

#define START_WINDOW 2
/* A connection costs a handshake: not for fewer waiting messages than this per connection that is open
 * already. */
#define WORTH_OPENING 4
#define CREDIT_MAX 20
/* Of a pace that is not known well yet: from fewer messages than FEW nothing is learned but that. */
#define FEW 10
#define GAP_FIRST (SECOND / 4)
#define GAP_MAX MINUTE
#define GAP_NONE 1000 /* below, it is none */
/* With a window of 20, as many may be on their way when a server begins to say 421, some of which it still answers. */
#define REFUSALS 10

bool
site_matches(const char *pattern, const char *name)
{
	size_t p, n;

	if (!strcmp(pattern, "*"))
		return true;
	if (strncmp(pattern, "*.", 2))
		return str_ieq(pattern, name);
	p = strlen(pattern + 1);
	n = strlen(name);
	return n > p && str_ieq(name + n - p, pattern + 1);
}

static void
fill(struct site_limits *l, const struct conf_site *s)
{
	if (!l->connections)
		l->connections = s->connections;
	if (!l->messages_per_connection)
		l->messages_per_connection = s->messages_per_connection;
	if (!l->recipients_per_transaction)
		l->recipients_per_transaction = s->recipients_per_transaction;
	if (!l->messages_per_minute)
		l->messages_per_minute = s->messages_per_minute;
}

void
site_init(struct site_state *s, const struct conf *c, const char *name)
{
	static const struct conf_site defaults = {NULL, 20, 100, 100, 0};
	char host[256];
	size_t n = *name == '[' ? strcspn(name, ",") : strcspn(name, ",:");

	*s = (struct site_state){.window = START_WINDOW};
	snprintf(host, sizeof host, "%.*s", (int)(n < 255 ? n : 255), name);
	for (size_t i = 0; i < c->nsite; i++)
		if (strcmp(c->site[i].pattern, "*") && site_matches(c->site[i].pattern, host)) {
			fill(&s->limits, &c->site[i]);
			break;
		}
	for (size_t i = 0; i < c->nsite; i++)
		if (!strcmp(c->site[i].pattern, "*"))
			fill(&s->limits, &c->site[i]);
	fill(&s->limits, &defaults);
	if (s->window > s->limits.connections)
		s->window = s->limits.connections;
}

static int64_t
shortest(const struct conf_retry *r)
{
	return r->interval[0] / 8;
}

static int64_t
longest(const struct conf_retry *r)
{
	return r->interval[r->n > 2 ? 2 : r->n - 1];
}

static int64_t
longer(int64_t hold, const struct conf_retry *r)
{
	if (!hold)
		return shortest(r);
	return 2 * hold < longest(r) ? 2 * hold : longest(r);
}

/* A clock that went back ends it. */
static bool
is_ahead(int64_t until, int64_t now)
{
	return until > now && until < now + DAY;
}

/* It has taken messages at this pace for a while: a little faster, and sooner again next time. */
static void
quicken(struct site_state *s, const struct conf_retry *r, int64_t now)
{
	s->pace.taken++;
	/* A gap that grew while nothing was taken tells how long the door was shut, not how fast it takes. */
	if (s->pace.gap > s->pace.known) {
		s->pace.gap = s->pace.gap > 2 * GAP_FIRST ? GAP_FIRST : s->pace.gap / 2;
		if (s->pace.gap < s->pace.known)
			s->pace.gap = s->pace.known;
		if (s->pace.gap < GAP_NONE)
			s->pace.gap = 0;
		if (s->pace_at > s->pace.sent + s->pace.gap)
			s->pace_at = s->pace.sent + s->pace.gap;
		return;
	}
	if (!s->pace.gap || is_ahead(s->pace.until, now))
		return;
	s->pace.gap -= s->pace.gap / 8;
	if (s->pace.gap < GAP_NONE)
		s->pace.gap = 0;
	s->pace.known = s->pace.gap;
	s->pace.hold = s->pace.hold / 2 > shortest(r) ? s->pace.hold / 2 : shortest(r);
	s->pace.until = now + s->pace.hold;
}

void
site_went_well(struct site_state *s, const struct conf_retry *r, int64_t now)
{
	s->fails = s->refusals = 0;
	s->down_until = 0;
	if (s->credit < CREDIT_MAX)
		s->credit++;
	quicken(s, r, now);
	if (s->window >= s->limits.connections || ++s->good < s->window)
		return;
	if (s->ceiling.window && s->window >= s->ceiling.window) {
		if (is_ahead(s->ceiling.until, now))
			return;
		s->ceiling.window = s->window + 1;
		s->ceiling.until = now + s->ceiling.hold;
	}
	s->window++;
	s->good = 0;
}

void
site_is_busy(struct site_state *s)
{
	s->window = s->window > 2 ? s->window / 2 : 1;
	s->good = 0;
}

void
site_is_unreachable(struct site_state *s, const struct conf_retry *r, int64_t now)
{
	int64_t wait = shortest(r);

	s->window = 1;
	s->good = 0;
	/* Connections that were on their way when the first one failed tell nothing new. */
	if (site_is_down(s, now))
		return;
	for (unsigned i = 0; i < s->fails && wait < longest(r); i++)
		wait *= 2;
	s->fails++;
	s->down_until = now + (wait < longest(r) ? wait : longest(r));
}

static bool
is_one_refusal_too_many(struct site_state *s)
{
	return s->fails || ++s->refusals >= REFUSALS;
}

bool
site_turns_away(struct site_state *s, const struct conf_retry *r, int64_t now, unsigned others)
{
	if (!others && is_one_refusal_too_many(s))
		site_is_unreachable(s, r, now);
	else if (!others)
		site_is_busy(s);
	if (!others)
		return false;
	if (s->window > others)
		s->window = others;
	s->good = 0;
	s->ceiling.window = s->window;
	s->ceiling.hold = longer(s->ceiling.hold, r);
	s->ceiling.until = now + s->ceiling.hold;
	return true;
}

/* A credit that is spent for a message which may go back. */
static bool
takes_back(struct site_state *s)
{
	if (!s->credit)
		return false;
	s->credit--;
	return true;
}

bool
site_slows_down(struct site_state *s, const struct conf_retry *r, int64_t now, int64_t sent)
{
	int64_t gap = 2 * s->pace.gap;

	/* What was under way when it first complained tells nothing new. */
	if (s->pace.slowed && sent <= s->pace.slowed && s->pace.slowed <= now)
		return takes_back(s);
	if (is_one_refusal_too_many(s)) {
		site_is_unreachable(s, r, now);
		return false;
	}
	if (s->pace.taken && now > s->pace.since) {
		gap = (now - s->pace.since) / s->pace.taken;
		gap += gap / 4;
		if (gap < s->pace.gap + s->pace.gap / 8)
			gap = s->pace.gap + s->pace.gap / 8;
	}
	if (gap < GAP_FIRST && s->pace.taken < FEW && !s->pace.gap)
		gap = GAP_FIRST;
	s->pace.gap = gap < GAP_MAX ? gap : GAP_MAX;
	if (s->pace.taken)
		s->pace.known = s->pace.gap;
	s->pace.hold = longer(s->pace.hold, r);
	s->pace.until = now + s->pace.hold;
	s->pace.slowed = s->pace.since = now;
	s->pace.taken = 0;
	s->pace_at = now + s->pace.gap;
	site_is_busy(s);
	return takes_back(s);
}

bool
site_is_down(const struct site_state *s, int64_t now)
{
	return is_ahead(s->down_until, now); /* no wait is ever as long as a day */
}

int64_t
site_wakes_at(const struct site_state *s, int64_t now)
{
	if (site_is_down(s, now))
		return s->down_until;
	if (site_is_paced(s, now))
		return s->pace_at;
	return now + SECOND / 5;
}

bool
site_may_open(const struct site_state *s, unsigned open, unsigned waiting)
{
	if (!waiting)
		return false;
	if (!open)
		return true;
	if (s->fails) /* one probe */
		return false;
	return open < s->window && waiting >= WORTH_OPENING * open;
}

bool
site_is_paced(const struct site_state *s, int64_t now)
{
	return s->pace_at > now && s->pace_at < now + HOUR;
}

void
site_sends(struct site_state *s, int64_t now)
{
	int64_t gap = s->pace.gap;

	if (s->limits.messages_per_minute && gap < MINUTE / s->limits.messages_per_minute)
		gap = MINUTE / s->limits.messages_per_minute;
	/* After a rest a new run begins: what came before says nothing of how fast this one is. */
	if (s->pace.sent > now || now > s->pace.sent + 2 * gap + SECOND) {
		s->pace.since = now;
		s->pace.taken = 0;
	}
	s->pace.sent = now;
	if (gap)
		s->pace_at = (s->pace_at > now - SECOND && s->pace_at <= now ? s->pace_at : now) + gap;
}
