#include "base.h"

#include "child.h"
#include "clock.h"
#include "ctl.h"
#include "die.h"
#include "fdio.h"
#include "rec.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_WAIT (10 * SECOND)  /* until an owner listens */
#define RESTART_WAIT (2 * SECOND) /* where we may start none: it may just be starting anew */
#define OPENING_WAIT (5 * MINUTE) /* until one that answers `starting` has its index */
#define ANSWER_WAIT 120           /* seconds without a packet, in the middle of an answer */
#define AGAIN_MS 20

static int
refuse(struct str *why, int code, const char *sentence)
{
	str_reset(why);
	str_adds(why, sentence);
	return code;
}

/* A connected socket, or -1 with errno. */
static int
connect_owner(const struct conf *c)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct timeval patience = {.tv_sec = ANSWER_WAIT};
	int fd, n = snprintf(a.sun_path, sizeof a.sun_path, "%s/ctl", c->spool);

	if (n < 0 || (size_t)n >= sizeof a.sun_path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if ((fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)) < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) ||
	    connect(fd, (struct sockaddr *)&a, sizeof a)) {
		int err = errno;

		close(fd);
		errno = err;
		return -1;
	}
	return fd;
}

bool
ctl_listens(const struct conf *c)
{
	int fd = connect_owner(c);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* ---- starting an owner ---- */

struct starter {
	pid_t pid; /* 0: none runs */
	int said;  /* what it writes on fd 2, so that its last sentence can be ours */
};

/* Whether we are one who can own the index. Where nothing is there to tell by, the owner itself says what is wrong. */
static bool
may_own(const struct conf *c)
{
	struct stat st;

	return !geteuid() || stat(c->spool, &st) || st.st_uid == geteuid();
}

static int
start_owner(struct starter *s, const struct conf *c)
{
	char name[] = "mox-runq", serve[] = "-s", file[] = "-C";
	/* A default file that is missing is no error; one that is named is. */
	bool named = c->file && (strcmp(c->file, CONF_DEFAULT) || getenv("MOX_CONF"));
	char *argv[] = {name, serve, named ? file : NULL, c->file, NULL};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct child_fd map[] = {{null, 0}, {null, 1}, {s->said, 2}};

	if (null < 0)
		return -1;
	s->pid = child_spawn(argv, map, ARRAY_LEN(map));
	close(null);
	if (s->pid < 0) {
		s->pid = 0;
		return -1;
	}
	return 0;
}

static void
last_sentence(struct str *why, int said)
{
	char text[1024];
	off_t size = lseek(said, 0, SEEK_END);
	off_t from = size > (off_t)sizeof text ? size - (off_t)sizeof text : 0;
	ssize_t n = pread(said, text, sizeof text - 1, from);
	char *nl;

	if (n <= 0)
		return;
	text[n] = 0;
	if (text[n - 1] == '\n')
		text[n - 1] = 0;
	if ((nl = strrchr(text, '\n')))
		memmove(text, nl + 1, strlen(nl + 1) + 1);
	str_adds(why, text);
}

/* After the owner we started has ended: may it be tried again? Code 0 is a quiet end, another owner stood in
 * its way. */
static bool
started_ended(struct starter *s, struct str *why)
{
	int st;

	if (!s->pid || waitpid(s->pid, &st, WNOHANG) != s->pid)
		return true;
	s->pid = 0;
	if (WIFEXITED(st) && !WEXITSTATUS(st))
		return true;
	str_reset(why);
	last_sentence(why, s->said);
	if (!why->len)
		str_addf(why, "mox-runq -s ended with %s %d", WIFEXITED(st) ? "code" : "signal",
		    WIFEXITED(st) ? WEXITSTATUS(st) : WTERMSIG(st));
	return false;
}

/* A socket to the owner, which is started where nobody listens; -1 and *why. */
static int
reach_owner(const struct conf *c, struct str *why)
{
	struct starter s = {.said = -1};
	bool may_start = may_own(c);
	int64_t deadline = clock_mono() + (may_start ? START_WAIT : RESTART_WAIT), next_start = 0;
	int fd;

	while ((fd = connect_owner(c)) < 0) {
		bool absent = errno == ENOENT || errno == ECONNREFUSED;

		if (!absent && errno != EAGAIN) {
			str_addf(why, "unable to connect to %s/ctl: %m", c->spool);
			break;
		}
		if (clock_mono() >= deadline) {
			str_addf(why,
			    may_start ? "unable to connect to %s/ctl: no mox-runq answers there"
				      : "unable to ask about the queue in %s: no mox-runq is running, and "
					"only root and the "
					"spool's user may start one",
			    c->spool);
			break;
		}
		if (s.said < 0 && (s.said = memfd_create("mox-runq", MFD_CLOEXEC)) < 0) {
			str_addf(why, "unable to make a memory file: %m");
			break;
		}
		if (!started_ended(&s, why))
			break;
		if (may_start && !s.pid && absent && clock_mono() >= next_start) {
			if (start_owner(&s, c)) {
				str_addf(why, "unable to start mox-runq -s: %m");
				break;
			}
			next_start = clock_mono() + SECOND;
		}
		poll(NULL, 0, AGAIN_MS);
	}
	if (s.said >= 0)
		close(s.said);
	return fd;
}

/* ---- one request and its answer ---- */

struct answer {
	char status[16];
	uint64_t count;
	struct str text;
};

static bool
is_status(const char *rec, size_t n)
{
	return n > 7 && !memcmp(rec, "status ", 7);
}

static bool
read_status(struct answer *a, char *rec, size_t n)
{
	struct rec_in in = {rec, rec + n};
	char *key, *value;
	enum rec_got got;

	while ((got = rec_next(&in, &key, &value)) == REC_LINE) {
		if (!(value = rec_text(value)))
			return false;
		if (!strcmp(key, "status"))
			snprintf(a->status, sizeof a->status, "%s", value);
		else if (!strcmp(key, "count") && !str_number(value, UINT64_MAX >> 1, &a->count))
			return false;
		else if (!strcmp(key, "text")) {
			str_reset(&a->text);
			str_adds(&a->text, value);
		}
	}
	return got == REC_END;
}

/* Takes the records of one packet. 1: the status came, 0: more packets follow, -1: not the grammar. */
static int
take_packet(struct answer *a, char *buf, size_t n, ctl_row *row, void *arg)
{
	for (size_t off = 0; off < n;) {
		size_t len = rec_whole(buf + off, n - off);

		if (!len)
			return -1;
		if (is_status(buf + off, len))
			return read_status(a, buf + off, len) ? 1 : -1;
		if (row)
			row(buf + off, len, arg);
		off += len;
	}
	return 0;
}

/* An owner that goes away without having read our request resets the connection (unix(7)); then it is safe to
 * ask another. */
static bool
unheard(int err, bool answered)
{
	return !answered && (err == ECONNRESET || err == EPIPE);
}

/* 0: the answer is whole, or the request was not heard and must be sent again (status "starting"). */
static int
exchange(int fd, const struct str *request, ctl_row *row, void *arg, struct answer *a, struct str *why)
{
	static const char unable[] = "unable to read the answer of mox-runq";
	char buf[PKT_MAX];
	ssize_t n = 0;
	bool answered = false;
	int done = 0;

	if (pkt_send(fd, request->s, request->len, -1, 0))
		n = -1;
	while (n >= 0 && !done && (n = pkt_recv(fd, buf, sizeof buf, NULL, 0)) > 0) {
		answered = true;
		if ((done = take_packet(a, buf, (size_t)n, row, arg)) < 0) {
			str_addf(why, "%s: not the record grammar", unable);
			return EXIT_TEMP;
		}
	}
	if (done)
		return 0;
	if (n < 0 && unheard(errno, answered)) {
		snprintf(a->status, sizeof a->status, "starting");
		return 0;
	}
	if (n < 0 && errno == EAGAIN)
		str_addf(why, "%s: it is silent", unable);
	else if (n < 0)
		str_addf(why, "%s: %m", unable);
	else
		str_addf(why, "%s: it closed the connection before its end", unable);
	return answered && (n == 0 || errno == ECONNRESET) ? CTL_CUT : EXIT_TEMP;
}

static int
judge(const struct answer *a, uint64_t *count, struct str *why)
{
	if (!strcmp(a->status, "ok")) {
		*count = a->count;
		return 0;
	}
	str_reset(why);
	if (a->text.len)
		str_add(why, a->text.s, a->text.len);
	else
		str_addf(why, "mox-runq answered %s", *a->status ? a->status : "nothing");
	return !strcmp(a->status, "denied") || !strcmp(a->status, "bad") ? EXIT_PERM : EXIT_TEMP;
}

int
ctl_ask(const struct conf *c, const struct str *request, ctl_row *row, void *arg, uint64_t *count,
    struct str *why)
{
	struct answer a = {{0}, 0, {0}};
	int64_t deadline = clock_mono() + OPENING_WAIT;
	int fd, rc;

	str_reset(why);
	*count = 0;
	if (request->len > PKT_MAX)
		return refuse(why, EXIT_PERM, "a request that long does not fit a packet");
	for (;;) {
		if ((fd = reach_owner(c, why)) < 0)
			return EXIT_TEMP;
		rc = exchange(fd, request, row, arg, &a, why);
		close(fd);
		if (rc || strcmp(a.status, "starting"))
			break;
		if (clock_mono() >= deadline) {
			rc = refuse(why, EXIT_TEMP, "mox-runq is not ready: it is still opening its index");
			break;
		}
		a.status[0] = 0;
		poll(NULL, 0, AGAIN_MS);
	}
	if (!rc)
		rc = judge(&a, count, why);
	str_free(&a.text);
	return rc;
}
