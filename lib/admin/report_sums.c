/* Sums of the history, what is held, and the machine. */
#include "base.h"

#include "clock.h"
#include "html.h"
#include "report_draw.h"
#include "report_say.h"

#include <inttypes.h>

#define NAME 70
#define PLAIN_SHOWN 8
#define ACCOUNTS_SHOWN 5

static const char *const tls_words[REPORT_TLS] = {
    "TLS, checked by DANE", "TLS, checked by a CA", "TLS, not checked", "no TLS"};

static const char *
text_of(void (*say)(struct str *out, int64_t v), int64_t v)
{
	static struct str text;

	str_reset(&text);
	say(&text, v);
	return str_cstr(&text);
}

static size_t
lesser(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* ---- where mail went ---- */

void
report_draw_routes(struct str *out, const struct report *r)
{
	size_t n = lesser(r->routes.n, r->lines);

	if (!n) {
		str_adds(out, "<p class=\"none\">Nothing was delivered, and nothing failed.</p>\n");
		return;
	}
	str_adds(out, "<table class=\"rows\"><thead><tr><th scope=\"col\">Destination</th><th scope=\"col\" "
		      "class=\"n\">Delivered</th><th scope=\"col\" class=\"n\">Failed</th><th scope=\"col\" "
		      "class=\"n\">Without "
		      "TLS</th></tr></thead>\n<tbody>\n");
	for (size_t i = 0; i < n; i++) {
		const struct report_route *p = (const struct report_route *)(const void *)r->routes.v[i];
		struct str name = {0};

		report_place_name(&name, &p->top, p->domain, p->domains);
		html_put(out, "<tr><th scope=\"row\"><b><bdi>%.*s</bdi></b>", NAME, str_cstr(&name));
		if (p->domains)
			html_put(out, "<small>mail for <bdi>%.*s</bdi> and other domains</small>", NAME,
			    p->domain);
		html_put(out,
		    "</th><td class=\"n\" data-l=\"delivered\">%'" PRIu64 "</td><td class=\"n\" "
		    "data-l=\"failed\">%'" PRIu64 "</td><td class=\"n\" data-l=\"without TLS\">%'" PRIu64
		    "</td></tr>\n",
		    p->sent, p->failed, p->plain);
		str_free(&name);
	}
	str_adds(out, "</tbody></table>\n");
	if (r->routes.cut)
		html_put(out, "<p class=\"note\">There are more than %'u: these are counts from below.</p>\n",
		    (unsigned)TOP_MAX);
}

/* ---- TLS ---- */

static void
put_names(struct str *out, const struct top *t, size_t most)
{
	for (size_t i = 0; i < t->n && i < most; i++)
		html_put(out, "<li><bdi>%.*s</bdi> <span class=\"n\">%'" PRIu64 "</span></li>\n", NAME,
		    t->v[i]->name, t->v[i]->count);
}

void
report_draw_tls(struct str *out, const struct report *r)
{
	uint64_t all = 0;

	for (size_t i = 0; i < REPORT_TLS; i++)
		all += r->tls[i];
	if (!all) {
		str_adds(out, "<p class=\"none\">Nothing went to other machines.</p>\n");
	} else {
		report_draw_bar(
		    out, &(struct report_bar){
			     .id = "tls", .class = "t", .word = tls_words, .part = r->tls, .n = REPORT_TLS});
		str_adds(out, "<table class=\"sums\"><tbody>\n");
		for (size_t i = 0; i < REPORT_TLS; i++)
			html_put(out,
			    "<tr><th scope=\"row\"><span class=\"dot t%zu\"></span>%s</th><td "
			    "class=\"n\">%'" PRIu64 "</td><td class=\"n\">%.1f %%</td></tr>\n",
			    i, tls_words[i], r->tls[i], 100.0 * (double)r->tls[i] / (double)all);
		str_adds(out, "</tbody></table>\n");
	}
	if (r->plain.n) {
		str_adds(out, "<h3>Took mail without TLS</h3>\n<ul class=\"names\">\n");
		put_names(out, &r->plain, PLAIN_SHOWN);
		str_adds(out, "</ul>\n");
	}
	if (r->tls_faults_known && r->tls_faults.n) {
		str_adds(out, "<h3>Sessions with a fault in their TLS, since yesterday</h3>\n<ul "
			      "class=\"names\">\n");
		put_names(out, &r->tls_faults, PLAIN_SHOWN);
		str_adds(out, "</ul>\n");
	}
}

/* ---- held, suppressed ---- */

void
report_draw_held(struct str *out, const struct report *r)
{
	static const char *const by[] = {
	    "by their senders", "by the operator", "by a rule", "by a limit", "no notice could be made"};

	if (!r->state[ROW_HELD]) {
		str_adds(out, "<p class=\"none\">Nothing is held.</p>\n");
	} else {
		str_adds(out, "<table class=\"sums\"><tbody>\n");
		for (size_t i = 0; i < ARRAY_LEN(by); i++)
			if (r->hold[i])
				html_put(out,
				    "<tr><th scope=\"row\">%s</th><td class=\"n\">%'" PRIu64
				    "</td><td class=\"n soft\">oldest %s</td></tr>\n",
				    by[i], r->hold[i], text_of(say_span, r->now - r->hold_oldest[i]));
		str_adds(out, "</tbody></table>\n");
	}
	if (r->accounts.n) {
		str_adds(out, "<h3>Accounts at their limit</h3>\n<ul class=\"names\">\n");
		put_names(out, &r->accounts, ACCOUNTS_SHOWN);
		str_adds(out, "</ul>\n");
	}
	str_adds(out, "<h3>Suppressed</h3>\n");
	if (!r->suppress_known)
		str_adds(out, "<p class=\"none\">Not known.</p>\n");
	else if (!r->suppressed)
		str_adds(out, "<p class=\"none\">No address is on the list.</p>\n");
	else
		html_put(out,
		    "<p>%'" PRIu64 " address%s not written to any more, %'" PRIu64
		    " of them listed by people.</p>\n",
		    r->suppressed, r->suppressed == 1 ? " is" : "es are", r->suppressed_manual);
}

/* ---- the machine ---- */

static void
say_size(struct str *out, int64_t v)
{
	say_bytes(out, (double)v);
}

static void
put_gauge(struct str *out, const char *what, double v)
{
	if (v >= 0)
		html_put(out, "<tr><th scope=\"row\">%s</th><td class=\"n\">%'" PRIu64 "</td></tr>\n", what,
		    (uint64_t)v);
}

static void
put_text(struct str *out, const char *what, const char *text)
{
	html_put(out, "<tr><th scope=\"row\">%s</th><td class=\"n\">%s</td></tr>\n", what, text);
}

static void
put_moment(struct str *out, const struct report *r, const char *what, double t)
{
	struct str text = {0};

	if (t > 0 && t < (double)(INT64_MAX / SECOND)) {
		say_when(&text, (int64_t)t * SECOND, r->now);
		put_text(out, what, str_cstr(&text));
	}
	str_free(&text);
}

void
report_draw_machine(struct str *out, const struct report *r)
{
	const struct report_gauges *g = &r->gauges;

	str_adds(out, "<table class=\"sums\"><tbody>\n");
	put_moment(out, r, "last attempt", (double)r->tried_at / SECOND);
	if (g->there) {
		put_moment(out, r, "mox-runq started", g->started);
		put_moment(out, r, "counted, what stands below", g->counted);
		put_gauge(out, "connections", g->workers);
		put_gauge(out, "sites left alone for now", g->down);
		put_gauge(out, "messages taken in, ever", g->received);
		if (g->free_bytes >= 0 && g->free_bytes < 9e18)
			put_text(out, "space left for the spool", text_of(say_size, (int64_t)g->free_bytes));
		put_gauge(out, "inodes left", g->free_inodes);
	}
	str_adds(out, "</tbody></table>\n");
	if (r->listed.len) {
		const char *p = r->listed.s;

		str_adds(out, "<h3>On lists</h3>\n<ul class=\"names\">\n");
		while (*p) {
			size_t n = strcspn(p, "\n");
			char *line = mem_dupn(p, n);

			html_put(out, "<li><bdi>%.*s</bdi></li>\n", NAME, line);
			free(line);
			p += n + (p[n] != 0);
		}
		str_adds(out, "</ul>\n");
	}
}
