#include "base.h"

#include "clock.h"
#include "fdio.h"
#include "file.h"
#include "rec.h"
#include "tlsrpt_day.h"
#include "tlsrpt_in.h"
#include "tlsrpt_keep.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNTERS "counters"
#define COUNTERS_MAX 65536
#define COUNTER_MAX (UINT64_C(1) << 53) /* a double has no more */

int
tlsrpt_keep_open(const char *spool)
{
	struct str path = {0};
	int failed, err;

	str_addf(&path, "%s/tlsrpt-in", spool);
	failed = mkdir(path.s, 0700) && errno != EEXIST;
	err = errno;
	str_free(&path);
	errno = err;
	return failed ? -1 : tlsrpt_in_open(spool);
}

/* ---- what is kept of a report ---- */

/* In the middle of what it is about: some begin and end with their own midnights. */
static bool
day_of(char day[CLOCK_DAY_SIZE], const struct tlsrpt_read *r, int64_t now)
{
	int64_t when = r->begin;

	if (r->begin <= 0)
		return false;
	if (r->end > r->begin && r->end - r->begin <= 2 * DAY)
		when += (r->end - r->begin) / 2;
	clock_day(day, now);
	if (when < tlsrpt_day_begin(day) - (TLSRPT_IN_DAYS - 1) * DAY ||
	    when >= tlsrpt_day_begin(day) + 2 * DAY)
		return false;
	clock_day(day, when);
	return true;
}

/* As records of ours have domains; "-": it is none. */
static void
domain_put(char out[256], const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."), dot;

	dot = n && s[n - 1] == '.';
	if (s[n] || n == dot || n - dot > 253) {
		snprintf(out, 256, "-");
		return;
	}
	snprintf(out, 256, "%.*s", (int)(n - dot), s);
	str_lower(out);
}

struct kept_row {
	char domain[256];
	unsigned type, result;
	uint64_t sessions;
};

struct kept {
	struct kept_row row[TLSRPT_KEEP_ROWS + TLSRPT_IN_TYPES * TLSRPT_IN_RESULTS];
	size_t n;
};

static void
kept_add(struct kept *k, const char *domain, const struct tlsrpt_read_row *r)
{
	unsigned type = tlsrpt_in_type(r->type), result = tlsrpt_in_result(r->result);
	size_t i = 0;

	while (i < k->n && (k->row[i].type != type || k->row[i].result != result ||
			       strcmp(k->row[i].domain, domain) != 0))
		i++;
	if (i == k->n && k->n >= TLSRPT_KEEP_ROWS && strcmp(domain, "-") != 0) {
		kept_add(k, "-", r);
		return;
	}
	if (i == k->n) {
		k->row[k->n] = (struct kept_row){.type = type, .result = result};
		snprintf(k->row[k->n++].domain, sizeof k->row->domain, "%s", domain);
	}
	k->row[i].sessions += r->sessions;
	if (k->row[i].sessions > TLSRPT_IN_SESSIONS)
		k->row[i].sessions = TLSRPT_IN_SESSIONS;
}

static void
kept_make(struct kept *k, const struct tlsrpt_read *r)
{
	char domain[256];

	k->n = 0;
	for (size_t i = 0; i < r->nrow; i++) {
		if (!r->row[i].sessions)
			continue;
		domain_put(domain, r->row[i].domain);
		kept_add(k, domain, &r->row[i]);
	}
}

static void
record_make(struct str *rec, const struct kept *k, const struct tlsrpt_read *r, int64_t now)
{
	rec_add(rec, "report", "1");
	rec_addi(rec, "at", now);
	rec_open(rec, "from");
	rec_put(rec, r->organization);
	rec_put(rec, r->id);
	rec_close(rec);
	for (size_t i = 0; i < k->n; i++) {
		const struct kept_row *row = &k->row[i];

		rec_open(rec, "tls");
		rec_putf(rec, "%" PRIu64, row->sessions);
		rec_put(rec, tlsrpt_in_types[row->type]);
		rec_put(rec, row->domain);
		rec_put(rec, tlsrpt_in_results[row->result]);
		rec_close(rec);
	}
	rec_end(rec);
}

/* ---- the day's file ---- */

/* Encoded, such a line cannot stand inside another. */
static bool
has_report(const struct str *text, const struct tlsrpt_read *r)
{
	struct str line = {0};
	bool has;

	str_addc(&line, '\n');
	rec_open(&line, "from");
	rec_put(&line, r->organization);
	rec_put(&line, r->id);
	rec_close(&line);
	has = text->len && memmem(text->s, text->len, line.s, line.len);
	str_free(&line);
	return has;
}

