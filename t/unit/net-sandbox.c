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

int
main(void)
{
	char kept[] = "/tmp/moxq.unit.XXXXXX", other[] = "/etc/passwd";
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
	DONE();
}
