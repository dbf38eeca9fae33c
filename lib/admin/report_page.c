#include "base.h"

#include "clock.h"
#include "html.h"
#include "report_draw.h"
#include "report_say.h"
#include "version.h"

#include <inttypes.h>

static const char *
days_of(int64_t since)
{
	static struct str text;
	int64_t days = since / DAY;

	str_reset(&text);
	if (since % DAY || days == 1)
		say_span(&text, since);
	else
		str_addf(&text, "%" PRId64 " days", days);
	return str_cstr(&text);
}

/* ---- the head ---- */

static void
draw_head(struct str *out, const struct report *r)
{
	static const struct {
		const char *class, *sign, *words;
	} moods[] = {
	    [REPORT_CALM] = {"calm", "\xe2\x97\x8f", "Nothing to do"},
	    [REPORT_WATCH] = {"watch", "\xe2\x97\x86", "Worth a look"},
	    [REPORT_TROUBLE] = {"trouble", "\xe2\x96\xb2", "Needs somebody"},
	};
	enum report_mood mood = report_mood(r);
	struct str text = {0};

	html_put(out, "<header>\n<p class=\"where\">Mail queue of <b><bdi>%s</bdi></b></p>\n", r->host);
	report_headline(&text, r);
	html_put(out, "<h1>%s</h1>\n", str_cstr(&text));
	str_reset(&text);
	report_remarks(&text, r);
	html_put(out, "<p class=\"more\">%s</p>\n", str_cstr(&text));
	str_reset(&text);
	say_date(&text, r->now);
	html_put(out, "<p class=\"asof\"><span class=\"mood %s\">%s %s</span> As of %s.", moods[mood].class,
	    moods[mood].sign, moods[mood].words, str_cstr(&text));
	if (r->only.len)
		html_put(out, " Only of: <bdi>%s</bdi>.", str_cstr(&r->only));
	if (r->own_mail)
		str_adds(out, " Your own mail alone.");
	str_adds(out, "</p>\n</header>\n");
	str_free(&text);
}

static void
put_figure(struct str *out, const char *what, const char *value, const char *note)
{
	html_put(out, "<div><dt>%s</dt><dd class=\"big\">%s</dd><dd><small>%s</small></dd></div>\n", what,
	    value, note);
}

static void
figure_number(struct str *out, const char *what, uint64_t n, const char *note)
{
	struct str text = {0};

	html_number(&text, n);
	put_figure(out, what, str_cstr(&text), note);
	str_free(&text);
}

static void
draw_took(struct str *out, const struct report *r)
{
	int64_t half = report_took(r, 50), most = report_took(r, 95);
	struct str value = {0}, note = {0};

	if (!half)
		return;
	str_adds(&value, half == INT64_MAX ? "over " : "");
	say_span(&value, half == INT64_MAX ? report_spans[REPORT_SPANS - 1] : half);
	str_adds(&note, most == INT64_MAX ? "95 % take over " : "95 % within ");
	say_span(&note, most == INT64_MAX ? report_spans[REPORT_SPANS - 1] : most);
	put_figure(out, "Half delivered within", str_cstr(&value), str_cstr(&note));
	str_free(&value);
	str_free(&note);
}

static void
draw_figures(struct str *out, const struct report *r)
{
	struct str text = {0}, note = {0};

	str_adds(out, "<dl class=\"figures\">\n");
	str_adds(&note, "in ");
	html_number(&note, r->messages);
	str_addf(&note, " message%s, ", r->messages == 1 ? "" : "s");
	say_bytes(&note, (double)r->bytes);
	figure_number(out, "Waiting", r->recipients, r->recipients ? str_cstr(&note) : "recipients");
	str_reset(&note);
	if (r->oldest) {
		say_span(&text, r->now - r->oldest);
		str_adds(&note, "since ");
		say_when(&note, r->oldest, r->now);
		put_figure(out, "Oldest", str_cstr(&text), str_cstr(&note));
	}
	figure_number(out, "Held", r->state[ROW_HELD], "waiting for a person or a time");
	figure_number(out, "Delivered, 24 h", r->day.sum.sent, "recipients");
	figure_number(out, "Failed, 24 h", r->day.sum.failed, "their senders are told");
	draw_took(out, r);
	str_adds(out, "</dl>\n");
	str_free(&text);
	str_free(&note);
}

