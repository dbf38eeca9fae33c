#include "base.h"

#include "landlock.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

int
landlock_version(void)
{
	long v = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	return v < 0 ? 0 : (int)v;
}

static void
keep_add(int ruleset, const struct landlock_keep *k, uint64_t known)
{
	struct landlock_path_beneath_attr rule = {.allowed_access = k->rights & known};

	rule.parent_fd = openat(k->dir, k->path, O_PATH | O_CLOEXEC);
	if (rule.parent_fd < 0)
		return;
	syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	close(rule.parent_fd);
}

/* Newer kernels ignore nothing: the mask must not have bits they lack. */
void
landlock_shut(const struct landlock_keep *keep, size_t n)
{
	static const unsigned bits[] = {0, 13, 14, 15, 15, 16}; /* rights by version */
	struct landlock_ruleset_attr attr = {0};
	int version = landlock_version();
	long fd;

	if (version < 1)
		return;
	attr.handled_access_fs = (UINT64_C(1) << bits[version < 5 ? version : 5]) - 1;
	fd = syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
	if (fd < 0)
		return;
	for (size_t i = 0; i < n; i++)
		keep_add((int)fd, &keep[i], attr.handled_access_fs);
#ifdef LEAK_CHECKER
	keep_add((int)fd,
	    &(struct landlock_keep){
		AT_FDCWD, "/proc", LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR},
	    attr.handled_access_fs);
#endif
	syscall(SYS_landlock_restrict_self, fd, 0);
	close((int)fd);
}
