/* How hard to press one site (DESIGN 7): pure state, no I/O. A site is the set of servers that limits are
 * counted by: the MX hosts of the best usable preference, or a relay's host:port. Times are wall
 * microseconds. */
#ifndef SITE_H
#define SITE_H

#include "base.h"
#include "conf.h"

#include <stdbool.h>
#include <stdint.h>

struct site_limits {
	unsigned connections, messages_per_connection, recipients_per_transaction;
	unsigned messages_per_minute; /* 0: any number */
};

struct site_state {
	struct site_limits limits;
	unsigned window;    /* connections allowed now; starts low */
	unsigned good;      /* transactions since it last grew */
	unsigned fails;     /* failures to reach it in a row */
	unsigned refusals;  /* answers 421 in a row */
	int64_t down_until; /* left alone until then; then one probe; 0: not down */
	int64_t pace_at;    /* the next message not before */

	/* Where it turned a connection away: the window stays below for a while, each time for longer. */
	struct {
		unsigned window; /* 0: nowhere yet */
		int64_t hold, until;
	} ceiling;
	/* How fast it takes messages, once it has said that they are too many. */
	struct {
		int64_t gap;         /* between two of them; 0: any */
		int64_t known;       /* when it last complained of messages behind some that it took */
		int64_t hold, until; /* before it is tried faster again */
		int64_t slowed;      /* when it last complained */
		int64_t since, sent; /* begin of this run of messages, and the last of them */
		unsigned taken;      /* of the run */
	} pace;
	unsigned credit; /* messages that it took, and for which another one may go back into the line */
};

/* Limits of the site `name` ("mx1.example.com,mx2.example.com", "host:port", "[192.0.2.1]"): the first `site`
 * section whose pattern matches its first host, each number not set there from the section "*", else the
 * default (20, 100, 100, any). */
void site_init(struct site_state *s, const struct conf *c, const char *name);
/* "*.example.com" matches one or more labels before it, "*" anything, else the name itself. */
bool site_matches(const char *pattern, const char *name);

/* What it said. The retry times say how long a while is: from an eighth of the first to the third. */
void site_went_well(
    struct site_state *s, const struct conf_retry *r, int64_t now); /* a transaction was answered */
void site_is_busy(struct site_state *s);                            /* connection or TLS lost: press less */
void site_is_unreachable(
    struct site_state *s, const struct conf_retry *r, int64_t now); /* leave it alone for a while */
/* Who refuses ten times in a row, or as a probe's answer, is left alone as if unreachable; else: */
/* 421 or 4xx before the first transaction of a connection, while `others` of ours were open or being opened: so many
 * and no more. true: the message met nothing but our own haste, and may go back into the line without an attempt. */
bool site_turns_away(struct site_state *s, const struct conf_retry *r, int64_t now, unsigned others);
/* 421 in a transaction begun at `sent`: too many messages at a time. true: as above; at most one for each message
 * that it took. */
bool site_slows_down(struct site_state *s, const struct conf_retry *r, int64_t now, int64_t sent);
bool site_is_down(const struct site_state *s, int64_t now);
/* When to look at it again: up, or allowed to send; a fifth of a second from now when neither is the reason to wait. */
int64_t site_wakes_at(const struct site_state *s, int64_t now);
/* May another connection be opened, with `open` in use and `waiting` recipients not in a job? */
bool site_may_open(const struct site_state *s, unsigned open, unsigned waiting);
/* messages-per-minute, or what it takes: must the next one still wait? And: one goes out. */
bool site_is_paced(const struct site_state *s, int64_t now);
void site_sends(struct site_state *s, int64_t now);

#endif
