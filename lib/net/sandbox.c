#include "base.h"

#include "die.h"
#include "landlock.h"
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
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

#define RIGHTS_BELOW                                                                                         \
	(LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_WRITE_FILE |        \
	    LANDLOCK_ACCESS_FS_TRUNCATE | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REMOVE_FILE)
#define KEEP_MAX 32

/* Nothing is granted but to read what is kept, and those rights below dir. */
static void
files_shut(const char *const *keep, const char *dir)
{
	struct landlock_keep all[KEEP_MAX];
	size_t n = 0;

	for (; keep && *keep; keep++) {
		if (n == KEEP_MAX - 1)
			bug("more than %d files to keep", KEEP_MAX - 1);
		all[n++] = (struct landlock_keep){AT_FDCWD, *keep, LANDLOCK_ACCESS_FS_READ_FILE};
	}
	if (dir)
		all[n++] = (struct landlock_keep){AT_FDCWD, dir, RIGHTS_BELOW};
	landlock_shut(all, n);
}

#ifdef ARCH

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
/* The low half of an argument: all that the kernel looks at in an int. */
#define LOAD_ARG(i) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[i]))
#define ANSWER(what) BPF_STMT(BPF_RET | BPF_K, what)
/* When the loaded value is k: skip `yes` instructions, else `no`. */
#define IF_EQUAL(k, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(k), yes, no)
#define IF_AT_LEAST(k, yes, no) BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, k, yes, no)
#define REFUSED (SECCOMP_RET_ERRNO | EPERM)
/* The first number of the common table that is younger than the list below (fchmodat2). */
#define YOUNGER 452

/* Landlock knows nothing of modes, owners, times and attributes, and nothing of the rest. */
/* clang-format off */
static const int refused[] = {
	/* programs and processes */
	SYS_execve, SYS_execveat, SYS_clone, SYS_clone3, SYS_unshare, SYS_setns, SYS_personality,
	/* other processes */
	SYS_kill, SYS_tkill, SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo, SYS_ptrace, SYS_process_vm_readv,
	SYS_process_vm_writev, SYS_process_madvise, SYS_process_mrelease, SYS_kcmp, SYS_pidfd_open, SYS_pidfd_getfd,
	SYS_pidfd_send_signal, SYS_setpriority, SYS_ioprio_set, SYS_sched_setscheduler, SYS_sched_setparam,
	SYS_sched_setattr, SYS_sched_setaffinity, SYS_migrate_pages, SYS_move_pages, SYS_perf_event_open, SYS_userfaultfd,
	/* files */
	SYS_openat, SYS_openat2, SYS_open_by_handle_at, SYS_name_to_handle_at, SYS_mknodat, SYS_mkdirat, SYS_unlinkat,
	SYS_symlinkat, SYS_linkat, SYS_renameat2, SYS_truncate, SYS_ftruncate, SYS_fallocate, SYS_fchmod, SYS_fchmodat,
	SYS_fchown, SYS_fchownat, SYS_utimensat, SYS_setxattr, SYS_lsetxattr, SYS_fsetxattr, SYS_removexattr,
	SYS_lremovexattr, SYS_fremovexattr, SYS_chdir, SYS_fchdir, SYS_chroot, SYS_inotify_init1, SYS_fanotify_init,
	SYS_memfd_create, SYS_mount, SYS_umount2, SYS_pivot_root, SYS_open_tree, SYS_move_mount, SYS_fsopen, SYS_fspick,
	SYS_mount_setattr, SYS_quotactl, SYS_acct, SYS_swapon, SYS_swapoff,
	/* ways to others, and in */
	SYS_socketpair, SYS_bind, SYS_listen, SYS_shmget, SYS_shmat, SYS_semget, SYS_msgget, SYS_mq_open,
	SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register, SYS_io_setup,
	/* the kernel itself */
	SYS_bpf, SYS_keyctl, SYS_add_key, SYS_request_key, SYS_init_module, SYS_finit_module, SYS_delete_module,
	SYS_kexec_load, SYS_reboot, SYS_syslog, SYS_sethostname, SYS_setdomainname, SYS_settimeofday, SYS_clock_settime,
	SYS_adjtimex, SYS_clock_adjtime, SYS_vhangup, SYS_setuid, SYS_setgid, SYS_setreuid, SYS_setregid, SYS_setresuid,
	SYS_setresgid, SYS_setgroups, SYS_capset,
	/* what only older machines have */
#ifdef SYS_open
	SYS_open, SYS_creat, SYS_fork, SYS_vfork, SYS_mknod, SYS_mkdir, SYS_rmdir, SYS_unlink, SYS_symlink, SYS_link,
	SYS_rename, SYS_chmod, SYS_chown, SYS_lchown, SYS_utime, SYS_utimes, SYS_futimesat, SYS_inotify_init,
#endif
#ifdef SYS_renameat
	SYS_renameat,
#endif
#ifdef SYS_iopl
	SYS_iopl, SYS_ioperm,
#endif
#ifdef SYS_kexec_file_load
	SYS_kexec_file_load,
#endif
};
/* clang-format on */

