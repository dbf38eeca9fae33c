/* slow-link MS ADDR PORT TO TOPORT: a link of so many milliseconds a round trip before a server, for kernels without netem.
 *
 * What arrives from either side goes on to the other half a round trip later, in the order and the pieces in which it came. Its bandwidth
 * has no limit, and TCP's own answers (connect, acknowledgements) are not delayed: what it measures is how often a protocol waits.
 * Prints "listening PORT" and runs until it is killed. */
#include "base.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>

#include "clock.h"
#include "fake.h"
#include "str.h"

#define USAGE "slow-link milliseconds address port to-address to-port"
#define LINKS_MAX 64

struct chunk {
	struct chunk *next;
	int64_t due;
	ssize_t n; /* 0: the sender has closed */
	char data[65536];
};

struct way {
	int from, to;
	struct chunk *head, **tail;
	bool shut; /* nothing more comes from there */
};

static struct way ways[2 * LINKS_MAX]; /* each link's two beside one another; from is -1 where none is */
static int64_t half;

static void
link_close(struct way *w)
{
	for (int i = 0; i < 2; i++)
		while (w[i].head) {
			struct chunk *c = w[i].head;

			w[i].head = c->next;
			free(c);
		}
	close(w[0].from);
	close(w[0].to);
	w[0].from = w[1].from = -1;
}

static void
link_open(int fd, const char *addr, uint16_t port)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
	int one = 1, out = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct way *w = ways;

	if (fd < 0 || out < 0 || inet_pton(AF_INET, addr, &to.sin_addr) != 1 ||
	    connect(out, (struct sockaddr *)&to, sizeof to))
		die_temp("unable to connect to %s: %m", addr);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	setsockopt(out, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	while (w < ways + 2 * LINKS_MAX && w->from >= 0)
		w += 2;
	if (w == ways + 2 * LINKS_MAX)
		die_temp("unable to serve more than %d links", LINKS_MAX);
	w[0] = (struct way){.from = fd, .to = out, .tail = &w[0].head};
	w[1] = (struct way){.from = out, .to = fd, .tail = &w[1].head};
}

static void
way_take(struct way *w)
{
	struct chunk *c = malloc(sizeof *c);

	if (!c)
		die_temp("unable to get memory");
	c->n = read(w->from, c->data, sizeof c->data);
	if (c->n <= 0) {
		c->n = 0;
		w->shut = true;
	}
	c->due = clock_mono() + half;
	c->next = NULL;
	*w->tail = c;
	w->tail = &c->next;
}

/* False when the link is over. */
static bool
way_give(struct way *w, int64_t now)
{
	struct chunk *c;

	while ((c = w->head) && c->due <= now) {
		for (ssize_t at = 0, did; at < c->n; at += did)
			if ((did = send(w->to, c->data + at, (size_t)(c->n - at), MSG_NOSIGNAL)) < 0)
				return false;
		if (!c->n)
			return false;
		if (!(w->head = c->next))
			w->tail = &w->head;
		free(c);
	}
	return true;
}

int
main(int argc, char *argv[])
{
	struct pollfd p[1 + 2 * LINKS_MAX];
	int port, listener;

	prog_start("slow-link");
	if (argc != 6)
		die_usage(USAGE);
	half = strtol(argv[1], NULL, 10) * 1000 / 2;
	port = (int)strtol(argv[3], NULL, 10);
	listener = fake_listen(argv[2], &port, 0);
	for (size_t i = 0; i < ARRAY_LEN(ways); i++)
		ways[i].from = -1;
	printf("listening %d\n", port);
	fflush(stdout);
	for (;;) {
		int64_t due = INT64_MAX, left;
		struct timespec wait;

		p[0] = (struct pollfd){.fd = listener, .events = POLLIN};
		for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
			struct way *w = &ways[i];
			bool open = w->from >= 0;

			p[1 + i] = (struct pollfd){.fd = open && !w->shut ? w->from : -1, .events = POLLIN};
			if (open && w->head && w->head->due < due)
				due = w->head->due;
		}
		left = due - clock_mono();
		if (left < 0)
			left = 0;
		wait = (struct timespec){.tv_sec = left / SECOND, .tv_nsec = left % SECOND * 1000};
		if (ppoll(p, ARRAY_LEN(p), due < INT64_MAX ? &wait : NULL, NULL) < 0 && errno != EINTR)
			die_temp("unable to wait: %m");
		for (size_t i = 0; i < ARRAY_LEN(ways); i++)
			if (p[1 + i].revents)
				way_take(&ways[i]);
		for (size_t i = 0; i < ARRAY_LEN(ways); i++)
			if (ways[i].from >= 0 && !way_give(&ways[i], clock_mono()))
				link_close(&ways[i & ~(size_t)1]);
		if (p[0].revents)
			link_open(accept4(listener, NULL, NULL, SOCK_CLOEXEC), argv[4],
			    (uint16_t)strtol(argv[5], NULL, 10));
	}
}
