/* TLS results (RFC 8460 4.3, 4.4): equal lines are one counter. What is here stands for sessions since the last
 * write; each write is one record (mox-rec.5). */
#include "base.h"

#include "clock.h"
#include "log.h"
#include "queue.h"
#include "rec.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#define FLUSH_EVERY MINUTE
#define SUMS_MAX 20000              /* counters in memory */
#define BYTES_MAX (4 * 1024 * 1024) /* of their lines; must not exceed REC_MAX */
#define FILE_MAX (64 * 1024 * 1024)
#define DOMAIN_MAX (2 * 1024 * 1024) /* bytes of a policy domain's lines with options, a day */
#define DOMAIN_SLOTS 16384           /* domains with the same slot share that */
#define VALUE_MAX 4096
#define RESULTS_KEPT 2 /* days that are over: so long reports may go out */
#define LEDGERS_KEPT 10

struct sum {
	struct hnode node;
	uint64_t count;
	char value[];
};

static struct sum *
sum_of(struct hnode *n)
{
	return (struct sum *)(void *)((char *)n - offsetof(struct sum, node));
}

static bool
is_made_of(const char *s, size_t max, const char *of)
{
	size_t n = strspn(s, of);

	return n && n <= max && !s[n];
}

/* Opaque but for its first three fields, by which reports are chosen and summed. */
static bool
is_result(const char *value, size_t n)
{
	static const char *const types[] = {"tlsa", "sts", "no-policy-found"};
	char copy[VALUE_MAX + 1], *p = copy, *type, *domain, *result;

	memcpy(copy, value, n + 1);
	if (!rec_text(copy))
		return false;
	memcpy(copy, value, n + 1);
	if (!(type = rec_field(&p)) || !(domain = rec_field(&p)) || !(result = rec_field(&p)) ||
	    !is_made_of(domain, 253, "abcdefghijklmnopqrstuvwxyz0123456789-_.") ||
	    !is_made_of(result, 60, "abcdefghijklmnopqrstuvwxyz-"))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (!strcmp(type, types[i]))
			return true;
	return false;
}

static struct sum *
sum_find(const struct hash *h, const char *value, uint64_t hash)
{
	struct hnode *node = NULL;

	while ((node = hash_find(h, hash, node)))
		if (!strcmp(sum_of(node)->value, value))
			return sum_of(node);
	return NULL;
}

/* What the lines of its policy domain have taken of this day's file. */
static uint32_t *
spent_by(struct runq *q, const char *value)
{
	const char *domain = value + strcspn(value, " ") + 1;
	char name[256];

	if (!q->tlsrpt.spent)
		q->tlsrpt.spent = mem_zalloc(DOMAIN_SLOTS * sizeof *q->tlsrpt.spent);
	snprintf(name, sizeof name, "%.*s", (int)strcspn(domain, " "), domain);
	return &q->tlsrpt.spent[hash_text(name) % DOMAIN_SLOTS];
}

/* Type, policy domain and result alone. */
static void
cut_options(char *value)
{
	for (int i = 0; i < 3; i++) {
		value += strcspn(value, " ");
		value += *value && i < 2;
	}
	*value = 0;
}

static void
day_begin(struct runq *q, const char *day)
{
	tlsrpt_flush(q);
	free(q->tlsrpt.spent);
	q->tlsrpt.spent = NULL;
	memcpy(q->tlsrpt.day, day, CLOCK_DAY_SIZE);
}

void
tlsrpt_count(struct runq *q, const char *result)
{
	struct hash *h = &q->tlsrpt.sums;
	size_t n = strlen(result);
	char day[CLOCK_DAY_SIZE], value[VALUE_MAX + 1];
	uint32_t *spent;
	struct sum *s;

	if (!q->conf->tlsrpt_results || n > VALUE_MAX || !is_result(result, n))
		return;
	memcpy(value, result, n + 1);
	clock_day(day, q->now);
	if (strcmp(day, q->tlsrpt.day))
		day_begin(q, day);
	if (h->n >= SUMS_MAX || q->tlsrpt.bytes + n > BYTES_MAX)
		tlsrpt_flush(q);
	s = sum_find(h, value, hash_text(value));
	spent = spent_by(q, value);
	if (!s && *spent + n > DOMAIN_MAX) {
		cut_options(value);
		s = sum_find(h, value, hash_text(value));
	}
	if (s) {
		s->count++;
		return;
	}
	if (!h->n)
		q->tlsrpt.flush_at = q->mono + FLUSH_EVERY;
	n = strlen(value);
	s = mem_zalloc(sizeof *s + n + 1);
	memcpy(s->value, value, n);
	s->count = 1;
	hash_add(h, &s->node, hash_text(value));
	n += 32; /* `tls `, the count */
	q->tlsrpt.bytes += n;
	if (*spent <= DOMAIN_MAX)
		*spent += (uint32_t)n;
}

