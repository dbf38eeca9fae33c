#include "base.h"

#include "child.h"
#include "clock.h"
#include "die.h"
#include "fdio.h"
#include "log.h"
#include "rec.h"
#include "stsask.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#define TRIES 2
#define RESTARTED "restarted \nend\n" /* from the keeper: what was asked and not answered is lost */
#define PAUSE_LEAST 1
#define PAUSE_MOST 60 /* seconds before mox-mtasts is run again when it dies and dies */

struct open_question {
	TAILQ_ENTRY(open_question) link;
	uint64_t ask;
	char *domain;
	struct str packet;
	unsigned tries;
	int64_t deadline;
	sts_ask_done *done;
	void *arg;
};
TAILQ_HEAD(question_list, open_question);

struct sts_ask {
	int sock; /* -1: the keeper is gone */
	pid_t keeper;
	char *cache; /* spool/sts */
	uint64_t last;
	/* In the order of their deadlines; sent moves to unsent when the other side was restarted. */
	struct question_list unsent, sent, ready;
	size_t n;
};

/* ---- the keeper ---- */

/* Waits; false: nobody is there any more. */
static bool
keeper_wait(int sock, int ms)
{
	struct pollfd pfd = {.fd = sock, .events = ms < 0 ? POLLIN : 0};

	while (poll(&pfd, 1, ms) < 0)
		if (errno != EINTR)
			return false;
	return !(pfd.revents & (POLLHUP | POLLERR));
}

static void
keeper_drop(int sock)
{
	static char buf[STS_PACKET_MAX];

	while (pkt_recv(sock, buf, sizeof buf, NULL, MSG_DONTWAIT) > 0)
		;
}

NORETURN static void
keeper_run(int sock, const char *conf)
{
	char name[] = "mox-mtasts", worker[] = "-w", option[] = "-C";
	char *file = conf ? mem_dup(conf) : NULL;
	char *argv[] = {name, worker, conf ? option : NULL, file, NULL};
	struct child_fd map[] = {{sock, 0}};
	int pause = 0;

	while (keeper_wait(sock, -1)) {
		int64_t since = clock_mono();
		pid_t pid = child_spawn(argv, map, 1);

		if (pid < 0)
			warn("unable to run mox-mtasts: %m");
		if (pid > 0 && !child_wait(pid)) {
			pause = 0;
			continue;
		}
		pause = clock_mono() - since > MINUTE ? PAUSE_LEAST : pause ? pause * 2 : PAUSE_LEAST;
		pause = pause < PAUSE_MOST ? pause : PAUSE_MOST;
		keeper_drop(sock);
		if (!keeper_wait(sock, pause * 1000) ||
		    pkt_send(sock, RESTARTED, strlen(RESTARTED), -1, MSG_DONTWAIT))
			break;
	}
	_exit(0);
}

static void
keeper_begin(int sock, const char *conf)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	signal(SIGINT, SIG_IGN); /* ends with who began it, by the end of the socket */
	signal(SIGPIPE, SIG_DFL);
	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0)
		_exit(EXIT_TEMP);
	if (sock > 3)
		close_range(3, (unsigned)sock - 1, 0);
	close_range((unsigned)sock + 1, ~0U, 0);
	keeper_run(sock, conf);
}

struct sts_ask *
sts_ask_open(const char *conf, const char *spool)
{
	struct sts_ask *s = mem_zalloc(sizeof *s);
	struct str path = {0};
	int pair[2];

	str_addf(&path, "%s/sts", spool);
	s->cache = str_take(&path);
	TAILQ_INIT(&s->unsent);
	TAILQ_INIT(&s->sent);
	TAILQ_INIT(&s->ready);
	if (pkt_pair(pair) || (s->keeper = fork()) < 0)
		die_temp("unable to begin a process for mox-mtasts: %m");
	if (!s->keeper)
		keeper_begin(pair[1], conf);
	close(pair[1]);
	s->sock = pair[0];
	return s;
}

/* ---- questions ---- */

static void
question_free(struct open_question *q)
{
	str_free(&q->packet);
	free(q->domain);
	free(q);
}

static void
list_free(struct question_list *l)
{
	struct open_question *q;

	while ((q = TAILQ_FIRST(l))) {
		TAILQ_REMOVE(l, q, link);
		question_free(q);
	}
}

void
sts_ask_close(struct sts_ask *s)
{
	if (s->sock >= 0)
		close(s->sock);
	child_wait(s->keeper);
	list_free(&s->unsent);
	list_free(&s->sent);
	list_free(&s->ready);
	free(s->cache);
	free(s);
}

/* Most domains have neither a record nor a file, and need no answer from another process. Whether a name is there is
 * all that is looked at: who may not look asks. */
static bool
is_nothing(const struct sts_ask *s, const struct sts_question *q)
{
	struct str path = {0};
	bool none;

	if (q->txt != STS_TXT_NONE || q->refetch)
		return false;
	str_addf(&path, "%s/%s", s->cache, q->domain);
	none = faccessat(AT_FDCWD, path.s, F_OK, 0) && errno == ENOENT;
	str_free(&path);
	return none;
}

