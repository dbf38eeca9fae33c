/* mox-smtpd: SMTP on stdin and stdout for the programs of this machine (mox-smtpd(8)). What becomes of a message:
 * lib/mail/taker. */
#include "base.h"

#include "clock.h"
#include "conf.h"
#include "die.h"
#include "fdio.h"
#include "log.h"
#include "network.h"
#include "option.h"
#include "taker.h"
#include "trace.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#define USAGE "mox-smtpd [--sysexits] [-C file] [-m maildir]"

#define BLOCK 65536
#define PEER_LEAST 10 /* our own copy of fd 0 stands above all numbers in the taker's child */

static struct tap tap; /* what is said, for who reads along */

/* ---- who may ask ---- */

enum peer {
	PEER_PROGRAM, /* a pipe, terminal or file: who started us */
	PEER_UNIX,    /* a Unix socket: whom its mode lets in */
	PEER_MACHINE, /* over TCP, from this machine and trusted-networks */
	PEER_TRUSTED, /* over TCP, from elsewhere in trusted-networks */
	PEER_STRANGER
};

/* Whatever mox-smtpd takes it relays. So an entry in inetd.conf that listens to the world does not make an
 * open relay: whoever cannot be seen to be trusted is not. */
static enum peer
peer_find(const struct conf *conf)
{
	struct sockaddr_storage ss = {0};
	socklen_t len = sizeof ss;

	if (getpeername(0, (struct sockaddr *)&ss, &len))
		return errno == ENOTSOCK ? PEER_PROGRAM : PEER_STRANGER;
	if (ss.ss_family == AF_UNIX)
		return PEER_UNIX;
	for (size_t i = 0; i < conf->smtpd.trusted_networks.n; i++)
		if (network_has(conf->smtpd.trusted_networks.v[i], &ss))
			return network_has("127.0.0.0/8", &ss) || network_has("::1", &ss) ? PEER_MACHINE
			                                                                  : PEER_TRUSTED;
	return PEER_STRANGER;
}

/* Run by the spool's owner we may tell the door whose mail it is; run by others it is theirs. */
static bool
door_trusts_us(const struct conf *conf)
{
	struct stat st;

	return !geteuid() || (!stat(conf->spool, &st) && st.st_uid == geteuid());
}

/* For the log: an address, or a user; NULL: who started us. */
static const char *
peer_name(void)
{
	static char name[NI_MAXHOST];
	struct sockaddr_storage ss;
	socklen_t len = sizeof ss, size = sizeof(struct ucred);
	struct ucred who;

	if (getpeername(0, (struct sockaddr *)&ss, &len))
		return NULL;
	if (ss.ss_family != AF_UNIX)
		return getnameinfo((struct sockaddr *)&ss, len, name, sizeof name, NULL, 0, NI_NUMERICHOST)
		           ? NULL
		           : name;
	if (getsockopt(0, SOL_SOCKET, SO_PEERCRED, &who, &size))
		return NULL;
	snprintf(name, sizeof name, "uid%u", who.uid);
	return name;
}

/* For mox-queue-add --peer. */
static int
peer_keep(const struct conf *conf, enum peer peer)
{
	return peer == PEER_UNIX && door_trusts_us(conf) ? fcntl(0, F_DUPFD_CLOEXEC, PEER_LEAST) : -1;
}

/* inetd makes the connection descriptor 2 as well: our sentences would stand between the replies. */
static void
errors_apart(void)
{
	struct stat in, err;
	int null;

	if (fstat(0, &in) || fstat(2, &err) || !S_ISSOCK(err.st_mode) || in.st_dev != err.st_dev ||
	    in.st_ino != err.st_ino)
		return;
	null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (null < 0 || dup2(null, 2) < 0)
		die_temp("unable to open /dev/null: %m");
	close(null);
}

/* What he has sent already is read away: a close upon unread bytes would take our answer with it. */
NORETURN static void
refuse_stranger(void)
{
	static const char no[] = "554 5.7.1 this server takes no mail from you\r\n";
	struct pollfd p = {0, POLLIN, 0};
	int64_t deadline = clock_mono() + 2 * SECOND;
	char buf[4096];

	tap_feed(&tap, TAP_SERVER, no, sizeof no - 1);
	if (!fd_write_all(1, no, sizeof no - 1) && !shutdown(1, SHUT_WR))
		while (poll(&p, 1, clock_timeout(deadline)) > 0 && fd_read(0, buf, sizeof buf) > 0)
			;
	die_perm("unable to serve a client who is not in trusted-networks");
}

/* ---- the session ---- */

static volatile sig_atomic_t stop;

static void
on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

/* Signals come in while we wait for the client and nowhere else: a message that is being committed is
 * answered. */
