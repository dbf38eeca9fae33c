#include "base.h"

#include "fate.h"
#include "unit.h"

/* "later 4.3.2 next close": what fate_reply makes of it, in words. */
static const char *
words(const struct fate *f)
{
	static char out[64];
	static const char *const names[] = {
	    [FATE_SENT] = "sent", [FATE_LATER] = "later", [FATE_NEVER] = "never"};

	snprintf(out, sizeof out, "%s %s%s%s%s", names[f->outcome], f->code, f->next_hop ? " next" : "",
	    f->close ? " close" : "", f->again ? " again" : "");
	return out;
}

static void
replies(void)
{
	enum { NONE, ACCEPTED, FELL_BACK };
	static const struct {
		enum phase phase;
		int code;
		const char *enhanced;
		int with;
		const char *want;
	} t[] = {
	    /* the host, not the mail (T91) */
	    {PHASE_GREETING, 220, "", NONE, "sent 2.0.0"},
	    {PHASE_GREETING, 421, "", NONE, "later 4.0.0 next close"},
	    {PHASE_GREETING, 450, "4.7.1", NONE, "later 4.7.1 next close"},
	    {PHASE_GREETING, 554, "5.7.1", NONE, "later 4.7.1 next close"},
	    {PHASE_EHLO, 550, "", NONE, "later 4.0.0 next close"},
	    {PHASE_STARTTLS, 454, "4.7.0", NONE, "later 4.7.0 next"},
	    {PHASE_STARTTLS, 502, "5.5.1", NONE, "later 4.5.1 next"},
	    {PHASE_STARTTLS, 421, "", NONE, "later 4.0.0 next close"},
	    /* MAIL */
	    {PHASE_MAIL, 250, "2.1.0", NONE, "sent 2.1.0"},
	    {PHASE_MAIL, 550, "5.7.1", NONE, "never 5.7.1"},
	    {PHASE_MAIL, 552, "5.3.4", NONE, "never 5.3.4"},
	    {PHASE_MAIL, 451, "4.7.1", NONE, "later 4.7.1"},
	    {PHASE_MAIL, 452, "4.3.1", NONE, "later 4.3.1 next"},
	    {PHASE_MAIL, 421, "4.7.0", NONE, "later 4.7.0 next close"},
	    {PHASE_MAIL, 503, "5.5.1", NONE, "later 4.5.1 close"},
	    {PHASE_MAIL, 530, "5.7.0", NONE, "never 5.7.0"},
	    {PHASE_MAIL, 530, "5.7.0", FELL_BACK, "later 4.7.0"},
	    {PHASE_MAIL, 354, "", NONE, "later 4.5.0 close"},
	    /* RCPT (T83, T84) */
	    {PHASE_RCPT, 251, "", NONE, "sent 2.0.0"},
	    {PHASE_RCPT, 252, "2.1.5", NONE, "sent 2.1.5"},
	    {PHASE_RCPT, 299, "", NONE, "sent 2.0.0"},
	    {PHASE_RCPT, 550, "5.1.1", NONE, "never 5.1.1"},
	    {PHASE_RCPT, 550, "", NONE, "never 5.0.0"},
	    {PHASE_RCPT, 450, "4.2.0", NONE, "later 4.2.0"},
	    {PHASE_RCPT, 421, "", ACCEPTED, "later 4.0.0 close"},
	    {PHASE_RCPT, 452, "4.5.3", NONE, "later 4.5.3"},
	    {PHASE_RCPT, 452, "4.5.3", ACCEPTED, "later 4.5.3 again"},
	    {PHASE_RCPT, 452, "", ACCEPTED, "later 4.0.0 again"},
	    {PHASE_RCPT, 452, "4.2.2", ACCEPTED, "later 4.2.2"},
	    {PHASE_RCPT, 552, "", ACCEPTED, "later 4.0.0 again"},
	    {PHASE_RCPT, 552, "5.2.2", ACCEPTED, "never 5.2.2"},
	    {PHASE_RCPT, 552, "", NONE, "never 5.0.0"},
	    {PHASE_RCPT, 354, "", NONE, "later 4.5.0 close"},
	    /* DATA and the final dot */
	    {PHASE_DATA, 250, "", NONE, "later 4.5.0 close"},
	    {PHASE_DATA, 451, "4.3.0", NONE, "later 4.3.0"},
	    {PHASE_DATA, 554, "5.5.1", NONE, "never 5.5.1"},
	    {PHASE_DOT, 250, "2.0.0", NONE, "sent 2.0.0"},
	    {PHASE_DOT, 220, "", NONE, "sent 2.0.0"},
	    {PHASE_DOT, 451, "", NONE, "later 4.0.0"},
	    {PHASE_DOT, 554, "5.6.0", NONE, "never 5.6.0"},
	    {PHASE_DOT, 421, "4.3.2", NONE, "later 4.3.2 close"},
	    {PHASE_DOT, 354, "", NONE, "later 4.5.0 close"},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct fate_case with = {
		    .accepted = t[i].with == ACCEPTED, .fell_back = t[i].with == FELL_BACK};
		struct fate f = fate_reply(t[i].phase, t[i].code, t[i].enhanced, &with);
		char name[64];

		snprintf(name, sizeof name, "phase %d: %d %s%s", (int)t[i].phase, t[i].code, t[i].enhanced,
		    with.accepted    ? " behind an accepted one"
		    : with.fell_back ? " in plaintext"
				     : "");
		STR_EQ(words(&f), t[i].want, name);
	}
}

