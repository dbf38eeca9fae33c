#include "base.h"

#include "fdio.h"
#include "file.h"
#include "login.h"
#include "unsent.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIRECTORY "moxsubmit.failures"

static int
refuse(struct str *name, const char *what)
{
	const char *why = strerror(errno);
	struct str path = *name;

	*name = (struct str){0};
	str_addf(name, "%s %s: %s", what, str_cstr(&path), why);
	str_free(&path);
	return -1;
}

int
unsent_keep(const char *text, size_t n, struct str *name)
{
	const char *home = secure_getenv("HOME");
	char *own = home && *home == '/' ? mem_dup(home) : login_home(login_user()->name);
	size_t directory;
	int fd, dir, failed;

	str_reset(name);
	str_addf(name, "%s/" DIRECTORY, own ? own : "");
	free(own);
	directory = name->len;
	if (mkdir(name->s, 0700) && errno != EEXIST)
		return refuse(name, "unable to make");
	dir = open(name->s, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return refuse(name, "unable to open");
	str_adds(name, "/newmsg.XXXXXX");
	fd = mkostemp(name->s, O_CLOEXEC);
	failed = fd < 0 || fd_write_all(fd, text, n) || file_sync(fd) || file_sync(dir);
	if (fd >= 0 && close(fd))
		failed = 1;
	close(dir);
	if (!failed)
		return 0;
	if (fd < 0)
		str_cut(name, directory);
	return refuse(name, "unable to write");
}
