/* What a command says when it ends: one sentence, in one write, the right exit code. */
#include "base.h"

#include "die.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static char said[65536];

/* Runs f in a child; answers its wait status; what it wrote to fd 1 and 2 stands in `said`. */
static int
run(void (*f)(void))
{
	int p[2], st;
	pid_t pid;
	size_t n = 0;
	ssize_t r;

	if (pipe2(p, O_CLOEXEC))
		abort();
	fflush(stdout);
	if (!(pid = fork())) {
		setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
		dup2(p[1], 1);
		dup2(p[1], 2);
		f();
		_exit(0);
	}
	close(p[1]);
	while ((r = read(p[0], said + n, sizeof said - 1 - n)) > 0)
		n += (size_t)r;
	said[n] = 0;
	close(p[0]);
	if (waitpid(pid, &st, 0) != pid)
		abort();
	return st;
}

static void
temp(void)
{
	errno = ENOSPC;
	die_temp("unable to sync %s: %m", "spool/new");
}

static void
perm(void)
{
	die_perm("unable to take %s: it has a line end", "a\r\nb\x1b[2J");
}

static void
exit_code(void)
{
	die_exit(65, "no");
}

static void
sysexits(void)
{
	die_codes(65, 75);
	errno = EIO;
	die_temp("unable: %m");
}

static void
abortion(void)
{
	bug("impossible: %d", 7);
}

static void
many_words(void)
{
	warn("%*s", 5000, "x");
}

static void
usage(void)
{
	die_usage("mox-test [-h] file");
}

static void
asked_usage(void)
{
	print_usage("mox-test [-h] file");
}

static void
asked_version(void)
{
	print_version();
}

static void
keeps_errno(void)
{
	errno = EXDEV;
	warn("look: %m");
	_exit(errno == EXDEV ? 0 : 1);
}

static void
full(void)
{
	int fd = open("/dev/full", O_WRONLY);

	dup2(fd, 1);
	print_usage("mox-test");
}

static void
ends(void (*f)(void), int code, const char *sentence, const char *what)
{
	int st = run(f);

	OK(WIFEXITED(st) && WEXITSTATUS(st) == code, what);
	if (sentence)
		STR_EQ(said, sentence, "its sentence");
}

int
main(void)
{
	int st;

	prog_start("mox-test");
	ends(temp, 111, "mox-test: unable to sync spool/new: No space left on device\n", "try later is 111");
	ends(perm, 100, "mox-test: unable to take a\\x0d\\x0ab\\x1b[2J: it has a line end\n", "never is 100");
	ends(exit_code, 65, "mox-test: no\n", "a named code");
	ends(sysexits, 75, "mox-test: unable: Input/output error\n", "S42: codes changed to sysexits");
	ends(usage, 100, "usage: mox-test [-h] file\n", "wrong usage is 100");
	ends(asked_usage, 0, "usage: mox-test [-h] file\n", "-h is 0");
	ends(asked_version, 0, NULL, "-V is 0");
	OK(!strncmp(said, "mox-test (moxq) ", 16), "and names the toolkit");
	ends(keeps_errno, 0, "mox-test: look: Invalid cross-device link\n", "warn keeps errno");
	ends(full, 111, NULL, "an answer that cannot be written is 111");
	st = run(abortion);
	OK(WIFSIGNALED(st) && WTERMSIG(st) == SIGABRT, "a bug aborts");
	STR_EQ(said, "mox-test: impossible: 7\n", "and says so");
	run(many_words);
	OK(strlen(said) < 2100 && said[strlen(said) - 1] == '\n', "a sentence has an end");
	DONE();
}