static void
signals_start(sigset_t *waiting)
{
	static const int ours[] = {SIGTERM, SIGINT, SIGHUP};
	struct sigaction sa = {.sa_handler = on_signal};
	sigset_t block;

	sigemptyset(&block);
	sigemptyset(waiting);
	for (size_t i = 0; i < ARRAY_LEN(ours); i++) {
		sigaddset(&block, ours[i]);
		sigaction(ours[i], &sa, NULL);
	}
	sigprocmask(SIG_BLOCK, &block, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* Words on the way out, to a client who may not listen. */
static void
say(const char *text)
{
	struct pollfd p = {1, POLLOUT, 0};

	tap_feed(&tap, TAP_SERVER, text, strlen(text));
	if (poll(&p, 1, 0) == 1 && fd_write_all(1, text, strlen(text)))
		warn("unable to say goodbye: %m");
}

/* false: we were told to stop. The descriptors are our caller's too, so they stay blocking. */
static bool
await(int fd, short events, int64_t deadline, const sigset_t *waiting)
{
	struct pollfd p = {.fd = fd, .events = events};

	for (;;) {
		int ms = clock_timeout(deadline), n;
		struct timespec t = {ms / 1000, ms % 1000 * 1000000L};

		n = ppoll(&p, 1, &t, waiting);
		if (stop)
			return false;
		if (n > 0)
			return true;
		if (n < 0 && errno != EINTR)
			die_temp("unable to wait for the client: %m");
		if (clock_mono() < deadline)
			continue;
		if (events == POLLIN)
			say("421 4.4.2 nothing heard for too long, goodbye\r\n");
		die_temp("nothing %s for too long", events == POLLIN ? "heard" : "read by the client");
	}
}

static bool
write_replies(struct smtpd *s, int64_t deadline, const sigset_t *waiting)
{
	for (size_t off = 0; off < s->out.len;) {
		/* PIPE_BUF bytes never block behind POLLOUT. */
		size_t n = s->out.len - off < 4096 ? s->out.len - off : 4096;

		if (!await(1, POLLOUT, deadline, waiting))
			return false;
		if (fd_write_all(1, s->out.s + off, n))
			die_temp("unable to write a reply: %m");
		off += n;
	}
	str_reset(&s->out);
	return true;
}

/* The time for a command runs from the reply before it: bytes that come one by one do not prolong it. */
static void
serve(struct smtpd *s, int64_t timeout)
{
	int64_t deadline = clock_mono() + timeout;
	char *buf = mem_alloc(BLOCK);
	sigset_t waiting;
	ssize_t n;

	signals_start(&waiting);
	while (write_replies(s, deadline, &waiting) && !s->quit) {
		if (!await(0, POLLIN, deadline, &waiting))
			break;
		n = fd_read(0, buf, BLOCK);
		if (n < 0)
			die_temp("unable to read: %m");
		if (!n) {
			tap_note(&tap, "the client has closed the connection");
			break;
		}
		smtpd_feed(s, buf, (size_t)n);
		if (s->out.len || smtpd_in_message(s))
			deadline = clock_mono() + timeout;
	}
	if (stop)
		say("421 4.3.2 this server is being stopped, nothing was taken that was not answered\r\n");
	free(buf);
}

/* The callers of sendmail -bs read no errors, or show them to people: they ask for it themselves. */
static bool
trace_start(const struct conf *conf, bool sendmail)
{
	log_start(sendmail ? LOG_INFO : (enum log_level)conf->log_level, false);
	return trace_listen(&tap, peer_name());
}

static struct smtpd_setup
setup_make(const struct conf *conf, bool maildir, enum peer peer)
{
	struct smtpd_setup s = {.hostname = conf->hostname,
	    .mailname = conf->mailname,
	    .max_size = conf->max_message_size,
	    .max_rcpt = maildir ? TAKER_MAILDIR_RCPTS : conf->max_recipients,
	    .max_mail = conf->smtpd.max_messages,
	    .offer = OFFER_ALL,
	    .limits = true,
	    .count_hops = true,
	    .max_hold = conf->smtpd.future_release,
	    .clock = clock_now};

	if (maildir)
		return s;
	if (s.max_hold)
		s.offer |= OFFER_FUTURERELEASE;
	/* RFC 8689 wants TLS, so that nobody listens or stands in between: here the kernel sees to that. */
	if (peer == PEER_PROGRAM || peer == PEER_UNIX)
		s.offer |= OFFER_REQUIRETLS;
	return s;
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {{"sysexits", no_argument, NULL, 'S'}, {NULL, 0, NULL, 0}};
	char *conf_file = NULL, *maildir = NULL;
	bool sysexits = false, traced;
	struct taker taker;
	struct smtpd_setup setup;
	struct smtpd session;
	struct conf *conf;
	enum peer peer;
	int opt;

	prog_start("mox-smtpd");
	fd_sanitise();
	while ((opt = option_next(argc, argv, "C:m:hV", options)) != -1)
		switch (opt) {
		case 'C': conf_file = optarg; break;
		case 'm': maildir = optarg; break;
		case 'S': sysexits = true; break;
		case 'h': print_usage(USAGE);
		case 'V': print_version();
		default: die_usage(USAGE);
		}
	if (optind != argc)
		die_usage(USAGE);
	errors_apart();
	if (sysexits)
		die_codes(EX_CONFIG, EX_TEMPFAIL);
	conf = conf_load(conf_file);
	if (sysexits)
		die_codes(EX_NOPERM, EX_TEMPFAIL);
	traced = trace_start(conf, sysexits);
	taker_start(&taker, conf, conf_file, maildir);
	peer = peer_find(conf);
	if (peer == PEER_STRANGER && !maildir)
		refuse_stranger();
	taker.peer = peer_keep(conf, peer);
	taker.local = peer != PEER_TRUSTED;
	taker.strangers = (peer == PEER_MACHINE || peer == PEER_TRUSTED) && door_trusts_us(conf);
	setup = setup_make(conf, maildir, peer);
	smtpd_start(&session, &setup, &taker_hooks, &taker);
	if (traced)
		smtpd_listen(&session, &tap);
	serve(&session, conf->smtpd.timeout);
	smtpd_end(&session);
	taker_free(&taker);
	conf_free(conf);
	return 0;
}
