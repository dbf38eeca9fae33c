/* spool/metrics.prom: counters of what was done, gauges of what waits.
 *
 * What waits is counted by a walk over the rows, in slices, so that no number of them holds up deliveries; the next walk
 * begins a while after, the longer the longer it took. Counters go on from what the last mox-runq wrote. */
#include "base.h"

#include "clock.h"
#include "dnsbl.h"
#include "file.h"
#include "metrics.h"
#include "queue.h"
#include "rec.h"
#include "retire.h"
#include "series.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#define EVERY (15 * SECOND)
#define SLICE 500 /* rows */
#define SHARE 20  /* walks take no more than this part of the time */
#define SITES 256 /* counted at once; more take the places of the rarest */
#define SITES_TOLD 20
#define FILE_MAX (4 << 20)
#define TOLD_MAX 65536
#define STOP_WALK SECOND /* at the end of a pass, counting what is left may take so long */

enum family {
	CONNECTIONS,
	ATTEMPT_TIME,
	DELIVERY_TIME,
	TAKEN,
	RESULTS,
	HOLD,
	RECIPIENTS,
	MESSAGES,
	OLDEST,
	SITE_RECIPIENTS,
	SITES_DOWN,
	WORKERS,
	FREE_BYTES,
	FREE_INODES,
	STARTED,
	UPDATED,
	ACTIVE,
	DNSBL_CHECKS,
	DNSBL_CHECKED,
	DNSBL_LISTED,
	DNSBL_SUCCESS,
	TOLD_REPORTS,
	TOLD_SESSIONS,
	TOLD_TIME,
};

static const struct series_family families[] = {
    [CONNECTIONS] = {"mox_queue_connection_total", SERIES_COUNTER, "Connections to other servers.", {0}},
    [ATTEMPT_TIME] = {"mox_queue_delivery_duration_seconds", SERIES_HISTOGRAM,
	"Attempts to deliver to a recipient, by how long they took.",
	{0.01, 0.05, 0.1, 0.5, 1, 5, 10, 20, 30, 60, 120}},
    [DELIVERY_TIME] = {"mox_queue_time_seconds", SERIES_HISTOGRAM,
	"Recipients that left the queue, by how long after they were queued.",
	{0.05, 0.5, 5, 30, 120, 600, 1800, 7200, 28800, 86400, 259200}},
    [TAKEN] = {"mox_queue_received_total", SERIES_COUNTER, "Messages taken into the queue.", {0}},
    [RESULTS] = {"mox_queue_result_total", SERIES_COUNTER,
	"Results of attempts, a recipient each. maybe: the connection was lost before the last reply.", {0}},
    [HOLD] = {"mox_queue_hold", SERIES_GAUGE, "Recipients on hold.", {0}},
    [RECIPIENTS] = {"mox_queue_recipients", SERIES_GAUGE, "Recipients in the queue, by state.", {0}},
    [MESSAGES] = {"mox_queue_messages", SERIES_GAUGE, "Messages in the queue.", {0}},
    [OLDEST] = {"mox_queue_oldest_seconds", SERIES_GAUGE, "Age of the oldest message; 0: none.", {0}},
    [SITE_RECIPIENTS] = {"mox_queue_site_recipients", SERIES_GAUGE,
	"Recipients that wait for the sites with the most of them.", {0}},
    [SITES_DOWN] = {"mox_queue_sites_down", SERIES_GAUGE, "Sites that are left alone for now.", {0}},
    [WORKERS] = {"mox_queue_workers", SERIES_GAUGE, "Connections kept or in use.", {0}},
    [FREE_BYTES] = {"mox_spool_free_bytes", SERIES_GAUGE, "Space left for the spool.", {0}},
    [FREE_INODES] = {"mox_spool_free_inodes", SERIES_GAUGE, "Inodes left for the spool.", {0}},
    [STARTED] = {"mox_queue_start_time_seconds", SERIES_GAUGE, "When mox-runq was started.", {0}},
    [UPDATED] = {"mox_queue_updated_time_seconds", SERIES_GAUGE, "When what waits was last counted.", {0}},
    [ACTIVE] = {"mox_queue_active_time_seconds", SERIES_GAUGE, "When a mox-runq that delivers was last seen.",
	{0}},
    [DNSBL_CHECKS] = {"mox_dnsbl_checks_total", SERIES_COUNTER,
	"Checks whether lists of bad senders have our addresses.", {0}},
    [DNSBL_CHECKED] = {"mox_dnsbl_checked_time_seconds", SERIES_GAUGE, "When that was last checked.", {0}},
    [DNSBL_LISTED] = {"mox_dnsbl_listed", SERIES_GAUGE, "Whether the list has our address.", {0}},
    [DNSBL_SUCCESS] = {"mox_dnsbl_ips_success", SERIES_GAUGE, "Whether the list has it not, as mox tells it.",
	{0}},
    [TOLD_REPORTS] = {"mox_tlsrpt_received_reports_total", SERIES_COUNTER, "Reports on TLS that came to us.",
	{0}},
    [TOLD_SESSIONS] = {"mox_tlsrpt_received_sessions_total", SERIES_COUNTER,
	"Sessions with our servers that these tell of, as anybody may.", {0}},
    [TOLD_TIME] = {"mox_tlsrpt_received_time_seconds", SERIES_GAUGE, "When the last of them came.", {0}},
    {0},
};

