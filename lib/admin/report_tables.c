#include "base.h"

#include "clock.h"
#include "html.h"
#include "id.h"
#include "report_draw.h"
#include "report_say.h"

#include <inttypes.h>

#define SAID 160 /* characters of a reply that are shown */
#define NAME 70

const char *const report_age_words[SUMMARY_AGES] = {"under 5 min", "5 min to 1 h", "1 to 4 h", "4 h to 1 day",
    "1 to 2 days", "2 to 5 days", "5 days and more"};

/* Texts that are put together before they are escaped; one at a time. */
static const char *
when(int64_t t, int64_t now)
{
	static struct str text;

	str_reset(&text);
	if (t)
		say_when(&text, t, now);
	return str_cstr(&text);
}

static const char *
span(int64_t length)
{
	static struct str text;

	str_reset(&text);
	say_span(&text, length);
	return str_cstr(&text);
}

static const char *
name_of(const struct top_entry *e, const char *domain, bool domains)
{
	static struct str text;

	str_reset(&text);
	report_place_name(&text, e, domain, domains);
	return str_cstr(&text);
}

static size_t
lesser(size_t a, size_t b)
{
	return a < b ? a : b;
}

static void
nothing(struct str *out, const char *words)
{
	html_put(out, "<p class=\"none\">%s</p>\n", words);
}

/* The reply, with its code unless it begins with that. */
static void
put_said(struct str *out, unsigned code, const char *error)
{
	char number[8];

	snprintf(number, sizeof number, "%u", code);
	str_adds(out, "<span class=\"said\">");
	if (code && strncmp(error, number, strlen(number)) != 0)
		html_put(out, "%u ", code);
	html_put(out, "<bdi>%.*s</bdi></span>", SAID, error);
}

/* ---- where mail waits for ---- */

/* Whose servers it is, below a name: the first, how many more there are, and whose mail. */
static void
put_hosts(struct str *out, const struct top_entry *e, const char *domain, bool domains)
{
	size_t first = strcspn(e->name, ","), more = 0;
	char *host = mem_dupn(e->name, first);

	for (const char *p = e->name; (p = strchr(p, ',')); p++)
		more++;
	if (domains) {
		html_put(out, "<small>mail for <bdi>%.*s</bdi> and other domains</small>", NAME, domain);
	} else if (strcmp(host, domain) != 0) {
		html_put(out, "<small>by <bdi>%.*s</bdi>", NAME, host);
		if (more)
			html_put(out, " and %zu more", more);
		str_adds(out, "</small>");
	}
	free(host);
}

static void
put_place(struct str *out, const struct report *r, const struct report_place *p, size_t i)
{
	html_put(out, "<tr><th scope=\"row\"><b><bdi>%.*s</bdi></b>", NAME,
	    name_of(&p->top, p->domain, p->domains));
	put_hosts(out, &p->top, p->domain, p->domains);
	html_put(out, "</th>\n<td class=\"n count\" data-l=\"waiting\"><b>%'" PRIu64 "</b>", p->top.count);
	if (p->held)
		html_put(out, "<small>%'" PRIu64 " held</small>", p->held);
	str_adds(out, "</td>\n<td class=\"profile\">");
	report_draw_bar(out, &(struct report_bar){.id = "age",
				 .number = (unsigned)i,
				 .class = "a",
				 .word = report_age_words,
				 .part = p->age,
				 .n = SUMMARY_AGES});
	html_put(out, "</td>\n<td class=\"n\" data-l=\"oldest\">%s</td>", span(r->now - p->oldest));
	html_put(out, "\n<td class=\"n\" data-l=\"next\">%s</td>",
	    !p->next            ? "held"
	    : p->next <= r->now ? "now"
				: when(p->next, r->now));
	str_adds(out, "\n<td class=\"says\">");
	if (p->at)
		put_said(out, p->code, p->error);
	else
		html_put(out, "<span class=\"soft\">%s</span>",
		    p->held == p->top.count ? "held" : "not tried yet");
	if (p->since)
		html_put(out, "<small>since %s</small>", when(p->since, r->now));
	if (p->taken)
		html_put(out, "<small>last took mail %s</small>", when(p->taken, r->now));
	str_adds(out, "</td></tr>\n");
}

void
report_draw_places(struct str *out, const struct report *r)
{
	uint64_t rest = r->recipients;
	size_t n = lesser(r->places.n, r->lines);

	if (!n) {
		nothing(out, "Nothing waits.");
		return;
	}
	str_adds(out,
	    "<table class=\"rows places\"><thead><tr><th scope=\"col\">Destination</th><th scope=\"col\" "
	    "class=\"n\">Waiting</th><th scope=\"col\">Age</th><th scope=\"col\" class=\"n\">Oldest</th>"
	    "<th scope=\"col\" class=\"n\">Next</th><th scope=\"col\">What it "
	    "says</th></tr></thead>\n<tbody>\n");
	for (size_t i = 0; i < n; i++) {
		const struct report_place *p = (const struct report_place *)(const void *)r->places.v[i];

		put_place(out, r, p, i);
		rest -= p->top.count;
	}
	str_adds(out, "</tbody></table>\n<p class=\"legend\">Age:");
	for (size_t i = 0; i < SUMMARY_AGES; i++)
		html_put(out, " <span><span class=\"dot a%zu\"></span>%s</span>", i, report_age_words[i]);
	str_adds(out, "</p>\n");
	if (rest)
		html_put(out, "<p class=\"note\">%'" PRIu64 " more wait%s for other destinations.</p>\n",
		    rest, rest == 1 ? "s" : "");
	if (r->places.cut)
		html_put(out,
		    "<p class=\"note\">There are more than %'u destinations: each has at least as many as "
		    "stands "
		    "here.</p>\n",
		    (unsigned)TOP_MAX);
}

