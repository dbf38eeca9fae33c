/* mox-doctor queue: is mox-runq running, does it get on, and is there anything in its way? */
#include "base.h"

#include "clock.h"
#include "die.h"
#include "doctor.h"
#include "doctor_spool.h"
#include "option.h"

#include <unistd.h>

#define ASK_TIME (30 * SECOND)
#define CONF_TIME (60 * SECOND)
#define AT_ONCE 3          /* a user may have four connections to mox-runq */
#define LATE (15 * MINUTE) /* due for so long: is its site tried? */
#define LATE_MUCH (4 * HOUR)
#define SITES_ASKED 20
#define HELD_LONG (3 * DAY)
#define COUNT_MAX 100000

struct look {
	struct doctor d;
	struct conf *conf;
	int64_t passes; /* mox-runq is run by cron so often; 0: it stays */
	uint64_t warn_waiting, critical_waiting;
	struct holder holder;
	int64_t now;
	bool asked; /* mox-runq answered */
	uint64_t delivering;
};

/* ---- what mox-stat says ---- */

/* The value of a line that begins so; 0 when there is none. */
static double
gauge(const struct str *text, const char *begin)
{
	size_t n = strlen(begin);

	for (const char *p = text->s; p && *p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL)
		if (!strncmp(p, begin, n) && p[n] == ' ')
			return strtod(p + n, NULL);
	return 0;
}

static void
read_stat(struct look *l, const struct gather *g)
{
	static const char *const states[] = {"due", "waiting", "delivering", "held", "noticing"};
	struct findings *f = &l->d.found;
	struct str said = {0}, name = {0};
	double oldest = gauge(&g->out, "mox_queue_oldest_seconds"), sum = 0;
	double down = gauge(&g->out, "mox_queue_sites_down");

	for (size_t i = 0; i < ARRAY_LEN(states); i++) {
		double v;

		str_reset(&name);
		str_addf(&name, "mox_queue_recipients{state=\"%s\"}", states[i]);
		v = gauge(&g->out, name.s);
		sum += v;
		if (v > 0)
			str_addf(&said, "%s%.0f %s", said.len ? ", " : "", v, states[i]);
		finding_figure(f, states[i], "%.0f", v);
		if (!strcmp(states[i], "delivering"))
			l->delivering = (uint64_t)v;
	}
	finding_figure(f, "oldest", "%.0fs", oldest);
	if (sum > 0)
		finding_add(f, FINDING_OK, "queue",
		    "%.0f recipients: %s; the oldest has waited for %.1f hours", sum, said.s, oldest / 3600);
	else
		finding_add(f, FINDING_OK, "queue", "it is empty");
	if (down > 0) {
		finding_add(f, FINDING_OK, "sites",
		    "%.0f %s left alone for now, unreachable or refusing mail", down,
		    down < 2 ? "is" : "are");
		finding_todo(f, "mox-queue-list -summary site");
	}
	str_free(&said);
	str_free(&name);
}

/* ---- is it running ---- */

static void
judge_absent(struct look *l, const char *what, const struct gather *stat_said)
{
	struct findings *f = &l->d.found;
	int64_t active = (int64_t)(gauge(&stat_said->out, "mox_queue_active_time_seconds") * SECOND),
		age = l->now - active;

	if (!l->passes) {
		finding_add(
		    f, FINDING_CRITICAL, "running", "no mox-runq delivers from %s: %s", l->conf->spool, what);
		finding_todo(f, "have its supervisor start mox-runq -w; where cron runs it, look with -p");
	} else if (!active) {
		finding_add(
		    f, FINDING_CRITICAL, "running", "no mox-runq has delivered from %s yet", l->conf->spool);
		finding_todo(f, "look at crontab");
	} else {
		finding_add(f, age > l->passes ? FINDING_CRITICAL : FINDING_OK, "running",
		    "the last pass of mox-runq ended %lld minutes ago", (long long)(age / MINUTE));
		if (age > l->passes)
			finding_todo(f, "look at crontab, and whether cron runs");
	}
}

