#include "base.h"

#include "fate.h"

#include <ctype.h>

static const char class_of[] = {[FATE_SENT] = '2', [FATE_LATER] = '4', [FATE_NEVER] = '5'};

/* The reply's code with the class of what we make of it; without one, x.0.0 (T74). */
static void
code_set(struct fate *f, const char *enhanced)
{
	snprintf(f->code, sizeof f->code, "%s", *enhanced ? enhanced : "x.0.0");
	f->code[0] = class_of[f->outcome];
}

static bool
subject_is(const char *enhanced, char subject)
{
	return *enhanced && enhanced[2] == subject && enhanced[3] == '.';
}

static void
set_up(struct fate *f, enum phase phase, int code)
{
	f->outcome = FATE_LATER;
	f->next_hop = true;
	f->close = phase != PHASE_STARTTLS || code == 421;
}

static void
login(struct fate *f, int code)
{
	f->outcome = FATE_LATER;
	f->next_hop = code / 100 == 4;
	f->close = true;
}

static bool
asks_for_login(int code)
{
	return code == 530 || code == 534 || code == 535 || code == 538;
}

static void
mail(struct fate *f, int code, const char *enhanced, const struct fate_case *with)
{
	if (code == 503) {
		f->outcome = FATE_LATER;
		f->close = true;
	} else if (asks_for_login(code) && (with->relay || (code == 530 && with->fell_back))) {
		f->outcome = FATE_LATER;
	} else if (code / 100 == 4) {
		f->next_hop = code == 421 || subject_is(enhanced, '3');
	}
}

static void
rcpt(struct fate *f, int code, const char *enhanced, const struct fate_case *with)
{
	if ((code == 452 || code == 552) && with->accepted && !subject_is(enhanced, '2') &&
	    !subject_is(enhanced, '7')) {
		f->outcome = FATE_LATER;
		f->again = true;
	}
}

struct fate
fate_reply(enum phase phase, int code, const char *enhanced, const struct fate_case *with)
{
	struct fate f = {.outcome = FATE_LATER, .close = code == 421};

	if (code / 100 == 2 && phase != PHASE_DATA)
		f.outcome = FATE_SENT;
	else if (code / 100 == 5)
		f.outcome = FATE_NEVER;
	if (code / 100 == 3 || (code / 100 == 2 && phase == PHASE_DATA)) {
		f.close = true;
		enhanced = "4.5.0";
	} else if (f.outcome != FATE_SENT) {
		if (phase <= PHASE_STARTTLS)
			set_up(&f, phase, code);
		else if (phase == PHASE_AUTH)
			login(&f, code);
		else if (phase == PHASE_MAIL)
			mail(&f, code, enhanced, with);
		else if (phase == PHASE_RCPT)
			rcpt(&f, code, enhanced, with);
	}
	code_set(&f, *enhanced || phase != PHASE_AUTH ? enhanced : "x.7.0");
	return f;
}

struct fate
fate_trouble(enum trouble what)
{
	static const struct {
		enum outcome outcome;
		const char *code;
		bool next_hop, close;
	} table[] = {
	    [TROUBLE_CONNECT] = {FATE_LATER, "4.4.1", true, true},
	    [TROUBLE_LOST] = {FATE_LATER, "4.4.2", true, true},
	    [TROUBLE_TIMEOUT] = {FATE_LATER, "4.4.2", true, true},
	    [TROUBLE_PROTOCOL] = {FATE_LATER, "4.5.0", true, true},
	    [TROUBLE_TLS] = {FATE_LATER, "4.7.5", true, true},
	    [TROUBLE_TLS_MISSING] = {FATE_LATER, "4.7.5", true, true},
	    [TROUBLE_SIZE] = {FATE_NEVER, "5.3.4", true, false},
	    [TROUBLE_UTF8] = {FATE_NEVER, "5.6.7", true, false},
	    [TROUBLE_REQUIRETLS] = {FATE_NEVER, "5.7.30", true, false},
	    [TROUBLE_UNPROVED] = {FATE_LATER, "4.7.30", true, false},
	    [TROUBLE_LOGIN] = {FATE_LATER, "4.7.0", true, true},
	    [TROUBLE_SECRET] = {FATE_LATER, "4.3.5", false, true},
	    [TROUBLE_FILE] = {FATE_LATER, "4.3.0", false, true},
	    [TROUBLE_NO_HOP] = {FATE_LATER, "4.4.0", false, true},
	};
	struct fate f = {
	    .outcome = table[what].outcome, .next_hop = table[what].next_hop, .close = table[what].close};

	snprintf(f.code, sizeof f.code, "%s", table[what].code);
	return f;
}

