/* mox-smtpd: SMTP on stdin and stdout for the programs of this machine (mox-smtpd(8)).
 *
 * Each message goes to a child as it comes in, and its envelope only when all of it has come: the envelope's
 * `end` line is what commits, so a session that breaks off at any point queues nothing, and a message is
 * answered 250 after the child's promise. */
#include "base.h"

#include "child.h"
#include "clock.h"
#include "conf.h"
#include "die.h"
#include "expand.h"
#include "fdio.h"
#include "network.h"
#include "rec.h"
#include "recipients.h"
#include "smtpd.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define USAGE "mox-smtpd [-C file] [-m maildir]"

#define BLOCK 65536
#define MAILDIR_RCPTS                                                                                        \
	100 /* with -m they stand on mox-local's command line; RFC 5321 4.5.3.1.8 asks for 100 */
#define ENVELOPE_FD 3
#define PEER_FD 4
#define PEER_LEAST 10 /* our own copy of fd 0 stands above all numbers in the child */

/* The child that takes the message under way. */
struct taker {
	char *conf_file, *maildir; /* as given; NULL: not */
	const struct conf *conf;
	struct recipients
	    to; /* of the message under way, aliases expanded; `from` is the number in the session */
	pid_t pid;
	int message, envelope; /* to the child; -1: closed */
	int said, sorry;       /* its stdout and stderr */
	int peer;              /* the Unix socket whose other end submits; -1: we do */
};

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* ---- the child ---- */

/* argv of mox-queue-add, or of mox-local with sender and recipients, NULL-terminated; the caller frees the
 * array. */
static char **
taker_argv(const struct taker *t, const struct smtpd *s)
{
	static char queue_add[] = "mox-queue-add", local[] = "mox-local", e[] = "-e", fd[] = "3", f[] = "-f",
		    r[] = "-r", c[] = "-C", dashes[] = "--", peer[] = "--peer", peer_fd[] = "4";
	char **argv = mem_zalloc((12 + 2 * s->nrcpt) * sizeof *argv);
	size_t n = 0;

	argv[n++] = t->maildir ? local : queue_add;
	argv[n++] = e;
	argv[n++] = fd;
	if (t->conf_file) {
		argv[n++] = c;
		argv[n++] = t->conf_file;
	}
	if (!t->maildir && t->peer >= 0) {
		argv[n++] = peer;
		argv[n++] = peer_fd;
	}
	if (!t->maildir)
		return argv;
	argv[n++] = f;
	argv[n++] = s->sender;
	for (size_t i = 0; i < s->nrcpt; i++) {
		argv[n++] = r;
		argv[n++] = s->rcpt[i].address;
	}
	argv[n++] = dashes;
	argv[n] = t->maildir;
	return argv;
}

/* false: they cannot be known now; answered. */
static bool
expand(struct taker *t, struct smtpd *s)
{
	struct str remarks = {0};
	bool good;

	recipients_free(&t->to);
	t->to = (struct recipients){0};
	for (size_t i = 0; i < s->nrcpt; i++) {
		recipients_add_path(&t->to, s->rcpt[i].address, NULL);
		t->to.v[i].bare = s->rcpt[i].bare;
		t->to.v[i].from = i;
	}
	good = t->maildir || recipients_expand(&t->to, t->conf, &remarks);
	if (!good)
		smtpd_answer(s, "451 4.3.5 %s", t->to.why.s);
	for (const char *p = str_cstr(&remarks); *p; p = strchr(p, '\n') + 1)
		warn("%.*s", (int)strcspn(p, "\n"), p);
	str_free(&remarks);
	return good;
}

static void
recipient_write(struct str *e, const struct recipient *r, const struct smtpd_rcpt *given)
{
	struct str original = {0};

	rec_open(e, "rcpt");
	rec_put(e, r->path);
	if (given->notify)
		rec_putf(e, "notify=%s", given->notify);
	if (given->orcpt)
		rec_putf(e, "orcpt=%s", given->orcpt);
	else if (r->asked && recipient_original(&original, r->asked))
		rec_putf(e, "orcpt=%s", original.s);
	if (r->exact)
		rec_put(e, "exact=yes");
	rec_close(e);
	str_free(&original);
}

static bool
begin(struct smtpd *s)
{
	struct taker *t = s->arg;
	int message[2] = {-1, -1}, envelope[2] = {-1, -1}, said[2] = {-1, -1}, sorry[2] = {-1, -1};
	char **argv;

	if (!expand(t, s))
		return false;
	if (pipe2(message, O_CLOEXEC) || pipe2(envelope, O_CLOEXEC) || pipe2(said, O_CLOEXEC) ||
	    pipe2(sorry, O_CLOEXEC))
		die_temp("unable to make a pipe: %m");
	argv = taker_argv(t, s);
	/* The envelope last: its number in the child may be one of the pipes' here. */
	t->pid = child_spawn(argv,
	    (const struct child_fd[]){
		{message[0], 0}, {said[1], 1}, {sorry[1], 2}, {envelope[0], ENVELOPE_FD}, {t->peer, PEER_FD}},
	    t->peer < 0 ? 4 : 5);
	if (t->pid < 0)
		smtpd_answer(s, "451 4.3.0 unable to start %s: %s", argv[0], strerror(errno));
	free(argv);
	close(message[0]);
	close(envelope[0]);
	close(said[1]);
	close(sorry[1]);
	t->message = message[1];
	t->envelope = envelope[1];
	t->said = said[0];
	t->sorry = sorry[0];
	return t->pid >= 0;
}

