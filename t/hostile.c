/* hostile: what somebody would try who has taken over a worker of mox-deliver.
 *
 *   hostile          TAP: every attempt once outside the sandbox, where it must work or be answered otherwise, and once inside, where it
 *                    must be refused; and what a worker needs must work inside
 *   hostile.so       the same source, preloaded into a real mox-deliver: at the first connect() behind the sandbox it tries everything
 *                    there, and writes a line "hostile ATTEMPT: ERROR" each to fd 2 (ERROR: 0 when it worked)
 *
 * An attempt answers as a system call does. None does harm where it succeeds. */
#include "base.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* Made by the harness in its directory; a worker need have none. */
#define VICTIM "hostile.victim"

static int a_fd = 0;

/* clang-format off */
static long read_file(void) { return open("/etc/passwd", O_RDONLY | O_CLOEXEC); }
static long read_own_memory(void) { return open("/proc/self/mem", O_RDWR | O_CLOEXEC); }
static long
read_parent(void)
{
	char path[40];

	snprintf(path, sizeof path, "/proc/%d/environ", (int)getppid());
	return open(path, O_RDONLY | O_CLOEXEC);
}
static long list_directory(void) { return open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC); }
static long create_file(void) { return open(VICTIM ".new", O_CREAT | O_WRONLY | O_CLOEXEC, 0600); }
static long create_old(void) { return syscall(SYS_openat, AT_FDCWD, VICTIM ".new", O_CREAT | O_WRONLY, 0600); }
static long write_file(void) { return open(VICTIM, O_WRONLY | O_CLOEXEC); }
static long unlink_file(void) { return unlink(VICTIM ".gone"); }
static long rename_file(void) { return rename(VICTIM, VICTIM); }
static long link_file(void) { return linkat(AT_FDCWD, VICTIM, AT_FDCWD, VICTIM ".link", 0); }
static long symlink_file(void) { return symlink("/", VICTIM ".sym"); }
static long make_directory(void) { return mkdir(VICTIM ".dir", 0700); }
static long make_fifo(void) { return mknod(VICTIM ".fifo", S_IFIFO | 0600, 0); }
static long change_mode(void) { return chmod(VICTIM, 0666); }
static long change_owner(void) { return chown(VICTIM, (uid_t)-1, (gid_t)-1); }
static long change_times(void) { return utimensat(AT_FDCWD, VICTIM, NULL, 0); }
static long truncate_file(void) { return truncate(VICTIM, 0); }
static long change_passed_fd(void) { return fchmod(a_fd, 0666); }
static long truncate_passed_fd(void) { return ftruncate(a_fd, 4); }
static long
reopen_passed_fd(void)
{
	char path[40];

	snprintf(path, sizeof path, "/proc/self/fd/%d", a_fd);
	return open(path, O_RDWR | O_CLOEXEC);
}
static long
open_by_handle(void)
{
	union {
		struct file_handle h;
		char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} u = {.h.handle_bytes = MAX_HANDLE_SZ};
	int mount_id;

	return name_to_handle_at(AT_FDCWD, "/tmp", &u.h, &mount_id, 0);
}
static long change_directory(void) { return chdir("/"); }
static long change_root(void) { return chroot("/"); }
static long watch_files(void) { return inotify_init1(IN_CLOEXEC); }
static long mount_it(void) { return mount("none", "/tmp", "no-such-fs", 0, NULL); }
static long unmount_it(void) { return umount2("/nonexistent", 0); }
static long new_mount(void) { return syscall(SYS_fsopen, "tmpfs", 0); }
static long
execute(void)
{
	char *none[] = {NULL};

	return execve("/nonexistent", none, none);
}
static long
execute_memory(void)
{
	char *none[] = {NULL};
	long fd = syscall(SYS_memfd_create, "x", 0);

	return fd < 0 ? fd : syscall(SYS_execveat, fd, "", none, none, AT_EMPTY_PATH);
}
static long
execute_fd(void)
{
	char *none[] = {NULL};

	return syscall(SYS_execveat, a_fd, "", none, none, AT_EMPTY_PATH);
}
static long
new_process(long pid)
{
	if (!pid)
		_exit(0);
	if (pid > 0)
		waitpid((pid_t)pid, NULL, 0);
	return pid;
}
static long fork_it(void) { return new_process(fork()); }
static long clone_it(void) { return new_process(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)); }
static long
clone3_it(void)
{
	struct {
		uint64_t v[8];
	} arg = {{0, 0, 0, 0, SIGCHLD}};

	return new_process(syscall(SYS_clone3, &arg, sizeof arg));
}
static long new_namespace(void) { return unshare(CLONE_NEWNS); }
static long kill_parent(void) { return kill(getppid(), 0); }
static long kill_all(void) { return kill(getpid(), 0); }
static long tgkill_parent(void) { return syscall(SYS_tgkill, getppid(), getppid(), 0); }
static long tkill_parent(void) { return syscall(SYS_tkill, getppid(), 0); }
static long queue_signal(void) { return sigqueue(getppid(), 0, (union sigval){0}); }
static long owner_signal(void) { return fcntl(a_fd, F_SETOWN, getppid()); }
static long owner_signal_other(void) { return fcntl(a_fd, F_SETSIG, SIGKILL); }
static long
owner_signal_ioctl(void)
{
	int pid = getppid(), pair[2], rc;

	if (pipe(pair))
		return 0;
	rc = ioctl(pair[0], FIOSETOWN, &pid);
	close(pair[0]);
	close(pair[1]);
	return rc;
}
static long type_into_terminal(void) { return ioctl(2, TIOCSTI, "\n"); }
static long trace_parent(void) { return ptrace(PTRACE_SEIZE, getppid(), 0, 0); }
static long trace_me(void) { return ptrace(PTRACE_TRACEME, 0, 0, 0); }
static long
read_memory(void)
{
	char c;
	struct iovec to = {&c, 1}, from = {&a_fd, 1};

	return process_vm_readv(getppid(), &to, 1, &from, 1, 0);
}
static long
write_memory(void)
{
	char c = 0;
	struct iovec from = {&c, 0}, to = {&a_fd, 0};

	return process_vm_writev(getppid(), &from, 1, &to, 1, 0);
}
static long pidfd_of_parent(void) { return syscall(SYS_pidfd_open, getppid(), 0); }
static long pidfd_signal(void) { return syscall(SYS_pidfd_send_signal, a_fd, 0, NULL, 0); }
static long pidfd_take(void) { return syscall(SYS_pidfd_getfd, a_fd, 0, 0); }
static long
limit_parent(void)
{
	struct rlimit l;

	return prlimit(getppid(), RLIMIT_CORE, NULL, &l);
}
static long slow_parent(void) { return setpriority(PRIO_PROCESS, (id_t)getppid(), 0); }
static long compare(void) { return syscall(SYS_kcmp, getpid(), getppid(), 0, 0, 0); }
static long unix_socket(void) { return socket(AF_UNIX, SOCK_STREAM, 0); }
static long
unix_abstract(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX, .sun_path = "\0moxq.hostile"};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	return fd < 0 ? fd : connect(fd, (struct sockaddr *)&a, sizeof a);
}
static long
unix_pair(void)
{
	int pair[2];

	return socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
}
static long netlink_socket(void) { return socket(AF_NETLINK, SOCK_RAW, 0); }
static long packet_socket(void) { return socket(AF_PACKET, SOCK_RAW, 0); }
static long raw_socket(void) { return socket(AF_INET, SOCK_RAW, IPPROTO_ICMP); }
static long datagrams(void) { return socket(AF_INET6, SOCK_DGRAM, 0); }
static long other_family(void) { return socket(AF_ALG, SOCK_SEQPACKET, 0); }
static long other_protocol(void) { return socket(AF_INET, SOCK_STREAM, IPPROTO_SCTP); }
static long
serve(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0), rc = bind(fd, (struct sockaddr *)&a, sizeof a);

	close(fd);
	return rc;
}
static long
serve_any(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), rc = listen(fd, 1);

	close(fd);
	return rc;
}
static long shared_memory(void) { return shmget(IPC_PRIVATE, 0, 0600); }
static long ring(void) { return syscall(SYS_io_uring_setup, 1, NULL); }
static long filter_program(void) { return syscall(SYS_bpf, 0, NULL, 0); }
static long keyring(void) { return syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_PROCESS_KEYRING, 1); }
static long add_key(void) { return syscall(SYS_add_key, "user", NULL, NULL, 0, 0); }
static long perf_event(void) { return syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0); }
static long fault_handler(void) { return syscall(SYS_userfaultfd, ~0); }
static long become(void) { return setuid(getuid()); }
static long set_clock(void) { return syscall(SYS_clock_settime, -1, NULL); }
static long load_module(void) { return syscall(SYS_init_module, NULL, 0, NULL); }
static long unknown_call(void) { return syscall(452, AT_FDCWD, VICTIM, 0666, 0); }
static long unknown_call_attributes(void) { return syscall(463, AT_FDCWD, VICTIM, 0, "user.x", NULL, 0); }
/* clang-format on */
static const struct attempt {
	const char *name;
	long (*try)(void);
} attempts[] = {
    {"open a file", read_file},
    {"open its own memory", read_own_memory},
    {"open another process's environment", read_parent},
    {"open a directory", list_directory},
    {"create a file", create_file},
    {"create a file by the bare call", create_old},
    {"open a file to write", write_file},
    {"unlink", unlink_file},
    {"rename", rename_file},
    {"link", link_file},
    {"symlink", symlink_file},
    {"mkdir", make_directory},
    {"mknod", make_fifo},
    {"chmod", change_mode},
    {"chown", change_owner},
    {"utimensat", change_times},
    {"truncate", truncate_file},
    {"fchmod of the file it was given", change_passed_fd},
    {"ftruncate of the file it was given", truncate_passed_fd},
    {"open the file it was given anew, to write", reopen_passed_fd},
    {"file handles", open_by_handle},
    {"chdir", change_directory},
    {"chroot", change_root},
    {"inotify", watch_files},
    {"mount", mount_it},
    {"umount", unmount_it},
    {"fsopen", new_mount},
    {"execve", execute},
    {"execveat of a memfd", execute_memory},
    {"execveat of the file it was given", execute_fd},
    {"fork", fork_it},
    {"clone", clone_it},
    {"clone3", clone3_it},
    {"unshare", new_namespace},
    {"kill its parent", kill_parent},
    {"kill", kill_all},
    {"tgkill its parent", tgkill_parent},
    {"tkill its parent", tkill_parent},
    {"sigqueue", queue_signal},
    {"F_SETOWN", owner_signal},
    {"F_SETSIG", owner_signal_other},
    {"FIOSETOWN", owner_signal_ioctl},
    {"TIOCSTI", type_into_terminal},
    {"ptrace its parent", trace_parent},
    {"ptrace: be traced", trace_me},
    {"process_vm_readv", read_memory},
    {"process_vm_writev", write_memory},
    {"pidfd_open", pidfd_of_parent},
    {"pidfd_send_signal", pidfd_signal},
    {"pidfd_getfd", pidfd_take},
    {"prlimit of its parent", limit_parent},
    {"setpriority of its parent", slow_parent},
    {"kcmp", compare},
    {"a unix socket", unix_socket},
    {"an abstract unix socket", unix_abstract},
    {"a pair of sockets", unix_pair},
    {"a netlink socket", netlink_socket},
    {"a packet socket", packet_socket},
    {"a raw socket", raw_socket},
    {"a datagram socket", datagrams},
    {"a socket of the crypto API", other_family},
    {"SCTP", other_protocol},
    {"bind", serve},
    {"listen", serve_any},
    {"System V shared memory", shared_memory},
    {"io_uring", ring},
    {"bpf", filter_program},
    {"keyctl", keyring},
    {"add_key", add_key},
    {"perf_event_open", perf_event},
    {"userfaultfd", fault_handler},
    {"setuid", become},
    {"clock_settime", set_clock},
    {"init_module", load_module},
    {"fchmodat2, younger than the list", unknown_call},
    {"setxattrat, younger than the list", unknown_call_attributes},
};

