#include "base.h"

#include "login.h"
#include "str.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

/* Closes f. */
static bool
find(FILE *f, uid_t uid, struct login *l)
{
	const struct passwd *pw;
	bool found = false;

	while (!found && f && (pw = fgetpwent(f)))
		if (pw->pw_uid == uid && pw->pw_name && *pw->pw_name) {
			*l = (struct login){mem_dup(pw->pw_name), mem_dup(pw->pw_gecos ? pw->pw_gecos : "")};
			found = true;
		}
	if (f)
		fclose(f);
	return found;
}

/* LDAP, systemd-homed and the like. The one program we call that is not ours: by its full path and with an empty environment. */
static bool
find_elsewhere(uid_t uid, struct login *l)
{
	static char path[] = "/usr/bin/getent", passwd[] = "passwd";
	char number[24], *argv[] = {path, passwd, number, NULL}, *env[] = {NULL};
	posix_spawn_file_actions_t fa;
	int out[2], err;
	bool found;
	pid_t pid;

	snprintf(number, sizeof number, "%lu", (unsigned long)uid);
	if (pipe2(out, O_CLOEXEC))
		return false;
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_addopen(&fa, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&fa, out[1], 1);
	err = posix_spawn(&pid, path, &fa, NULL, argv, env);
	posix_spawn_file_actions_destroy(&fa);
	close(out[1]);
	found = find(fdopen(out[0], "r"), uid, l);
	if (!err)
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	return found;
}

const struct login *
login_user(void)
{
	static struct login l;
	static char unknown[32];
	uid_t uid = getuid();

	if (l.name || find(fopen("/etc/passwd", "re"), uid, &l) || find_elsewhere(uid, &l))
		return &l;
	snprintf(unknown, sizeof unknown, "uid%lu", (unsigned long)uid);
	l = (struct login){unknown, ""};
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