/* Those with the most rows, by Metwally's space saving: who is not counted takes the place, and the count, of the
 * rarest. */
struct site_count {
	uint64_t hash, rows;
	char name[DOMAIN_NAME_MAX];
};

static struct {
	struct series series;
	bool started, walking, changed;
	int64_t write_at, walk_at, began; /* monotonic */
	uint64_t id;
	uint32_t n;
	uint64_t messages, held, state[ROW_STATES];
	int64_t oldest;
	struct site_count site[SITES];
	size_t nsite;
} m;

/* ---- counting ---- */

static void
label(struct str *out, const char *const *pairs)
{
	str_reset(out);
	series_labels(out, pairs);
	str_reserve(out, 0);
	out->s[out->len] = 0;
}

void
metrics_start(struct runq *q)
{
	const int64_t started = q->now / SECOND;
	struct str text = {0};

	m.series.family = families;
	if (!file_read(q->spool.dir, "metrics.prom", &text, FILE_MAX) && text.len) {
		str_reserve(&text, 0);
		text.s[text.len] = 0;
		series_read(&m.series, text.s);
	}
	str_free(&text);
	series_set(&m.series, STARTED, "", (double)started);
	m.write_at = q->mono + EVERY;
	m.walk_at = q->mono;
	m.started = true;
}

void
metrics_taken(void)
{
	series_add(&m.series, TAKEN, "", 1);
	m.changed = true;
}

static const char *
attempt_word(unsigned n)
{
	static const char *const words[] = {"1", "2", "3", "4", "5", "6", "7", "8"};

	return n && n <= ARRAY_LEN(words) ? words[n - 1] : n ? "9+" : "0";
}

void
metrics_attempt(const struct runq *q, const struct job *j, const struct job_rcpt *r)
{
	static const char *const results[] = {"temperror", "ok", "temperror", "permerror"};
	static const char *const words[] = {"later", "sent", "later", "failed"};
	static struct str l;
	const struct conf_transport *t = j->site->transport;
	const char *tls = attempt_tls(j->session), *transport = t ? t->name : "direct";

	if (!tls)
		tls = "-";
	label(&l, (const char *[]){"attempt", attempt_word(r->item->attempts), "transport", transport,
		      "tlsmode", tls, "result", results[r->outcome], NULL});
	series_observe(&m.series, ATTEMPT_TIME, l.s, (double)(q->mono - j->started) / SECOND);
	label(&l, (const char *[]){"result", words[r->outcome], NULL});
	series_add(&m.series, RESULTS, l.s, 1);
	if (j->maybe && r->outcome != OUTCOME_SENT)
		series_add(&m.series, RESULTS, "result=\"maybe\"", 1);
	if (r->outcome != OUTCOME_SENT && r->outcome != OUTCOME_NEVER)
		return;
	label(
	    &l, (const char *[]){"result", words[r->outcome], "tlsmode", tls, "transport", transport, NULL});
	series_observe(&m.series, DELIVERY_TIME, l.s,
	    q->now > r->item->msg->queued ? (double)(q->now - r->item->msg->queued) / SECOND : 0);
}

void
metrics_session(const struct job *j)
{
	if (j->session && strstr(j->session, " reused=no"))
		series_add(&m.series, CONNECTIONS, "result=\"ok\"", 1);
	if (j->site_said == SITE_UNREACHABLE)
		series_add(&m.series, CONNECTIONS, "result=\"error\"", 1);
}

/* ---- dnsbl.c ---- */

int
metrics_listed(const char *zone, const char *ip)
{
	static struct str l;
	double v;

	label(&l, (const char *[]){"zone", zone, "ip", ip, NULL});
	return series_value(&m.series, DNSBL_LISTED, l.s, &v) ? v > 0 : -1;
}