void
sts_ask(struct sts_ask *s, const struct sts_question *question, sts_ask_done *done, void *arg)
{
	struct open_question *q = mem_zalloc(sizeof *q);
	struct sts_question numbered = *question;

	numbered.ask = q->ask = ++s->last;
	q->domain = mem_dup(question->domain);
	q->deadline = clock_mono() + STS_ASK_TIME;
	q->done = done;
	q->arg = arg;
	s->n++;
	if (is_nothing(s, question)) {
		TAILQ_INSERT_TAIL(&s->ready, q, link);
		return;
	}
	sts_question_write(&q->packet, &numbered);
	TAILQ_INSERT_TAIL(&s->unsent, q, link);
}

static void
question_done(struct sts_ask *s, struct question_list *from, struct open_question *q, struct sts_reply *r)
{
	TAILQ_REMOVE(from, q, link);
	s->n--;
	r->ask = 0;
	q->done(q->arg, r);
	sts_reply_free(r);
	question_free(q);
}

static void
question_fail(struct sts_ask *s, struct question_list *from, struct open_question *q, const char *why)
{
	struct sts_reply r = {.kind = STS_REPLY_FAILED, .why = mem_dup(why), .ttl = 60};

	log_open(LOG_WARN, "sts-unanswered");
	log_s("domain", q->domain);
	log_s("error", why);
	log_close();
	question_done(s, from, q, &r);
}

static void
questions_send(struct sts_ask *s)
{
	struct open_question *q;

	while (s->sock >= 0 && (q = TAILQ_FIRST(&s->unsent))) {
		if (pkt_send(s->sock, q->packet.s, q->packet.len, -1, MSG_DONTWAIT)) {
			if (errno == EAGAIN || errno == EWOULDBLOCK)
				return;
			close(s->sock);
			s->sock = -1;
			return;
		}
		TAILQ_REMOVE(&s->unsent, q, link);
		q->tries++;
		TAILQ_INSERT_TAIL(&s->sent, q, link);
	}
}

/* Those that were asked before come before those that were not, in their order. */
static void
questions_again(struct sts_ask *s)
{
	struct open_question *q;

	while ((q = TAILQ_LAST(&s->sent, question_list))) {
		if (q->tries >= TRIES) {
			question_fail(s, &s->sent, q, "mox-mtasts died");
			continue;
		}
		TAILQ_REMOVE(&s->sent, q, link);
		TAILQ_INSERT_HEAD(&s->unsent, q, link);
	}
}

static void
reply_take(struct sts_ask *s, char *buf, size_t n)
{
	struct open_question *q;
	struct sts_reply r;

	if (n == strlen(RESTARTED) && !memcmp(buf, RESTARTED, n)) {
		questions_again(s);
		return;
	}
	if (!sts_reply_parse(&r, buf, n))
		return; /* its question is answered when its time is over */
	TAILQ_FOREACH (q, &s->sent, link)
		if (q->ask == r.ask) {
			question_done(s, &s->sent, q, &r);
			return;
		}
	sts_reply_free(&r);
}

static void
replies_read(struct sts_ask *s)
{
	static char buf[STS_PACKET_MAX];
	ssize_t n;

	while (s->sock >= 0 && (n = pkt_recv(s->sock, buf, sizeof buf, NULL, MSG_DONTWAIT)) != -1) {
		if (!n) {
			close(s->sock);
			s->sock = -1;
		} else {
			reply_take(s, buf, (size_t)n);
		}
	}
}

static void
list_fail(struct sts_ask *s, struct question_list *l, int64_t until, const char *why)
{
	struct open_question *q;

	while ((q = TAILQ_FIRST(l)) && q->deadline <= until)
		question_fail(s, l, q, why);
}

void
sts_ask_process(struct sts_ask *s)
{
	struct open_question *q;
	int64_t now = clock_mono();

	while ((q = TAILQ_FIRST(&s->ready))) {
		struct sts_reply r = {.kind = STS_REPLY_NONE, .ttl = INT32_MAX};

		question_done(s, &s->ready, q, &r);
	}
	replies_read(s);
	questions_send(s);
	list_fail(s, &s->sent, now, "no answer in time");
	list_fail(s, &s->unsent, now, "no answer in time");
	if (s->sock < 0) {
		list_fail(s, &s->sent, INT64_MAX, "mox-mtasts cannot be run");
		list_fail(s, &s->unsent, INT64_MAX, "mox-mtasts cannot be run");
	}
}

size_t
sts_ask_open_questions(const struct sts_ask *s)
{
	return s->n;
}

int
sts_ask_fd(const struct sts_ask *s)
{
	return s->sock;
}

short
sts_ask_events(const struct sts_ask *s)
{
	return TAILQ_EMPTY(&s->unsent) ? POLLIN : POLLIN | POLLOUT;
}

int64_t
sts_ask_deadline(const struct sts_ask *s)
{
	const struct open_question *a = TAILQ_FIRST(&s->sent), *b = TAILQ_FIRST(&s->unsent);

	if (!TAILQ_EMPTY(&s->ready) || (s->sock < 0 && s->n))
		return 0;
	if (!a || (b && b->deadline < a->deadline))
		a = b;
	return a ? a->deadline : INT64_MAX;
}