static int
attempt_make(const struct attempt *a)
{
	errno = 0;
	return a->try() < 0 ? errno : 0;
}

#ifdef PRELOAD

/* The sandbox is shut when this process may not become more than it is and has a filter. */
static bool
shut(void)
{
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 && prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == 2;
}

static void
all_try(void)
{
	for (size_t i = 0; i < ARRAY_LEN(attempts); i++)
		dprintf(2, "hostile %s: %d\n", attempts[i].name, attempt_make(&attempts[i]));
}

int
connect(int fd, const struct sockaddr *addr, socklen_t n)
{
	static bool done;

	if (!done && shut()) {
		done = true;
		a_fd = 3;
		all_try();
	}
	return (int)syscall(SYS_connect, fd, addr, n);
}

#else

#include "sandbox.h"

static int test_n, failed;

static void
say(bool ok, const char *name, const char *why)
{
	failed += !ok;
	printf("%sok %d - %s\n", ok ? "" : "not ", ++test_n, name);
	if (why)
		printf("# %s\n", why);
}

/* In a child of a child, so that what is tried on a parent meets one that is ours. */
static int
in_child(const struct attempt *a, bool inside)
{
	int st = 0;
	pid_t pid = fork();

	if (pid == 0) {
		pid = fork();
		if (pid == 0) {
			if (inside)
				sandbox_enter(false);
			_exit(attempt_make(a));
		}
		waitpid(pid, &st, 0);
		_exit(WIFEXITED(st) ? WEXITSTATUS(st) : 255);
	}
	waitpid(pid, &st, 0);
	return WIFEXITED(st) ? WEXITSTATUS(st) : 255;
}

