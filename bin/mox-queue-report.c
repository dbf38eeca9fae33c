/* mox-queue-report: the state of the queue as one page to look at. */
#include "base.h"

#include "admin.h"
#include "clock.h"
#include "die.h"
#include "file.h"
#include "report_ask.h"
#include "report_draw.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage[] =
    "mox-queue-report [-C file] [-o file] [-since duration] [-n count] [-filter value ...] [id ... | -]";

#define LINES 10

enum { OPT_OUT = ADMIN_OWN, OPT_SINCE };
static const struct opt options[] = {{"o", OPT_OUT, true}, {"since", OPT_SINCE, true}};

/* Whole or not at all, so that a reader never sees half of it; mode, and group where we may, stay as they were. */
static void
write_page(const struct str *page, const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	char *dir = slash ? mem_dupn(path, (size_t)(slash - path) + 1) : mem_dup(".");
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;
	bool before = fd >= 0 && !fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) && S_ISREG(st.st_mode);
	unsigned mode = before ? st.st_mode & 0666 : 0600;

	if (fd < 0)
		die_perm("unable to write %s: %m", path);
	if (!*name || file_replace(fd, name, page->s, page->len, mode & ~0066u))
		die_exit(errno == ENOSPC || errno == EIO || errno == EDQUOT ? EXIT_TEMP : EXIT_PERM,
		    "unable to write %s: %s", path, *name ? strerror(errno) : "Is a directory");
	/* The group first: others than before never read it. */
	if (before && (fchownat(fd, name, st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW) &&
			  fchownat(fd, name, (uid_t)-1, st.st_gid, AT_SYMLINK_NOFOLLOW)))
		mode &= ~0060u;
	if (mode & 066 && fchmodat(fd, name, mode, 0))
		warn("unable to give %s the mode it had: %m", path);
	close(fd);
	free(dir);
}

int
main(int argc, char *argv[])
{
	struct report r = {.since = 7 * DAY, .lines = LINES};
	const char *out = NULL;
	struct str page = {0};
	struct admin a;
	int code;

	(void)argc;
	admin_start(&a, "mox-queue-report", usage, ADMIN_LIST, argv);
	while ((code = admin_option(&a, options, ARRAY_LEN(options))))
		if (code == OPT_OUT)
			out = a.opt.value;
		else if (!str_duration(a.opt.value, &r.since) || r.since < HOUR || r.since > REPORT_SINCE_MAX)
			die_perm(
			    "unable to use -since \"%s\": expected a duration from 1h to 60d", a.opt.value);
	admin_ready(&a, 0);
	if (a.limit > REPORT_LINES_MAX)
		die_perm("unable to use -n %llu: expected a number from 1 to %d", (unsigned long long)a.limit,
		    REPORT_LINES_MAX);
	if (a.limit)
		r.lines = (size_t)a.limit;
	a.limit = 0;
	admin_gather(&a);
	report_ask(&r, &a);
	report_page(&page, &r);
	if (out && strcmp(out, "-") != 0)
		write_page(&page, out);
	else
		fwrite(page.s, 1, page.len, stdout);
	admin_flush();
	str_free(&page);
	report_free(&r);
	admin_free(&a);
	return 0;
}
