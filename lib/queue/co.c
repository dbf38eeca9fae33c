/* Co-processes: started, given up, started again after a while. */
#include "base.h"

#include "child.h"
#include "clock.h"
#include "co.h"
#include "die.h"
#include "fdio.h"
#include "log.h"
#include "queue.h"

#include <signal.h>
#include <sys/epoll.h>
#include <unistd.h>

#define DEATHS_MAX 3 /* then it is an alert */

bool
co_spawn(struct runq *q, struct co_process *c, const char *name, const struct child_fd *map, size_t n)
{
	char work[] = "-w", flag[] = "-C";
	char *argv[] = {
	    (char *)(uintptr_t)name, work, q->conf_flag ? flag : NULL, (char *)(uintptr_t)q->conf_flag, NULL};

	c->pid = child_spawn(argv, map, n);
	c->started = q->mono;
	if (c->pid < 0)
		warn("unable to start %s: %m", name);
	return c->pid >= 0;
}

bool
co_may_start(const struct runq *q, const struct co_process *c)
{
	return c->out.fd < 0 && q->mono >= c->start_at;
}

bool
co_start_pair(
    struct runq *q, struct co_process *c, const char *name, void (*ready)(struct watch *w, uint32_t events))
{
	struct child_fd map;
	int sock[2];
	bool ok;

	if (pkt_pair(sock))
		die_temp("unable to make a socket: %m");
	map = (struct child_fd){sock[1], 0};
	ok = co_spawn(q, c, name, &map, 1);
	close(sock[1]);
	c->out = (struct watch){sock[0], ready};
	loop_add(&c->out, EPOLLIN);
	return ok;
}

void
co_close(struct co_process *c)
{
	struct watch *w[] = {&c->out, &c->in};

	for (size_t i = 0; i < 2; i++) {
		if (w[i]->fd < 0)
			continue;
		loop_del(w[i]);
		close(w[i]->fd);
		w[i]->fd = -1;
	}
	str_reset(&c->to);
	str_reset(&c->from);
}

void
co_kill(struct co_process *c)
{
	if (c->pid > 0)
		kill(c->pid, SIGKILL);
	c->pid = 0;
}

void
co_died(struct runq *q, struct co_process *c, const char *name)
{
	int64_t wait;

	co_close(c);
	if (q->mono - c->started > MINUTE)
		c->deaths = 0;
	c->deaths++;
	wait = 100000 << (c->deaths < 10 ? c->deaths : 10);
	c->start_at = q->mono + (wait < MINUTE ? wait : MINUTE);
	if (q->stopping)
		return;
	log_open(c->deaths > DEATHS_MAX ? LOG_ALERT : LOG_WARN, "restart");
	log_s("command", name);
	log_i("deaths", c->deaths);
	log_close();
}

bool
co_fails(const struct co_process *c)
{
	return c->out.fd < 0 && c->deaths > DEATHS_MAX;
}