int64_t
metrics_dnsbl_checked(void)
{
	double v;

	return series_value(&m.series, DNSBL_CHECKED, "", &v) && v > 0 && v < 1e12 ? (int64_t)(v * SECOND)
	                                                                           : 0;
}

void
metrics_dnsbl_check(const struct runq *q, bool good)
{
	series_add(&m.series, DNSBL_CHECKS, good ? "result=\"ok\"" : "result=\"error\"", 1);
	if (!good)
		return;
	series_set(&m.series, DNSBL_CHECKED, "", (double)q->now / SECOND);
	series_clear(&m.series, DNSBL_LISTED);
	series_clear(&m.series, DNSBL_SUCCESS);
}

void
metrics_dnsbl_forget(void)
{
	series_clear(&m.series, DNSBL_LISTED);
	series_clear(&m.series, DNSBL_SUCCESS);
	series_clear(&m.series, DNSBL_CHECKED);
}

void
metrics_listed_set(const char *zone, const char *ip, bool listed)
{
	static struct str l;

	label(&l, (const char *[]){"zone", zone, "ip", ip, NULL});
	series_set(&m.series, DNSBL_LISTED, l.s, listed);
	series_set(&m.series, DNSBL_SUCCESS, l.s, !listed);
}

/* ---- the walk ---- */

static void
count_site(const char *name)
{
	uint64_t h = hash_text(name);
	struct site_count *least = &m.site[0];

	for (size_t i = 0; i < m.nsite; i++) {
		if (m.site[i].hash == h && !strcmp(m.site[i].name, name)) {
			m.site[i].rows++;
			return;
		}
		if (m.site[i].rows < least->rows)
			least = &m.site[i];
	}
	if (m.nsite < SITES) {
		least = &m.site[m.nsite++];
		least->rows = 0;
	}
	least->hash = h;
	least->rows++;
	snprintf(least->name, sizeof least->name, "%s", name);
}

/* Of one that is neither held nor failed. */
static enum row_state
state_of(struct runq *q, const struct row *row, const struct site *s)
{
	const struct item *it = item_find(q, row->id, row->n);

	if (it && it->job)
		return ROW_DELIVERING;
	/* What is due at a site that is left alone waits for its probe, as mox-queue-list says. */
	return row->next > q->now || (s && site_is_down(&s->state, q->now)) ? ROW_WAITING : ROW_DUE;
}

static bool
visit(uint64_t id, uint32_t n, char *rec, size_t len, void *arg)
{
	struct runq *q = arg;
	const struct dest *d;
	struct row row;
	uint32_t uid;

	m.messages += id != m.id;
	m.id = id;
	m.n = n;
	if (!row_read(&row, &uid, rec, len))
		return true;
	if (!m.oldest || row.queued < m.oldest)
		m.oldest = row.queued;
	if (row.hold != HOLD_NONE || row.fate) {
		m.state[row.hold != HOLD_NONE ? ROW_HELD : ROW_NOTICING]++;
		return true;
	}
	d = dest_look(q, &row);
	m.state[state_of(q, &row, d ? d->site : NULL)]++;
	count_site(d && d->site ? d->site->name : row.domain);
	return true;
}

static void
walk_begin(struct runq *q)
{
	m.walking = true;
	m.began = q->mono;
	m.id = m.messages = 0;
	m.n = 0;
	m.oldest = 0;
	m.nsite = 0;
	memset(m.state, 0, sizeof m.state);
}

static int
by_rows(const void *a, const void *b)
{
	const struct site_count *x = a, *y = b;

	return x->rows != y->rows ? (x->rows < y->rows ? 1 : -1) : strcmp(x->name, y->name);
}

static void
walk_end(struct runq *q)
{
	static struct str l;

	m.walking = false;
	m.walk_at = q->mono + SHARE * (q->mono - m.began);
	for (size_t i = 0; i < ROW_GONE; i++) {
		label(&l, (const char *[]){"state", row_state_names[i], NULL});
		series_set(&m.series, RECIPIENTS, l.s, (double)m.state[i]);
	}
	series_set(&m.series, HOLD, "", (double)m.state[ROW_HELD]);
	series_set(&m.series, MESSAGES, "", (double)m.messages);
	series_set(
	    &m.series, OLDEST, "", m.oldest && m.oldest < q->now ? (double)(q->now - m.oldest) / SECOND : 0);
	series_set(&m.series, UPDATED, "", (double)q->now / SECOND);
	series_clear(&m.series, SITE_RECIPIENTS);
	qsort(m.site, m.nsite, sizeof *m.site, by_rows);
	for (size_t i = 0; i < m.nsite && i < SITES_TOLD; i++) {
		label(&l, (const char *[]){"site", m.site[i].name, NULL});
		series_set(&m.series, SITE_RECIPIENTS, l.s, (double)m.site[i].rows);
	}
}

