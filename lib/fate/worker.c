#include "base.h"

#include "child.h"
#include "clock.h"
#include "deliver.h"
#include "die.h"
#include "fdio.h"
#include "log.h"
#include "rec.h"
#include "sandbox.h"
#include "secret.h"
#include "tls.h"
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define AGAIN "MOX_DELIVER_AGAIN" /* in the environment of a parent that has started itself anew */

/* Nothing else stays open: neither the other side of its own socket, nor another worker's. */
static void
keep_only(int *sock, int *keeper)
{
	int high[2] = {fcntl(*sock, F_DUPFD_CLOEXEC, 10), -1};

	if (*keeper >= 0)
		high[1] = fcntl(*keeper, F_DUPFD_CLOEXEC, 10);
	if (high[0] < 0 || dup2(high[0], 3) < 0 || (*keeper >= 0 && (high[1] < 0 || dup2(high[1], 4) < 0)))
		die_temp("unable to move a socket: %m");
	*sock = 3;
	close_range(*keeper >= 0 ? 5 : 4, ~0u, 0);
	*keeper = *keeper >= 0 ? 4 : -1;
}

static const char *
identity(const struct conf_transport *t)
{
	static char why[400];
	const char *error;

	if (!t || !t->client_certificate || !tls_identity(t->client_certificate, t->client_key, &error))
		return NULL;
	snprintf(why, sizeof why, "unable to use the certificate %s: %s", t->client_certificate, error);
	return why;
}

pid_t
confined_fork(int sock, const struct confined *wanted)
{
	const struct conf_transport *t = wanted->transport;
	struct confined own = *wanted, *how = &own;
	sigset_t none;
	pid_t pid;
	int null;

	own.keeper = t && conf_logs_in(t) ? secret_keeper(t) : -1;
	if (t && conf_logs_in(t) && own.keeper < 0)
		return -1;
	pid = fork();
	if (pid) {
		if (own.keeper >= 0)
			close(own.keeper);
		return pid;
	}
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGCHLD, SIG_DFL);
	/* mox-runq must see the end of the request socket when the parent dies, not when its last child does.
	 */
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0 || dup2(null, 0) < 0)
		die_temp("unable to open /dev/null: %m");
	keep_only(&sock, &own.keeper);
	own.unfit = identity(t);
	if (own.keeper >= 0 || (t && t->client_certificate))
		prctl(PR_SET_DUMPABLE, 0);
	clock_now(); /* the test clock is a file */
	sandbox_enter(t && (t->source_ipv4 || t->source_ipv6));
	_exit(how->serve(sock, how));
}

static int
deliver(int sock, const struct confined *how)
{
	static struct passage p;

	passage_init(&p, how->transport, how->keeper);
	p.unfit = how->unfit;
	return deliver_run(how->conf, sock, &p);
}

pid_t
worker_fork(const struct conf *conf, int sock, const struct conf_transport *transport)
{
	return confined_fork(
	    sock, &(struct confined){.serve = deliver, .conf = conf, .transport = transport});
}

/* A child died of a signal that was not meant for it alone. */
static bool
reap(void)
{
	bool crashed = false;
	pid_t pid;
	int st;

	while ((pid = waitpid(-1, &st, WNOHANG)) > 0) {
		if (!WIFSIGNALED(st))
			continue;
		crashed = true;
		log_open(LOG_ALERT, "worker-crashed");
		log_i("pid", pid);
		log_s("signal", sigabbrev_np(WTERMSIG(st)));
		log_close();
	}
	return crashed;
}

struct request {
	uint64_t number;
	char *site, *transport;
	bool pkix;
};

static bool
request_parse(struct request *r, char *buf, size_t n)
{
	struct rec_in in = {buf, buf + n};
	char *key, *value;
	enum rec_got got;

	while ((got = rec_next(&in, &key, &value)) == REC_LINE) {
		if (!(value = rec_text(value)))
			return false;
		if (!strcmp(key, "worker") && !str_number(value, INT64_MAX, &r->number))
			return false;
		if (!strcmp(key, "site"))
			r->site = value;
		if (!strcmp(key, "transport"))
			r->transport = value;
		if (!strcmp(key, "pkix"))
			r->pkix = !strcmp(value, "yes");
	}
	return got == REC_END && r->number;
}

static bool
is_same(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

void
authorities_load(const struct conf *conf)
{
	static struct stat old;
	static bool loaded, told;
	const char *why = "no certificate in it";
	struct stat now;

	if (stat(conf->ca_file, &now))
		now = (struct stat){0};
	if (loaded && (!now.st_ino || is_same(&now, &old)))
		return;
	old = now;
	loaded |= tls_prepare(conf, true, &why) > 0;
	if (loaded || told)
		return;
	told = true;
	log_open(LOG_WARN, "no-authorities");
	log_s("file", conf->ca_file);
	log_s("error", why);
	log_close();
}

/* One packet of descriptor 0: false at its end. */
static bool
serve(const struct conf *conf)
{
	static char buf[4096];
	struct request r = {0};
	const struct conf_transport *t = NULL;
	int sock;
	ssize_t n = pkt_recv(0, buf, sizeof buf, &sock, 0);
	bool good = n > 0 && sock >= 0 && request_parse(&r, buf, (size_t)n);

	if (!n)
		return false;
	/* What the transport demands must never be left out: without it there is no worker. */
	if (good && r.transport && *r.transport && !(t = conf_transport(conf, r.transport)))
		good = false;
	if (good && (r.pkix || (t && t->verify == VERIFY_PKIX)))
		authorities_load(conf);
	if (!good)
		warn("unable to read a worker request");
	else if (worker_fork(conf, sock, t) < 0)
		warn("unable to fork a worker for %s: %m", r.site ? r.site : "?");
	if (sock >= 0)
		close(sock);
	/* Anything but a bad packet (not a socket, for one) would come again for ever. */
	return n > 0 || errno == EMSGSIZE;
}

static void
note(int sig)
{
	(void)sig;
}

int
worker_parent(const struct conf *conf, char *const argv[])
{
	static const int ignored[] = {SIGPIPE, SIGINT, SIGTERM, SIGHUP};
	struct sigaction sa = {.sa_handler = note};
	const char *lack = sandbox_lacks(), *why;
	sigset_t chld, open;

	for (size_t i = 0; i < ARRAY_LEN(ignored); i++)
		signal(ignored[i], SIG_IGN);
	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigprocmask(SIG_BLOCK, &chld, NULL);
	sigemptyset(&open);
	sigaction(SIGCHLD, &sa, NULL);
	if (tls_prepare(conf, false, &why) < 0)
		die_temp("unable to prepare TLS: %s", why);
	if (lack && !getenv(AGAIN)) {
		log_open(LOG_WARN, "sandbox-incomplete");
		log_s("missing", lack);
		log_close();
	}
	for (;;) {
		struct pollfd p = {.fd = 0, .events = POLLIN};
		int r;

		if (reap()) {
			setenv(AGAIN, "1", 1);
			child_exec(argv);
			die_temp("unable to start myself anew: %m");
		}
		r = ppoll(&p, 1, NULL, &open);
		if (r > 0 && !serve(conf))
			return 0;
		if (r < 0 && errno != EINTR)
			die_temp("unable to poll: %m");
	}
}
