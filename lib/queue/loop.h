/* The poll loop's descriptors. One epoll set a process; a watch belongs to whoever embeds it and must be
 * taken out (loop_del) before its memory goes: events of the round under way that concern it are then
 * dropped. */
#ifndef LOOP_H
#define LOOP_H

#include "base.h"

#include <stdint.h>

struct watch {
	int fd;
	void (*ready)(struct watch *w, uint32_t events); /* EPOLLIN, EPOLLOUT, EPOLLHUP, EPOLLERR */
};

void loop_init(void);
void loop_add(struct watch *w, uint32_t events);
void loop_want(struct watch *w, uint32_t events);
void loop_del(struct watch *w);
/* Waits at most timeout ms (-1: for ever) and calls what is ready, once each. */
void loop_wait(int timeout);

#endif
