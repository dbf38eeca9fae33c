/* mox-inject beside mox-runq -w: who cannot use the setgid door finds a listener at spool/inject. It has nothing to do with
 * the queue but its life: its fd 0 is a pipe of ours, whose end ends it. */
#include "base.h"

#include "child.h"
#include "clock.h"
#include "log.h"
#include "queue.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

void
inject_round(struct runq *q)
{
	char *argv[] = {(char[]){"mox-inject"}, (char[]){"-w"}, NULL, NULL, NULL};
	char flag[] = "-C";
	int guard[2];

	if (q->mode != RUNQ_STAY || q->stopping || q->inject.pid || !q->conf->inject ||
	    q->mono < q->inject.start_at)
		return;
	q->inject.start_at = q->mono + HOUR;
	if (pipe2(guard, O_CLOEXEC))
		return;
	if (q->conf_flag) {
		argv[2] = flag;
		argv[3] = (char *)(uintptr_t)q->conf_flag;
	}
	q->inject.pid = child_spawn(argv, &(struct child_fd){guard[0], 0}, 1);
	q->inject.started = q->mono;
	close(guard[0]);
	if (q->inject.pid > 0) {
		q->inject.guard = guard[1];
		return;
	}
	q->inject.pid = 0;
	close(guard[1]);
	log_open(LOG_WARN, "inject-failed");
	log_s("error", strerror(errno));
	log_close();
}

void
inject_ended(struct runq *q, int status)
{
	int64_t wait = SECOND;

	q->inject.pid = 0;
	close(q->inject.guard);
	if (q->stopping)
		return;
	/* Ended well, it found another at its place: systemd's, say. Who knows for how long. */
	if (WIFEXITED(status) && !WEXITSTATUS(status)) {
		q->inject.start_at = q->mono + 10 * MINUTE;
		return;
	}
	if (q->mono - q->inject.started > MINUTE)
		q->inject.deaths = 0;
	wait <<= q->inject.deaths < 10 ? q->inject.deaths : 10;
	q->inject.deaths++;
	q->inject.start_at = q->mono + wait;
	log_open(LOG_WARN, "restart");
	log_s("command", "mox-inject");
	log_i("deaths", q->inject.deaths);
	log_close();
}

void
inject_stop(struct runq *q)
{
	if (q->inject.pid) {
		close(q->inject.guard);
		waitpid(q->inject.pid, NULL, 0);
		q->inject.pid = 0;
	}
	q->inject.start_at = 0;
}
