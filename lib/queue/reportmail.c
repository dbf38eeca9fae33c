#include "base.h"

#include "clock.h"
#include "fdio.h"
#include "log.h"
#include "rec.h"
#include "reporting.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY "moxq-tlsrpt"
#define LIFE DAY
#define LAST_BEFORE (30 * MINUTE)
#define FAILED_MAX (1024 * 1024) /* bytes of a day's file */

bool
reportmail_is(const struct envelope *e)
{
	for (size_t i = 0; i < e->nextra; i++)
		if (!strcmp(e->extra[i].key, KEY) && !strcmp(e->extra[i].value, "yes"))
			return true;
	return false;
}

bool
reportmail_is_row(const struct row *row)
{
	static const char pair[] = KEY "=yes";
	const size_t n = sizeof pair - 1;

	for (const char *s = row->extra; s && (s = strstr(s, pair)); s += n)
		if ((s == row->extra || s[-1] == ' ') && (!s[n] || s[n] == ' '))
			return true;
	return false;
}

bool
reportmail_is_late(const struct runq *q, const struct item *it)
{
	return q->leapt <= q->mono && q->now - it->msg->queued >= LIFE;
}

bool
reportmail_is_over(const struct runq *q, const struct item *it)
{
	return q->leapt <= q->mono && q->now - it->msg->queued >= LIFE - LAST_BEFORE;
}

int64_t
reportmail_next(const struct item *it, int64_t next)
{
	int64_t last = it->msg->queued + LIFE - LAST_BEFORE;

	return next < last ? next : last;
}

/* Where a power loss cut a line, ours is lost with it: one failure of several days'. */
void
reportmail_failed(const struct runq *q, const struct envelope *e, uint32_t n)
{
	char day[CLOCK_DAY_SIZE], name[40];
	struct str line = {0};
	struct stat st;
	int fd;

	if (!reportmail_is(e) || (e->uid && e->uid != geteuid()))
		return;
	clock_day(day, q->now);
	snprintf(name, sizeof name, "tlsrpt/%s.failed", day);
	fd = openat(
	    q->spool.dir, name, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	rec_open(&line, "failed");
	rec_putf(&line, "%" PRId64, q->now);
	rec_put(&line, e->rcpt[n - 1].address);
	rec_close(&line);
	if (fd < 0 || fstat(fd, &st) ||
	    (st.st_size + (off_t)line.len <= FAILED_MAX && fd_write_all(fd, line.s, line.len))) {
		log_open(LOG_WARN, "tlsrpt-unfiled");
		log_s("rcpt", e->rcpt[n - 1].address);
		log_s("error", strerror(errno));
		log_close();
	}
	if (fd >= 0)
		close(fd);
	str_free(&line);
}