struct fate
fate_trouble_behind_dot(enum trouble what)
{
	struct fate f = fate_trouble(what);

	f.outcome = FATE_LATER;
	f.next_hop = false;
	f.close = true;
	f.code[0] = '4';
	return f;
}

/* ---- the hint ---- */

#define WAIT_LEAST 60
#define WAIT_MOST (4 * 3600)
#define WAIT_ABSURD (2 * 86400) /* beyond this it is no hint but a number */

static bool
word_is(const char *s, size_t n, const char *word)
{
	return strlen(word) == n && !strncasecmp(s, word, n);
}

/* Seconds in one of the unit that stands at s, 0 when none does. */
static unsigned
unit_at(const char *s)
{
	static const struct {
		const char *word;
		unsigned seconds;
	} units[] = {
	    {"s", 1},
	    {"sec", 1},
	    {"secs", 1},
	    {"second", 1},
	    {"seconds", 1},
	    {"m", 60},
	    {"min", 60},
	    {"mins", 60},
	    {"minute", 60},
	    {"minutes", 60},
	    {"h", 3600},
	    {"hr", 3600},
	    {"hrs", 3600},
	    {"hour", 3600},
	    {"hours", 3600},
	};
	size_t n = 0;

	while (*s == ' ' || *s == '-')
		s++;
	while (isalpha((unsigned char)s[n]))
		n++;
	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		if (word_is(s, n, units[i].word))
			return units[i].seconds;
	return 0;
}

/* The words in front of the number must speak of waiting: "Your mailbox holds 5 minutes of music" does not.
 */
static bool
speaks_of_waiting(const char *text, const char *number)
{
	static const char *const words[] = {
	    "again", "retry", "wait", "back", "greylist", "graylist", "defer", "delay", "later", "after"};

	for (const char *s = text; s < number; s++)
		for (size_t i = 0; i < ARRAY_LEN(words); i++)
			if (!strncasecmp(s, words[i], strlen(words[i])))
				return true;
	return false;
}

/* "5 minutes", "300s", "1h 30m", "00:05:00" at s: seconds, 0 when it is no time; *end behind it. */
static unsigned long
time_at(const char *s, const char **end)
{
	unsigned long sum = 0;
	unsigned h, m, sec;
	int n = 0;

	if (sscanf(s, "%3u:%2u:%2u%n", &h, &m, &sec, &n) == 3 && n) {
		*end = s + n;
		return h * 3600ul + m * 60ul + sec;
	}
	for (;;) {
		unsigned long v = 0;
		const char *p = s;
		unsigned unit;

		while (isdigit((unsigned char)*p)) {
			if (v < 100000000)
				v = v * 10 + (unsigned long)(*p - '0');
			p++;
		}
		if (p == s)
			return sum;
		*end = p;
		if (!(unit = unit_at(p)))
			return sum;
		sum += v * unit;
		while (*p == ' ' || *p == '-')
			p++;
		while (isalpha((unsigned char)*p))
			p++;
		*end = p;
		if (!strncmp(p, " and ", 5))
			p += 4;
		while (*p == ' ' || *p == ',')
			p++;
		s = p;
	}
}

unsigned
fate_wait(const char *text)
{
	for (const char *s = text; *s;) {
		const char *end = s + 1;

		if (isdigit((unsigned char)*s)) {
			bool apart = s == text || (!isalnum((unsigned char)s[-1]) && s[-1] != '.');
			unsigned long t = time_at(s, &end);

			if (apart && t && t <= WAIT_ABSURD && speaks_of_waiting(text, s))
				return t < WAIT_LEAST ? WAIT_LEAST : t > WAIT_MOST ? WAIT_MOST : (unsigned)t;
		}
		s = end;
	}
	return 0;
}
