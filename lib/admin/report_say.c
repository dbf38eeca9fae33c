#include "base.h"

#include "clock.h"
#include "html.h"
#include "report_say.h"

#include <inttypes.h>

#define LATE (15 * MINUTE) /* what is due for longer is not being delivered */
#define ERROR_SAID 90      /* bytes of our own words in a headline */

/* ---- times and sizes ---- */

static struct tm
local_of(int64_t t)
{
	time_t s = (time_t)(t / SECOND);
	struct tm tm = {0};

	localtime_r(&s, &tm);
	return tm;
}

void
say_time(struct str *out, int64_t t, const char *format)
{
	struct tm tm = local_of(t);
	char text[100];

	text[strftime(text, sizeof text, format, &tm)] = 0;
	str_adds(out, text);
}

void
say_date(struct str *out, int64_t t)
{
	say_time(out, t, "%a %e %b %Y, %H:%M %Z");
}

void
say_when(struct str *out, int64_t t, int64_t now)
{
	struct tm a = local_of(t), b = local_of(now);
	int64_t away = t < now ? now - t : t - now;

	if (a.tm_yday == b.tm_yday && a.tm_year == b.tm_year)
		say_time(out, t, "%H:%M");
	else if (away < 6 * DAY)
		say_time(out, t, "%a %H:%M");
	else
		say_time(out, t, "%e %b");
}

void
say_span(struct str *out, int64_t span)
{
	static const struct {
		int64_t length;
		const char *name;
	} unit[] = {{DAY, "d"}, {HOUR, "h"}, {MINUTE, "min"}, {SECOND, "s"}};
	size_t i = 0;
	int64_t rest;

	while (i + 1 < ARRAY_LEN(unit) && span < unit[i].length)
		i++;
	str_addf(out, "%" PRId64 " %s", span / unit[i].length, unit[i].name);
	if (unit[i].length < HOUR || span >= 10 * unit[i].length)
		return;
	rest = span % unit[i].length / unit[i + 1].length;
	if (rest)
		str_addf(out, " %" PRId64 " %s", rest, unit[i + 1].name);
}

void
say_bytes(struct str *out, double bytes)
{
	static const char *const unit[] = {"bytes", "kB", "MB", "GB", "TB", "PB"};
	size_t i = 0;

	while (bytes >= 999.5 && i + 1 < ARRAY_LEN(unit)) {
		bytes /= 1000;
		i++;
	}
	str_addf(out, i && bytes < 9.95 ? "%.1f %s" : "%.0f %s", bytes, unit[i]);
}

/* ---- the queue in words ---- */

void
report_place_name(struct str *out, const struct top_entry *place, const char *domain, bool domains)
{
	if (!domains && *domain)
		str_adds(out, domain);
	else
		str_add(out, place->name, strcspn(place->name, ","));
}

static uint64_t
not_held(const struct report_place *p)
{
	return p->top.count - p->held;
}

/* Where half of what waits goes to, and has been tried; NULL: nowhere. */
static const struct report_place *
main_place(const struct report *r)
{
	const struct report_place *most = NULL;
	uint64_t all = r->recipients - r->state[ROW_HELD];

	for (size_t i = 0; i < r->places.n; i++) {
		const struct report_place *p = (const struct report_place *)(const void *)r->places.v[i];

		if (!most || not_held(p) > not_held(most))
			most = p;
	}
	return most && most->at && not_held(most) && 2 * not_held(most) >= all ? most : NULL;
}

/* "One message waits", "1,204 messages wait", "1,204 recipients of 17 messages wait" */
static void
add_waiting(struct str *out, const struct report *r)
{
	if (r->recipients == 1) {
		str_adds(out, "One message waits");
		return;
	}
	html_number(out, r->recipients);
	if (r->messages == r->recipients) {
		str_adds(out, " messages wait");
		return;
	}
	str_adds(out, " recipients of ");
	html_number(out, r->messages);
	str_addf(out, " message%s wait", r->messages == 1 ? "" : "s");
}

/* Without its full stop, which is ours to set. */
static void
add_error(struct str *out, const char *error)
{
	size_t n = strlen(error);

	while (n && (error[n - 1] == '.' || error[n - 1] == ' '))
		n--;
	if (n <= ERROR_SAID) {
		str_add(out, error, n);
		return;
	}
	n = ERROR_SAID;
	while (n && ((unsigned char)error[n] & 0xc0) == 0x80)
		n--;
	str_add(out, error, n);
	str_adds(out, "\xe2\x80\xa6");
}

