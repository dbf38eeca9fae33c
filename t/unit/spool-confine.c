/* What the door behind a socket has given up, tried out. */
#include "base.h"

#include "conf.h"
#include "enter.h"
#include "landlock.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static bool
refused(long r)
{
	return r < 0 && (errno == EPERM || errno == EACCES);
}

static int
reading(int dir, const char *path)
{
	return openat(dir, path, O_RDONLY | O_CLOEXEC);
}

static void
message_goes(const struct door *d)
{
	struct enter m, *all[] = {&m};
	struct envelope asked = {0};

	asked.sender = mem_dup("a@example.org");
	envelope_add_rcpt(&asked, "b@example.org");
	enter_init(&m, d);
	enter_ask(&m, &asked);
	enter_check(&m, d);
	enter_open(&m, d, 0);
	enter_text(&m, "Subject: x\n\nbody\n", 17);
	enter_finish(&m, d);
	enter_commit(all, 1, d);
	INT_EQ(m.fate, ENTER_GOOD, "a message is taken");
	spool_trigger(&d->spool);
	enter_free(&m, d);
}

static void
tries(const struct door *d)
{
	char *argv[] = {NULL};

	OK(refused(reading(AT_FDCWD, "/etc/passwd")), "no file is read");
	OK(refused(reading(d->spool.dir, "cur")), "not even the queue's");
	OK(refused(openat(AT_FDCWD, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)), "none is made elsewhere");
	OK(refused(mkdirat(d->spool.new, "directory", 0700)), "no directory is made");
	OK(refused(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)), "no socket");
	OK(refused(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), "of any kind");
	OK(refused(execv("/bin/true", argv)), "no program");
	OK(refused(kill(getppid(), 0)), "no signal");
	message_goes(d);
}

static int
confined(const char *top)
{
	struct str path = {0};
	struct conf *conf;
	struct door d;
	FILE *f;

	str_addf(&path, "%s/conf", top);
	f = fopen(path.s, "w");
	if (!f || fprintf(f, "hostname = \"h.example\"\nspool = \"%s/spool\"\nmin-free = \"0\"\n", top) < 0 ||
	    fclose(f))
		return 1;
	conf = conf_load(path.s);
	OK(door_open(&d, conf, true), "the door opens");
	if (landlock_version() < 2) {
		printf("ok %d # SKIP this kernel has no landlock 2\n", ++unit_n);
		DONE();
	}
	door_confine(&d);
	tries(&d);
	conf_free(conf);
	str_free(&path);
	DONE();
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

/* In a child: what it has given up, cleaning up needs. */
int
main(void)
{
	char top[] = "/tmp/moxq.XXXXXX";
	int status = 1;
	pid_t pid;

	if (!mkdtemp(top) || (pid = fork()) < 0)
		return 1;
	if (!pid)
		return confined(top);
	waitpid(pid, &status, 0);
	nftw(top, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
