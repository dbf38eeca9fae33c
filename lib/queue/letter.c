/* Word to the postmaster that mail of an account is held: a plain letter through the door, once a day for each
 * account. What is owed stands in the index, so that a stop in between forgets nothing; a crash between the letter
 * and our note of it sends it twice. */
#include "base.h"

#include "child.h"
#include "clock.h"
#include "date.h"
#include "die.h"
#include "limit.h"
#include "log.h"
#include "notice.h"
#include "rec.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILD_TIME (10 * MINUTE)
#define AGAIN (5 * MINUTE)

/* ---- the letter ---- */

static void
add_header(struct str *out, const struct runq *q, const struct limit_account *a, const char *to)
{
	char date[DATE_SIZE];
	uint64_t mark = hash_text(a->name);

	date_local(date, q->now);
	str_addf(out, "From: Mail Delivery System <MAILER-DAEMON@%s>\n", q->conf->hostname);
	str_addf(out, "To: %s\n", to);
	str_addf(out, "Date: %s\n", date);
	str_addf(out, "Message-ID: <limit.%" PRId64 ".%" PRIx64 "@%s>\n", q->now, mark, q->conf->hostname);
	str_adds(out, "Subject: Mail is held: an account has reached its limit\n"
		      "Auto-Submitted: auto-generated\n"
		      "MIME-Version: 1.0\n"
		      "Content-Type: text/plain; charset=utf-8\n"
		      "Content-Transfer-Encoding: 8bit\n"
		      "\n");
}

static void
write_letter(struct str *out, const struct runq *q, const struct limit_account *a, const char *to)
{
	char name[256];
	size_t n = text_visible(name, sizeof name - 1, a->name, strlen(a->name));

	name[n] = 0;
	add_header(out, q, a, to);
	str_addf(out,
	    "Mail that account %s sends is being held on %s.\n"
	    "\n"
	    "    %s\n"
	    "\n"
	    "It is safe in the queue, and goes nowhere until somebody looks at it:\n"
	    "\n"
	    "    mox-queue-list -account %s -hold l\n"
	    "\n"
	    "and lets it go:\n"
	    "\n"
	    "    mox-queue-list -account %s -hold l -o id | mox-queue-release -\n"
	    "\n"
	    "Is so much mail right for this account, then the key named above can be raised,\n"
	    "for this account or for all of them, in the configuration (mox.conf(5)). If it is\n"
	    "not, somebody else may be using the account.\n"
	    "\n"
	    "You are told once a day for each account.\n"
	    "\n"
	    "-- \n"
	    "The mail system at %s\n",
	    name, q->conf->hostname, a->owed, name, name, q->conf->hostname);
}

/* ---- the child ---- */

static void
failed(struct runq *q, const char *why)
{
	q->limit->again_at = q->mono + AGAIN;
	log_open(LOG_WARN, "limit-untold");
	log_s("account", q->limit->about->name);
	log_s("why", why);
	log_close();
}

static bool
start(struct runq *q, struct limit_account *a)
{
	char name[] = "mox-queue-add", option[] = "-e", three[] = "3", flag[] = "-C";
	char *argv[6] = {name, option, three, q->conf_flag ? flag : NULL, (char *)(uintptr_t)q->conf_flag};
	char *to = tell_postmaster(q);
	struct str text = {0}, envelope = {0};
	struct child_fd map[3];
	int err;

	write_letter(&text, q, a, to);
	rec_add(&envelope, "sender", "");
	rec_add(&envelope, "origin", "local");
	rec_open(&envelope, "rcpt");
	rec_put(&envelope, to);
	rec_close(&envelope);
	rec_end(&envelope);
	q->limit->answer = compose_memory(NULL);
	map[0] = (struct child_fd){compose_memory(&text), 0};
	map[1] = (struct child_fd){q->limit->answer, 1};
	map[2] = (struct child_fd){compose_memory(&envelope), 3};
	if (map[0].from >= 0 && map[1].from >= 0 && map[2].from >= 0)
		q->limit->pid = child_spawn(argv, map, ARRAY_LEN(map));
	err = errno;
	for (size_t i = 0; i < ARRAY_LEN(map); i++)
		if (map[i].from >= 0 && (i != 1 || q->limit->pid <= 0))
			close(map[i].from);
	q->limit->about = a;
	q->limit->deadline = q->mono + CHILD_TIME;
	str_free(&text);
	str_free(&envelope);
	free(to);
	errno = err;
	return q->limit->pid > 0;
}

static void
find_owed(struct hnode *n, void *arg)
{
	struct limit_account *a =
	    (struct limit_account *)(void *)((char *)n - offsetof(struct limit_account, node));

	if (a->owed)
		*(struct limit_account **)arg = a;
}

void
letter_round(struct runq *q)
{
	struct limit_account *a = NULL;

	if (q->limit->pid > 0 && q->limit->deadline < q->mono)
		kill(q->limit->pid, SIGKILL);
	if (!limit_busy(q) || q->limit->pid > 0 || q->stopping || q->rebuild || index_broken(q->index))
		return;
	hash_each(&q->limit->accounts, find_owed, &a);
	if (a && !start(q, a)) {
		q->limit->pid = 0;
		failed(q, strerror(errno));
	}
}

/* He knows it, or never will. */
static void
settle(struct runq *q)
{
	struct limit_account *a = q->limit->about;

	a->told = q->now / DAY;
	free(a->owed);
	a->owed = NULL;
	q->limit->owing--;
	limit_store(q, a);
}

void
limit_child(struct runq *q, pid_t pid, int status)
{
	char line[64], why[64];
	ssize_t got;

	if (!q->limit->pid || pid != q->limit->pid)
		return;
	q->limit->pid = 0;
	got = pread(q->limit->answer, line, sizeof line - 1, 0);
	close(q->limit->answer);
	line[got > 0 ? got : 0] = 0;
	line[strcspn(line, "\n")] = 0;
	if (!status && !strncmp(line, "id ", 3)) {
		q->intake_wanted = true;
		log_open(LOG_INFO, "limit-told");
		log_s("account", q->limit->about->name);
		log_s("id", line + 3);
		log_close();
		settle(q);
		return;
	}
	snprintf(why, sizeof why, "mox-queue-add ended with %d",
	    WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
	failed(q, why);
	if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_PERM)
		settle(q);
}

bool
limit_busy(const struct runq *q)
{
	return q->limit->pid > 0 ||
	       (q->limit->owing && q->mode != RUNQ_SERVE && q->limit->again_at <= q->mono);
}

void
limit_stop(struct runq *q)
{
	if (q->limit->pid > 0)
		kill(q->limit->pid, SIGKILL);
}
