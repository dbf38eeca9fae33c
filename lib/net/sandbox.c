#include "base.h"

#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined __x86_64__
#define ARCH AUDIT_ARCH_X86_64
#elif defined __aarch64__
#define ARCH AUDIT_ARCH_AARCH64
#elif defined __riscv && __riscv_xlen == 64
#define ARCH AUDIT_ARCH_RISCV64
#endif

/* The leak checker reads /proc when the program ends. */
#if defined __has_feature
#if __has_feature(address_sanitizer)
#define LEAK_CHECKER
#endif
#elif defined __SANITIZE_ADDRESS__
#define LEAK_CHECKER
#endif

static void
path_keep(int ruleset, const char *path, uint64_t rights)
{
	struct landlock_path_beneath_attr rule = {.allowed_access = rights};

	rule.parent_fd = open(path, O_PATH | O_CLOEXEC);
	if (rule.parent_fd < 0)
		return;
	syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	close(rule.parent_fd);
}

/* Every right this kernel knows is handled, and none is granted but to read what is kept. Newer kernels
 * ignore nothing: the mask must not have bits they lack. */
static void
files_shut(const char *const *keep)
{
	static const unsigned bits[] = {0, 13, 14, 15, 15, 16}; /* rights by ABI version */
	struct landlock_ruleset_attr attr = {0};
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	long fd;

	if (abi < 1)
		return;
	attr.handled_access_fs = (UINT64_C(1) << bits[abi < 5 ? abi : 5]) - 1;
	fd = syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
	if (fd < 0)
		return;
	for (; keep && *keep; keep++)
		path_keep((int)fd, *keep, LANDLOCK_ACCESS_FS_READ_FILE);
#ifdef LEAK_CHECKER
	path_keep((int)fd, "/proc", LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR);
#endif
	syscall(SYS_landlock_restrict_self, fd, 0);
	close((int)fd);
}

#ifdef ARCH

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
/* The low half of an argument: all that the kernel looks at in an int. */
#define LOAD_ARG(i) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[i]))
#define ANSWER(what) BPF_STMT(BPF_RET | BPF_K, what)
/* When the loaded value is k: skip `yes` instructions, else `no`. */
#define IF_EQUAL(k, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(k), yes, no)
#define REFUSED (SECCOMP_RET_ERRNO | EPERM)
#define REFUSE(nr) IF_EQUAL(nr, 0, 1), ANSWER(REFUSED)

static void
calls_shut(void)
{
	struct sock_filter filter[] = {
	    LOAD(arch),
	    IF_EQUAL(ARCH, 1, 0),
	    ANSWER(SECCOMP_RET_KILL_PROCESS),
	    LOAD(nr),
#ifdef __x86_64__
	    BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1), /* x32 */
	    ANSWER(SECCOMP_RET_KILL_PROCESS),
#endif
	    IF_EQUAL(SYS_socket, 0, 5),
	    LOAD_ARG(0),
	    IF_EQUAL(AF_INET, 2, 0),
	    IF_EQUAL(AF_INET6, 1, 0),
	    ANSWER(REFUSED),
	    ANSWER(SECCOMP_RET_ALLOW),
	    /* abort() signals itself. */
	    IF_EQUAL(SYS_tgkill, 0, 4),
	    LOAD_ARG(0),
	    IF_EQUAL(getpid(), 1, 0),
	    ANSWER(REFUSED),
	    ANSWER(SECCOMP_RET_ALLOW),
	    REFUSE(SYS_execve),
	    REFUSE(SYS_execveat),
	    REFUSE(SYS_kill),
	    REFUSE(SYS_tkill),
	    REFUSE(SYS_rt_sigqueueinfo),
	    REFUSE(SYS_rt_tgsigqueueinfo),
	    REFUSE(SYS_ptrace),
	    REFUSE(SYS_process_vm_readv),
	    REFUSE(SYS_process_vm_writev),
	    REFUSE(SYS_process_madvise),
	    REFUSE(SYS_kcmp),
	    REFUSE(SYS_pidfd_open),
	    REFUSE(SYS_pidfd_getfd),
	    REFUSE(SYS_pidfd_send_signal),
	    REFUSE(SYS_clone),
	    REFUSE(SYS_clone3),
#ifdef SYS_fork
	    REFUSE(SYS_fork),
	    REFUSE(SYS_vfork),
#endif
#ifdef SYS_open
	    REFUSE(SYS_open),
	    REFUSE(SYS_creat),
#endif
	    REFUSE(SYS_openat),
	    REFUSE(SYS_openat2),
	    REFUSE(SYS_open_by_handle_at),
	    REFUSE(SYS_bpf),
	    REFUSE(SYS_perf_event_open),
	    REFUSE(SYS_io_uring_setup),
	    REFUSE(SYS_userfaultfd),
	    REFUSE(SYS_keyctl),
	    REFUSE(SYS_unshare),
	    REFUSE(SYS_setns),
	    REFUSE(SYS_mount),
	    REFUSE(SYS_socketpair),
	    REFUSE(SYS_listen),
	    ANSWER(SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {ARRAY_LEN(filter), filter};

	prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

#else

static void
calls_shut(void)
{
}

#endif

const char *
sandbox_lacks(void)
{
	bool files = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) >= 1,
	     calls = false;
#ifdef ARCH
	uint32_t action = SECCOMP_RET_ERRNO;

	calls = !syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action);
#endif
	return files && calls ? NULL : files ? "seccomp" : calls ? "landlock" : "landlock and seccomp";
}

void
sandbox_enter(void)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return;
	files_shut(NULL);
	calls_shut();
}

void
sandbox_files(const char *const *keep)
{
	if (!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		files_shut(keep);
}
