#include "base.h"

#include "die.h"
#include "owner.h"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

bool
owner_become(const char *path)
{
	const struct passwd *p;
	struct stat st;
	bool there;

	if (geteuid())
		return true;
	there = !stat(path, &st);
	if (there && !st.st_uid)
		return false;
	p = getpwnam("mox");
	if (!there) {
		if (!p)
			return true;
		st.st_uid = p->pw_uid;
		st.st_gid = p->pw_gid;
	} else if (!p || p->pw_uid != st.st_uid) {
		p = getpwuid(st.st_uid);
	}
	if ((p ? initgroups(p->pw_name, st.st_gid) : setgroups(0, NULL)) ||
	    setresgid(st.st_gid, st.st_gid, st.st_gid) || setresuid(st.st_uid, st.st_uid, st.st_uid))
		die_temp("unable to become the owner of %s: %m", path);
	return true;
}
