/* For t/perf/internet: mox-runq with as many connections to a site as its limit says, always, and as many messages as go
 * through them. All else of lib/fate/site.c stays. */
#include "base.h"

#define site_init site_init_adaptive
#define site_is_busy site_is_busy_adaptive
#define site_is_unreachable site_is_unreachable_adaptive
#define site_turns_away site_turns_away_adaptive
#define site_slows_down site_slows_down_adaptive
#define site_may_open site_may_open_adaptive
#include "../../lib/fate/site.c" /* NOLINT(bugprone-suspicious-include): its functions, under other names */
#undef site_init
#undef site_is_busy
#undef site_is_unreachable
#undef site_turns_away
#undef site_slows_down
#undef site_may_open

void site_init(struct site_state *s, const struct conf *c, const char *name);
void site_is_busy(struct site_state *s);
void site_is_unreachable(struct site_state *s, const struct conf_retry *r, int64_t now);
bool site_turns_away(struct site_state *s, const struct conf_retry *r, int64_t now, unsigned others);
bool site_slows_down(struct site_state *s, const struct conf_retry *r, int64_t now, int64_t sent);
bool site_may_open(const struct site_state *s, unsigned open, unsigned waiting);

void
site_init(struct site_state *s, const struct conf *c, const char *name)
{
	site_init_adaptive(s, c, name);
	s->window = s->limits.connections;
}

void
site_is_busy(struct site_state *s)
{
	(void)s;
}

void
site_is_unreachable(struct site_state *s, const struct conf_retry *r, int64_t now)
{
	site_is_unreachable_adaptive(s, r, now);
	s->window = s->limits.connections;
}

bool
site_turns_away(struct site_state *s, const struct conf_retry *r, int64_t now, unsigned others)
{
	(void)s, (void)r, (void)now, (void)others;
	return false;
}

bool
site_slows_down(struct site_state *s, const struct conf_retry *r, int64_t now, int64_t sent)
{
	(void)s, (void)r, (void)now, (void)sent;
	return false;
}

bool
site_may_open(const struct site_state *s, unsigned open, unsigned waiting)
{
	return waiting && (!open || (!s->fails && open < s->window));
}
