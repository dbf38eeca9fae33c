/* What a report says in words, as a person would. Plain text: whoever shows it escapes it. Pure, but for the time zone,
 * which is the process's (TZ). */
#ifndef REPORT_SAY_H
#define REPORT_SAY_H

#include "report.h"

enum report_mood { REPORT_CALM, REPORT_WATCH, REPORT_TROUBLE };

/* Does somebody have to look? */
enum report_mood report_mood(const struct report *r);
/* One sentence: how the queue is. */
void report_headline(struct str *out, const struct report *r);
/* Further ones, as far as there is something to say. */
void report_remarks(struct str *out, const struct report *r);

/* The name people know a place by: its domain or, where it serves several, its first host. */
void report_place_name(struct str *out, const struct top_entry *place, const char *domain, bool domains);

/* "14:02" of today, "Fri 14:02" of the last days, "12 Nov". */
void say_when(struct str *out, int64_t t, int64_t now);
/* "Sat 21 Nov 2026, 14:02 CET" */
void say_date(struct str *out, int64_t t);
/* "12 s", "35 min", "3 h 20 min", "2 d 4 h": from an hour on two units, unless the second says little. */
void say_span(struct str *out, int64_t span);
/* "3.4 GB", powers of 1000. */
void say_bytes(struct str *out, double bytes);
/* By strftime, local time. */
void say_time(struct str *out, int64_t t, const char *format);

#endif
