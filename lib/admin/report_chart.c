/* Pictures. What they show stands beside them or behind them in words: they stretch with the page, so no text is in
 * them. */
#include "base.h"

#include "clock.h"
#include "html.h"
#include "report_draw.h"
#include "report_say.h"

#include <inttypes.h>

#define WIDE 1000 /* of a drawing, in its own units, whatever the page makes of it */
#define HIGH 100
#define LEAST 1.5 /* height of what is not nothing */

/* ---- one bar ---- */

void
report_draw_bar(struct str *out, const struct report_bar *b)
{
	uint64_t sum = 0, whole;
	double x = 0;
	bool said = false;

	for (size_t i = 0; i < b->n; i++)
		sum += b->part[i];
	whole = b->whole ? b->whole : sum;
	str_adds(out, "<svg class=\"bar\" viewBox=\"0 0 1000 10\" preserveAspectRatio=\"none\"");
	if (*b->id) {
		html_put(out, " role=\"img\" aria-labelledby=\"%s-%u\"><title id=\"%s-%u\">", b->id,
		    b->number, b->id, b->number);
		for (size_t i = 0; i < b->n; i++)
			if (b->part[i]) {
				html_put(out, "%s%s: %'" PRIu64, said ? "; " : "", b->word[i], b->part[i]);
				said = true;
			}
		str_adds(out, "</title>");
	} else {
		str_adds(out, " aria-hidden=\"true\">");
	}
	for (size_t i = 0; i < b->n && whole; i++) {
		double w = WIDE * (double)b->part[i] / (double)whole;

		if (!b->part[i])
			continue;
		html_put(out, "<rect class=\"%s%zu\" x=\"%.1f\" y=\"0\" width=\"%.1f\" height=\"10\"/>",
		    b->class, i, x, w < 3 ? 3 : w);
		x += w;
	}
	str_adds(out, "</svg>");
}

/* ---- the flow ---- */

/* The top of a scale: a round number. */
static uint64_t
scale_of(uint64_t most)
{
	static const unsigned steps[] = {2, 3, 4, 5, 6, 8, 10};
	uint64_t ten = 1;

	if (most <= 1)
		return 1;
	for (; ten < UINT64_MAX / 100; ten *= 10)
		for (size_t i = 0; i < ARRAY_LEN(steps); i++)
			if (steps[i] * ten >= most)
				return steps[i] * ten;
	return most;
}

static uint64_t
bin_value(const struct report_bin *b, bool failed)
{
	return failed ? b->failed : b->sent;
}

static void
bin_name(struct str *out, const struct report_flow *f, size_t i)
{
	int64_t from = f->start + (int64_t)i * f->width;

	say_time(out, from, "%a %H:%M");
	str_adds(out, "\xe2\x80\x93");
	say_time(out, from + f->width, "%H:%M");
}

static void
draw_bins(struct str *out, const struct report_flow *f, bool failed, uint64_t top)
{
	static struct str name;
	double step = (double)WIDE / (double)f->n;

	for (size_t i = 0; i < f->n; i++) {
		const struct report_bin *b = &f->bin[i];
		uint64_t v = bin_value(b, failed);
		double h = HIGH * (double)v / (double)top;

		if (!v)
			continue;
		if (h < LEAST)
			h = LEAST;
		str_reset(&name);
		bin_name(&name, f, i);
		html_put(out,
		    "<rect x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\"><title>%s: %'" PRIu64
		    " %s</title></rect>\n",
		    (double)i * step + step * 0.12, HIGH - h, step * 0.76, h, str_cstr(&name), v,
		    failed ? "failed" : "delivered");
	}
}