void
report_draw_ages(struct str *out, const struct report *r)
{
	uint64_t most = 0;

	if (!r->recipients) {
		nothing(out, "Nothing waits.");
		return;
	}
	for (size_t i = 0; i < SUMMARY_AGES; i++)
		if (r->age[i] > most)
			most = r->age[i];
	str_adds(out, "<table class=\"bars\"><tbody>\n");
	for (size_t i = 0; i < SUMMARY_AGES; i++) {
		uint64_t part[SUMMARY_AGES] = {0};

		part[i] = r->age[i];
		html_put(out, "<tr><th scope=\"row\">%s</th><td>", report_age_words[i]);
		report_draw_bar(out, &(struct report_bar){.id = "",
					 .class = "a",
					 .word = report_age_words,
					 .part = part,
					 .n = SUMMARY_AGES,
					 .whole = most});
		html_put(out, "</td><td class=\"n\">%'" PRIu64 "</td></tr>\n", r->age[i]);
	}
	str_adds(out, "</tbody></table>\n");
}

void
report_draw_replies(struct str *out, const struct report *r)
{
	size_t n = lesser(r->replies.n, r->lines);

	if (!n) {
		nothing(out, "No attempt has failed.");
		return;
	}
	str_adds(out, "<table class=\"rows\"><thead><tr><th scope=\"col\" class=\"n\">Recipients</th><th "
		      "scope=\"col\">What is said</th><th scope=\"col\">By</th></tr></thead>\n<tbody>\n");
	for (size_t i = 0; i < n; i++) {
		const struct report_reply *p = (const struct report_reply *)(const void *)r->replies.v[i];

		html_put(out,
		    "<tr><td class=\"n\" data-l=\"recipients\">%'" PRIu64 "</td><td class=\"says\">",
		    p->top.count);
		put_said(out, 0, p->top.name);
		html_put(out, "</td><td class=\"by\"><bdi>%.*s</bdi>%s</td></tr>\n", NAME, p->domain,
		    p->domains ? " and others" : "");
	}
	str_adds(out,
	    "</tbody></table>\n<p class=\"note\">Words that differ from reply to reply stand as *.</p>\n");
}

/* ---- single messages ---- */

static void
put_people(struct str *out, const struct report_mail *m)
{
	html_put(out, "<td class=\"who\"><span><bdi>%.*s</bdi>", NAME, m->rcpt);
	if (m->more)
		html_put(out, " <span class=\"soft\">and %'u more</span>", m->more);
	html_put(out, "</span><small>from <bdi>%.*s</bdi></small></td>", NAME, *m->sender ? m->sender : "<>");
}

static void
put_id(struct str *out, const struct report_mail *m)
{
	char id[ROW_ID_SIZE];

	row_id(id, &(struct row){.id = m->id, .n = m->n});
	html_put(out, "<td class=\"id\"><code>%s</code></td>", id);
}

static const char *
next_of(const struct report *r, const struct report_mail *m)
{
	if (m->state == ROW_HELD)
		return "held";
	if (m->state == ROW_NOTICING)
		return "failed, its notice is being made";
	return m->state == ROW_DELIVERING ? "on its way" : m->next <= r->now ? "now" : when(m->next, r->now);
}

void
report_draw_old(struct str *out, const struct report *r)
{
	if (!r->nold) {
		nothing(out, "Nothing waits.");
		return;
	}
	str_adds(out, "<table class=\"rows\"><thead><tr><th scope=\"col\">Recipient</th><th scope=\"col\" "
		      "class=\"n\">Age</th><th scope=\"col\" class=\"n\">Attempts</th><th scope=\"col\" "
		      "class=\"n\">Next</th><th scope=\"col\">Last said</th><th "
		      "scope=\"col\">Id</th></tr></thead>\n<tbody>\n");
	for (size_t i = 0; i < r->nold; i++) {
		const struct report_mail *m = &r->old[i];

		str_adds(out, "<tr>");
		put_people(out, m);
		html_put(out, "<td class=\"n\" data-l=\"age\">%s</td>", span(r->now - m->at));
		html_put(out,
		    "<td class=\"n\" data-l=\"attempts\">%u</td><td class=\"n\" data-l=\"next\">%s</td><td "
		    "class=\"says\">",
		    m->attempts, next_of(r, m));
		if (*m->error)
			put_said(out, m->code, m->error);
		else
			str_adds(out, m->attempts ? "" : "<span class=\"soft\">not tried yet</span>");
		str_adds(out, "</td>");
		put_id(out, m);
		str_adds(out, "</tr>\n");
	}
	str_adds(out, "</tbody></table>\n");
}

void
report_draw_failed(struct str *out, const struct report *r)
{
	if (!r->nfailed) {
		nothing(out, "Nothing has failed.");
		return;
	}
	str_adds(out, "<table class=\"rows\"><thead><tr><th scope=\"col\">Recipient</th><th scope=\"col\" "
		      "class=\"n\">Failed</th><th scope=\"col\">Why</th><th "
		      "scope=\"col\">Id</th></tr></thead>\n<tbody>\n");
	for (size_t i = 0; i < r->nfailed; i++) {
		const struct report_mail *m = &r->failed[i];

		str_adds(out, "<tr>");
		put_people(out, m);
		html_put(
		    out, "<td class=\"n\" data-l=\"failed\">%s</td><td class=\"says\">", when(m->at, r->now));
		if (!strcmp(m->result, "suppressed"))
			str_adds(out, "<span class=\"soft\">suppressed</span> ");
		if (*m->error)
			put_said(out, m->code, m->error);
		str_adds(out, "</td>");
		put_id(out, m);
		str_adds(out, "</tr>\n");
	}
	str_adds(out, "</tbody></table>\n");
}
