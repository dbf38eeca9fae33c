#include "base.h"

#include "clock.h"
#include "site.h"

#define START_WINDOW 2
/* A connection costs a handshake: not for fewer waiting messages than this per connection that is open
 * already. */
#define WORTH_OPENING 4
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

void
site_went_well(struct site_state *s)
{
	s->fails = s->refusals = 0;
	s->down_until = 0;
	if (s->window < s->limits.connections && ++s->good >= s->window) {
		s->window++;
		s->good = 0;
	}
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
	int64_t cap = r->interval[r->n > 2 ? 2 : r->n - 1];
	int64_t wait = r->interval[0] / 8;

	s->window = 1;
	s->good = 0;
	/* Connections that were on their way when the first one failed tell nothing new. */
	if (site_is_down(s, now))
		return;
	for (unsigned i = 0; i < s->fails && wait < cap; i++)
		wait *= 2;
	s->fails++;
	s->down_until = now + (wait < cap ? wait : cap);
}

void
site_refuses(struct site_state *s, const struct conf_retry *r, int64_t now)
{
	if (s->fails || ++s->refusals >= REFUSALS)
		site_is_unreachable(s, r, now);
	else
		site_is_busy(s);
}

bool
site_is_down(const struct site_state *s, int64_t now)
{
	/* A clock that went back must not keep it down: no wait is ever as long as a day. */
	return s->down_until > now && s->down_until < now + DAY;
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
	if (s->limits.messages_per_minute)
		s->pace_at = (s->pace_at > now - SECOND && s->pace_at <= now ? s->pace_at : now) +
		             MINUTE / s->limits.messages_per_minute;
}