static void
body(struct smtpd *s, const char *p, size_t n)
{
	struct taker *t = s->arg;

	/* A child that will not have it has gone; why, its exit code tells when the message is whole. */
	if (t->message >= 0 && fd_write_all(t->message, p, n))
		close_fd(&t->message);
}

static void
write_envelope(struct taker *t, const struct smtpd *s)
{
	struct str e = {0};

	rec_add(&e, "sender", s->sender);
	if (s->ret)
		rec_add(&e, "ret", s->ret);
	if (s->envid)
		rec_add(&e, "envid", s->envid);
	if (s->requiretls)
		rec_add(&e, "requiretls", "yes");
	if (s->hold_until)
		rec_addf(&e, "hold-until", "%" PRId64, s->hold_until);
	for (size_t i = 0; i < t->to.n; i++)
		recipient_write(&e, &t->to.v[i], &s->rcpt[t->to.v[i].from]);
	rec_end(&e);
	if (fd_write_all(t->envelope, e.s, e.len))
		close_fd(&t->envelope); /* gone: its exit code tells why */
	str_free(&e);
}

/* The first line of what the child wrote. */
static void
read_line(int fd, char *out, size_t cap)
{
	char rest[512];
	ssize_t n = fd_read_all(fd, out, cap - 1);

	out[n > 0 ? n : 0] = 0;
	out[strcspn(out, "\n")] = 0;
	while (fd_read(fd, rest, sizeof rest) > 0)
		;
}

static int
end_taker(struct taker *t)
{
	int code;

	close_fd(&t->message);
	close_fd(&t->envelope);
	close_fd(&t->said);
	close_fd(&t->sorry);
	code = child_wait(t->pid);
	t->pid = -1;
	return code;
}

static void
done(struct smtpd *s)
{
	struct taker *t = s->arg;
	char said[256], sorry[400];
	int code;

	/* The message first and whole: the child need not read both at once. */
	close_fd(&t->message);
	write_envelope(t, s);
	close_fd(&t->envelope);
	read_line(t->said, said, sizeof said);
	read_line(t->sorry, sorry, sizeof sorry);
	code = end_taker(t);
	if (!code && t->maildir)
		smtpd_answer(s, "250 2.0.0 delivered");
	else if (!code)
		smtpd_answer(s, "250 2.0.0 queued as %s", !strncmp(said, "id ", 3) ? said + 3 : said);
	else if (code == EXIT_PERM)
		smtpd_answer(s, "554 5.6.0 %s", *sorry ? sorry : "message refused");
	else
		smtpd_answer(s, "451 4.3.0 %s", *sorry ? sorry : "unable to take the message now");
}

static void
drop(struct smtpd *s)
{
	/* Without `end` on the envelope the child keeps nothing. */
	end_taker(s->arg);
}

static const struct smtpd_hooks hooks = {.begin = begin, .body = body, .done = done, .drop = drop};

/* ---- who may ask ---- */

enum peer {
	PEER_PROGRAM, /* a pipe, terminal or file: who started us */
	PEER_UNIX,    /* a Unix socket: whom its mode lets in */
	PEER_TRUSTED, /* over TCP, from trusted-networks */
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
			return PEER_TRUSTED;
	return PEER_STRANGER;
}

/* Run by the spool's owner we may tell the door whose mail it is (mox-queue-add --peer); run by others it is theirs. */
static int
peer_keep(const struct conf *conf, enum peer peer)
{
	struct stat st;

	if (peer != PEER_UNIX || (geteuid() && (stat(conf->spool, &st) || st.st_uid != geteuid())))
		return -1;
	return fcntl(0, F_DUPFD_CLOEXEC, PEER_LEAST);
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
		if (!n)
			break;
		smtpd_feed(s, buf, (size_t)n);
		if (s->out.len || smtpd_in_message(s))
			deadline = clock_mono() + timeout;
	}
	if (stop)
		say("421 4.3.2 this server is being stopped, nothing was taken that was not answered\r\n");
	free(buf);
}

static struct smtpd_setup
setup_make(const struct conf *conf, bool maildir, enum peer peer)
{
	struct smtpd_setup s = {.hostname = conf->hostname,
	    .mailname = conf->mailname,
	    .max_size = conf->max_message_size,
	    .max_rcpt = maildir ? MAILDIR_RCPTS : conf->max_recipients,
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
	struct taker taker = {.pid = -1, .message = -1, .envelope = -1, .said = -1, .sorry = -1, .peer = -1};
	struct smtpd_setup setup;
	struct smtpd session;
	struct conf *conf;
	enum peer peer;
	int opt;

	prog_start("mox-smtpd");
	fd_sanitise();
	while ((opt = getopt(argc, argv, "C:m:hV")) != -1)
		switch (opt) {
		case 'C': taker.conf_file = optarg; break;
		case 'm': taker.maildir = optarg; break;
		case 'h': print_usage(USAGE);
		case 'V': print_version();
		default: die_usage(USAGE);
		}
	if (optind != argc)
		die_usage(USAGE);
	errors_apart();
	conf = conf_load(taker.conf_file);
	taker.conf = conf;
	peer = peer_find(conf);
	if (peer == PEER_STRANGER && !taker.maildir)
		refuse_stranger();
	taker.peer = peer_keep(conf, peer);
	setup = setup_make(conf, taker.maildir, peer);
	smtpd_start(&session, &setup, &hooks, &taker);
	serve(&session, conf->smtpd.timeout);
	smtpd_end(&session);
	recipients_free(&taker.to);
	conf_free(conf);
	return 0;
}
