#include "base.h"

#include "sandbox.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Each runs in a child inside the sandbox and answers whether all was as it should be. */
static bool
no_files(void)
{
	return open("/etc/passwd", O_RDONLY) < 0 && open("/tmp/x", O_CREAT | O_WRONLY, 0600) < 0 &&
	       open("/", O_RDONLY) < 0;
}

static bool
tcp_alone(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) >= 0 && socket(AF_INET6, SOCK_STREAM, 0) >= 0 &&
	       socket(AF_UNIX, SOCK_STREAM, 0) < 0 && errno == EPERM && socket(AF_NETLINK, SOCK_RAW, 0) < 0 &&
	       errno == EPERM && socket(AF_PACKET, SOCK_RAW, 0) < 0 && errno == EPERM;
}

static bool
no_programs(void)
{
	char *none[] = {NULL};

	return execve("/bin/true", none, none) < 0 && errno == EPERM && fork() < 0 && errno == EPERM;
}

static bool
no_other_processes(void)
{
	return kill(getppid(), 0) < 0 && errno == EPERM && ptrace(PTRACE_ATTACH, getppid(), 0, 0) < 0 &&
	       errno == EPERM && syscall(SYS_pidfd_open, getppid(), 0) < 0 && errno == EPERM &&
	       syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0) < 0 && errno == EPERM &&
	       syscall(SYS_tgkill, getppid(), getppid(), 0) < 0 && errno == EPERM;
}

static bool
can_abort(void)
{
	struct sigaction sa = {.sa_handler = SIG_DFL};

	sigaction(SIGABRT, &sa, NULL);
	abort();
}

static int
inside(bool (*test)(void))
{
	pid_t pid = fork();
	int st = -1;

	if (!pid) {
		sandbox_enter();
		_exit(test() ? 0 : 1);
	}
	waitpid(pid, &st, 0);
	return st;
}

int
main(void)
{
	const char *lack = sandbox_lacks();

	printf("# this kernel lacks %s\n", lack ? lack : "nothing");
	if (!lack) {
		INT_EQ(inside(no_files), 0, "no files");
		INT_EQ(inside(tcp_alone), 0, "no sockets but IPv4 and IPv6");
		INT_EQ(inside(no_programs), 0, "no programs, no new processes");
		INT_EQ(inside(no_other_processes), 0, "no reach into other processes");
		INT_EQ(WTERMSIG(inside(can_abort)), SIGABRT, "abort still leaves by SIGABRT");
	} else {
		OK(true, "nothing to test on this kernel");
	}
	DONE();
}
