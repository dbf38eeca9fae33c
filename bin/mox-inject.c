/* mox-inject: the door for those who cannot use a setgid program (mox-inject(8)). It listens on spool/inject and runs
 * `mox-queue-add -B --peer 0` for each who connects; it reads no byte of what they send. */
#include "base.h"

#include "child.h"
#include "conf.h"
#include "die.h"
#include "fdio.h"
#include "file.h"
#include "option.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define USAGE "mox-inject [-w] [-C file]"

#define SESSIONS_MAX 64
#define SESSIONS_A_UID 8
#define SESSIONS_HIGH 32 /* of all users above UID_HIGH together */
#define UID_HIGH 65535   /* above: subordinate uids, of which one user has thousands (subuid(5)) */
#define PATIENCE 300     /* seconds that a client may take for the next byte, or to read an answer */
#define NAME "inject"
#define BORN NAME ".new"

static struct {
	char *conf_file;
	int spool, listener;
	ino_t inode; /* of our socket: another's in its place is left alone */
	struct session {
		pid_t pid; /* 0: free */
		uid_t uid;
	} session[SESSIONS_MAX];
} server;

static volatile sig_atomic_t stop, buried;

/* ---- sessions ---- */

static void
bury(void)
{
	pid_t pid;

	buried = 0;
	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
		for (size_t i = 0; i < SESSIONS_MAX; i++)
			if (server.session[i].pid == pid)
				server.session[i].pid = 0;
}

/* A place for one more session of this user; NULL: there is none. */
static struct session *
place_find(uid_t uid)
{
	struct session *free_one = NULL;
	unsigned his = 0, high = 0;

	for (size_t i = 0; i < SESSIONS_MAX; i++) {
		const struct session *s = &server.session[i];

		if (!s->pid)
			free_one = &server.session[i];
		his += s->pid && s->uid == uid;
		high += s->pid && s->uid > UID_HIGH;
	}
	return his < SESSIONS_A_UID && (uid <= UID_HIGH || high < SESSIONS_HIGH) ? free_one : NULL;
}

static void
serve(int fd, struct session *s, uid_t uid)
{
	static char name[] = "mox-queue-add", batch[] = "-B", peer[] = "--peer", zero[] = "0", file[] = "-C";
	char *argv[] = {name, batch, peer, zero, server.conf_file ? file : NULL, server.conf_file, NULL};
	struct child_fd map[] = {{fd, 0}, {fd, 1}};
	pid_t pid = child_spawn(argv, map, ARRAY_LEN(map));

	if (pid < 0) {
		warn("unable to start mox-queue-add: %m");
		return;
	}
	*s = (struct session){pid, uid};
}

static void
accept_one(void)
{
	static const char full[] = "later there are too many sessions at once\n";
	struct timeval patience = {.tv_sec = PATIENCE};
	int fd = accept4(server.listener, NULL, NULL, SOCK_CLOEXEC);
	socklen_t len = sizeof(struct ucred);
	struct ucred peer;
	struct session *s;

	if (fd < 0)
		return;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len))
		warn("unable to serve a client: %m");
	else if ((s = place_find(peer.uid)))
		serve(fd, s, peer.uid);
	else if (send(fd, full, sizeof full - 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		warn("unable to answer a client: %m");
	close(fd);
}

/* ---- the socket ---- */

/* By way of the directory's descriptor: the path may be longer than a socket address can hold. */
static struct sockaddr_un
address(const char *name)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	snprintf(a.sun_path, sizeof a.sun_path, "/proc/self/fd/%d/%s", server.spool, name);
	return a;
}

static bool
somebody_listens(void)
{
	struct sockaddr_un a = address(NAME);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool yes = fd >= 0 && (!connect(fd, (struct sockaddr *)&a, sizeof a) || errno == EAGAIN);

	if (fd >= 0)
		close(fd);
	return yes;
}

/* patient: the one of a mox-runq that was killed a moment ago is just about to see it. */
static bool
is_taken(bool patient)
{
	for (int i = 0; somebody_listens(); i++) {
		if (!patient || i == 30)
			return true;
		poll(NULL, 0, 100);
	}
	return false;
}

static void
listen_start(const struct conf *conf, bool patient)
{
	struct sockaddr_un a;
	struct stat st;

	server.spool = open(conf->spool, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (server.spool < 0 || fstat(server.spool, &st))
		die_temp("unable to open %s: %m", conf->spool);
	if (geteuid() && geteuid() != st.st_uid)
		die_perm("unable to serve %s: neither root nor its owner", conf->spool);
	if (is_taken(patient))
		exit(0);
	/* Under another name until it listens: who finds the socket is served. */
	a = address(BORN);
	unlinkat(server.spool, BORN, 0);
	server.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (server.listener < 0 || bind(server.listener, (struct sockaddr *)&a, sizeof a) ||
	    fchmodat(server.spool, BORN, 0666, 0) || fstatat(server.spool, BORN, &st, AT_SYMLINK_NOFOLLOW) ||
	    listen(server.listener, 64) || file_move_over(server.spool, BORN, server.spool, NAME))
		die_temp("unable to listen on %s/" NAME ": %m", conf->spool);
	server.inode = st.st_ino;
}

static void
listen_end(void)
{
	struct stat st;

	if (!fstatat(server.spool, NAME, &st, AT_SYMLINK_NOFOLLOW) && st.st_ino == server.inode)
		unlinkat(server.spool, NAME, 0);
	close(server.listener);
}

/* ---- the loop ---- */

static void
on_signal(int sig)
{
	if (sig == SIGCHLD)
		buried = 1;
	else
		stop = 1;
}

static void
signals_start(sigset_t *waiting)
{
	static const int ours[] = {SIGTERM, SIGINT, SIGHUP, SIGCHLD};
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

/* With every place taken nobody is accepted until one is free. Sessions under way outlive us: what was promised was
 * promised by them. */
static void
run(bool guarded)
{
	struct pollfd p[2] = {{server.listener, POLLIN, 0}, {guarded ? 0 : -1, POLLIN, 0}};
	sigset_t waiting;

	signals_start(&waiting);
	while (!stop) {
		size_t busy = 0;

		for (size_t i = 0; i < SESSIONS_MAX; i++)
			busy += server.session[i].pid != 0;
		p[0].fd = busy < SESSIONS_MAX ? server.listener : -1;
		if (ppoll(p, 2, NULL, &waiting) < 0 && errno != EINTR)
			die_temp("unable to wait for clients: %m");
		if (buried)
			bury();
		if (stop || (guarded && p[1].revents))
			break;
		if (p[0].revents)
			accept_one();
		p[0].revents = p[1].revents = 0;
	}
}

int
main(int argc, char **argv)
{
	struct conf *conf;
	bool guarded = false;
	int c;

	prog_start("mox-inject");
	fd_sanitise();
	while ((c = option_next(argc, argv, "C:hVw", NULL)) != -1)
		switch (c) {
		case 'C': server.conf_file = optarg; break;
		case 'h': print_usage(USAGE);
		case 'V': print_version();
		case 'w': guarded = true; break;
		default: die_usage(USAGE);
		}
	if (optind != argc)
		die_usage(USAGE);
	conf = conf_load(server.conf_file);
	listen_start(conf, guarded);
	run(guarded);
	listen_end();
	conf_free(conf);
	return 0;
}