/* ---- writing ---- */

static void
write_sum(struct hnode *node, void *arg)
{
	const struct sum *s = sum_of(node);

	str_addf(arg, "tls %" PRIu64 " %s\n", s->count, s->value);
}

static void
forget_sum(struct hnode *node, void *arg)
{
	struct runq *q = arg;

	hash_del(&q->tlsrpt.sums, node);
	free(sum_of(node));
}

static void
log_full(struct runq *q)
{
	if (!strcmp(q->tlsrpt.full_day, q->tlsrpt.day))
		return;
	memcpy(q->tlsrpt.full_day, q->tlsrpt.day, CLOCK_DAY_SIZE);
	log_open(LOG_ALERT, "tlsrpt-full");
	log_s("day", q->tlsrpt.day);
	log_close();
}

/* Once, until it works again. */
static void
log_failed(struct runq *q, int err)
{
	if (!q->tlsrpt.failing) {
		log_open(LOG_WARN, "tlsrpt-lost");
		log_s("day", q->tlsrpt.day);
		log_s("error", strerror(err));
		log_close();
	}
	q->tlsrpt.failing = true;
}

static int
open_day(const struct runq *q, const char *day)
{
	char name[32];

	snprintf(name, sizeof name, "tlsrpt/%s", day);
	return openat(
	    q->spool.dir, name, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
}

/* A power loss cut what stands there: our first line must be one of its own. */
static bool
is_cut(int fd, off_t size)
{
	char last;

	return size && pread(fd, &last, 1, size - 1) == 1 && last != '\n';
}

/* Whole or not at all; a power loss may leave half of it, which readers know by the missing `end`. */
static int
append(struct runq *q, int fd, struct str *rec)
{
	struct stat st;
	ssize_t w;
	int err;

	if (fstat(fd, &st))
		return -1;
	if ((uint64_t)st.st_size + rec->len >= FILE_MAX) {
		log_full(q);
		return 0;
	}
	if (is_cut(fd, st.st_size) && write(fd, "\n", 1) != 1)
		return -1;
	w = write(fd, rec->s, rec->len);
	if (w == (ssize_t)rec->len)
		return 0;
	err = w < 0 ? errno : ENOSPC;
	if (w > 0 && ftruncate(fd, st.st_size))
		err = errno;
	errno = err;
	return -1;
}

void
tlsrpt_flush(struct runq *q)
{
	struct str rec = {0};
	int fd;

	if (!q->tlsrpt.sums.n)
		return;
	str_adds(&rec, "sums 1\n");
	rec_addi(&rec, "at", q->now);
	hash_each(&q->tlsrpt.sums, write_sum, &rec);
	rec_end(&rec);
	if ((fd = open_day(q, q->tlsrpt.day)) < 0 || append(q, fd, &rec))
		log_failed(q, errno);
	else
		q->tlsrpt.failing = false;
	if (fd >= 0)
		close(fd);
	str_free(&rec);
	hash_each(&q->tlsrpt.sums, forget_sum, q);
	q->tlsrpt.bytes = 0;
}

/* ---- old days ---- */

/* Results, what became of the reports, and to whom they failed: DAY, DAY.sent, DAY.failed. */
static bool
is_old(const char *name, const char *results, const char *ledgers)
{
	const char *rest = name + CLOCK_DAY_SIZE - 1;

	if (strspn(name, "0123456789") != CLOCK_DAY_SIZE - 1)
		return false;
	if (!*rest)
		return strcmp(name, results) < 0;
	return (!strcmp(rest, ".sent") || !strcmp(rest, ".failed")) &&
	       strncmp(name, ledgers, CLOCK_DAY_SIZE - 1) < 0;
}

static void
remove_old(const struct runq *q)
{
	char results[CLOCK_DAY_SIZE], ledgers[CLOCK_DAY_SIZE];
	int fd = openat(q->spool.dir, "tlsrpt", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!d) {
		if (fd >= 0)
			close(fd);
		return;
	}
	clock_day(results, q->now - RESULTS_KEPT * DAY);
	clock_day(ledgers, q->now - LEDGERS_KEPT * DAY);
	while ((e = readdir(d)))
		if (is_old(e->d_name, results, ledgers))
			unlinkat(fd, e->d_name, 0);
	closedir(d);
}

void
tlsrpt_round(struct runq *q)
{
	char day[CLOCK_DAY_SIZE];

	if (q->tlsrpt.sums.n && q->mono >= q->tlsrpt.flush_at)
		tlsrpt_flush(q);
	if (q->mono < q->janitor_at)
		return;
	clock_day(day, q->now);
	if (!strcmp(day, q->tlsrpt.clean_day))
		return;
	memcpy(q->tlsrpt.clean_day, day, CLOCK_DAY_SIZE);
	remove_old(q);
}