/* ---- the whole ---- */

static const struct {
	const char *id, *title;
	void (*draw)(struct str *out, const struct report *r);
	bool wide;                           /* over both columns */
	bool past;                           /* of the history: how much of it stands in its title */
	bool (*has)(const struct report *r); /* NULL: it is there in any case */
} sections[] = {
    {"places", "Where mail is waiting to go", report_draw_places, true, false, NULL},
    {"replies", "What is said", report_draw_replies, false, false, NULL},
    {"ages", "How long it has waited", report_draw_ages, false, false, NULL},
    {"old", "The oldest messages", report_draw_old, true, false, NULL},
    {"failed", "What failed last", report_draw_failed, true, true, NULL},
    {"routes", "Where mail went", report_draw_routes, false, true, NULL},
    {"tls", "How it was protected on the way", report_draw_tls, false, true, NULL},
    {"told", "What others say of TLS to us", report_draw_told, true, true, report_has_told},
    {"held", "Held, and not written to", report_draw_held, false, false, NULL},
    {"machine", "The machine", report_draw_machine, false, false, NULL},
};

static void
section_begin(struct str *out, const char *id, const char *title, const char *more)
{
	html_put(out, "<h2 id=\"%s-h\">%s", id, title);
	if (*more)
		html_put(out, " <small>%s</small>", more);
	str_adds(out, "</h2>\n");
}

static void
draw_sections(struct str *out, const struct report *r)
{
	struct str last = {0}, title = {0};

	str_addf(&last, "last %s", days_of(r->since));
	str_addf(&title, "The last %s", days_of(r->since));
	str_adds(out, "<section aria-labelledby=\"day-h\">\n");
	section_begin(out, "day", "The last 24 hours", "by hour");
	report_draw_flow(out, "flow24", &r->day);
	str_adds(out, "</section>\n");
	if (r->span.n) {
		str_adds(out, "<section aria-labelledby=\"span-h\">\n");
		section_begin(out, "span", str_cstr(&title),
		    r->span.width < 12 * HOUR ? "by 6 hours"
		    : r->span.width < DAY     ? "by half a day"
					      : "by day");
		report_draw_flow(out, "flow", &r->span);
		str_adds(out, "</section>\n");
	}
	for (size_t i = 0; i < ARRAY_LEN(sections); i++) {
		const char *id = sections[i].id;

		if (sections[i].has && !sections[i].has(r))
			continue;
		html_put(out, "<section id=\"%s\" class=\"%s\" aria-labelledby=\"%s-h\">\n", id,
		    sections[i].wide ? "wide" : "half", id);
		section_begin(out, id, sections[i].title, sections[i].past ? str_cstr(&last) : "");
		sections[i].draw(out, r);
		str_adds(out, "</section>\n");
	}
	str_free(&last);
	str_free(&title);
}

void
report_page(struct str *out, const struct report *r)
{
	struct str title = {0};

	str_addf(&title, "Mail queue of %s", r->host);
	html_begin(out, str_cstr(&title), report_style);
	str_adds(out, "<main>\n");
	draw_head(out, r);
	draw_figures(out, r);
	str_adds(out, "<div class=\"sections\">\n");

	draw_sections(out, r);
	str_adds(out, "</div>\n");
	html_put(out,
	    "<footer>Made by mox-queue-report, moxq %s. A recipient counts once for each message.</footer>\n",
	    MOXQ_VERSION);
	str_adds(out, "</main>\n");
	html_end(out);
	str_free(&title);
}
