#include "base.h"

#include "addr.h"
#include "child.h"
#include "die.h"
#include "fdio.h"
#include "sendmail_modes.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sysexits.h>
#include <unistd.h>

/* "name [-C file] word... NULL"; n words. The caller frees the array. */
static char **
sibling_argv(const char *name, char *conf_file, const char *const *words, size_t n)
{
	static char option[] = "-C";
	char **argv = mem_zalloc((n + 4) * sizeof *argv);
	size_t k = 0;

	argv[k++] = mem_dup(name);
	if (conf_file) {
		argv[k++] = option;
		argv[k++] = conf_file;
	}
	for (size_t i = 0; i < n; i++)
		argv[k++] = mem_dup(words[i]);
	return argv;
}

void
sendmail_become(const char *name, char *conf_file, const char *option)
{
	child_exec(sibling_argv(name, conf_file, &option, 1));
	die_exit(EX_OSERR, "unable to run %s: %m", name);
}

/* ---- -q ---- */

/* One byte into the fifo wakes mox-runq. Nobody reading is no error: who runs it from cron does so soon. */
static void
runner_wake(const struct conf *c)
{
	struct str path = {0};
	int fd;

	str_addf(&path, "%s/trigger", c->spool);
	fd = open(path.s, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno != ENXIO)
		die_exit(
		    errno == EACCES ? EX_NOPERM : EX_TEMPFAIL, "unable to wake mox-runq: %s: %m", path.s);
	signal(SIGPIPE, SIG_IGN);
	if (fd >= 0 && write(fd, "", 1) < 0 && errno != EAGAIN && errno != EPIPE)
		die_temp("unable to wake mox-runq: %s: %m", path.s);
	str_free(&path);
}

static bool
has_part(const char *s, size_t n, const char *part)
{
	struct str text = {0}, sought = {0};
	bool found;

	str_add(&text, s, n);
	str_adds(&sought, part);
	if (text.len)
		str_lower(text.s);
	if (sought.len)
		str_lower(sought.s);
	found = strstr(str_cstr(&text), str_cstr(&sought)) != NULL;
	str_free(&text);
	str_free(&sought);
	return found;
}

bool
sendmail_flush_means(const char *what, const char *row)
{
	bool without = what[1] == '!';
	const char *part = what + 1 + without, *field = row;

	for (size_t skip = *what == 'I' ? 0 : *what == 'S' ? 1 : 2; skip; skip--) {
		field += strcspn(field, "\t");
		field += *field == '\t';
	}
	return has_part(field, strcspn(field, "\t"), part) != without;
}

/* The sentence of a sibling that failed has been said already. */
static void
check_code(const char *name, int code)
{
	if (!code)
		return;
	if (code < 0 || code >= 128)
		die_exit(EX_OSERR, "unable to go through the queue: %s ended by a signal", name);
	exit(code == EXIT_PERM ? EX_NOPERM : EX_TEMPFAIL);
}

static pid_t
run(const char *name, char *conf_file, const char *const *words, size_t n, const struct child_fd *fds,
    size_t nfds)
{
	char **argv = sibling_argv(name, conf_file, words, n);
	pid_t pid = child_spawn(argv, fds, nfds);

	if (pid < 0)
		die_exit(EX_OSERR, "unable to run %s: %m", name);
	free(argv);
	return pid;
}

static int
null_open(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		die_exit(EX_OSERR, "unable to open /dev/null: %m");
	return fd;
}

/* mox-queue-schedule: for everything, or for the ids it reads. */
struct scheduler {
	pid_t pid;
	int ids, sorry;
};

