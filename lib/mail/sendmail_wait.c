#include "base.h"

#include "child.h"
#include "clock.h"
#include "die.h"
#include "fdio.h"
#include "rec.h"
#include "sendmail_wait.h"
#include "str.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE MINUTE
#define PATIENCE_FOR_A_TURN (10 * SECOND)
#define ANSWER_MAX 4096
#define FIRST_PAUSE (20 * 1000)
#define LONGEST_PAUSE (SECOND / 2)

int
wait_for_id(void (*submit)(void), char id[WAIT_ID_SIZE])
{
	int said[2], code;
	ssize_t n;
	pid_t pid;

	if (pipe2(said, O_CLOEXEC))
		die_temp("unable to make a pipe: %m");
	pid = fork();
	if (pid < 0)
		die_temp("unable to fork: %m");
	if (!pid) {
		/* Whoever interrupts us means the message too. */
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (dup2(said[1], 1) < 0)
			die_temp("unable to hand over the message: %m");
		submit();
	}
	close(said[1]);
	n = fd_read_all(said[0], id, WAIT_ID_SIZE - 1);
	close(said[0]);
	id[n > 0 ? n : 0] = 0;
	id[strcspn(id, "\n")] = 0;
	if (!strncmp(id, "id ", 3))
		memmove(id, id + 3, strlen(id + 3) + 1);
	code = child_wait(pid);
	if (code < 0 || code >= 128)
		die_exit(EX_OSERR, "mox-queue-add ended by a signal: the message may or may not be queued");
	return code;
}

/* Whether whoever listens delivers mail, in his own words. */
static bool
delivers(int fd)
{
	static const char ask[] = "op runner\nend\n";
	struct timeval patience = {.tv_sec = PATIENCE_FOR_A_TURN / SECOND};
	char buf[ANSWER_MAX + 1], *key, *value;
	struct rec_in in = {buf, buf};
	bool ok = false, one = false;
	enum rec_got got;
	ssize_t n;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) ||
	    pkt_send(fd, ask, sizeof ask - 1, -1, MSG_DONTWAIT) ||
	    (n = pkt_recv(fd, buf, ANSWER_MAX, NULL, 0)) <= 0)
		return false;
	in.end += n;
	while ((got = rec_next(&in, &key, &value)) == REC_LINE) {
		ok |= !strcmp(key, "status") && !strcmp(value, "ok");
		one |= !strcmp(key, "count") && !strcmp(value, "1");
	}
	return got == REC_END && ok && one;
}

/* mox-queue-list would start a mox-runq that delivers nothing, and one that somebody else has started may be there. */
static bool
runner_listens(const struct conf *c)
{
	int dir = open(c->spool, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	bool listens;

	/* By way of the directory's descriptor: the path may be longer than a socket address can hold. */
	snprintf(a.sun_path, sizeof a.sun_path, "/proc/self/fd/%d/ctl", dir);
	listens = dir >= 0 && fd >= 0 && !connect(fd, (struct sockaddr *)&a, sizeof a) &&
	          !fd_nonblock(fd, false) && delivers(fd);
	if (dir >= 0)
		close(dir);
	if (fd >= 0)
		close(fd);
	return listens;
}

/* What the sibling prints about the id. false: it failed, or is not there. */
static bool
ask(const char *name, const char *fields, char *conf_file, const char *id, struct str *out)
{
	char *argv[8], buf[4096];
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), said[2];
	size_t n = 0;
	ssize_t r;
	pid_t pid;

	if (null < 0 || pipe2(said, O_CLOEXEC))
		die_temp("unable to make a pipe: %m");
	argv[n++] = mem_dup(name);
	if (conf_file) {
		argv[n++] = mem_dup("-C");
		argv[n++] = mem_dup(conf_file);
	}
	argv[n++] = mem_dup("-o");
	argv[n++] = mem_dup(fields);
	argv[n++] = mem_dup(id);
	argv[n] = NULL;
	pid = child_spawn(argv, (struct child_fd[]){{null, 0}, {said[1], 1}, {null, 2}}, 3);
	close(null);
	close(said[1]);
	str_reset(out);
	while (pid >= 0 && (r = fd_read(said[0], buf, sizeof buf)) > 0)
		str_add(out, buf, (size_t)r);
	close(said[0]);
	while (n)
		free(argv[--n]);
	return pid >= 0 && !child_wait(pid);
}

