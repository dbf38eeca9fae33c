/* What is due from time to time: old files in tmp/, the reserve, the sync that bounds duplicates. */
#include "base.h"

#include "clock.h"
#include "die.h"
#include "dnsbl.h"
#include "file.h"
#include "local.h"
#include "log.h"
#include "queue.h"
#include "reporting.h"
#include "retire.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define TMP_AGE (36 * HOUR) /* must exceed the 24 h after which mox-queue-add gives up */
#define JANITOR_EVERY (60 * SECOND)
#define SYNC_EVERY SECOND

static void
sweep_tmp(struct runq *q)
{
	int fd = openat(q->spool.dir, "tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	struct stat st;

	if (!d)
		return;
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.' || fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) ||
		    !S_ISREG(st.st_mode))
			continue;
		/* Against the real clock, never the test clock: files carry real times. */
		if ((time(NULL) - st.st_mtim.tv_sec) * SECOND > TMP_AGE && !unlinkat(fd, e->d_name, 0)) {
			log_open(LOG_INFO, "swept");
			log_s("name", e->d_name);
			log_close();
		}
	}
	closedir(d);
}

/* Of those who held the lock before us. */
static void
sweep_halves(struct runq *q)
{
	int fd = openat(q->spool.dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!d)
		return;
	while ((e = readdir(d)))
		if (spool_is_half(e->d_name))
			unlinkat(fd, e->d_name, 0);
	closedir(d);
}

/* ---- the reserve: space set aside so that a full disk does not stop deliveries ---- */

void
reserve_make(struct runq *q)
{
	struct statvfs v;
	int fd, err;

	q->cramped = false;
	if (q->conf->reserve && !faccessat(q->spool.dir, "reserve", F_OK, 0))
		return;
	q->cramped = !fstatvfs(q->spool.dir, &v) &&
	             (uint64_t)v.f_bavail * v.f_frsize < q->conf->reserve + q->conf->min_free;
	if (q->cramped || !q->conf->reserve)
		return;
	fd = openat(q->spool.dir, "reserve", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	err = posix_fallocate(fd, 0, (off_t)q->conf->reserve);
	close(fd);
	if (err)
		unlinkat(q->spool.dir, "reserve", 0);
}

void
reserve_spend(struct runq *q)
{
	if (unlinkat(q->spool.dir, "reserve", 0))
		return;
	log_open(LOG_ALERT, "disk-full");
	log_s("spool", q->conf->spool);
	log_s("reserve", "given up, so that deliveries go on");
	log_close();
}

/* ---- durability of marks and unlinks ---- */

/* A child of our own does the syncing, so that the loop never waits for the disk. It ends with us. */
void
sync_start(struct runq *q)
{
	int p[2];
	pid_t pid;
	char c[64];

	if (pipe2(p, O_CLOEXEC))
		die_temp("unable to make a pipe: %m");
	pid = fork();
	if (pid < 0)
		die_temp("unable to fork: %m");
	if (!pid) {
		close(p[1]);
		while (read(p[0], c, sizeof c) > 0)
			if (file_sync_fs(q->spool.dir) && errno == EBADF)
				break;
		_exit(0);
	}
	close(p[0]);
	fcntl(p[1], F_SETFL, O_NONBLOCK);
	q->sync_pipe = p[1];
}

static void
sync_soon(struct runq *q)
{
	if (!q->dirty || q->mono < q->sync_at)
		return;
	q->dirty = false;
	q->sync_at = q->mono + SYNC_EVERY;
	/* A full pipe: it has not even begun the last ones, and will cover this one too. */
	if (write(q->sync_pipe, "", 1) < 0 && errno == EPIPE && file_sync_fs(q->spool.dir)) {
		log_open(LOG_ALERT, "unsynced");
		log_s("error", strerror(errno));
		log_close();
	}
}

void
janitor_round(struct runq *q)
{
	sync_soon(q);
	tlsrpt_round(q);
	retire_round(q);
	failed_round(q);
	inject_round(q);
	dnsbl_round(q);
	reporting_round(q);
	index_checkpoint(q->index, false);
	if (q->mono < q->janitor_at)
		return;
	q->janitor_at = q->mono + JANITOR_EVERY;
	ask_sweep(q);
	sign_sweep(q);
	table_sweep(q);
	refresh_round(q);
	local_kill(q, false);
	sweep_tmp(q);
	sweep_halves(q);
	reserve_make(q);
}