static void
calls_shut(bool bind)
{
	static const struct sock_filter head[] = {
	    LOAD(arch),
	    IF_EQUAL(ARCH, 1, 0),
	    ANSWER(SECCOMP_RET_KILL_PROCESS),
	    LOAD(nr),
#ifdef __x86_64__
	    IF_AT_LEAST(0x40000000, 0, 1), /* x32 */
	    ANSWER(SECCOMP_RET_KILL_PROCESS),
#endif
	    IF_AT_LEAST(YOUNGER, 0, 1), /* as on a kernel that lacks it: libraries know what to do then */
	    ANSWER(SECCOMP_RET_ERRNO | ENOSYS),
	    /* TCP, and nothing else: neither raw packets nor datagrams. */
	    IF_EQUAL(SYS_socket, 0, 13),
	    LOAD_ARG(0),
	    IF_EQUAL(AF_INET, 2, 0),
	    IF_EQUAL(AF_INET6, 1, 0),
	    ANSWER(REFUSED),
	    LOAD_ARG(1),
	    BPF_STMT(BPF_ALU | BPF_AND | BPF_K, (uint32_t) ~(SOCK_CLOEXEC | SOCK_NONBLOCK)),
	    IF_EQUAL(SOCK_STREAM, 1, 0),
	    ANSWER(REFUSED),
	    LOAD_ARG(2),
	    IF_EQUAL(0, 1, 0),
	    IF_EQUAL(IPPROTO_TCP, 0, 1),
	    ANSWER(SECCOMP_RET_ALLOW),
	    ANSWER(REFUSED),
	    /* A descriptor's owner gets a signal of the descriptor's choice when something comes: kill by
	     * another name. */
	    IF_EQUAL(SYS_fcntl, 0, 6),
	    LOAD_ARG(1),
	    IF_EQUAL(F_SETOWN, 3, 0),
	    IF_EQUAL(F_SETOWN_EX, 2, 0),
	    IF_EQUAL(F_SETSIG, 1, 0),
	    ANSWER(SECCOMP_RET_ALLOW),
	    ANSWER(REFUSED),
	    /* The same by ioctl, and typing into the terminal of who started it all. */
	    IF_EQUAL(SYS_ioctl, 0, 7),
	    LOAD_ARG(1),
	    IF_EQUAL(FIOSETOWN, 4, 0),
	    IF_EQUAL(SIOCSPGRP, 3, 0),
	    IF_EQUAL(TIOCSTI, 2, 0),
	    IF_EQUAL(TIOCLINUX, 1, 0),
	    ANSWER(SECCOMP_RET_ALLOW),
	    ANSWER(REFUSED),
	    /* Limits of its own alone. */
	    IF_EQUAL(SYS_prlimit64, 0, 4),
	    LOAD_ARG(0),
	    IF_EQUAL(0, 0, 1),
	    ANSWER(SECCOMP_RET_ALLOW),
	    ANSWER(REFUSED),
	};
	struct sock_filter filter[ARRAY_LEN(head) + 5 + 2 * ARRAY_LEN(refused) + 1], *f = filter;
	/* abort() signals itself. */
	const struct sock_filter own[] = {
	    IF_EQUAL(SYS_tgkill, 0, 4),
	    LOAD_ARG(0),
	    IF_EQUAL(getpid(), 0, 1),
	    ANSWER(SECCOMP_RET_ALLOW),
	    ANSWER(REFUSED),
	};
	struct sock_fprog program = {ARRAY_LEN(filter), filter};

	for (size_t i = 0; i < ARRAY_LEN(head); i++)
		*f++ = head[i];
	for (size_t i = 0; i < ARRAY_LEN(own); i++)
		*f++ = own[i];
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		*f++ = (struct sock_filter)IF_EQUAL(refused[i], 0, 1);
		*f++ = bind && refused[i] == SYS_bind ? (struct sock_filter)ANSWER(SECCOMP_RET_ALLOW)
		                                      : (struct sock_filter)ANSWER(REFUSED);
	}
	*f = (struct sock_filter)ANSWER(SECCOMP_RET_ALLOW);
	prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

/* Both filters are asked, and the stricter answer holds. */
static void
sockets_shut(void)
{
	struct sock_filter filter[] = {
	    LOAD(nr),
	    IF_EQUAL(SYS_socket, 0, 1),
	    ANSWER(REFUSED),
	    ANSWER(SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {ARRAY_LEN(filter), filter};

	prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

#else

static void
calls_shut(bool bind)
{
	(void)bind;
}

static void
sockets_shut(void)
{
}

#endif

const char *
sandbox_lacks(void)
{
	bool files = landlock_version() >= 1, calls = false;
#ifdef ARCH
	uint32_t action = SECCOMP_RET_ERRNO;

	calls = !syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action);
#endif
	return files && calls ? NULL : files ? "seccomp" : calls ? "landlock" : "landlock and seccomp";
}

void
sandbox_enter(bool bind)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return;
	files_shut(NULL, NULL);
	calls_shut(bind);
}

void
sandbox_enter_alone(void)
{
	sandbox_enter(false);
	sockets_shut();
}

void
sandbox_files(const char *const *keep)
{
	sandbox_files_below(keep, NULL);
}

void
sandbox_files_below(const char *const *keep, const char *dir)
{
	if (!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		files_shut(keep, dir);
}
