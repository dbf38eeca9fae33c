#include "base.h"

#include "clock.h"
#include "die.h"
#include "file.h"
#include "id.h"
#include "rec.h"
#include "report_ask.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#define METRICS_MAX (4 << 20)
#define PROBED 20 /* places whose attempts are looked at */
#define LISTED_MAX 100

/* ---- mox-runq ---- */

static void
take_waiting(char *rec, size_t n, void *arg)
{
	struct row row;

	admin_row(&row, rec, n);
	report_waits(arg, &row);
}

static void
take_past(char *rec, size_t n, void *arg)
{
	struct row row;

	admin_row(&row, rec, n);
	report_past(arg, &row);
}

static void
take_tries(char *rec, size_t n, void *arg)
{
	struct row row;

	admin_row(&row, rec, n);
	report_tries(arg, &row);
}

static void
take_suppressed(char *rec, size_t n, void *arg)
{
	struct rec_in in = {rec, rec + n};
	struct report *r = arg;
	char *key, *value;

	r->suppressed++;
	while (rec_next(&in, &key, &value) == REC_LINE)
		if (!strcmp(key, "how") && (value = rec_text(value)))
			r->suppressed_manual += !strcmp(value, "manual");
}

static void
ask_past(struct report *r, struct admin *a)
{
	struct str extra = {0}, from = {0};

	str_addf(&from, ">%" PRId64 "@", r->now - r->since);
	select_put(&extra, "retired", str_cstr(&from));
	admin_rewind(a);
	(void)admin_ask(a, "retired", str_cstr(&extra), take_past, r);
	str_free(&extra);
	str_free(&from);
}

static void
ask_tries(const struct report *r, const struct admin *a, struct report_place *p)
{
	struct admin probe = {.kind = ADMIN_LIST, .conf = a->conf, .now = r->now};
	char id[ROW_ID_SIZE];

	for (unsigned i = 0; i < p->nprobe; i++) {
		row_id(id, &(struct row){.id = p->probe[i].id, .n = p->probe[i].n});
		str_addf(&probe.ids, "%s\n", id);
	}
	if (p->at && p->nprobe)
		(void)admin_ask(&probe, "show", NULL, take_tries, p);
	str_free(&probe.ids);
}

/* ---- metrics.prom ---- */

static void
gauge_read(struct report *r, const char *name, const char *labels, double v)
{
	struct report_gauges *g = &r->gauges;
	const struct {
		const char *name;
		double *to;
	} known[] = {
	    {"mox_spool_free_bytes", &g->free_bytes},
	    {"mox_spool_free_inodes", &g->free_inodes},
	    {"mox_queue_workers", &g->workers},
	    {"mox_queue_sites_down", &g->down},
	    {"mox_queue_start_time_seconds", &g->started},
	    {"mox_queue_updated_time_seconds", &g->counted},
	    {"mox_queue_received_total", &g->received},
	};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (!strcmp(name, known[i].name))
			*known[i].to = v;
	if (!strcmp(name, "mox_dnsbl_listed") && v > 0 && r->listed.len < 80 * LISTED_MAX)
		str_addf(&r->listed, "%s\n", labels);
}

/* `name{labels} value`, destructively. */
static void
metric_read(struct report *r, char *line)
{
	char *value = strrchr(line, ' '), *labels, *end;
	double v;

	if (*line == '#' || !value)
		return;
	*value++ = 0;
	v = strtod(value, &end);
	if (end == value || *end || !(v >= -1e18 && v <= 1e18))
		return;
	if ((labels = strchr(line, '{'))) {
		*labels++ = 0;
		labels[strcspn(labels, "}")] = 0;
	}
	gauge_read(r, line, labels ? labels : "", v);
}

static void
read_metrics(struct report *r, const struct conf *c)
{
	struct str path = {0}, text = {0};
	char *line, *rest;

	r->gauges = (struct report_gauges){false, -1, -1, -1, -1, -1, -1, -1};
	str_addf(&path, "%s/metrics.prom", c->spool);
	if (!file_read(AT_FDCWD, path.s, &text, METRICS_MAX) && text.len) {
		r->gauges.there = true;
		for (rest = text.s; (line = strsep(&rest, "\n"));)
			metric_read(r, line);
	}
	str_free(&path);
	str_free(&text);
}

