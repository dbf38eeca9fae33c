#include "base.h"

#include "child.h"
#include "die.h"
#include "str.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

char *
child_path(const char *name)
{
	char self[PATH_MAX];
	struct str path = {0};
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	char *slash;

	if (n <= 0)
		die_temp("unable to read /proc/self/exe: %m");
	self[n] = 0;
	if (!(slash = strrchr(self, '/')))
		bug("/proc/self/exe is %s", self);
	str_add(&path, self, (size_t)(slash + 1 - self));
	str_adds(&path, name);
	return str_take(&path);
}

pid_t
child_spawn(char *const argv[], const struct child_fd *map, size_t n)
{
	static const int defaults[] = {SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGCHLD, SIGUSR1};
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t at;
	sigset_t none, def;
	char *path = child_path(argv[0]);
	pid_t pid = -1;
	int err;

	sigemptyset(&none);
	sigemptyset(&def);
	for (size_t i = 0; i < ARRAY_LEN(defaults); i++)
		sigaddset(&def, defaults[i]);
	posix_spawn_file_actions_init(&fa);
	posix_spawnattr_init(&at);
	posix_spawnattr_setsigmask(&at, &none);
	posix_spawnattr_setsigdefault(&at, &def);
	posix_spawnattr_setflags(&at, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	/* dup2 of a descriptor onto itself clears close-on-exec (POSIX.1-2024, glibc since 2.29). */
	for (size_t i = 0; i < n; i++)
		posix_spawn_file_actions_adddup2(&fa, map[i].from, map[i].to);
	err = posix_spawn(&pid, path, &fa, &at, argv, environ);
	posix_spawn_file_actions_destroy(&fa);
	posix_spawnattr_destroy(&at);
	free(path);
	errno = err;
	return err ? -1 : pid;
}

void
child_exec(char *const argv[])
{
	char *path = child_path(argv[0]);
	int err;

	execv(path, argv);
	err = errno;
	free(path);
	errno = err;
}

int
child_wait(pid_t pid)
{
	int st;

	while (waitpid(pid, &st, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(st) ? WEXITSTATUS(st) : 128 + WTERMSIG(st);
}