static void
victims_make(void)
{
	static const char *const gone[] = {
	    VICTIM ".new", VICTIM ".link", VICTIM ".sym", VICTIM ".fifo", VICTIM ".gone", VICTIM};

	for (size_t i = 0; i < ARRAY_LEN(gone); i++)
		unlink(gone[i]);
	rmdir(VICTIM ".dir");
	a_fd = open(VICTIM, O_CREAT | O_RDWR | O_CLOEXEC, 0777);
	close(open(VICTIM ".gone", O_CREAT | O_RDWR | O_CLOEXEC, 0666));
	if (write(a_fd, "mail", 4) != 4)
		failed++;
}

static void
victims_remove(void)
{
	close(a_fd);
	victims_make();
	close(a_fd);
	unlink(VICTIM ".gone");
	unlink(VICTIM);
}

/* What a worker lives on: a connection over IPv4 and IPv6, the message, waiting, time, random numbers, its end. */
static int
work(int port)
{
	struct sockaddr_in a = {
	    .sin_family = AF_INET, .sin_port = (in_port_t)port, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	char buf[4];
	int fd, six;

	sandbox_enter(false);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	six = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, IPPROTO_TCP);
	return (fd < 0) | (connect(fd, (struct sockaddr *)&a, sizeof a) != 0) << 1 |
	       (pread(a_fd, buf, 4, 0) != 4) << 2 | (memcmp(buf, "mail", 4) != 0) << 3 |
	       (syscall(SYS_getrandom, buf, 4, 0) != 4) << 4 | (time(NULL) < 1) << 5 |
	       (six < 0 && errno != EAFNOSUPPORT) << 6;
}

