#include "base.h"

#include "login.h"
#include "str.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

/* The line of the user of that name or, with name NULL, number. A borrow until the next call. Closes f. */
static const struct passwd *
find(FILE *f, const char *name, uid_t uid)
{
	const struct passwd *pw = NULL;

	while (f && (pw = fgetpwent(f)))
		if (pw->pw_name && *pw->pw_name && (name ? !strcmp(pw->pw_name, name) : pw->pw_uid == uid))
			break;
	if (f)
		fclose(f);
	return pw;
}

/* LDAP, systemd-homed and the like. The one program we call that is not ours: by its full path and with an empty environment. */
static const struct passwd *
find_elsewhere(const char *name, uid_t uid)
{
	static char path[] = "/usr/bin/getent", passwd[] = "passwd", dashes[] = "--";
	char *key = name ? mem_dup(name) : NULL, number[24];
	char *argv[] = {path, passwd, dashes, key ? key : number, NULL}, *env[] = {NULL};
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t attr;
	sigset_t none;
	const struct passwd *found;
	int out[2], err;
	pid_t pid;

	snprintf(number, sizeof number, "%lu", (unsigned long)uid);
	if (pipe2(out, O_CLOEXEC)) {
		free(key);
		return NULL;
	}
	sigemptyset(&none);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	/* A group that the caller was lent is not for others. */
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_RESETIDS | POSIX_SPAWN_SETSIGMASK);
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_addopen(&fa, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&fa, out[1], 1);
	err = posix_spawn(&pid, path, &fa, &attr, argv, env);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&fa);
	close(out[1]);
	found = find(fdopen(out[0], "r"), name, uid);
	if (!err)
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	free(key);
	return found;
}

static const struct passwd *
look_up(const char *name, uid_t uid)
{
	const struct passwd *pw = find(fopen("/etc/passwd", "re"), name, uid);

	return pw ? pw : find_elsewhere(name, uid);
}

char *
login_home(const char *name)
{
	const struct passwd *pw = look_up(name, 0);

	return pw && pw->pw_dir ? mem_dup(pw->pw_dir) : NULL;
}

static char *
name_of(const struct passwd *pw, uid_t uid)
{
	struct str s = {0};

	if (pw)
		return mem_dup(pw->pw_name);
	str_addf(&s, "uid%lu", (unsigned long)uid);
	return str_take(&s);
}

char *
login_name(uid_t uid)
{
	return name_of(look_up(NULL, uid), uid);
}

const struct login *
login_user(void)
{
	static struct login l;
	const struct passwd *pw;

	if (l.name)
		return &l;
	pw = look_up(NULL, getuid());
	l = (struct login){name_of(pw, getuid()), mem_dup(pw && pw->pw_gecos ? pw->pw_gecos : "")};
	return &l;
}

char *
login_full_name(const struct login *l)
{
	struct str out = {0};

	for (const char *p = l->gecos; *p && *p != ','; p++)
		if (*p == '&' && *l->name) {
			size_t at = out.len;

			str_adds(&out, l->name);
			if (out.s[at] >= 'a' && out.s[at] <= 'z')
				out.s[at] -= 32;
		} else
			str_addc(&out, *p);
	return str_take(&out);
}
