/* mox-localserve: a mail sink and test peer on the loopback interface (mox-localserve(8)). One process, one
 * poll loop. */
#include "base.h"

#include "clock.h"
#include "die.h"
#include "fdio.h"
#include "log.h"
#include "maildir.h"
#include "option.h"
#include "smtpd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define USAGE                                                                                                \
	"mox-localserve [-nv] [-d maildir] [-l recipients[,messages]] [-p port] [-s size]\n"                 \
	"                      [-x keyword ...]"

#define CONNECTIONS_MAX 1000
#define TIMEOUT_MINUTES 5
#define STALL (60 * MINUTE) /* how long `timeout` says nothing */
#define OUT_MAX 1048576     /* replies a client may leave unread before it is not read any more */

struct client {
	int fd;
	struct smtpd session;
	struct maildir_message message;
	int64_t deadline; /* monotonic */
};

static struct {
	struct smtpd_setup setup;
	struct maildir dir;
	bool discard, full; /* full: no descriptors left for another client until one leaves */
	int listener;
	struct client **client;
	size_t n;
} server;

static volatile sig_atomic_t stop;

/* ---- what the local parts ask for ---- */

enum fate { FATE_ACCEPT, FATE_REPLY, FATE_SILENCE };

/* The reply (code, 400 to 599) that the end of the local part asks for. prefix: the local part must begin so
 * ("mailfrom", "rcptto"); NULL: it must begin with neither. */
static enum fate
find_fate(const char *address, const char *prefix, int *code)
{
	const char *at = strrchr(address, '@');
	size_t n = at ? (size_t)(at - address) : strlen(address);
	uint64_t number;
	char local[80], digits[4];

	if (n >= sizeof local)
		return FATE_ACCEPT;
	memcpy(local, address, n);
	local[n] = 0;
	str_lower(local);
	if (prefix ? !str_istarts(local, prefix)
		   : str_istarts(local, "mailfrom") || str_istarts(local, "rcptto"))
		return FATE_ACCEPT;
	if (n >= 7 && !strcmp(local + n - 7, "timeout"))
		return FATE_SILENCE;
	*code = 0;
	if (n >= 9 && !strcmp(local + n - 9, "temperror"))
		*code = 451;
	else if (n >= 9 && !strcmp(local + n - 9, "permerror"))
		*code = 550;
	else if (n >= 3) {
		memcpy(digits, local + n - 3, 4);
		if (str_number(digits, 599, &number) && number >= 400)
			*code = (int)number;
	}
	return *code ? FATE_REPLY : FATE_ACCEPT;
}

/* Does it, and answers whether the address means acceptance. */
static bool
obey(struct smtpd *s, const char *address, const char *prefix)
{
	int code;

	switch (find_fate(address, prefix, &code)) {
	case FATE_ACCEPT: return true;
	case FATE_SILENCE:
		s->stalled = true;
		((struct client *)s->arg)->deadline = clock_mono() + STALL;
		log_open(LOG_INFO, "silence");
		break;
	case FATE_REPLY:
		smtpd_answer(s, "%d %d.0.0 as %.80s asks", code, code / 100, address);
		log_open(LOG_INFO, "refused");
		log_i("code", code);
	}
	log_s("address", address);
	log_close();
	return false;
}

static bool
mail(struct smtpd *s)
{
	return obey(s, s->sender, "mailfrom");
}

static bool
rcpt(struct smtpd *s)
{
	return obey(s, s->rcpt[s->nrcpt - 1].address, "rcptto");
}

/* ---- messages ---- */

static bool
begin(struct smtpd *s)
{
	struct client *c = s->arg;
	struct str h = {0};

	if (server.discard)
		return true;
	if (maildir_begin(&c->message, &server.dir)) {
		smtpd_answer(s, "452 4.3.1 unable to make a file: %s", strerror(errno));
		return false;
	}
	str_addf(&h, "Return-Path: <%s>\n", s->sender);
	for (size_t i = 0; i < s->nrcpt; i++)
		str_addf(&h, "Delivered-To: %s\n", s->rcpt[i].address);
	maildir_write(&c->message, h.s, h.len);
	str_free(&h);
	return true;
}

static void
body(struct smtpd *s, const char *p, size_t n)
{
	if (!server.discard)
		maildir_write(&((struct client *)s->arg)->message, p, n);
}

static void
drop(struct smtpd *s)
{
	if (!server.discard)
		maildir_abort(&((struct client *)s->arg)->message);
}