/* Whole, or as it was; a power failure may leave half of it. */
static int
day_append(int dir, const char *day, const struct str *text, const struct str *rec)
{
	int fd = openat(dir, day, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	bool cut = text->len && text->s[text->len - 1] != '\n';
	int err;

	if (fd < 0)
		return -1;
	if ((cut && fd_write_all(fd, "\n", 1)) || fd_write_all(fd, rec->s, rec->len)) {
		err = errno;
		(void)!ftruncate(fd, (off_t)text->len);
		close(fd);
		errno = err;
		return -1;
	}
	return close(fd);
}

static bool
is_day(const char *name)
{
	return strlen(name) == CLOCK_DAY_SIZE - 1 && strspn(name, "0123456789") == CLOCK_DAY_SIZE - 1;
}

static void
old_days_remove(int dir, int64_t now)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	char oldest[CLOCK_DAY_SIZE];
	const struct dirent *e;

	if (!d) {
		if (fd >= 0)
			close(fd);
		return;
	}
	clock_day(oldest, now - (TLSRPT_IN_DAYS - 1) * DAY);
	while ((e = readdir(d)))
		if (is_day(e->d_name) && strcmp(e->d_name, oldest) < 0)
			unlinkat(dir, e->d_name, 0);
	closedir(d);
}

/* ---- counters ---- */

struct counters {
	uint64_t reports, sessions[TLSRPT_IN_TYPES][TLSRPT_IN_RESULTS];
};

static void
count(uint64_t *n, uint64_t more)
{
	*n = *n + more < COUNTER_MAX ? *n + more : COUNTER_MAX;
}

/* What cannot be read counts from the start. */
static void
counters_read(struct counters *c, int dir)
{
	struct str text = {0};
	struct rec_in in;
	char *key, *value;

	*c = (struct counters){0};
	if (file_read(dir, COUNTERS, &text, COUNTERS_MAX))
		str_reset(&text);
	in = (struct rec_in){text.s, text.s + text.len};
	while (text.len && rec_next(&in, &key, &value) == REC_LINE) {
		const char *number = rec_field(&value), *type = NULL, *result = NULL;
		uint64_t n;

		if (!number || !str_number(number, COUNTER_MAX, &n))
			continue;
		if (!strcmp(key, "reports"))
			c->reports = n;
		else if (!strcmp(key, "sessions") && (type = rec_field(&value)) &&
			 (result = rec_field(&value)))
			c->sessions[tlsrpt_in_type(type)][tlsrpt_in_result(result)] = n;
	}
	str_free(&text);
}

static int
counters_write(const struct counters *c, int dir, int64_t now)
{
	struct str out = {0};
	int failed;

	rec_add(&out, "counters", "1");
	rec_addi(&out, "at", now);
	rec_addf(&out, "reports", "%" PRIu64, c->reports);
	for (unsigned t = 0; t < TLSRPT_IN_TYPES; t++)
		for (unsigned r = 0; r < TLSRPT_IN_RESULTS; r++)
			if (c->sessions[t][r]) {
				rec_open(&out, "sessions");
				rec_putf(&out, "%" PRIu64, c->sessions[t][r]);
				rec_put(&out, tlsrpt_in_types[t]);
				rec_put(&out, tlsrpt_in_results[r]);
				rec_close(&out);
			}
	rec_end(&out);
	failed = file_replace_unsynced(dir, COUNTERS, out.s, out.len, 0600);
	str_free(&out);
	return failed;
}

static int
counters_add(int dir, const struct kept *k, int64_t now)
{
	struct counters c;

	counters_read(&c, dir);
	count(&c.reports, 1);
	for (size_t i = 0; i < k->n; i++)
		count(&c.sessions[k->row[i].type][k->row[i].result], k->row[i].sessions);
	return counters_write(&c, dir, now);
}

/* ---- all of it ---- */

struct keeping {
	int dir;
	int64_t now;
	const char *day;
};

/* Under the lock. The report first: what dies behind it leaves counters that lack it, and never one counted twice. */
static enum tlsrpt_kept
report_add(const struct keeping *to, const struct tlsrpt_read *r, const char **why)
{
	enum tlsrpt_kept kept = TLSRPT_KEPT;
	struct str text = {0}, rec = {0};
	static struct kept k;

	kept_make(&k, r);
	record_make(&rec, &k, r, to->now);
	old_days_remove(to->dir, to->now);
	if (file_read(to->dir, to->day, &text, TLSRPT_IN_FILE_MAX) && errno != ENOENT) {
		kept = TLSRPT_KEPT_FAILED;
	} else if (has_report(&text, r)) {
		kept = TLSRPT_KEPT_BEFORE;
	} else if (text.len + rec.len >= TLSRPT_IN_FILE_MAX) {
		*why = "there are too many reports about that day";
		kept = TLSRPT_KEPT_NEVER;
	} else if (day_append(to->dir, to->day, &text, &rec) || counters_add(to->dir, &k, to->now)) {
		kept = TLSRPT_KEPT_FAILED;
	}
	{
		int err = errno;

		str_free(&text);
		str_free(&rec);
		errno = err;
	}
	return kept;
}

enum tlsrpt_kept
tlsrpt_keep(int dir, const struct tlsrpt_read *r, int64_t now, const char **why)
{
	char day[CLOCK_DAY_SIZE];
	enum tlsrpt_kept kept;
	int err;

	if (!day_of(day, r, now)) {
		*why = "it is about no day of the last ten";
		return TLSRPT_KEPT_NEVER;
	}
	while (flock(dir, LOCK_EX))
		if (errno != EINTR)
			return TLSRPT_KEPT_FAILED;
	kept = report_add(&(struct keeping){dir, now, day}, r, why);
	err = errno;
	flock(dir, LOCK_UN);
	errno = err;
	return kept;
}
