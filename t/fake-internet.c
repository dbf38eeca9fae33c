/* fake-internet: a few hundred mail sites in one process, a thread each, on addresses of 127.0.0.0/8.
 *
 *   fake-internet [-p PORT] [-n N] TABLE
 * TABLE has a line a site: ADDRESS KIND LATENCY CONNECTIONS RATE GREY
 *   KIND         live; silent: accepts and says nothing; hole: never accepts. Who refuses has no line.
 *   LATENCY      ms from a command to its answer, as a round trip takes
 *   CONNECTIONS  at the same time; a further one is greeted with 421 and closed
 *   RATE         messages a second (a second's worth may come at once); MAIL beyond is answered with 421, then closed; 0: any
 *   GREY         seconds for which a recipient is put off with 451 from when it is first named; 0: never
 * Prints "listening PORT", "done" when N recipients are in, and at SIGTERM a line a site, times in ms since the first
 * connection to any of them:
 *   ADDRESS taken=N first=MS last=MS busy=N over=N grey=N connections=N peak=N
 * busy: connections that were turned away; over: messages beyond the rate. */
#include "base.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/epoll.h>

#include "clock.h"
#include "fake.h"
#include "str.h"

#define USAGE "fake-internet [-p PORT] [-n N] TABLE"
#define ANSWERS 64 /* on their way to one client */
#define GREY_MAX 65536

enum state { COMMAND, DATA, CHUNK };

struct answer {
	int64_t due;
	size_t end; /* in conn.out */
};

struct conn {
	struct conn *next;
	int fd;
	bool closing, refused, rcpt, last_chunk;
	enum state state;
	struct str in, out;
	size_t out_at, chunk_left;
	struct answer answer[ANSWERS];
	unsigned nanswer;
};

struct site {
	char address[INET_ADDRSTRLEN], kind[8];
	long latency, connections, rate, grey;
	int listener, poller;
	struct conn *conns;
	long open;
	double tokens;
	int64_t filled;
	struct {
		uint64_t rcpt; /* a hash */
		int64_t since;
	} * seen; /* GREY_MAX of them */
	struct {
		long taken, busy, over, grey, connections, peak;
		int64_t first, last;
	} count;
	pthread_t thread;
};

static struct site *sites;
static size_t nsites;
static long done_at;
static atomic_long taken;
static _Atomic int64_t began;

static void
conn_free(struct site *s, struct conn *c)
{
	struct conn **p = &s->conns;

	while (*p != c)
		p = &(*p)->next;
	*p = c->next;
	s->open -= !c->refused;
	close(c->fd);
	str_free(&c->in);
	str_free(&c->out);
	free(c);
}

/* What has been added to c->out since the last call goes out a round trip from now. */
static void
answer_later(struct site *s, struct conn *c, long trips)
{
	size_t end = c->nanswer ? c->answer[c->nanswer - 1].end : c->out_at;

	if (c->out.len == end)
		return;
	if (c->nanswer == ANSWERS)
		c->nanswer--;
	c->answer[c->nanswer++] = (struct answer){clock_mono() + trips * s->latency * 1000, c->out.len};
}

/* false: the connection is over. */
static bool
answer_due(struct conn *c, int64_t now)
{
	while (c->nanswer && c->answer[0].due <= now) {
		size_t n = c->answer[0].end - c->out_at;

		/* Answers are short: a client that does not read them is not served. */
		if (send(c->fd, c->out.s + c->out_at, n, MSG_NOSIGNAL) != (ssize_t)n)
			return false;
		c->out_at += n;
		memmove(c->answer, c->answer + 1, --c->nanswer * sizeof *c->answer);
	}
	if (c->nanswer)
		return true;
	str_reset(&c->out);
	c->out_at = 0;
	return !c->closing;
}

static bool
is_over_rate(struct site *s)
{
	int64_t now = clock_mono();
	double most = s->rate > 1 ? (double)s->rate : 1;

	if (!s->rate)
		return false;
	s->tokens += (double)(now - s->filled) / 1e6 * (double)s->rate;
	s->filled = now;
	if (s->tokens > most)
		s->tokens = most;
	if (s->tokens < 1)
		return true;
	s->tokens -= 1;
	return false;
}

/* Whether the recipient has to wait still. */
static bool
is_grey(struct site *s, const char *rcpt)
{
	uint64_t h = 14695981039346656037U;
	size_t i;

	if (!s->grey)
		return false;
	for (; *rcpt && *rcpt != '>'; rcpt++)
		h = (h ^ (unsigned char)*rcpt) * 1099511628211U;
	for (i = h % GREY_MAX; s->seen[i].rcpt && s->seen[i].rcpt != h; i = (i + 1) % GREY_MAX)
		;
	if (!s->seen[i].rcpt) {
		s->seen[i].rcpt = h;
		s->seen[i].since = clock_mono();
	}
	return clock_mono() < s->seen[i].since + s->grey * SECOND;
}

