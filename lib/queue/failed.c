/* Giving a message up, and keep-failed-messages. Nothing here needs space: a file that cannot be moved to failed/
 * is unlinked. */
#include "base.h"

#include "amend.h"
#include "clock.h"
#include "file.h"
#include "id.h"
#include "log.h"
#include "queue.h"
#include "retire.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define EVERY (10 * MINUTE)
#define BUCKETS 256

static bool
some_failed(const struct envelope *e)
{
	for (size_t i = 0; i < e->nrcpt; i++)
		if (e->rcpt[i].mark[MARK_STATE] == STATE_FAILED)
			return true;
	return false;
}

/* By the file itself: what the caller read of it may be old. */
static bool
is_to_be_kept(struct runq *q, const struct envelope *e)
{
	struct envelope now;
	const char *why;
	bool failed;
	int fd;

	if (some_failed(e))
		return true;
	if (e->nrcpt == 1 || (fd = spool_open_message(&q->spool, e->id, O_RDONLY)) < 0)
		return false;
	failed = !envelope_read(fd, &now, &why);
	close(fd);
	if (!failed)
		return false;
	failed = some_failed(&now);
	envelope_free(&now);
	return failed;
}

/* failed/HH, made when it is missing; -1 with errno. */
static int
open_bucket(const struct runq *q, const char *name)
{
	char path[] = "failed/HH";
	const int how = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int fd;

	memcpy(path + strlen("failed/"), name, 2);
	if ((fd = openat(q->spool.dir, path, how)) >= 0 || errno != ENOENT)
		return fd;
	if ((mkdirat(q->spool.dir, "failed", 0700) && errno != EEXIST) || mkdirat(q->spool.dir, path, 0700))
		return -1;
	return openat(q->spool.dir, path, how);
}

/* For who reads it there: the last one was not marked, as a file in cur/ with nothing to do would be nobody's. */
static void
mark_failed(int dir, const char *name, const struct envelope *e)
{
	int fd = openat(dir, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	struct envelope now;
	const char *why;

	if (fd < 0)
		return;
	if (!envelope_read(fd, &now, &why)) {
		for (uint32_t n = 1; n <= e->nrcpt && n <= now.nrcpt; n++)
			if (e->rcpt[n - 1].mark[MARK_STATE] == STATE_FAILED &&
			    now.rcpt[n - 1].mark[MARK_STATE] == STATE_TODO)
				(void)!envelope_mark(fd, &now, n, MARK_STATE, STATE_FAILED);
		envelope_free(&now);
	}
	close(fd);
}

/* Its age in failed/ is that of its mtime. */
static bool
keep(struct runq *q, const struct envelope *e, const char *name)
{
	int to = open_bucket(q, name), r = -1, err = errno;

	if (to >= 0) {
		(void)utimensat(q->spool.cur, name, NULL, AT_SYMLINK_NOFOLLOW);
		r = file_move(q->spool.cur, name, to, name + 3);
		err = errno;
		if (!r)
			mark_failed(to, name + 3, e);
		close(to);
	}
	if (!r || err == ENOENT)
		return true;
	log_open(LOG_WARN, "unkept");
	log_s("id", name + 3);
	log_s("error", strerror(err));
	log_close();
	return false;
}

int
message_give_up(struct runq *q, const struct envelope *e)
{
	char name[SPOOL_NAME_SIZE];
	int failed = 0, err;

	spool_name(name, e->id);
	if (q->conf->keep_failed <= 0 || !is_to_be_kept(q, e) || !keep(q, e, name))
		failed = unlinkat(q->spool.cur, name, 0) && errno != ENOENT ? -1 : 0;
	err = errno;
	q->dirty = true;
	amend_drop(q, e->id);
	errno = err;
	return failed;
}

/* ---- what is kept too long ---- */

static void
sweep_bucket(struct runq *q, unsigned bucket)
{
	char path[16];
	int fd;
	DIR *d;
	struct dirent *e;
	struct stat st;
	uint64_t id;

	snprintf(path, sizeof path, "failed/%02x", bucket);
	fd = openat(q->spool.dir, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || !(d = fdopendir(fd))) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((e = readdir(d)))
		/* Against the real clock, never the test clock: files carry real times. */
		if (id_parse(e->d_name, &id) && !fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) &&
		    (time(NULL) - st.st_mtim.tv_sec) * SECOND >= q->conf->keep_failed)
			unlinkat(fd, e->d_name, 0);
	closedir(d);
}

static bool
may_sweep(const struct runq *q)
{
	return !q->stopping && q->mode != RUNQ_SERVE && q->leapt <= q->mono;
}

void
failed_round(struct runq *q)
{
	if (!may_sweep(q) || (!q->failed.bucket && q->mono < q->failed.at))
		return;
	if (!q->failed.bucket && faccessat(q->spool.dir, "failed", F_OK, 0)) {
		q->failed.at = q->mono + EVERY;
		return;
	}
	sweep_bucket(q, q->failed.bucket);
	if (++q->failed.bucket < BUCKETS)
		return;
	q->failed.bucket = 0;
	q->failed.at = q->mono + EVERY;
}

bool
failed_busy(const struct runq *q)
{
	return q->failed.bucket && may_sweep(q);
}
