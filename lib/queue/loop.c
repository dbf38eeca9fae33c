#include "base.h"

#include "die.h"
#include "loop.h"

#include <errno.h>
#include <sys/epoll.h>

#define BATCH 128

static int ep = -1;
static struct epoll_event got[BATCH];
static int ngot, at;

void
loop_init(void)
{
	ep = epoll_create1(EPOLL_CLOEXEC);
	if (ep < 0)
		die_temp("unable to make a poll set: %m");
}

static void
change(int op, struct watch *w, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.ptr = w};

	if (epoll_ctl(ep, op, w->fd, &e))
		die_temp("unable to watch a descriptor: %m");
}

void
loop_add(struct watch *w, uint32_t events)
{
	change(EPOLL_CTL_ADD, w, events);
}

void
loop_want(struct watch *w, uint32_t events)
{
	change(EPOLL_CTL_MOD, w, events);
}

void
loop_del(struct watch *w)
{
	epoll_ctl(ep, EPOLL_CTL_DEL, w->fd, NULL);
	for (int i = at + 1; i < ngot; i++)
		if (got[i].data.ptr == w)
			got[i].data.ptr = NULL;
}

void
loop_wait(int timeout)
{
	ngot = epoll_wait(ep, got, BATCH, timeout);
	if (ngot < 0 && errno != EINTR)
		die_temp("unable to wait for events: %m");
	for (at = 0; at < ngot; at++) {
		struct watch *w = got[at].data.ptr;
		if (w)
			w->ready(w, got[at].events);
	}
	ngot = 0;
}