static void
message_end(struct site *s, struct conn *c)
{
	c->state = COMMAND;
	if (!c->rcpt) {
		str_adds(&c->out, "554 5.5.1 no recipients\r\n");
		return;
	}
	c->rcpt = false;
	str_adds(&c->out, "250 2.0.0 taken\r\n");
	s->count.last = clock_mono();
	if (!s->count.taken++)
		s->count.first = s->count.last;
	if (atomic_fetch_add(&taken, 1) + 1 == done_at) {
		puts("done");
		fflush(stdout);
	}
}

static void
say_answer(struct site *s, struct conn *c, char *line)
{
	if (str_istarts(line, "EHLO ")) {
		str_addf(&c->out,
		    "250-%s\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-CHUNKING\r\n250-SIZE "
		    "0\r\n250 ENHANCEDSTATUSCODES\r\n",
		    s->address);
	} else if (str_istarts(line, "MAIL FROM:<")) {
		c->rcpt = false;
		if (is_over_rate(s)) {
			s->count.over++;
			str_adds(&c->out, "421 4.7.0 too many messages, try again later\r\n");
			c->closing = true;
		} else
			str_adds(&c->out, "250 2.1.0 fine\r\n");
	} else if (str_istarts(line, "RCPT TO:<")) {
		bool grey = is_grey(s, line + 9);

		s->count.grey += grey;
		c->rcpt |= !grey;
		str_adds(&c->out, grey ? "451 4.7.1 greylisted\r\n" : "250 2.1.5 fine\r\n");
	} else if (str_ieq(line, "DATA")) {
		c->state = c->rcpt ? DATA : COMMAND;
		str_adds(&c->out, c->rcpt ? "354 go on\r\n" : "503 5.5.1 no recipients\r\n");
	} else if (str_istarts(line, "BDAT ")) {
		char *end;

		c->chunk_left = strtoul(line + 5, &end, 10);
		c->last_chunk = str_ieq(end, " LAST");
		c->state = CHUNK;
	} else if (str_ieq(line, "QUIT")) {
		str_adds(&c->out, "221 2.0.0 bye\r\n");
		c->closing = true;
	} else
		str_adds(&c->out, str_ieq(line, "RSET") ? "250 2.0.0 fine\r\n" : "502 5.5.1 unknown\r\n");
}

/* One step of what came in; how many bytes it took, 0: more must come. */
static size_t
take(struct site *s, struct conn *c, char *p, size_t n)
{
	char *end;

	if (c->state == CHUNK) {
		if (n < c->chunk_left)
			return 0;
		c->state = COMMAND;
		n = c->chunk_left;
		if (c->last_chunk)
			message_end(s, c);
		else
			str_adds(&c->out, "250 2.0.0 more\r\n");
		return n;
	}
	if (c->state == DATA) {
		if (!(end = memmem(p, n, "\r\n.\r\n", 5)))
			return 0;
		message_end(s, c);
		return (size_t)(end - p) + 5;
	}
	if (!(end = memchr(p, '\n', n)))
		return 0;
	end[end > p && end[-1] == '\r' ? -1 : 0] = 0;
	say_answer(s, c, p);
	return (size_t)(end - p) + 1;
}

/* false: the connection is over. */
static bool
conn_input(struct site *s, struct conn *c)
{
	char buf[65536];
	size_t at = 0, took;
	ssize_t n;

	while ((n = recv(c->fd, buf, sizeof buf, MSG_DONTWAIT)) > 0)
		if (!c->closing)
			str_add(&c->in, buf, (size_t)n);
	if (n == 0 || errno != EAGAIN)
		return false;
	while (!c->closing && (at < c->in.len || c->state == CHUNK) &&
	       (took = take(s, c, c->in.s + at, c->in.len - at)))
		at += took;
	str_shift(&c->in, at);
	answer_later(s, c, 1);
	return true;
}