static void
walk_slice(struct runq *q)
{
	if (index_scan(q->index, m.id, m.n, SLICE, visit, q) < SLICE)
		walk_end(q);
}

/* ---- tlsrpt-in/counters ---- */

/* `reports N`, `at TIME` or `sessions N TYPE RESULT` */
static void
told_line(const char *key, char *value)
{
	static struct str l;
	const char *number = rec_field(&value), *type, *result;
	uint64_t n;

	if (!number || !str_number(number, INT64_MAX, &n))
		return;
	if (!strcmp(key, "reports")) {
		series_set(&m.series, TOLD_REPORTS, "", (double)n);
	} else if (!strcmp(key, "at")) {
		series_set(&m.series, TOLD_TIME, "", (double)n / SECOND);
	} else if (!strcmp(key, "sessions") && (type = rec_field(&value)) && (result = rec_field(&value))) {
		label(&l, (const char *[]){"policy", type, "result", result, NULL});
		series_set(&m.series, TOLD_SESSIONS, l.s, (double)n);
	}
}

/* mox-tlsrpt-send counts there; what is not there, or not whole, stays as it was. */
static void
told_read(const struct runq *q)
{
	struct str text = {0};
	struct rec_in in;
	char *key, *value;

	if (!file_read(q->spool.dir, "tlsrpt-in/counters", &text, TOLD_MAX) && text.len &&
	    rec_whole(text.s, text.len)) {
		in = (struct rec_in){text.s, text.s + text.len};
		while (rec_next(&in, &key, &value) == REC_LINE)
			told_line(key, value);
	}
	str_free(&text);
}

/* ---- the file ---- */

static void
count_down(struct hnode *n, void *arg)
{
	const struct site *s = (const struct site *)(const void *)((char *)n - offsetof(struct site, node));
	const struct runq *q = runq_of();

	*(unsigned *)arg += site_is_down(&s->state, q->now);
}

static void
metrics_write(struct runq *q)
{
	struct str out = {0};
	struct statvfs v;
	unsigned down = 0;

	hash_each(&q->sites, count_down, &down);
	series_set(&m.series, SITES_DOWN, "", down);
	series_set(&m.series, WORKERS, "", q->nworkers);
	if (!fstatvfs(q->spool.dir, &v)) {
		series_set(&m.series, FREE_BYTES, "", (double)v.f_bavail * (double)v.f_frsize);
		series_set(&m.series, FREE_INODES, "", (double)v.f_favail);
	}
	if (q->mode != RUNQ_SERVE)
		series_set(&m.series, ACTIVE, "", (double)q->now / SECOND);
	told_read(q);
	series_write(&out, &m.series);
	/* Lost or old figures harm nobody: no sync, and no complaint when there is no room. */
	(void)!(file_replace_unsynced(q->spool.dir, "metrics.prom", out.s, out.len, 0644) ||
		fchmodat(q->spool.dir, "metrics.prom", 0644, 0)); /* for collectors, whatever our umask */
	m.write_at = q->mono + EVERY;
	str_free(&out);
}

bool
metrics_busy(const struct runq *q)
{
	return m.walking && !q->stopping;
}

void
metrics_round(struct runq *q)
{
	if (index_broken(q->index) || q->rebuilding)
		return;
	if (m.walking)
		walk_slice(q);
	else if (q->mono >= m.write_at && q->mono >= m.walk_at)
		walk_begin(q);
	if (q->mono >= m.write_at && !m.walking)
		metrics_write(q);
}

void
metrics_timers(const struct runq *q, int64_t *mono_deadline)
{
	if (q->mode == RUNQ_STAY && m.write_at < *mono_deadline)
		*mono_deadline = m.write_at;
}

void
metrics_count(struct runq *q)
{
	if (!m.walking)
		walk_begin(q);
}

bool
metrics_counted(struct runq *q)
{
	if (m.walking)
		return false;
	metrics_write(q);
	return true;
}

void
metrics_stop(struct runq *q)
{
	int64_t until = clock_mono() + STOP_WALK;

	if (m.started && (q->mode != RUNQ_SERVE || m.changed)) {
		if (!m.walking && q->mode != RUNQ_SERVE)
			walk_begin(q);
		while (m.walking && !index_broken(q->index) && !q->rebuilding && clock_mono() < until)
			walk_slice(q);
		metrics_write(q);
	}
	series_free(&m.series);
}