static struct scheduler
scheduler_start(char *conf_file, bool all)
{
	static const char *const everything[] = {"-all", "now"}, *const some[] = {"now", "-"};
	int null = null_open(), ids[2], sorry[2];
	struct scheduler s;

	if (pipe2(ids, O_CLOEXEC) || pipe2(sorry, O_CLOEXEC))
		die_temp("unable to make a pipe: %m");
	s.pid = run("mox-queue-schedule", conf_file, all ? everything : some, 2,
	    (struct child_fd[]){{ids[0], 0}, {null, 1}, {sorry[1], 2}}, 3);
	close(ids[0]);
	close(sorry[1]);
	close(null);
	s.ids = ids[1];
	s.sorry = sorry[0];
	return s;
}

/* What it says is passed on when it failed; how many were due is news to nobody, and cron would mail it. */
static void
scheduler_end(struct scheduler *s)
{
	struct str said = {0};
	char buf[512];
	ssize_t n;
	int code;

	close(s->ids);
	while ((n = fd_read(s->sorry, buf, sizeof buf)) > 0)
		str_add(&said, buf, (size_t)n);
	close(s->sorry);
	code = child_wait(s->pid);
	if (code && said.len && fd_write_all(2, said.s, said.len))
		code = code > 0 ? code : EXIT_TEMP;
	str_free(&said);
	check_code("mox-queue-schedule", code);
}

/* Ids of what is meant flow from mox-queue-list to mox-queue-schedule, whatever the length of the queue. */
static void
due_make_some(char *conf_file, const char *what)
{
	static const char *const fields[] = {"-o", "id,sender,rcpt"};
	struct scheduler s = scheduler_start(conf_file, false);
	int null = null_open(), rows[2], listed;
	size_t room = 0;
	char *row = NULL;
	pid_t list;
	FILE *in;

	if (pipe2(rows, O_CLOEXEC))
		die_temp("unable to make a pipe: %m");
	list = run("mox-queue-list", conf_file, fields, 2, (struct child_fd[]){{null, 0}, {rows[1], 1}}, 2);
	close(rows[1]);
	close(null);
	if (!(in = fdopen(rows[0], "r")))
		die_temp("unable to read the queue: %m");
	while (getline(&row, &room, in) > 0) {
		size_t n = strcspn(row, "\t\n");

		row[strcspn(row, "\n")] = 0;
		if (!sendmail_flush_means(what, row))
			continue;
		row[n] = '\n';
		if (fd_write_all(s.ids, row, n + 1))
			break; /* its exit code tells why it went */
	}
	free(row);
	fclose(in);
	listed = child_wait(list);
	scheduler_end(&s);
	check_code("mox-queue-list", listed);
}

static void
due_make_all(char *conf_file)
{
	struct scheduler s = scheduler_start(conf_file, true);

	scheduler_end(&s);
}

void
sendmail_flush(const struct conf *c, char *conf_file, const char *what)
{
	bool all = !*what || !strcmp(what, "f"), some = *what && strchr("IRS", *what);

	if (!all && !some) {
		runner_wake(c);
		exit(0);
	}
	signal(SIGPIPE, SIG_IGN);
	if (all)
		due_make_all(conf_file);
	else
		due_make_some(conf_file, what);
	/* Where one runs already, this ends at once. */
	check_code("mox-runq", child_wait(run("mox-runq", conf_file, NULL, 0, NULL, 0)));
	exit(0);
}

/* ---- -bv ---- */

void
sendmail_verify(const struct recipients *to, char *conf_file)
{
	const char **words;
	int code;

	for (size_t i = 0; i < to->n; i++)
		if (to->v[i].asked)
			printf("%s: %s\n", to->v[i].asked, to->v[i].path);
	fflush(stdout);
	words = mem_zalloc((to->n + 1) * sizeof *words);
	words[0] = "--";
	for (size_t i = 0; i < to->n; i++)
		words[i + 1] = addr_domain(to->v[i].path);
	code = child_wait(run("mox-nexthop", conf_file, words, to->n + 1, NULL, 0));
	free(words);
	exit(!code ? 0 : code == EXIT_PERM ? EX_NOHOST : code == EXIT_TEMP ? EX_TEMPFAIL : EX_OSERR);
}