static void
done(struct smtpd *s)
{
	struct client *c = s->arg;
	const char *name = "-";
	bool may_stand;

	for (size_t i = 0; i < s->nrcpt; i++)
		if (!obey(s, s->rcpt[i].address, NULL)) {
			drop(s);
			return;
		}
	if (!server.discard) {
		/* A sink is no mailbox: what a power loss takes from it nobody misses. */
		if (maildir_commit(&c->message, false, &may_stand)) {
			smtpd_answer(s, "452 4.3.1 unable to store the message: %s", strerror(errno));
			return;
		}
		name = c->message.name;
	}
	smtpd_answer(s, "250 2.0.0 taken as %.160s", name);
	for (size_t i = 0; i < s->nrcpt; i++) {
		log_open(LOG_INFO, "taken");
		log_s("from", s->sender);
		log_s("to", s->rcpt[i].address);
		log_i("size", (int64_t)s->size);
		log_s("file", name);
		log_close();
	}
}

static const struct smtpd_hooks hooks = {mail, rcpt, begin, body, done, drop};

/* ---- connections ---- */

static void
client_close(size_t i)
{
	struct client *c = server.client[i];

	smtpd_end(&c->session);
	close(c->fd);
	free(c);
	server.client[i] = server.client[--server.n];
	server.full = false;
}

static void
client_accept(void)
{
	while (server.n < CONNECTIONS_MAX) {
		int fd = accept4(server.listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), one = 1;
		struct client *c;

		if (fd < 0) {
			server.full =
			    errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
			return;
		}
		if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one)) {
			close(fd);
			continue;
		}
		c = mem_zalloc(sizeof *c);
		c->fd = fd;
		c->message.fd = -1;
		c->deadline = clock_mono() + TIMEOUT_MINUTES * MINUTE;
		smtpd_start(&c->session, &server.setup, &hooks, c);
		server.client[server.n++] = c;
	}
}

