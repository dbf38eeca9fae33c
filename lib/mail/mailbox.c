#include "base.h"

#include "addr.h"
#include "mailbox.h"
#include "maildir.h"
#include "str.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

char *
mailbox_user(const char *path)
{
	const char *at = addr_domain(path), *end = at ? at - 1 : path + strlen(path);
	bool quoted = *path == '"' && end - path > 1 && end[-1] == '"';
	struct str user = {0};

	for (const char *p = path + quoted, *stop = end - quoted; p < stop; p++) {
		if (quoted && *p == '\\' && p + 1 < stop)
			p++;
		str_addc(&user, *p);
	}
	str_lower(user.len ? user.s : (char[]){0});
	if (user.len)
		str_cut(&user, strcspn(user.s, "+"));
	return str_take(&user);
}

enum mailbox_is
mailbox_look(struct mailbox *m, const struct conf *c, const char *user)
{
	const struct passwd *pw;

	*m = (struct mailbox){0};
	errno = 0;
	if (!(pw = getpwnam(user)))
		return errno && errno != ENOENT && errno != ESRCH ? MAILBOX_UNKNOWN : MAILBOX_NOBODY;
	m->user = mem_dup(pw->pw_name);
	m->path = maildir_path(c->local_maildir, pw->pw_name, pw->pw_dir);
	m->uid = pw->pw_uid;
	m->gid = pw->pw_gid;
	return access(m->path, F_OK) && (errno == ENOENT || errno == ENOTDIR) ? MAILBOX_MISSING
	                                                                      : MAILBOX_THERE;
}

void
mailbox_free(struct mailbox *m)
{
	free(m->user);
	free(m->path);
	*m = (struct mailbox){0};
}

int
mailbox_become(const struct mailbox *m)
{
	if (geteuid() || !m->uid)
		return 0;
	return initgroups(m->user, m->gid) || setgid(m->gid) || setuid(m->uid) ? -1 : 0;
}

const char *
mailbox_pattern_check(const char *pattern)
{
	for (const char *p = pattern; *p; p++)
		if (*p == '%' && !(*++p && strchr("uh%", *p)))
			return "expected %u, %h or %% behind a %";
	return NULL;
}
