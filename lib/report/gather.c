#include "base.h"

#include "child.h"
#include "clock.h"
#include "die.h"
#include "fdio.h"
#include "gather.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define AT_ONCE_MAX 32
#define TICK_MS 10 /* between looks at a child that has closed its output and not ended yet */

void
gather_make(struct gather *g, int64_t time, const char *const words[])
{
	size_t n = 0;

	*g = (struct gather){.time = time, .fd = -1, .errors = -1};
	for (; words[n]; n++) {
		if (n == GATHER_ARGS - 1)
			bug("too many words for a sibling");
		g->argv[n] = mem_dup(words[n]);
	}
}

void
gather_free(struct gather *g)
{
	for (size_t i = 0; i < GATHER_ARGS; i++)
		free(g->argv[i]);
	free(g->said);
	str_free(&g->out);
	*g = (struct gather){.fd = -1, .errors = -1};
}

static void
start(struct gather *g)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC), out[2];

	g->started = true;
	if (null < 0 || pipe2(out, O_CLOEXEC) || (g->errors = memfd_create("said", MFD_CLOEXEC)) < 0)
		die_temp("unable to run %s: %m", g->argv[0]);
	g->pid = child_spawn(g->argv, (struct child_fd[]){{null, 0}, {out[1], 1}, {g->errors, 2}}, 3);
	if (g->pid < 0)
		g->said = mem_dup(strerror(errno));
	close(null);
	close(out[1]);
	g->fd = out[0];
	g->deadline = clock_mono() + g->time;
}

/* The last line it wrote on fd 2, without its own name in front. */
static char *
last_words(const struct gather *g)
{
	char text[1024], visible[4 * sizeof text], *line;
	off_t size = lseek(g->errors, 0, SEEK_END),
	      from = size >= (off_t)sizeof text ? size - (off_t)sizeof text + 1 : 0;
	ssize_t n = pread(g->errors, text, sizeof text - 1, from);
	size_t name = strlen(g->argv[0]);

	if (n <= 0)
		return mem_dup("");
	while (n && text[n - 1] == '\n')
		n--;
	text[n] = 0;
	line = strrchr(text, '\n');
	line = line ? line + 1 : text;
	if (!strncmp(line, g->argv[0], name) && !strncmp(line + name, ": ", 2))
		line += name + 2;
	return mem_dupn(visible, text_visible(visible, sizeof visible, line, strlen(line)));
}

static void
end(struct gather *g, int status)
{
	struct str late = {0};

	g->pid = 0;
	g->code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	if (g->late)
		str_addf(&late, "it took longer than %d seconds", (int)(g->time / SECOND));
	g->said = g->late ? str_take(&late) : last_words(g);
	if (g->fd >= 0)
		close(g->fd);
	close(g->errors);
	g->fd = g->errors = -1;
}

static void
read_some(struct gather *g)
{
	char buf[65536];
	ssize_t n = fd_read(g->fd, buf, sizeof buf);

	if (n > 0 && g->out.len + (size_t)n <= GATHER_OUT_MAX) {
		str_add(&g->out, buf, (size_t)n);
		return;
	}
	if (n > 0)
		kill(g->pid, SIGKILL);
	close(g->fd);
	g->fd = -1;
}

/* Waits for whatever comes first: output, an end, a deadline. */
static void
wait_some(struct gather *g[], size_t n)
{
	struct pollfd p[AT_ONCE_MAX];
	int wait = TICK_MS * 100, status;

	for (size_t i = 0; i < n; i++) {
		int left = clock_timeout(g[i]->deadline);

		p[i] = (struct pollfd){.fd = g[i]->fd, .events = POLLIN};
		wait = g[i]->fd < 0 ? TICK_MS : wait;
		wait = left < wait ? left : wait;
	}
	if (poll(p, (nfds_t)n, wait) < 0 && errno != EINTR)
		die_temp("unable to wait: %m");
	for (size_t i = 0; i < n; i++) {
		if (p[i].fd >= 0 && p[i].revents)
			read_some(g[i]);
		if (!g[i]->late && clock_mono() >= g[i]->deadline) {
			g[i]->late = true;
			kill(g[i]->pid, SIGKILL);
		}
		if ((g[i]->fd < 0 || g[i]->late) && waitpid(g[i]->pid, &status, WNOHANG) == g[i]->pid)
			end(g[i], status);
	}
}

void
gather_run(struct gather *g, size_t n, unsigned at_once)
{
	struct gather *running[AT_ONCE_MAX];
	size_t next = 0, nrun;

	if (at_once > AT_ONCE_MAX)
		at_once = AT_ONCE_MAX;
	do {
		nrun = 0;
		for (size_t i = 0; i < next; i++)
			if (g[i].pid > 0)
				running[nrun++] = &g[i];
		for (; next < n && nrun < at_once; next++) {
			start(&g[next]);
			if (g[next].pid > 0)
				running[nrun++] = &g[next];
			else {
				close(g[next].fd);
				close(g[next].errors);
				g[next].fd = g[next].errors = g[next].code = -1;
			}
		}
		if (nrun)
			wait_some(running, nrun);
	} while (nrun || next < n);
}