/* Writes what can be written; false: the connection is over. */
static bool
client_write(struct client *c)
{
	struct str *out = &c->session.out;

	while (out->len) {
		ssize_t n = send(c->fd, out->s, out->len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN;
		str_shift(out, (size_t)n);
	}
	return !c->session.quit;
}

/* false: the connection is over. */
static bool
client_read(struct client *c)
{
	static char buf[65536];
	ssize_t n = fd_read(c->fd, buf, sizeof buf);

	if (n < 0)
		return errno == EAGAIN;
	if (!n)
		return false;
	if (!c->session.stalled)
		c->deadline = clock_mono() + TIMEOUT_MINUTES * MINUTE;
	smtpd_feed(&c->session, buf, (size_t)n);
	return true;
}

static bool
client_serve(struct client *c, short ready)
{
	if (clock_mono() >= c->deadline) {
		smtpd_answer(&c->session, "421 4.4.2 nothing heard for %d minutes, goodbye", TIMEOUT_MINUTES);
		client_write(c);
		return false;
	}
	if (ready & (POLLIN | POLLHUP | POLLERR) && !client_read(c))
		return false;
	return client_write(c);
}

static void
serve(void)
{
	static struct pollfd p[CONNECTIONS_MAX + 1];
	sigset_t none;

	sigemptyset(&none);
	while (!stop) {
		int64_t deadline = INT64_MAX;
		struct timespec limit;
		size_t n = server.n;
		bool full = server.n >= CONNECTIONS_MAX || (server.full && server.n);
		int ms;

		p[0] = (struct pollfd){.fd = full ? -1 : server.listener, .events = POLLIN};
		for (size_t i = 0; i < n; i++) {
			struct client *c = server.client[i];
			size_t out = c->session.out.len;

			p[i + 1] = (struct pollfd){.fd = c->fd};
			if (out < OUT_MAX && !c->session.quit)
				p[i + 1].events |= POLLIN;
			if (out)
				p[i + 1].events |= POLLOUT;
			if (c->deadline < deadline)
				deadline = c->deadline;
		}
		ms = n ? clock_timeout(deadline) : 0;
		limit = (struct timespec){ms / 1000, ms % 1000 * 1000000L};
		/* Signals come in here and nowhere else. */
		if (ppoll(p, n + 1, n ? &limit : NULL, &none) < 0) {
			if (errno == EINTR)
				continue;
			die_temp("unable to wait for clients: %m");
		}
		/* From the end: a closed one gives its place to one that was served already. */
		for (size_t i = n; i-- > 0;)
			if (!client_serve(server.client[i], p[i + 1].revents))
				client_close(i);
		if (p[0].revents)
			client_accept();
		log_flush();
	}
	while (server.n)
		client_close(server.n - 1);
}

/* ---- start ---- */

static uint16_t
listen_loopback(uint16_t port)
{
	struct sockaddr_in a = {
	    .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof a;
	int one = 1;

	server.listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (server.listener < 0 || setsockopt(server.listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) ||
	    bind(server.listener, (struct sockaddr *)&a, sizeof a) || listen(server.listener, 1024) ||
	    getsockname(server.listener, (struct sockaddr *)&a, &len))
		die_temp("unable to listen on 127.0.0.1:%u: %m", port);
	return ntohs(a.sin_port);
}

static void
remove_offer(const char *keyword)
{
	static const struct {
		const char *name;
		unsigned bit;
	} words[] = {{"PIPELINING", OFFER_PIPELINING}, {"8BITMIME", OFFER_8BITMIME},
	    {"SMTPUTF8", OFFER_SMTPUTF8}, {"SIZE", OFFER_SIZE}, {"DSN", OFFER_DSN},
	    {"CHUNKING", OFFER_CHUNKING}, {"ENHANCEDSTATUSCODES", OFFER_ENHANCED}};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (str_ieq(keyword, words[i].name)) {
			server.setup.offer &= ~words[i].bit;
			return;
		}
	die_perm("unable to leave out %s: not a keyword of mox-localserve", keyword);
}

/* "RECIPIENTS" or "RECIPIENTS,MESSAGES" */
static void
set_limits(char *arg)
{
	char *comma = strchr(arg, ',');
	uint64_t rcpts, mails = 0;

	if (comma)
		*comma++ = 0;
	if (!str_number(arg, 100000, &rcpts) || !rcpts || (comma && !str_number(comma, 1000000000, &mails)))
		die_perm("unable to read -l %s: expected recipients or recipients,messages as numbers", arg);
	server.setup.max_rcpt = (unsigned)rcpts;
	server.setup.max_mail = (unsigned)mails;
	server.setup.limits = true;
}

static void
open_maildir(const char *path)
{
	const char *home = getenv("HOME"), *what;
	struct str p = {0};

	if (!path && (!home || !*home))
		die_perm("unable to choose a Maildir: HOME is not set and there is no -d");
	if (path)
		str_adds(&p, path);
	else
		str_addf(&p, "%s/mox-localserve", home);
	if (maildir_open(&server.dir, p.s, &what))
		die_temp("unable to open %s%s%s: %m", p.s, *what ? "/" : "", what);
	str_free(&p);
}

/* Two descriptors a client: its connection and its message. */
static void
raise_limit(void)
{
	struct rlimit r;

	if (!getrlimit(RLIMIT_NOFILE, &r)) {
		r.rlim_cur = r.rlim_max < 2 * CONNECTIONS_MAX + 100 ? r.rlim_max : 2 * CONNECTIONS_MAX + 100;
		if (setrlimit(RLIMIT_NOFILE, &r))
			warn("unable to raise the limit of descriptors: %m");
	}
}

static void
on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

int
main(int argc, char **argv)
{
	struct sigaction sa = {.sa_handler = on_signal};
	sigset_t blocked;
	const char *path = NULL;
	uint64_t port = 1025;
	bool verbose = false;
	int o;

	prog_start("mox-localserve");
	fd_sanitise();
	server.setup = (struct smtpd_setup){.hostname = "localhost",
	    .mailname = "localhost",
	    .max_size = UINT64_C(1) << 31,
	    .max_rcpt = 10000,
	    .offer = OFFER_ALL};
	while ((o = option_next(argc, argv, "C:d:l:np:s:vx:hV", NULL)) != -1)
		switch (o) {
		case 'C': break; /* every command takes it; nothing here is configured */
		case 'd': path = optarg; break;
		case 'l': set_limits(optarg); break;
		case 'n': server.discard = true; break;
		case 'p':
			if (!str_number(optarg, 65535, &port))
				die_perm("unable to listen on port %s: expected 0 to 65535", optarg);
			break;
		case 's':
			if (!str_size(optarg, &server.setup.max_size))
				die_perm("unable to limit messages to %s: expected a size such as 64k or 10M",
				    optarg);
			break;
		case 'v': verbose = true; break;
		case 'x': remove_offer(optarg); break;
		case 'h': print_usage(USAGE);
		case 'V': print_version();
		default: die_usage(USAGE);
		}
	if (optind != argc)
		die_usage(USAGE);
	log_start(verbose ? LOG_INFO : LOG_WARN, true);
	if (!server.discard)
		open_maildir(path);
	raise_limit();
	server.client = mem_zalloc(CONNECTIONS_MAX * sizeof(struct client *));
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigaddset(&blocked, SIGINT);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
	printf("listening 127.0.0.1:%u\n", listen_loopback((uint16_t)port));
	if (fflush(stdout))
		die_temp("unable to say that it listens: %m");
	serve();
	close(server.listener);
	free(server.client);
	maildir_close(&server.dir);
	return 0;
}