static void
draw_panel(struct str *out, const char *id, const struct report_flow *f, bool failed)
{
	const char *kind = failed ? "failed" : "sent", *word = failed ? "Failed" : "Delivered";
	uint64_t most = 0, top;

	for (size_t i = 0; i < f->n; i++)
		if (bin_value(&f->bin[i], failed) > most)
			most = bin_value(&f->bin[i], failed);
	top = scale_of(most);
	html_put(out, "<p class=\"key\"><span class=\"dot %s\"></span>%s <b>%'" PRIu64 "</b></p>\n", kind,
	    word, bin_value(&f->sum, failed));
	html_put(out, "<div class=\"plot %s\"><span class=\"top\">%'" PRIu64 "</span>\n", kind, top);
	html_put(out,
	    "<svg viewBox=\"0 0 1000 100\" preserveAspectRatio=\"none\" role=\"img\" "
	    "aria-labelledby=\"%s-%s-t %s-%s-d\">\n",
	    id, kind, id, kind);
	html_put(out, "<title id=\"%s-%s-t\">%s recipients over time</title>\n", id, kind, word);
	html_put(out,
	    "<desc id=\"%s-%s-d\">%'" PRIu64 " in all, at most %'" PRIu64
	    " in one bar; the figures stand in the table below.</desc>\n",
	    id, kind, bin_value(&f->sum, failed), most);
	str_adds(out, "<path class=\"grid\" d=\"M0 0H1000M0 50H1000\"/>\n");
	draw_bins(out, f, failed, top);
	str_adds(out, "<path class=\"base\" d=\"M0 100H1000\"/>\n</svg></div>\n");
}

/* Every third hour, or a day; where there is little room every second of them is left out. */
static void
draw_ticks(struct str *out, const struct report_flow *f)
{
	static struct str name;
	bool hours = f->width < 2 * HOUR;
	size_t a_day = (size_t)(DAY / f->width), days = f->n / a_day,
	       step = hours ? 3
	                    : a_day * (days <= 10      ? 1
					  : days <= 31 ? 3
						       : 7);

	str_adds(out, "<div class=\"ticks\" aria-hidden=\"true\">");
	for (size_t i = 0, k = 0; i < f->n; i += step, k++) {
		str_reset(&name);
		/* A day is named by its noon, which a change of the clocks does not move to another. */
		say_time(&name, f->start + (int64_t)i * f->width + (hours ? 0 : DAY / 2),
		    hours ? "%H:%M" : "%a %e");
		html_put(out, "<span class=\"%s\" style=\"left:%.3f%%\">%s</span>", k % 2 ? "odd" : "even",
		    100.0 * (double)i / (double)f->n, str_cstr(&name));
	}
	str_adds(out, "</div>\n");
}

static void
draw_figures(struct str *out, const struct report_flow *f)
{
	static struct str name;

	str_adds(out,
	    "<details><summary>The figures</summary>\n<table class=\"plain\"><thead><tr><th "
	    "scope=\"col\">When</th><th scope=\"col\" class=\"n\">Delivered</th><th scope=\"col\" "
	    "class=\"n\">Failed</th><th scope=\"col\" class=\"n\">Otherwise</th></tr></thead><tbody>\n");
	for (size_t i = 0; i < f->n; i++) {
		const struct report_bin *b = &f->bin[i];

		if (!b->sent && !b->failed && !b->other)
			continue;
		str_reset(&name);
		bin_name(&name, f, i);
		html_put(out,
		    "<tr><th scope=\"row\">%s</th><td class=\"n\">%'" PRIu64 "</td><td class=\"n\">%'" PRIu64
		    "</td><td class=\"n\">%'" PRIu64 "</td></tr>\n",
		    str_cstr(&name), b->sent, b->failed, b->other);
	}
	html_put(out,
	    "</tbody><tfoot><tr><th scope=\"row\">All</th><td class=\"n\">%'" PRIu64
	    "</td><td class=\"n\">%'" PRIu64 "</td><td class=\"n\">%'" PRIu64 "</td></tr></tfoot></table>\n"
	    "<p class=\"note\">Times in which nothing happened are left out. Otherwise: cancelled, "
	    "discarded, or "
	    "gone.</p></details>\n",
	    f->sum.sent, f->sum.failed, f->sum.other);
}

void
report_draw_flow(struct str *out, const char *id, const struct report_flow *f)
{
	str_adds(out, "<div class=\"flow\">\n");
	draw_panel(out, id, f, false);
	draw_panel(out, id, f, true);
	draw_ticks(out, f);
	str_adds(out, "</div>\n");
	draw_figures(out, f);
}