static void
add_fault(struct str *out, const struct report *r, const struct report_place *p)
{
	if (p->code >= 400) {
		if (p->since) {
			str_addf(out, ", which has answered %u since ", p->code);
			say_when(out, p->since, r->now);
		} else {
			str_addf(out, ", which answered %u", p->code);
		}
		return;
	}
	if (p->since) {
		str_adds(out, ", where every attempt since ");
		say_when(out, p->since, r->now);
		str_adds(out, " has failed: ");
	} else {
		str_adds(out, ", where the last attempt failed: ");
	}
	add_error(out, p->error);
}

void
report_headline(struct str *out, const struct report *r)
{
	const struct report_place *p = main_place(r);

	if (!r->recipients) {
		str_adds(out, r->only.len ? "Nothing of this waits." : "The queue is empty.");
		return;
	}
	if (r->state[ROW_HELD] == r->recipients) {
		add_waiting(out, r);
		str_addf(out, ", %s held.", r->recipients == 1 ? "and is" : "and all are");
		return;
	}
	add_waiting(out, r);
	if (p) {
		if (not_held(p) == r->recipients) {
			str_adds(out, r->recipients == 1 ? " for " : ", all of them for ");
		} else {
			str_adds(out, "; ");
			html_number(out, not_held(p));
			str_adds(out, " of them for ");
		}
		report_place_name(out, &p->top, p->domain, p->domains);
		add_fault(out, r, p);
	} else if (!r->tried) {
		str_addf(out, " for %s first attempt", r->recipients == 1 ? "its" : "the");
	} else {
		str_adds(out, " for ");
		html_number(out, r->places.n);
		str_addf(out, " destination%s; the oldest has waited for ", r->places.n == 1 ? "" : "s");
		say_span(out, r->now - r->oldest);
	}
	str_addc(out, '.');
}

/* Mail that is due may have to wait for its turn; but then others are tried. */
static bool
is_stuck(const struct report *r)
{
	return r->overdue && r->now - r->overdue > LATE && !r->state[ROW_DELIVERING] &&
	       r->now - r->tried_at > LATE;
}

static void
remark_held(struct str *out, const struct report *r)
{
	static const char *const by[] = {
	    "by their senders", "by the operator", "by a rule", "by a limit", "for want of a notice"};
	unsigned reasons = 0;
	bool first = true;

	if (!r->state[ROW_HELD])
		return;
	for (size_t i = 0; i < ARRAY_LEN(by); i++)
		reasons += r->hold[i] > 0;
	if (r->state[ROW_HELD] == 1) {
		str_adds(out, "One is held");
	} else {
		html_number(out, r->state[ROW_HELD]);
		str_adds(out, " are held");
	}
	for (size_t i = 0; i < ARRAY_LEN(by); i++) {
		if (!r->hold[i])
			continue;
		str_adds(out, !first ? ", " : reasons > 1 ? ": " : " ");
		first = false;
		if (reasons > 1) {
			html_number(out, r->hold[i]);
			str_addc(out, ' ');
		}
		str_adds(out, by[i]);
	}
	str_adds(out, ". ");
}

static void
remark_day(struct str *out, const struct report *r)
{
	const struct report_bin *b = &r->day.sum;

	if (!b->sent && !b->failed) {
		str_adds(out, "Nothing was delivered in the last 24 hours, and nothing failed.");
		return;
	}
	str_adds(out, "In the last 24 hours ");
	html_number(out, b->sent);
	str_addf(out, " recipient%s got their mail, and ", b->sent == 1 ? "" : "s");
	if (b->failed)
		html_number(out, b->failed);
	else
		str_adds(out, "none");
	str_adds(out, " failed.");
}

void
report_remarks(struct str *out, const struct report *r)
{
	if (is_stuck(r)) {
		str_adds(out, "Nobody delivers: mail has been due for ");
		say_span(out, r->now - r->overdue);
		str_adds(out, ", and nothing was tried");
		if (r->tried_at) {
			str_adds(out, " since ");
			say_when(out, r->tried_at, r->now);
		}
		str_adds(out, ". Does mox-runq run? ");
	}
	if (r->listed.len)
		str_adds(out, "An address that mail leaves from stands on a list. ");
	remark_held(out, r);
	remark_day(out, r);
}

enum report_mood
report_mood(const struct report *r)
{
	const struct report_place *p = main_place(r);
	const struct report_bin *b = &r->day.sum;

	if (is_stuck(r) || r->listed.len)
		return REPORT_TROUBLE;
	if ((p && not_held(p) > 1) || r->state[ROW_HELD] || (r->oldest && r->now - r->oldest > DAY) ||
	    (b->failed >= 10 && b->failed * 20 > b->sent))
		return REPORT_WATCH;
	return REPORT_CALM;
}
