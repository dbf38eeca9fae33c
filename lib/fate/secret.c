#include "base.h"

#include "clock.h"
#include "die.h"
#include "fdio.h"
#include "secret.h"
#include "str.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define COMMAND_TIME (30 * SECOND)
#define ANSWER_TIME 60 /* seconds; must exceed COMMAND_TIME */

/* ---- the keeper ---- */

static char secret[SECRET_MAX];
static char why[400];

PRINTF(1, 2) static bool fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof why, fmt, ap);
	va_end(ap);
	return false;
}

/* All of fd up to SECRET_MAX; false: an error, or more. */
static bool
read_all(int fd, int64_t deadline, size_t *n)
{
	ssize_t r = 1;

	*n = 0;
	while (r > 0 && *n < sizeof secret) {
		struct pollfd p = {.fd = fd, .events = POLLIN};

		if (poll(&p, 1, clock_timeout(deadline)) == 0) {
			errno = ETIMEDOUT;
			return false;
		}
		r = fd_read(fd, secret + *n, sizeof secret - *n);
		*n += r > 0 ? (size_t)r : 0;
	}
	if (!r)
		return true;
	if (r > 0)
		errno = EFBIG;
	return false;
}

/* One line is meant: what follows it, in files as people write them, is not part of it. */
static bool
first_line(const char *of, size_t n)
{
	char *end = memchr(secret, '\n', n);

	if (end)
		n = (size_t)(end - secret);
	if (n && secret[n - 1] == '\r')
		n--;
	if (!n)
		return fail("%s is empty", of);
	if (memchr(secret, 0, n) || memchr(secret, '\r', n))
		return fail("%s holds what is no text", of);
	secret[n] = 0;
	return true;
}

static bool
from_file(const char *name)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	size_t n = 0;
	bool good = fd >= 0 && !fstat(fd, &st);

	if (!good) {
		fail("unable to read %s: %s", name, strerror(errno));
	} else if (!S_ISREG(st.st_mode)) {
		good = fail("unable to read %s: it is no file", name);
	} else if (st.st_mode & 7) {
		good = fail(
		    "unable to use %s: its mode lets everybody read or change it; chmod o= would do", name);
	} else if (!read_all(fd, clock_mono() + COMMAND_TIME, &n)) {
		good = fail("unable to read %s: %s", name, strerror(errno));
	} else {
		good = first_line(name, n);
	}
	if (fd >= 0)
		close(fd);
	return good;
}

const char *
secret_file_fault(const char *name)
{
	bool good = from_file(name);

	explicit_bzero(secret, sizeof secret);
	return good ? NULL : why;
}

NORETURN static void
command_run(const char *command, int out)
{
	static const int back[] = {SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGCHLD};

	for (size_t i = 0; i < ARRAY_LEN(back); i++)
		signal(back[i], SIG_DFL);
	setpgid(0, 0);
	if (dup2(out, 1) >= 0)
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

/* Waits until the deadline; then it and what it started are killed. */
static bool
command_end(pid_t pid, int64_t deadline, const char *key)
{
	struct timespec nap = {.tv_nsec = 2000000};
	int st = 0;
	pid_t got;

	while (!(got = waitpid(pid, &st, WNOHANG)) && clock_mono() < deadline)
		nanosleep(&nap, NULL);
	if (!got) {
		kill(-pid, SIGKILL);
		waitpid(pid, &st, 0);
		return fail("%s did not end within 30 seconds", key);
	}
	if (WIFSIGNALED(st))
		return fail("%s died of signal %d", key, WTERMSIG(st));
	return WEXITSTATUS(st) ? fail("%s ended with %d", key, WEXITSTATUS(st)) : true;
}

static bool
from_command(const char *command, const char *key)
{
	int64_t deadline = clock_mono() + COMMAND_TIME;
	size_t n = 0;
	bool whole, ended;
	int p[2], err;
	pid_t pid;

	if (pipe2(p, O_CLOEXEC))
		return fail("unable to make a pipe: %s", strerror(errno));
	pid = fork();
	if (!pid)
		command_run(command, p[1]);
	close(p[1]);
	if (pid < 0) {
		close(p[0]);
		return fail("unable to run %s: %s", key, strerror(errno));
	}
	setpgid(pid, pid);
	whole = read_all(p[0], deadline, &n);
	err = errno;
	close(p[0]);
	if (!whole && err != ETIMEDOUT)
		kill(-pid, SIGKILL);
	ended = command_end(pid, deadline, key);
	if (!whole && err != ETIMEDOUT)
		return fail("%s says too much: %s", key, strerror(err));
	return ended && first_line(key, n);
}

static bool
get(const struct conf_transport *t)
{
	if (t->password_file)
		return from_file(t->password_file);
	return t->token_command ? from_command(t->token_command, "token-command")
	                        : from_command(t->password_command, "password-command");
}

NORETURN static void
keep(const struct conf_transport *t, int sock)
{
	static char answer[SECRET_MAX + 1];
	char ask;

	prctl(PR_SET_DUMPABLE, 0);
	while (pkt_recv(sock, &ask, 1, NULL, 0) == 1) {
		bool good = get(t);

		*answer = good ? 'y' : 'n';
		snprintf(answer + 1, sizeof answer - 1, "%s", good ? secret : why);
		if (pkt_send(sock, answer, strlen(answer), -1, 0))
			break;
		explicit_bzero(answer, sizeof answer);
		explicit_bzero(secret, sizeof secret);
	}
	_exit(0);
}

int
secret_keeper(const struct conf_transport *t)
{
	struct timeval patience = {.tv_sec = ANSWER_TIME};
	int sock[2], null;
	sigset_t none;
	pid_t pid;

	if (pkt_pair(sock))
		return -1;
	pid = fork();
	if (pid) {
		close(sock[1]);
		if (pid < 0)
			close(sock[0]);
		else
			setsockopt(sock[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
		return pid < 0 ? -1 : sock[0];
	}
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGCHLD, SIG_DFL);
	/* Nothing of what the others hold stays open here: their ends must be seen. */
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || (sock[1] != 3 && dup2(sock[1], 3) < 0))
		_exit(EXIT_TEMP);
	fcntl(3, F_SETFD, FD_CLOEXEC);
	close_range(4, ~0u, 0);
	keep(t, 3);
}

/* ---- the worker ---- */

const char *
secret_ask(int keeper, char to[SECRET_MAX])
{
	static char no[400];
	ssize_t n;

	if (pkt_send(keeper, "?", 1, -1, 0) || (n = pkt_recv(keeper, to, SECRET_MAX - 1, NULL, 0)) < 1)
		return "nobody reads the secret for it any more";
	to[n] = 0;
	if (*to == 'y') {
		memmove(to, to + 1, (size_t)n);
		return NULL;
	}
	snprintf(no, sizeof no, "%s", to + 1);
	return no;
}
