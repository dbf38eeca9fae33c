/* measure FILE COMMAND...: runs a mail system and says what all of its processes cost, whoever their parents are.
 *
 * Orphans come to us (subreaper), so that nobody's CPU time is lost. FILE is rewritten at SIGUSR1 and at the end:
 *   cpu=SECONDS rss=KB pss=KB one=KB processes=N   CPU so far; the rest are peaks of sums (rss counts shared pages once a process), and the
 *                                                  peak of the largest process
 * SIGTERM goes on to the command; what is left five seconds after its end is killed. */
#include "base.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "die.h"
#include "str.h"

#define USAGE "measure FILE COMMAND..."
#define SAMPLE (50 * 1000) /* microseconds between looks at memory */

struct proc {
	int pid, parent;
	unsigned long ticks; /* its own and of the children it has reaped */
	long rss;            /* pages */
	bool ours;
};

static struct proc *table;
static size_t table_n;
static struct {
	double cpu;
	long rss, pss, one;
	size_t processes;
} cost;

static bool
proc_read(int pid, struct proc *p)
{
	char name[64], buf[1024], *after;
	unsigned long t[4];
	FILE *f;
	size_t n;

	snprintf(name, sizeof name, "/proc/%d/stat", pid);
	if (!(f = fopen(name, "re")))
		return false;
	n = fread(buf, 1, sizeof buf - 1, f);
	fclose(f);
	buf[n] = 0;
	*p = (struct proc){.pid = pid};
	if (!(after = strrchr(buf, ')')) ||
	    sscanf(after + 2,
		"%*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %lu %lu %*d %*d %*d %*d %*u %*u %ld",
		&p->parent, &t[0], &t[1], &t[2], &t[3], &p->rss) != 6)
		return false;
	p->ticks = t[0] + t[1] + t[2] + t[3];
	return true;
}

/* Every process below this one. */
static void
table_fill(void)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	bool more = true;

	table_n = 0;
	while (d && (e = readdir(d))) {
		int pid = (int)strtol(e->d_name, NULL, 10);

		if (pid <= 0)
			continue;
		table = mem_grow(table, table_n + 1, sizeof *table);
		if (proc_read(pid, &table[table_n]))
			table[table_n++].ours = false;
	}
	if (d)
		closedir(d);
	while (more) {
		more = false;
		for (size_t i = 0; i < table_n; i++)
			for (size_t k = 0; !table[i].ours && k < table_n; k++)
				if (table[i].parent == getpid() ||
				    (table[k].ours && table[k].pid == table[i].parent))
					table[i].ours = more = true;
	}
}

/* Of /proc/PID/FILE, the kilobytes behind a label that scanf knows. */
static long
kb_read(int pid, const char *file, const char *label)
{
	char name[64], line[256];
	long kb = 0;
	FILE *f;

	snprintf(name, sizeof name, "/proc/%d/%s", pid, file);
	if (!(f = fopen(name, "re")))
		return 0;
	while (fgets(line, sizeof line, f))
		if (sscanf(line, label, &kb) == 1)
			break;
	fclose(f);
	return kb;
}

static void
look(bool closely)
{
	long rss = 0, pss = 0, one;
	size_t n = 0;
	unsigned long ticks = 0;
	struct rusage gone;

	table_fill();
	for (size_t i = 0; i < table_n; i++) {
		if (!table[i].ours)
			continue;
		n++;
		ticks += table[i].ticks;
		rss += table[i].rss * (sysconf(_SC_PAGESIZE) / 1024);
		if (!closely)
			continue;
		pss += kb_read(table[i].pid, "smaps_rollup", "Pss: %ld");
		one = kb_read(table[i].pid, "status", "VmHWM: %ld");
		if (one > cost.one)
			cost.one = one;
	}
	getrusage(RUSAGE_CHILDREN, &gone);
	if (gone.ru_maxrss > cost.one)
		cost.one = gone.ru_maxrss;
	cost.cpu = (double)(gone.ru_utime.tv_sec + gone.ru_stime.tv_sec) +
	           (double)(gone.ru_utime.tv_usec + gone.ru_stime.tv_usec) / 1e6 +
	           (double)ticks / (double)sysconf(_SC_CLK_TCK);
	if (rss > cost.rss)
		cost.rss = rss;
	if (pss > cost.pss)
		cost.pss = pss;
	if (n > cost.processes)
		cost.processes = n;
}

static void
tell(const char *file)
{
	struct str tmp = {0};
	FILE *f;

	look(true);
	str_addf(&tmp, "%s.tmp", file);
	if (!(f = fopen(tmp.s, "we")))
		die_temp("unable to open %s: %m", tmp.s);
	fprintf(f, "cpu=%.3f rss=%ld pss=%ld one=%ld processes=%zu\n", cost.cpu, cost.rss, cost.pss, cost.one,
	    cost.processes);
	if (fclose(f) || renameat(-100, tmp.s, -100, file))
		die_temp("unable to write %s: %m", file);
	str_free(&tmp);
}

int
main(int argc, char **argv)
{
	const struct timespec sample = {.tv_nsec = SAMPLE * 1000};
	sigset_t set;
	pid_t child, gone;
	int64_t limit = 0;
	int status, result = 0;

	prog_start("measure");
	if (argc < 3)
		die_usage(USAGE);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) || (child = fork()) < 0)
		die_temp("unable to start: %m");
	if (child == 0) {
		sigprocmask(SIG_UNBLOCK, &set, NULL);
		execvp(argv[2], argv + 2);
		die_temp("unable to run %s: %m", argv[2]);
	}
	for (unsigned turn = 0;; turn++) {
		int sig = sigtimedwait(&set, NULL, &sample);

		if (sig == SIGTERM)
			kill(child, SIGTERM);
		if (sig == SIGUSR1)
			tell(argv[1]);
		if (sig < 0)
			look(turn % 4 == 0);
		while ((gone = waitpid(-1, &status, WNOHANG)) > 0) {
			if (gone != child)
				continue;
			result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
			limit = clock_mono() + 5 * SECOND;
		}
		if (gone < 0 && errno == ECHILD)
			break;
		if (!limit || clock_mono() < limit)
			continue;
		table_fill();
		for (size_t i = 0; i < table_n; i++)
			if (table[i].ours)
				kill(table[i].pid, SIGKILL);
	}
	tell(argv[1]);
	return result;
}
