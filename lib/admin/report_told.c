/* What others told of TLS to us: their reports of the days that are shown. */
#include "base.h"

#include "clock.h"
#include "html.h"
#include "report_ask.h"
#include "report_draw.h"
#include "tlsrpt_day.h"

#include <inttypes.h>
#include <unistd.h>

#define NAME 70
#define HOW 4 /* types of failure that are told of a row */

static int
by_failures(const void *a, const void *b)
{
	const struct tlsrpt_in_sum *x = a, *y = b;
	int c;

	if (x->failed != y->failed)
		return x->failed < y->failed ? 1 : -1;
	if (x->ok != y->ok)
		return x->ok < y->ok ? 1 : -1;
	return (c = strcmp(x->reporter, y->reporter)) ? c : strcmp(x->domain, y->domain);
}

void
report_told(struct report *r, const char *spool)
{
	int dir = tlsrpt_in_open(spool);
	char day[CLOCK_DAY_SIZE];

	/* From tomorrow, as where some live a day is over earlier than ours, to a day before those shown: a report comes when its day
	 * is over. */
	for (int i = -1; dir >= 0 && i < TLSRPT_IN_DAYS && (i - 1) * DAY < r->since; i++) {
		clock_day(day, r->now - i * DAY);
		(void)!tlsrpt_in_read(&r->told, dir, day);
	}
	if (dir >= 0)
		close(dir);
	tlsrpt_in_add_up(&r->told, false);
	if (r->told.nsum)
		qsort(r->told.sum, r->told.nsum, sizeof *r->told.sum, by_failures);
}

bool
report_has_told(const struct report *r)
{
	return r->told.nsum != 0;
}

/* The most frequent first. */
static void
put_how(struct str *out, const struct tlsrpt_in_sum *s)
{
	bool done[TLSRPT_IN_RESULTS] = {true};

	for (unsigned i = 0; i < HOW; i++) {
		unsigned most = 0;

		for (unsigned k = 1; k < TLSRPT_IN_RESULTS; k++)
			if (!done[k] && s->by[k] && (!most || s->by[k] > s->by[most]))
				most = k;
		if (!most)
			break;
		done[most] = true;
		html_put(out, "%s<span class=\"said\">%s %'" PRIu64 "</span>", i ? ", " : "",
		    tlsrpt_in_results[most], s->by[most]);
	}
}

void
report_draw_told(struct str *out, const struct report *r)
{
	size_t n = r->told.nsum < r->lines ? r->told.nsum : r->lines;

	str_adds(out,
	    "<table class=\"rows\"><thead><tr><th scope=\"col\">Who says so</th><th scope=\"col\">Of mail "
	    "to</th><th scope=\"col\" class=\"n\">Sessions fine</th><th scope=\"col\" "
	    "class=\"n\">Failed</th><th scope=\"col\">How</th></tr></thead>\n<tbody>\n");
	for (size_t i = 0; i < n; i++) {
		const struct tlsrpt_in_sum *s = &r->told.sum[i];

		html_put(out,
		    "<tr><th scope=\"row\"><bdi>%.*s</bdi></th><td class=\"who\"><bdi>%.*s</bdi></td>", NAME,
		    *s->reporter ? s->reporter : "?", NAME, s->domain);
		html_put(out,
		    "\n<td class=\"n\" data-l=\"fine\">%'" PRIu64
		    "</td><td class=\"n\" data-l=\"failed\">%'" PRIu64 "</td>\n<td class=\"says\">",
		    s->ok, s->failed);
		put_how(out, s);
		str_adds(out, "</td></tr>\n");
	}
	str_adds(out, "</tbody></table>\n");
	if (n < r->told.nsum)
		html_put(out, "<p class=\"note\">And %'zu more.</p>\n", r->told.nsum - n);
	html_put(out, "<p class=\"note\">From %'u report%s, which nobody has checked.</p>\n", r->told.reports,
	    r->told.reports == 1 ? "" : "s");
}