static void
judge_running(struct look *l, const struct gather *stat_said, const struct gather *last)
{
	struct findings *f = &l->d.found;
	const struct holder *h = &l->holder;

	if (h->kind == HOLDER_NONE)
		judge_absent(l, "nobody holds its lock", last);
	else if (h->kind == HOLDER_SERVES)
		judge_absent(l, "the one there only answers questions (-s)", last);
	else if (l->asked)
		finding_add(f, FINDING_OK, "running", "mox-runq%s runs as process %ld, and answers",
		    h->kind == HOLDER_STAYS ? " -w" : "", (long)h->pid);
	else
		finding_add(f, FINDING_CRITICAL, "running",
		    "mox-runq runs as process %ld, and does not answer: %s", (long)h->pid,
		    doctor_why(stat_said));
	if (!l->asked && (h->kind == HOLDER_NONE || h->kind == HOLDER_SERVES))
		finding_add(f, FINDING_UNKNOWN, "queue", "it cannot be asked: %s", doctor_why(stat_said));
	else if (!l->asked)
		finding_todo(f, "look at its log; a rebuild of the index may take minutes, else end it and "
				"see it started anew");
}

/* ---- what waits for long ---- */

static uint64_t
lines(const struct gather *g)
{
	uint64_t n = 0;

	for (size_t i = 0; i < g->out.len; i++)
		n += g->out.s[i] == '\n';
	return n;
}

static enum weight
count_weight(uint64_t n, uint64_t warning, uint64_t critical)
{
	return n >= critical ? FINDING_CRITICAL : n >= warning ? FINDING_WARNING : FINDING_OK;
}

static int64_t
long_wait(const struct look *l)
{
	return l->conf->retry.delay_notice ? l->conf->retry.delay_notice : 2 * HOUR;
}

static void
judge_counts(
    struct look *l, const struct gather *failed, const struct gather *held, const struct gather *waiting)
{
	struct findings *f = &l->d.found;
	uint64_t n = lines(failed);
	enum weight w;

	finding_figure(f, "failed", "%llu;;0", (unsigned long long)n);
	if (n) {
		finding_add(f, FINDING_CRITICAL, "failed",
		    "%llu recipients failed for good, and their senders could not be told",
		    (unsigned long long)n);
		finding_todo(f, "mox-queue-list -hold f, then mox-queue-release or mox-queue-drop");
	}
	if ((n = lines(held))) {
		finding_add(f, FINDING_WARNING, "held", "%llu recipients older than %d days are on hold",
		    (unsigned long long)n, (int)(HELD_LONG / DAY));
		finding_todo(f, "mox-queue-list -hold yes, then mox-queue-release or mox-queue-drop");
	}
	n = lines(waiting);
	w = count_weight(n, l->warn_waiting, l->critical_waiting);
	finding_figure(f, "late", "%llu;%llu;%llu", (unsigned long long)n,
	    (unsigned long long)l->warn_waiting, (unsigned long long)l->critical_waiting);
	finding_add(f, w, "waiting", "%llu recipients have waited for more than %lld minutes",
	    (unsigned long long)n, (long long)(long_wait(l) / MINUTE));
	if (w)
		finding_todo(f, "mox-queue-list -summary error");
}

/* ---- is it stuck ---- */

struct site_row {
	char *name;
	int64_t next;
};

static int
by_next(const void *a, const void *b)
{
	const struct site_row *x = a, *y = b;

	return x->next < y->next ? -1 : x->next > y->next;
}

/* The column of a line of fields parted by tabs, cut out; NULL: it has not so many. */
static char *
column(char *line, unsigned n)
{
	for (; n; n--)
		if (!(line = strchr(line, '\t')))
			return NULL;
		else
			line++;
	line[strcspn(line, "\t")] = 0;
	return line;
}

