/* The door behind a socket. A setgid door has the caller's own rights and the group's; this one runs as the spool's owner, who may read
 * keys and the queue of all: a fault in it must not give these away. */
#include "base.h"

#include "enter.h"
#include "landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#if defined __x86_64__
#define ARCH AUDIT_ARCH_X86_64
#elif defined __aarch64__
#define ARCH AUDIT_ARCH_AARCH64
#elif defined __riscv && __riscv_xlen == 64
#define ARCH AUDIT_ARCH_RISCV64
#endif

/* Landlock sees to programs and files; sockets lead to spool/ctl and to the world, signals and memory to others of our user. */
static void
calls_refuse(void)
{
#ifdef ARCH
	static const int refused[] = {
#ifndef LEAK_CHECKER
	    SYS_ptrace,
#endif
	    SYS_socket, SYS_connect, SYS_execve, SYS_execveat, SYS_process_vm_readv, SYS_process_vm_writev,
	    SYS_pidfd_getfd, SYS_io_uring_setup, SYS_kill, SYS_pidfd_send_signal, SYS_rt_sigqueueinfo};
	struct sock_filter f[ARRAY_LEN(refused) + 7];
	struct sock_fprog program = {.filter = f};
	unsigned short n = 0;

	f[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
	f[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0);
	f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	f[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	/* The calls of x32, by other numbers. */
	f[n++] =
	    (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, ARRAY_LEN(refused) + 1, 0);
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		unsigned char over = (unsigned char)(ARRAY_LEN(refused) - i);

		f[n++] =
		    (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)refused[i], over, 0);
	}
	f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
	program.len = n;
	prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
#endif
}

/* Both directories with the same rights: a file must not gain any by its move (LANDLOCK_ACCESS_FS_REFER, version 2, without which no file
 * may change its directory at all). */
void
door_confine(const struct door *d)
{
	static const uint64_t rights = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG |
	                               LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_REFER |
	                               LANDLOCK_ACCESS_FS_TRUNCATE;
	const char *clock = getenv("MOX_TEST_CLOCK");
	struct landlock_keep keep[] = {
	    {d->spool.dir, "tmp", rights},
	    {d->spool.dir, "new", rights},
	    {d->spool.dir, "trigger", LANDLOCK_ACCESS_FS_WRITE_FILE},
	    {AT_FDCWD, clock ? clock : "", LANDLOCK_ACCESS_FS_READ_FILE},
	};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return;
	if (landlock_version() >= 2)
		landlock_shut(keep, ARRAY_LEN(keep));
	calls_refuse();
}
