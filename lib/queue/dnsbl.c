#include "base.h"

#include "child.h"
#include "clock.h"
#include "dnsbl.h"
#include "log.h"
#include "rec.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define LEAST (5 * MINUTE)
#define MOST (3 * HOUR)
#define MESSAGES 100           /* sent since */
#define TIME_MAX (10 * MINUTE) /* of a child; then it is killed */
#define ANSWER_MAX (1 << 20)

struct found {
	char *ip, *zone, *codes, *text;
	int before; /* as metrics_listed has it */
	enum { CLEAR, LISTED, UNKNOWN } now;
};

static struct {
	pid_t pid; /* 0: none */
	int answer;
	int64_t until;       /* monotonic */
	int64_t tried;       /* wall: of this process */
	uint64_t sent;       /* as counted then */
	unsigned generation; /* of the configuration */
	bool forgotten;      /* no zones are configured, and nothing is kept */
} w;

/* ---- the answer ---- */

/* Fields of a `checked` line; false: it is broken. */
static bool
found_read(struct found *f, char *value)
{
	static const char *const words[] = {"clear", "listed", "unknown"};
	char *ip = rec_field(&value), *zone = rec_field(&value), *word = rec_field(&value),
	     *codes = rec_field(&value), *text = rec_field(&value);

	if (!ip || !zone || !word || !codes || !text)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (!strcmp(word, words[i])) {
			*f = (struct found){mem_dup(ip), mem_dup(zone), mem_dup(codes), mem_dup(text),
			    metrics_listed(zone, ip), (int)i};
			return true;
		}
	return false;
}

static void
tell(const struct found *f)
{
	if (f->now == LISTED && f->before != 1)
		log_open(LOG_ALERT, "dnsbl-listed");
	else if (f->now == CLEAR && f->before == 1)
		log_open(LOG_WARN, "dnsbl-gone");
	else
		return;
	log_s("ip", f->ip);
	log_s("zone", f->zone);
	if (f->now == LISTED) {
		log_s("codes", f->codes);
		if (*f->text)
			log_s("text", f->text);
	}
	log_close();
}

/* All of it is read before any of it counts. */
static bool
take(const struct runq *q, char *text, size_t n)
{
	struct rec_in in = {text, text + n};
	struct found *f = NULL;
	size_t nf = 0;
	char *key, *value;
	enum rec_got got;
	bool good = true;

	while (good && (got = rec_next(&in, &key, &value)) == REC_LINE) {
		if (strcmp(key, "checked") != 0)
			continue;
		f = mem_grow(f, nf + 1, sizeof *f);
		if ((good = found_read(&f[nf], value)))
			nf++;
	}
	good = good && got == REC_END;
	metrics_dnsbl_check(q, good);
	for (size_t i = 0; i < nf; i++) {
		if (good) {
			tell(&f[i]);
			if (f[i].now != UNKNOWN || f[i].before >= 0)
				metrics_listed_set(f[i].zone, f[i].ip,
				    f[i].now == UNKNOWN ? f[i].before == 1 : f[i].now == LISTED);
		}
		free(f[i].ip);
		free(f[i].zone);
		free(f[i].codes);
		free(f[i].text);
	}
	free(f);
	return good;
}

/* ---- the child ---- */

static void
log_failure(const char *what, int64_t status, const char *error)
{
	log_open(LOG_WARN, "dnsbl-failed");
	if (what)
		log_i(what, status);
	log_s("error", error);
	log_close();
}

static void
start(struct runq *q)
{
	char *argv[6] = {(char[]){"mox-doctor"}, (char[]){"dnsbl"}, (char[]){"-r"}}, flag[] = "-C";
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	w.tried = q->now;
	w.sent = q->count.sent;
	w.generation = q->generation;
	w.answer = memfd_create("dnsbl", MFD_CLOEXEC);
	if (q->conf_flag) {
		argv[3] = flag;
		argv[4] = (char *)(uintptr_t)q->conf_flag;
	}
	if (null >= 0 && w.answer >= 0)
		w.pid = child_spawn(argv, (struct child_fd[]){{null, 0}, {w.answer, 1}}, 2);
	if (null < 0 || w.answer < 0 || w.pid < 0) {
		log_failure(NULL, 0, strerror(errno));
		w.pid = 0;
	}
	if (!w.pid && w.answer >= 0)
		close(w.answer);
	if (null >= 0)
		close(null);
	w.until = q->mono + TIME_MAX;
}

void
dnsbl_child(struct runq *q, pid_t pid, int status)
{
	struct str text = {0};
	off_t size;

	if (pid != w.pid)
		return;
	w.pid = 0;
	size = lseek(w.answer, 0, SEEK_END);
	if (size > 0 && size <= ANSWER_MAX) {
		str_reserve(&text, (size_t)size);
		if (pread(w.answer, text.s, (size_t)size, 0) == size)
			text.len = (size_t)size;
	}
	close(w.answer);
	/* Its code is its verdict. */
	if (WIFSIGNALED(status))
		log_failure("signal", WTERMSIG(status), NULL);
	else if (!text.len || !take(q, text.s, text.len))
		log_failure("code", WEXITSTATUS(status), "its answer is no whole record");
	if (WIFSIGNALED(status))
		metrics_dnsbl_check(q, false);
	str_free(&text);
}

/* A time in the future is one of a wrong clock. */
static bool
is_past(const struct runq *q, int64_t last, int64_t span)
{
	return !last || last > q->now || q->now - last >= span;
}

static bool
is_due(const struct runq *q)
{
	/* Of another process, or another configuration. */
	if (!w.tried)
		return is_past(q, metrics_dnsbl_checked(), MOST);
	/* One that failed is not tried again and again, either. */
	return is_past(q, w.tried, LEAST) &&
	       (w.generation != q->generation || q->count.sent - w.sent >= MESSAGES ||
		   is_past(q, w.tried, MOST));
}

void
dnsbl_round(struct runq *q)
{
	if (w.pid && q->mono > w.until)
		kill(w.pid, SIGKILL);
	if (!q->conf->dnsbl.zones.n && !w.forgotten)
		metrics_dnsbl_forget();
	w.forgotten = !q->conf->dnsbl.zones.n;
	if (w.pid || w.forgotten || q->mode == RUNQ_SERVE || q->stopping)
		return;
	if (is_due(q)) {
		start(q);
	} else if (!w.tried) {
		w.tried = metrics_dnsbl_checked();
		w.generation = q->generation;
	}
}

bool
dnsbl_busy(void)
{
	return w.pid != 0;
}

void
dnsbl_stop(void)
{
	if (w.pid)
		kill(w.pid, SIGTERM);
}
