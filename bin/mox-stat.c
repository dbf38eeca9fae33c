/* mox-stat: what mox-runq has done and what waits, as Prometheus reads it. */
#include "base.h"

#include "admin.h"
#include "die.h"
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static const char usage[] = "mox-stat [-C file] [-last]";

#define FILE_MAX (16 << 20)
enum { OPT_LAST = ADMIN_OWN };
static const struct opt options[] = {{"last", OPT_LAST, false}};

static void
no_rows(char *rec, size_t n, void *arg)
{
	(void)rec;
	(void)n;
	(void)arg;
}

int
main(int argc, char *argv[])
{
	struct str path = {0}, text = {0};
	struct admin a;
	bool last = false;
	int code;

	(void)argc;
	admin_start(&a, "mox-stat", usage, ADMIN_PLAIN, argv);
	while ((code = admin_option(&a, options, ARRAY_LEN(options))))
		last = last || code == OPT_LAST;
	if (a.opt.nargs)
		die_usage(usage);
	admin_ready(&a, 0);
	if (!last)
		admin_ask(&a, "stat", NULL, no_rows, NULL);
	str_addf(&path, "%s/metrics.prom", a.conf->spool);
	if (file_read(AT_FDCWD, path.s, &text, FILE_MAX))
		die_exit(errno == ENOENT ? EXIT_TEMP : EXIT_PERM, "unable to read %s: %s", path.s,
		    errno == ENOENT ? "mox-runq has not written it yet" : strerror(errno));
	fwrite(text.s, 1, text.len, stdout);
	admin_flush();
	str_free(&path);
	str_free(&text);
	admin_free(&a);
	return 0;
}
