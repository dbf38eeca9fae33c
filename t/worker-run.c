/* worker-run: plays mox-runq for one worker of mox-deliver -w.
 *
 *   worker-run [-C conf] [-a AHEAD] [-n JOBS] [-p] [-q] [-x FILE] JOB MESSAGE [JOB MESSAGE] ...
 *
 * JOB holds the lines of a job but `job`, `id`, `size` and `end`; MESSAGE is the message in wire form. Keeps AHEAD (2) jobs unanswered, sends
 * JOBS of them in all (default: each pair once; the pairs repeat), prints the reports, closes the socket and waits for all to end. -p
 * prints "packet" before each packet, -q nothing but one line of figures; -x closes the socket as soon as FILE exists.
 * Exits 0 when every job had its `end`, 1 when the worker closed before (prints "eof"). */
#include "base.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "die.h"
#include "fdio.h"
#include "file.h"
#include "rec.h"
#include "str.h"

#define USAGE "worker-run [-C conf] [-a AHEAD] [-n JOBS] [-p] [-q] [-x FILE] JOB MESSAGE [JOB MESSAGE] ..."

struct pair {
	struct str job;
	const char *message;
	off_t size;
};

struct run {
	unsigned ahead;
	unsigned long jobs, sent, ended, bad;
	bool packets, quiet;
	const char *close_when;
	struct pair *pair;
	size_t npair;
	int sock;
};

/* The parent, with a worker behind the other end of what is answered. */
static int
worker_start(const char *conf, pid_t *pid)
{
	int parent[2], job[2];
	struct str s = {0};

	if (pkt_pair(parent) || pkt_pair(job))
		die_temp("unable to make sockets: %m");
	*pid = fork();
	if (*pid < 0)
		die_temp("unable to fork: %m");
	if (!*pid) {
		dup2(parent[1], 0);
		execlp("mox-deliver", "mox-deliver", conf ? "-C" : "-w", conf ? conf : NULL, "-w", NULL);
		die_temp("unable to run mox-deliver: %m");
	}
	rec_add(&s, "worker", "1");
	rec_add(&s, "site", "test");
	rec_add(&s, "transport", "");
	rec_add(&s, "pkix", "no");
	rec_end(&s);
	if (pkt_send(parent[0], s.s, s.len, job[1], 0))
		die_temp("unable to ask for a worker: %m");
	str_free(&s);
	close(parent[0]);
	close(parent[1]);
	close(job[1]);
	return job[0];
}

static void
job_send(struct run *r)
{
	const struct pair *p = &r->pair[r->sent % r->npair];
	int fd = open(p->message, O_RDONLY | O_CLOEXEC);
	struct str s = {0};

	if (fd < 0)
		die_temp("unable to open %s: %m", p->message);
	r->sent++;
	rec_addf(&s, "job", "%lu", r->sent);
	rec_addf(&s, "id", "job%lu", r->sent);
	rec_addf(&s, "size", "%jd", (intmax_t)p->size);
	str_add(&s, p->job.s, p->job.len);
	rec_end(&s);
	for (size_t at = 0; at < s.len;) {
		size_t n = s.len - at;

		if (n > PKT_MAX)
			for (n = PKT_MAX; s.s[at + n - 1] != '\n'; n--)
				;
		if (pkt_send(r->sock, s.s + at, n, at ? -1 : fd, 0))
			break; /* the end of the socket will tell */
		at += n;
	}
	close(fd);
	str_free(&s);
}

static void
report_take(struct run *r, char *buf, size_t n)
{
	if (!r->quiet) {
		if (r->packets)
			printf("packet\n");
		fwrite(buf, 1, n, stdout);
		fflush(stdout);
	}
	for (char *p = buf, *e = buf + n; p < e;) {
		char *nl = memchr(p, '\n', (size_t)(e - p));

		if (!nl)
			break;
		*nl = 0;
		r->ended += !strcmp(p, "end");
		r->bad += !strncmp(p, "rcpt ", 5) && !strstr(p, " sent ");
		p = nl + 1;
	}
}

static bool
run(struct run *r)
{
	static char buf[PKT_MAX + 1];

	while (r->ended < r->jobs) {
		struct pollfd p = {.fd = r->sock, .events = POLLIN};
		struct stat st;
		ssize_t n;

		while (r->sent < r->jobs && r->sent - r->ended < r->ahead)
			job_send(r);
		if (r->close_when && !stat(r->close_when, &st))
			return false;
		if (poll(&p, 1, r->close_when ? 10 : -1) <= 0)
			continue;
		n = pkt_recv(r->sock, buf, PKT_MAX, NULL, 0);
		if (n <= 0) {
			printf("eof\n");
			return false;
		}
		report_take(r, buf, (size_t)n);
	}
	return true;
}

int
main(int argc, char **argv)
{
	struct run r = {.ahead = 2};
	const char *conf = NULL;
	struct rusage used;
	int64_t start;
	pid_t pid;
	bool good;
	int c;

	prog_start("worker-run");
	while ((c = getopt(argc, argv, "C:a:n:pqx:")) >= 0) {
		switch (c) {
		case 'C': conf = optarg; break;
		case 'a': r.ahead = (unsigned)strtoul(optarg, NULL, 10); break;
		case 'n': r.jobs = strtoul(optarg, NULL, 10); break;
		case 'p': r.packets = true; break;
		case 'q': r.quiet = true; break;
		case 'x': r.close_when = optarg; break;
		default: die_usage(USAGE);
		}
	}
	if (optind == argc || (argc - optind) % 2)
		die_usage(USAGE);
	signal(SIGPIPE, SIG_IGN);
	r.npair = (size_t)(argc - optind) / 2;
	r.pair = mem_zalloc(r.npair * sizeof *r.pair);
	for (size_t i = 0; i < r.npair; i++) {
		struct stat st;

		if (file_read(AT_FDCWD, argv[optind + 2 * (int)i], &r.pair[i].job, REC_MAX))
			die_temp("unable to read %s: %m", argv[optind + 2 * (int)i]);
		r.pair[i].message = argv[optind + 2 * (int)i + 1];
		if (stat(r.pair[i].message, &st))
			die_temp("unable to look at %s: %m", r.pair[i].message);
		r.pair[i].size = st.st_size;
	}
	if (!r.jobs)
		r.jobs = r.npair;
	r.sock = worker_start(conf, &pid);
	start = clock_mono();
	good = run(&r);
	start = clock_mono() - start;
	close(r.sock);
	waitpid(pid, NULL, 0);
	getrusage(RUSAGE_CHILDREN, &used);
	if (r.quiet)
		printf("jobs=%lu unsent=%lu seconds=%.3f rate=%.0f maxrss=%ldk\n", r.ended, r.bad,
		    (double)start / 1e6, (double)r.ended * 1e6 / (double)start, used.ru_maxrss);
	return good ? 0 : 1;
}