/* One field of a row; *row moves behind it. */
static const char *
field(const char **row, size_t *n)
{
	const char *s = *row;

	*n = strcspn(s, "\t\n");
	*row = s + *n + (s[*n] == '\t');
	return s;
}

static bool
field_is(const char *s, size_t n, const char *word)
{
	return n == strlen(word) && !memcmp(s, word, n);
}

enum wait_state
wait_judge(const char *rows)
{
	enum wait_state state = WAIT_GONE, one;

	for (; *rows; rows += *rows == '\n') {
		size_t nword, nattempts;
		const char *word = field(&rows, &nword), *attempts = field(&rows, &nattempts);

		if (field_is(word, nword, "delivering"))
			one = WAIT_ATTEMPT;
		else if (field_is(word, nword, "held") || field_is(word, nword, "noticing") ||
			 !field_is(attempts, nattempts, "0"))
			one = WAIT_OVER;
		else
			one = WAIT_TURN;
		state = one > state ? one : state;
		rows += strcspn(rows, "\n");
	}
	return state;
}

struct told { /* one row */
	const char *word, *rcpt, *error;
	size_t nword, nrcpt, nerror;
};

static bool
row_next(const char **rows, struct told *t)
{
	size_t n;

	if (!**rows)
		return false;
	t->word = field(rows, &t->nword);
	field(rows, &n);
	t->rcpt = field(rows, &t->nrcpt);
	t->error = field(rows, &t->nerror);
	*rows += strcspn(*rows, "\n");
	*rows += **rows == '\n';
	return true;
}

static bool
has_recipient(const char *rows, const struct told *sought)
{
	struct told t;

	while (row_next(&rows, &t))
		if (t.nrcpt == sought->nrcpt && !memcmp(t.rcpt, sought->rcpt, t.nrcpt))
			return true;
	return false;
}

/* Says of each row that has the word in front why, but for recipients that stand in the rows `told` too; answers
 * how many there are. */
static size_t
tell(const char *rows, const char *word, const char *fmt, const char *told)
{
	struct told t;
	size_t n = 0;

	while (row_next(&rows, &t))
		if (field_is(t.word, t.nword, word) && !has_recipient(told, &t)) {
			warn(fmt, (int)t.nrcpt, t.rcpt, (int)t.nerror, t.error);
			n++;
		}
	return n;
}

static void
pause_for(int64_t us)
{
	struct timespec t = {us / SECOND, us % SECOND * 1000};

	nanosleep(&t, NULL);
}

/* Answers the rows of the first attempt's end; false: nobody was there to ask, or it took too long. */
static bool
wait_for_rows(const struct conf *c, char *conf_file, const char *id, struct str *rows)
{
	int64_t began = clock_mono(), turn = began, wait = FIRST_PAUSE;
	enum wait_state state;

	while (runner_listens(c) && ask("mox-queue-list", "state,attempts,rcpt,error", conf_file, id, rows)) {
		state = wait_judge(str_cstr(rows));
		if (state < WAIT_TURN)
			return true;
		if (state == WAIT_ATTEMPT)
			turn = clock_mono();
		if (clock_mono() >= began + PATIENCE || clock_mono() >= turn + PATIENCE_FOR_A_TURN)
			return false;
		pause_for(wait);
		wait = wait * 2 < LONGEST_PAUSE ? wait * 2 : LONGEST_PAUSE;
	}
	return false;
}

int
wait_for_attempt(const struct conf *c, char *conf_file, const char *id, bool verbose)
{
	static const char no[] = "unable to deliver to %.*s: %.*s";
	struct str rows = {0}, gone = {0};
	size_t failed = 0;

	if (wait_for_rows(c, conf_file, id, &rows)) {
		/* Who is not in the queue any more, perhaps since a moment ago, has been delivered to, or not. */
		if (!ask("mox-retired-list", "result,attempts,rcpt,error", conf_file, id, &gone))
			str_reset(&gone);
		failed = tell(str_cstr(&gone), "failed", no, "") +
		         tell(str_cstr(&gone), "suppressed", no, "") +
		         tell(str_cstr(&rows), "noticing", no, str_cstr(&gone));
		if (verbose)
			tell(str_cstr(&rows), "waiting", "unable to deliver to %.*s yet: %.*s", "");
	}
	str_free(&rows);
	str_free(&gone);
	return failed ? EX_UNAVAILABLE : 0;
}