/* ---- TLS results ---- */

/* `tls COUNT TYPE DOMAIN RESULT ...`; what is counted with another domain too is counted once. */
static void
result_read(struct report *r, char *line)
{
	char *count, *type, *domain, *result, *option;
	struct top_entry *e;
	struct str name = {0};
	uint64_t n;

	line[strcspn(line, "\n")] = 0;
	if (strncmp(line, "tls ", 4) != 0)
		return;
	line += 4;
	if (!(count = rec_field(&line)) || !(type = rec_field(&line)) || !(domain = rec_field(&line)) ||
	    !(result = rec_field(&line)) || !str_number(count, INT64_MAX, &n) || !strcmp(result, "ok"))
		return;
	while ((option = rec_field(&line)))
		if (!strcmp(option, "also=yes"))
			return;
	str_addf(&name, "%s: %s", domain, result);
	e = top_get(&r->tls_faults, str_cstr(&name));
	e->count += n;
	str_free(&name);
}

static void
read_results(struct report *r, const struct conf *c, int64_t when)
{
	char day[CLOCK_DAY_SIZE], line[REC_LINE_MAX];
	struct str path = {0};
	FILE *f;

	clock_day(day, when);
	str_addf(&path, "%s/tlsrpt/%s", c->spool, day);
	if ((f = fopen(path.s, "re"))) {
		r->tls_faults_known = true;
		while (fgets(line, sizeof line, f))
			result_read(r, line);
		fclose(f);
	}
	str_free(&path);
}

/* ---- all of it ---- */

/* The filters as they were given, but for times of the calendar. */
static void
tell_filters(struct report *r, const struct admin *a)
{
	char *text = mem_dupn(str_cstr(&a->filter), a->filter.len);
	struct rec_in in = {text, text + a->filter.len};
	char *key, *value, *what, *how;

	while (rec_next(&in, &key, &value) == REC_LINE)
		if ((what = rec_field(&value)) && (how = rec_field(&value)))
			str_addf(&r->only, "%s-%s %s", r->only.len ? " " : "", what, how);
	if (a->ids.len)
		str_addf(&r->only, "%sthe ids given", r->only.len ? " " : "");
	free(text);
}

static bool
sees_all(const struct conf *c)
{
	struct stat st;

	return !geteuid() || (!stat(c->spool, &st) && st.st_uid == geteuid());
}

/* In the time zone of the reader. */
static int64_t
round_time(int64_t now, bool hour)
{
	time_t t = (time_t)(now / SECOND);
	struct tm tm = {0};

	localtime_r(&t, &tm);
	tm.tm_sec = tm.tm_min = 0;
	if (!hour)
		tm.tm_hour = 0;
	tm.tm_isdst = hour ? tm.tm_isdst : -1;
	return (int64_t)mktime(&tm) * SECOND;
}

void
report_ask(struct report *r, struct admin *a)
{
	const struct conf *c = a->conf;

	r->now = a->now;
	r->host = c->hostname;
	r->own_mail = !sees_all(c);
	tell_filters(r, a);
	report_start(r, round_time(r->now, true) + HOUR, round_time(r->now, false));
	(void)admin_ask(a, "list", NULL, take_waiting, r);
	ask_past(r, a);
	read_metrics(r, c);
	if (!r->only.len) {
		struct admin all = {.conf = a->conf, .now = a->now};

		(void)admin_ask(&all, "suppress-list", r->own_mail ? NULL : "all yes\n", take_suppressed, r);
		r->suppress_known = true;
		read_results(r, c, r->now - DAY);
		read_results(r, c, r->now);
		report_told(r, c->spool);
	}
	report_sort(r);
	for (size_t i = 0; i < r->places.n && i < PROBED; i++)
		ask_tries(r, a, (struct report_place *)(void *)r->places.v[i]);
}