/* Of mox-queue-list -summary: those that are late, the latest first; answers how many. They point into text. */
static size_t
late_sites(const struct look *l, char *text, struct site_row **rows)
{
	enum { NAME, NEXT = 4 };
	size_t n = 0;
	char *next;

	for (char *line = text; line && *line; line = next) {
		const char *when;
		int64_t at;

		if ((next = strchr(line, '\n')))
			*next++ = 0;
		if (!(when = column(line, NEXT)) || !clock_parse(when, &at) || l->now - at < LATE)
			continue;
		*rows = mem_grow(*rows, n + 1, sizeof **rows);
		(*rows)[n++] = (struct site_row){column(line, NAME), at};
	}
	if (n)
		qsort(*rows, n, sizeof **rows, by_next);
	return n;
}

/* A site that is down is tried again within the third interval of the schedule; and an attempt takes its time. */
static int64_t
patience(const struct conf *c)
{
	size_t third = c->retry.n < 3 ? c->retry.n - 1 : 2;

	return HOUR + 2 * c->retry.interval[third];
}

static bool
is_tried(const struct look *l, const struct gather *last)
{
	int64_t at;
	char *text = last->out.s;

	if (!text || !*text)
		return false;
	text[strcspn(text, "\n")] = 0;
	return clock_parse(text, &at) && l->now - at < patience(l->conf);
}

static void
judge_sites(struct look *l, const struct site_row *rows, size_t n)
{
	struct findings *f = &l->d.found;
	struct gather *g = mem_zalloc((2 * n + 1) * sizeof *g);
	size_t down = 0, stuck = 0, worst = 0;

	for (size_t i = 0; i < n; i++) {
		doctor_sibling(&l->d, &g[2 * i], ASK_TIME,
		    (const char *const[]){"mox-queue-list", "-site", rows[i].name, "-sort", "last", "-desc",
			"-n", "1", "-o", "last", NULL});
		doctor_sibling(&l->d, &g[2 * i + 1], ASK_TIME,
		    (const char *const[]){"mox-queue-list", "-site", rows[i].name, "-state", "delivering",
			"-n", "1", "-o", "id", NULL});
	}
	gather_run(g, 2 * n, AT_ONCE);
	for (size_t i = n; i-- > 0;) {
		bool tried = is_tried(l, &g[2 * i]) || lines(&g[2 * i + 1]);

		down += tried;
		stuck += !tried;
		worst = tried ? worst : i;
		gather_free(&g[2 * i]);
		gather_free(&g[2 * i + 1]);
	}
	free(g);
	if (stuck) {
		int64_t late = l->now - rows[worst].next;

		finding_add(f, late > LATE_MUCH && !l->delivering ? FINDING_CRITICAL : FINDING_WARNING,
		    "stuck", "mail for %s has been due for %lld minutes, and nothing of it is tried",
		    rows[worst].name, (long long)(late / MINUTE));
		finding_todo(
		    f, "mox-queue-list -site %s; restart mox-runq, and look at its log", rows[worst].name);
	} else {
		finding_add(f, FINDING_OK, "stuck",
		    "%zu sites do not take mail now, and are tried again and again", down);
	}
}

static void
judge_stuck(struct look *l, struct gather *summary)
{
	struct site_row *rows = NULL;
	size_t n = late_sites(l, summary->out.s, &rows);

	if (n > SITES_ASKED)
		n = SITES_ASKED;
	if (n)
		judge_sites(l, rows, n);
	else if (!summary->code)
		finding_add(&l->d.found, FINDING_OK, "stuck", "nothing is overdue");
	free(rows);
}

/* ---- */

static const char *
option(struct str *out, int64_t span)
{
	str_reset(out);
	str_addf(out, ">%llds", (long long)(span / SECOND));
	return out->s;
}

static void
judge_conf(struct look *l, const struct gather *g)
{
	struct findings *f = &l->d.found;

	if (!g->code) {
		finding_add(
		    f, FINDING_OK, "configuration", "%s is good, with its keys and passwords", l->conf->file);
		return;
	}
	finding_add(f, FINDING_CRITICAL, "configuration", "%s", doctor_why(g));
	finding_todo(f, "mox-runq -t tells all; mail that needs a key waits for it");
}

