/* A report as a page: HTML and SVG by html.h alone. Pure, but for the time zone. */
#ifndef REPORT_DRAW_H
#define REPORT_DRAW_H

#include "report.h"

/* The whole page. */
void report_page(struct str *out, const struct report *r);

/* ---- its parts, shared by report_page.c, report_tables.c and report_chart.c ---- */

extern const char report_style[];
extern const char *const report_age_words[SUMMARY_AGES];

/* Bars of what was sent above bars of what failed, each in a scale of its own; the figures behind them as a table. */
void report_draw_flow(struct str *out, const char *id, const struct report_flow *f);

/* One bar of several parts, coloured by the classes CLASS0, CLASS1, ...: svg with a title, that says it in words. */
struct report_bar {
	const char *id, *class
	    ; /* literals; id unique in the page, "": drawn for the eye, what it says stands beside it */
	const char *const *word;
	const uint64_t *part;
	size_t n;
	uint64_t whole;  /* of which the bar's length is a part; 0: its own sum */
	unsigned number; /* behind the id */
};
void report_draw_bar(struct str *out, const struct report_bar *b);

void report_draw_places(struct str *out, const struct report *r);
void report_draw_ages(struct str *out, const struct report *r);
void report_draw_replies(struct str *out, const struct report *r);
void report_draw_old(struct str *out, const struct report *r);
void report_draw_failed(struct str *out, const struct report *r);
void report_draw_routes(struct str *out, const struct report *r);
void report_draw_tls(struct str *out, const struct report *r);
bool report_has_told(const struct report *r);
void report_draw_told(struct str *out, const struct report *r);
void report_draw_held(struct str *out, const struct report *r);
void report_draw_machine(struct str *out, const struct report *r);

#endif