static void
troubles(void)
{
	static const struct {
		enum trouble what;
		const char *before, *behind;
	} t[] = {
	    {TROUBLE_CONNECT, "later 4.4.1 next close", "later 4.4.1 close"},
	    {TROUBLE_LOST, "later 4.4.2 next close", "later 4.4.2 close"},
	    {TROUBLE_TIMEOUT, "later 4.4.2 next close", "later 4.4.2 close"},
	    {TROUBLE_PROTOCOL, "later 4.5.0 next close", "later 4.5.0 close"},
	    {TROUBLE_TLS, "later 4.7.5 next close", "later 4.7.5 close"},
	    {TROUBLE_TLS_MISSING, "later 4.7.5 next close", "later 4.7.5 close"},
	    {TROUBLE_SIZE, "never 5.3.4 next", "later 4.3.4 close"},
	    {TROUBLE_UTF8, "never 5.6.7 next", "later 4.6.7 close"},
	    {TROUBLE_REQUIRETLS, "never 5.7.30 next", "later 4.7.30 close"},
	    {TROUBLE_UNPROVED, "later 4.7.30 next", "later 4.7.30 close"},
	    {TROUBLE_FILE, "later 4.3.0 close", "later 4.3.0 close"},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct fate f = fate_trouble(t[i].what);

		STR_EQ(words(&f), t[i].before, "before the final dot");
		f = fate_trouble_behind_dot(t[i].what);
		STR_EQ(words(&f), t[i].behind, "behind it nobody is asked again at once");
	}
}

static void
hints(void)
{
	static const struct {
		const char *text;
		unsigned seconds;
	} t[] = {
	    {"Greylisted, please try again in 5 minutes", 300},
	    {"Please try again in 300 seconds", 300},
	    {"Greylisting in action, please come back in 00:04:59", 299},
	    {"Recipient address rejected: Greylisted for 300 secs", 300},
	    {"deferred; retry in 1 hour", 3600},
	    {"wait 1h 30m", 5400},
	    {"retry after 1 hour and 10 minutes", 4200},
	    {"try again in 10m", 600},
	    {"Try\nagain in\n15 minutes", 900},
	    {"TRY AGAIN IN 2 HOURS", 7200},
	    {"try again in 5-minute steps", 300},
	    /* clamped */
	    {"try again in 5 seconds", 60},
	    {"try again in 12 hours", 14400},
	    /* absurd, or no hint */
	    {"try again in 99999999999999999999 minutes", 0},
	    {"try again in 400 days", 0},
	    {"try again in 1000 hours", 0},
	    {"try again in 0 minutes", 0},
	    {"try again later", 0},
	    {"try again from 192.0.2.5 m", 0},
	    {"5 minutes of fame", 0},
	    {"your 20 minutes are over, try again", 0},
	    {"try again in 5 parsecs", 0},
	    {"error 451, try again", 0},
	    {"try again, session x5m", 0},
	    {"", 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		INT_EQ(fate_wait(t[i].text), t[i].seconds, t[i].text);
}

int
main(void)
{
	replies();
	troubles();
	hints();
	DONE();
}
