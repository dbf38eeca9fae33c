#include "base.h"

#include "child.h"
#include "sandbox.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

static void *
opens(void *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	return (void *)(intptr_t)(fd >= 0 ? 0 : errno);
}

static int
opens_in_thread(char *path)
{
	pthread_t t;
	void *err;

	if (pthread_create(&t, NULL, opens, path) || pthread_join(t, &err))
		return -1;
	return (int)(intptr_t)err;
}

/* In a child, since it is for good. Bits of the exit code: what went wrong. */
static int
confined(char *kept, char *other)
{
	const char *keep[] = {kept, "/nonexistent", NULL};
	pid_t pid = fork();

	if (!pid) {
		sandbox_files(keep);
		_exit((opens_in_thread(kept) != 0) | (opens_in_thread(other) != EACCES) << 1 |
		      (open(kept, O_WRONLY | O_CLOEXEC) >= 0) << 2 |
		      (open(other, O_RDONLY | O_CLOEXEC) >= 0) << 3);
	}
	return child_wait(pid);
}

/* Bits of the exit code: what went wrong. */
static int
confined_below(char *dir)
{
	pid_t pid = fork();
	char file[64], as[64], out[64];

	snprintf(file, sizeof file, "%s/a", dir);
	snprintf(as, sizeof as, "%s/b", dir);
	snprintf(out, sizeof out, "%s.out", dir);
	if (!pid) {
		int bad = 0;

		sandbox_files_below(NULL, dir);
		bad |= open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) < 0;
		bad |= (open(file, O_RDONLY | O_CLOEXEC) < 0) << 1;
		bad |= (link(file, out) >= 0) << 2;
		bad |= (open(out, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) >= 0) << 3;
		bad |= (open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0) << 4;
		bad |= (unlink(file) != 0) << 5;
		bad |= (symlink("/etc/passwd", as) >= 0) << 6;
		_exit(bad);
	}
	return child_wait(pid);
}

int
main(void)
{
	char dir[] = "/tmp/moxq.unit.XXXXXX", kept[] = "/tmp/moxq.unit.XXXXXX", other[] = "/etc/passwd";
	const char *lacks = sandbox_lacks();
	int fd = mkstemp(kept), code;

	if (lacks && strstr(lacks, "landlock")) {
		printf("1..0 # SKIP no landlock in this kernel\n");
		return 0;
	}
	code = confined(kept, other);
	OK(fd >= 0, "a file");
	INT_EQ(code & 1, 0, "what is kept can be read, by a thread that began later");
	INT_EQ(code & 2, 0, "what is not cannot, not by a thread either");
	INT_EQ(code & 4, 0, "what is kept cannot be written");
	INT_EQ(code & ~7, 0, "nothing else can be read");
	unlink(kept);
	OK(mkdtemp(dir), "a directory");
	INT_EQ(confined_below(dir), 0, "below it files are made, read and removed, and nothing else");
	rmdir(dir);
	DONE();
}