static void
conn_accept(struct site *s)
{
	int fd, one = 1;

	while ((fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
		struct conn *c = mem_zalloc(sizeof *c);
		struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
		int64_t none = 0;

		atomic_compare_exchange_strong(&began, &none, clock_mono());
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		c->fd = fd;
		c->next = s->conns;
		s->conns = c;
		s->count.connections++;
		c->refused = c->closing = s->open >= s->connections;
		s->count.busy += c->refused;
		s->open += !c->refused;
		if (s->open > s->count.peak)
			s->count.peak = s->open;
		if (epoll_ctl(s->poller, EPOLL_CTL_ADD, fd, &e))
			die_temp("unable to watch a connection: %m");
		if (*s->kind == 's') {
			c->closing = false;
			continue;
		}
		str_addf(&c->out, c->refused ? "421 4.7.0 %s too many connections\r\n" : "220 %s ESMTP\r\n",
		    s->address);
		answer_later(s, c, 2); /* the first one is the connection's */
	}
}

static int64_t
next_due(const struct site *s)
{
	int64_t least = INT64_MAX;

	for (const struct conn *c = s->conns; c; c = c->next)
		if (c->nanswer && c->answer[0].due < least)
			least = c->answer[0].due;
	return least;
}

static void *
site_serve(void *arg)
{
	struct site *s = arg;
	struct epoll_event e[64], listening = {.events = EPOLLIN};

	if ((s->poller = epoll_create1(EPOLL_CLOEXEC)) < 0 ||
	    epoll_ctl(s->poller, EPOLL_CTL_ADD, s->listener, &listening))
		die_temp("unable to watch %s: %m", s->address);
	for (;;) {
		int64_t due = next_due(s), now;
		int n = epoll_wait(s->poller, e, ARRAY_LEN(e), due == INT64_MAX ? -1 : clock_timeout(due));

		for (int i = 0; i < n; i++) {
			struct conn *c = e[i].data.ptr;

			if (!c)
				conn_accept(s);
			else if (!conn_input(s, c))
				conn_free(s, c);
		}
		now = clock_mono();
		for (struct conn *c = s->conns, *next; c; c = next) {
			next = c->next;
			if (*s->kind != 's' && !answer_due(c, now))
				conn_free(s, c);
		}
	}
	return NULL;
}

/* Never accepts, and its queue is short: who comes later waits for an answer to his SYN. */
static void
hole_dig(struct site *s)
{
	struct sockaddr_in a;
	socklen_t n = sizeof a;

	listen(s->listener, 0);
	getsockname(s->listener, (struct sockaddr *)&a, &n);
	for (int i = 0; i < 2; i++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

		if (fd < 0 || (connect(fd, (struct sockaddr *)&a, n) && errno != EINPROGRESS))
			die_temp("unable to fill the queue of %s: %m", s->address);
	}
}

static void
table_read(const char *name)
{
	FILE *f = fopen(name, "re");
	char line[200];

	if (!f)
		die_perm("unable to open %s: %m", name);
	while (fgets(line, sizeof line, f)) {
		struct site *s;

		sites = mem_grow(sites, nsites + 1, sizeof *sites);
		s = &sites[nsites];
		*s = (struct site){0};
		if (*line == '#')
			continue;
		if (sscanf(line, "%15s %7s %ld %ld %ld %ld", s->address, s->kind, &s->latency,
			&s->connections, &s->rate, &s->grey) != 6)
			die_perm("unable to read %s: %s", name, line);
		nsites++;
	}
	fclose(f);
}

static void
print_sites(void)
{
	for (size_t i = 0; i < nsites; i++) {
		const struct site *s = &sites[i];
		int64_t start = began;

		printf("%s taken=%ld first=%lld last=%lld busy=%ld over=%ld grey=%ld connections=%ld "
		       "peak=%ld\n",
		    s->address, s->count.taken,
		    s->count.taken ? (long long)(s->count.first - start) / 1000 : 0,
		    s->count.taken ? (long long)(s->count.last - start) / 1000 : 0, s->count.busy,
		    s->count.over, s->count.grey, s->count.connections, s->count.peak);
	}
	fflush(stdout);
}

int
main(int argc, char **argv)
{
	sigset_t ends;
	int opt, port = 0, sig;

	prog_start("fake-internet");
	while ((opt = getopt(argc, argv, "p:n:")) != -1) {
		switch (opt) {
		case 'p': port = (int)atol(optarg); break;
		case 'n': done_at = atol(optarg); break;
		default: die_usage(USAGE);
		}
	}
	if (argc != optind + 1)
		die_usage(USAGE);
	table_read(argv[optind]);
	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	pthread_sigmask(SIG_BLOCK, &ends, NULL);
	for (size_t i = 0; i < nsites; i++) {
		struct site *s = &sites[i];

		s->listener = fake_listen(s->address, &port, 0);
		fcntl(s->listener, F_SETFL, O_NONBLOCK);
		s->filled = clock_mono();
		s->tokens = (double)s->rate;
		if (s->grey)
			s->seen = mem_zalloc(GREY_MAX * sizeof *s->seen);
		if (!strcmp(s->kind, "hole"))
			hole_dig(s);
		else if (pthread_create(&s->thread, NULL, site_serve, s))
			die_temp("unable to start a thread: %m");
	}
	printf("listening %d\n", port);
	fflush(stdout);
	sigwait(&ends, &sig);
	print_sites();
	return 0;
}
