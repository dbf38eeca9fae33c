/* fake-runq: plays mox-runq towards mox-deliver -w, found by PATH.
 *
 *   fake-runq [-1k] [-g FILE] [-x COMMAND] [-C CONFIG] [-T TRANSPORT] JOB...
 *
 * Asks for one worker, hands it the jobs (two ahead, as mox-runq does; -1: one at a time) and prints the
 * packets it reports, then closes the socket and waits until worker and parent are gone. A JOB is a file: its
 * first line `message PATH`, the rest the job record as it is sent. -g: closes the job socket as soon as FILE
 * exists, whatever is unanswered. -k: the worker has certificate authorities. -x: each job has a worker of its
 * own, and between two of them the shell runs COMMAND. Exits 0 when every job got its report, 1 when the worker went away before,
 * 2 when mox-deliver ended badly. */
#include "base.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "die.h"
#include "fdio.h"
#include "file.h"
#include "str.h"

#define USAGE "fake-runq [-1k] [-g FILE] [-x COMMAND] [-C CONFIG] [-T TRANSPORT] JOB..."

static pid_t
parent_start(int *sock, const char *config)
{
	int pair[2];
	pid_t pid;

	if (pkt_pair(pair) || (pid = fork()) < 0)
		die_temp("unable to start mox-deliver: %m");
	if (pid == 0) {
		dup2(pair[1], 0);
		if (config)
			execlp("mox-deliver", "mox-deliver", "-C", config, "-w", (char *)NULL);
		else
			execlp("mox-deliver", "mox-deliver", "-w", (char *)NULL);
		die_temp("unable to start mox-deliver: %m");
	}
	close(pair[1]);
	*sock = pair[0];
	return pid;
}

static int
worker_start(int parent, const char *transport, const char *pkix)
{
	struct str s = {0};
	int pair[2];

	str_addf(&s, "worker 1\nsite mx.test\ntransport %s\npkix %s\nend\n", transport, pkix);
	if (pkt_pair(pair) || pkt_send(parent, s.s, s.len, pair[1], 0))
		die_temp("unable to ask for a worker: %m");
	str_free(&s);
	close(pair[1]);
	return pair[0];
}

/* In packets of whole lines, the message with the first. */
static void
job_send(int sock, const char *file)
{
	struct str text = {0};
	char *p, *lf;
	int fd;

	if (file_read(AT_FDCWD, file, &text, 1 << 24) || !(lf = strchr(text.s, '\n')) ||
	    strncmp(text.s, "message ", 8))
		die_perm("unable to read %s as a job", file);
	*lf = 0;
	if ((fd = open(text.s + 8, O_RDONLY | O_CLOEXEC)) < 0)
		die_perm("unable to open %s: %m", text.s + 8);
	for (p = lf + 1; *p;) {
		size_t n = strlen(p);

		if (n > PKT_MAX)
			for (n = PKT_MAX; p[n - 1] != '\n';)
				n--;
		if (pkt_send(sock, p, n, fd, 0))
			die_temp("unable to hand a job out: %m");
		if (fd >= 0)
			close(fd);
		fd = -1;
		p += n;
	}
	str_free(&text);
}

/* One packet printed; answers the jobs it ends, or -1 when the worker is gone. */
static int
report_read(int sock)
{
	static char buf[PKT_MAX + 1];
	ssize_t n = pkt_recv(sock, buf, PKT_MAX, NULL, 0);
	int ends = 0;

	if (n <= 0)
		return -1;
	buf[n] = 0;
	fputs(buf, stdout);
	fflush(stdout);
	for (const char *p = buf; (p = strstr(p, "end\n")); p += 4)
		ends += p == buf || p[-1] == '\n';
	return ends;
}

static void
worker_end(int sock)
{
	shutdown(sock, SHUT_WR);
	while (report_read(sock) >= 0)
		;
	close(sock);
}

static void
run(const char *command)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		execlp("sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		die_temp("unable to run %s", command);
}

int
main(int argc, char **argv)
{
	const char *config = NULL, *give_up = NULL, *transport = "", *pkix = "no", *command = NULL;
	int opt, parent, sock, sent, done = 0, ahead = 2, status;
	pid_t pid;

	prog_start("fake-runq");
	while ((opt = getopt(argc, argv, "1kg:x:C:T:")) != -1) {
		switch (opt) {
		case '1': ahead = 1; break;
		case 'k': pkix = "yes"; break;
		case 'T': transport = optarg; break;
		case 'g': give_up = optarg; break;
		case 'x': command = optarg, ahead = 1; break;
		case 'C': config = optarg; break;
		default: die_usage(USAGE);
		}
	}
	signal(SIGPIPE, SIG_IGN);
	pid = parent_start(&parent, config);
	sock = worker_start(parent, transport, pkix);
	for (sent = optind; done < argc - optind;) {
		struct pollfd p = {.fd = sock, .events = POLLIN};
		int n;

		while (sent < argc && sent - optind - done < ahead)
			job_send(sock, argv[sent++]);
		if (give_up && poll(&p, 1, 5) == 0) {
			if (access(give_up, F_OK) == 0)
				break;
			continue;
		}
		if ((n = report_read(sock)) < 0)
			break;
		done += n;
		if (n && command && done < argc - optind) {
			worker_end(sock);
			run(command);
			sock = worker_start(parent, transport, pkix);
		}
	}
	worker_end(sock);
	close(parent);
	if (waitpid(pid, &status, 0) != pid || status)
		return 2;
	return done < argc - optind;
}