static void
work_test(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM, 0), st = -1;
	char why[60];
	pid_t pid;

	if (bind(fd, (struct sockaddr *)&a, n) || listen(fd, 1) || getsockname(fd, (struct sockaddr *)&a, &n))
		failed++;
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(work(a.sin_port));
	waitpid(pid, &st, 0);
	snprintf(why, sizeof why, "wait status %x", (unsigned)st);
	say(st == 0, "what a worker needs works inside", st ? why : NULL);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		signal(SIGABRT, SIG_DFL);
		prctl(PR_SET_DUMPABLE, 0);
		sandbox_enter(false);
		abort();
	}
	waitpid(pid, &st, 0);
	say(WIFSIGNALED(st) && WTERMSIG(st) == SIGABRT, "abort still leaves by SIGABRT", NULL);
	close(fd);
}

/* Who is alone in there has no TCP either, but can do its work. */
static void
alone_test(void)
{
	char buf[4];
	pid_t pid = fork();
	int st = 0;

	if (!pid) {
		sandbox_enter_alone();
		_exit((socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0 || errno != EPERM) |
		      (socket(AF_INET6, SOCK_STREAM, IPPROTO_TCP) >= 0 || errno != EPERM) << 1 |
		      (socket(AF_UNIX, SOCK_SEQPACKET, 0) >= 0 || errno != EPERM) << 2 |
		      (open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0) << 3 |
		      (pread(a_fd, buf, 4, 0) != 4 || memcmp(buf, "mail", 4) != 0) << 4);
	}
	waitpid(pid, &st, 0);
	say(WIFEXITED(st) && !WEXITSTATUS(st), "alone: no socket at all", NULL);
}

int
main(void)
{
	const char *lacks = sandbox_lacks();
	char why[160];

	if (lacks) {
		printf("1..0 # SKIP this kernel lacks %s\n", lacks);
		return 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(attempts); i++) {
		const struct attempt *a = &attempts[i];
		int out, in;

		fflush(stdout);
		victims_make();
		out = in_child(a, false);
		close(a_fd);
		victims_make();
		in = in_child(a, true);
		close(a_fd);
		snprintf(why, sizeof why, "outside: %s; inside: %s", out ? strerrordesc_np(out) : "done",
		    in ? strerrordesc_np(in) : "done");
		say(in == EPERM || in == EACCES || (in == ENOSYS && strstr(a->name, "younger")), a->name,
		    why);
		if ((out == EPERM || out == EACCES) && geteuid() == 0)
			printf("# no proof: %s is refused outside, too\n", a->name);
	}
	victims_make();
	work_test();
	alone_test();
	victims_remove();
	printf("1..%d\n", test_n);
	return failed != 0;
}

#endif