static void
look(struct look *l)
{
	enum { CONF, LAST, STAT, FAILED, HELD, WAITING, SITES, ALL };
	struct gather g[ALL];
	struct str held = {0}, late = {0};
	const char *const list = "mox-queue-list";

	doctor_sibling(&l->d, &g[CONF], CONF_TIME, (const char *const[]){"mox-runq", "-t", NULL});
	doctor_sibling(&l->d, &g[LAST], ASK_TIME, (const char *const[]){"mox-stat", "-last", NULL});
	doctor_sibling(&l->d, &g[STAT], ASK_TIME, (const char *const[]){"mox-stat", NULL});
	doctor_sibling(&l->d, &g[FAILED], ASK_TIME,
	    (const char *const[]){list, "-hold", "f", "-n", "100000", "-o", "id", NULL});
	doctor_sibling(&l->d, &g[HELD], ASK_TIME,
	    (const char *const[]){
		list, "-hold", "yes", "-queued", option(&held, HELD_LONG), "-n", "100000", "-o", "id", NULL});
	doctor_sibling(&l->d, &g[WAITING], ASK_TIME,
	    (const char *const[]){list, "-hold", "no", "-queued", option(&late, long_wait(l)), "-n", "100000",
		"-o", "id", NULL});
	doctor_sibling(
	    &l->d, &g[SITES], ASK_TIME, (const char *const[]){list, "-summary", "site", "-n", "1000", NULL});
	gather_run(g, STAT + 1, AT_ONCE);
	l->asked = !g[STAT].code;
	judge_conf(l, &g[CONF]);
	judge_running(l, &g[STAT], &g[LAST]);
	if (l->asked) {
		gather_run(g + STAT + 1, ALL - STAT - 1, AT_ONCE);
		read_stat(l, &g[STAT]);
		judge_counts(l, &g[FAILED], &g[HELD], &g[WAITING]);
		/* Without anybody who delivers all is late, which was said. */
		if (l->holder.kind == HOLDER_STAYS || l->holder.kind == HOLDER_UNKNOWN)
			judge_stuck(l, &g[SITES]);
	}
	for (size_t i = 0; i < ALL; i++)
		gather_free(&g[i]);
	str_free(&held);
	str_free(&late);
}

static uint64_t
count_option(const char *s)
{
	uint64_t n;

	if (!str_number(s, COUNT_MAX, &n))
		die_perm("unable to use \"%s\": expected a number up to %d", s, COUNT_MAX);
	return n;
}

int
doctor_queue(int argc, char *argv[], const char *usage)
{
	struct look l = {.warn_waiting = 100, .critical_waiting = 1000};
	struct findings *f = &l.d.found;
	int c;

	doctor_start(&l.d, "queue");
	while ((c = option_next(argc, argv, DOCTOR_OPTIONS "c:p:w:", doctor_long)) != -1)
		switch (c) {
		case 'c': l.critical_waiting = count_option(optarg); break;
		case 'p':
			if (!str_duration(optarg, &l.passes) || l.passes <= 0)
				die_perm("unable to use \"%s\": expected a time such as 15m", optarg);
			break;
		case 'w': l.warn_waiting = count_option(optarg); break;
		default: doctor_option(&l.d, c, usage);
		}
	if (optind < argc)
		die_usage(usage);
	l.conf = doctor_conf(&l.d, FINDING_CRITICAL);
	l.now = clock_now();
	if (!look_spool(f, l.conf)) {
		l.holder = spool_holder(l.conf);
		look(&l);
		look_room(f, l.conf);
		look_leftovers(f, l.conf, l.now);
	}
	look_secrets(f, l.conf);
	look_clock(f, l.conf, l.now);
	conf_free(l.conf);
	return doctor_end(&l.d);
}
