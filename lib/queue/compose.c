/* One notice: mox-dsn writes it into memory, then mox-queue-add takes it in.
 *
 * The door is not even opened before mox-dsn has ended well, so that no half of a notice can be queued; and it
 * prints an id only when the notice is durable. Whatever dies, its exit code or silence says that there is
 * none. */
#include "base.h"

#include "child.h"
#include "clock.h"
#include "die.h"
#include "fdio.h"
#include "id.h"
#include "notice.h"
#include "rec.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILD_TIME (10 * MINUTE)

/* ---- the records ---- */

static void
add_rcpt(struct runq *q, struct str *out, const struct notice *n, const struct notice_rcpt *r,
    const struct envelope *e)
{
	static struct str buf;
	const struct envelope_rcpt *er = &e->rcpt[r->n - 1];
	const char *fate = r->fate;
	char log[ROW_ID_SIZE];
	struct row row;
	uint32_t uid;

	if (!fate && row_load(q, &buf, &row, &uid, n->id, r->n))
		fate = row.fate;
	rec_open(out, "rcpt");
	rec_put(out, er->address);
	str_addf(out, " %s", fate ? fate : "failed 0 - - -");
	if (er->orcpt)
		rec_putf(out, "orcpt=%s", er->orcpt);
	row_id(log, &(struct row){.id = n->id, .n = r->n});
	rec_putf(out, "log=%s", log);
	if (n->kind == NOTICE_DELAYED)
		rec_putf(out, "until=%" PRId64, e->queued + q->conf->retry.give_up);
	rec_close(out);
}

static bool
write_digest(struct runq *q, struct str *out, const struct notice *n)
{
	rec_add(out, "kind", notice_word(n->kind));
	rec_add(out, "sender", "");
	rec_add(out, "to", n->to);
	if (!doubles_fates(q, out))
		return false;
	rec_end(out);
	return true;
}

static void
write_fates(struct runq *q, struct str *out, const struct notice *n, const struct envelope *e)
{
	char id[ID_SIZE];

	id_format(id, n->id);
	rec_add(out, "kind", notice_word(n->kind));
	rec_add(out, "id", id);
	rec_add(out, "sender", e->sender);
	rec_add(out, "to", n->to);
	rec_addi(out, "queued", e->queued);
	rec_addi(out, "size", e->size);
	if (e->envid)
		rec_add(out, "envid", e->envid);
	if (e->ret)
		rec_add(out, "ret", e->ret);
	if (n->secure)
		rec_add(out, "requiretls", "yes");
	else if (e->requiretls && !strcmp(e->requiretls, "no"))
		rec_add(out, "requiretls", "no");
	if (e->hold_until)
		rec_addi(out, "hold-until", e->hold_until);
	if (e->message_id)
		rec_add(out, "message-id", e->message_id);
	if (e->subject)
		rec_add(out, "subject", e->subject);
	for (size_t i = 0; i < n->nrcpt; i++)
		add_rcpt(q, out, n, &n->rcpt[i], e);
	rec_end(out);
}

/* Never under REQUIRETLS (T65): the notice of such a message gives nothing of it away, and must arrive where the
 * way back does not know the extension. */
static void
write_envelope(struct str *out, const struct notice *n)
{
	rec_add(out, "sender", "");
	rec_add(out, "origin", "local");
	rec_open(out, "rcpt");
	rec_put(out, n->to);
	if (n->last)
		rec_put(out, "notify=never");
	rec_close(out);
	rec_end(out);
}

/* ---- the children ---- */

int
compose_memory(const struct str *text)
{
	int fd = memfd_create("notice", MFD_CLOEXEC), err;

	if (fd < 0 || !text || (!fd_write_all(fd, text->s, text->len) && !lseek(fd, 0, SEEK_SET)))
		return fd;
	err = errno;
	close(fd);
	errno = err;
	return -1;
}

/* in, out: its fd 0 and 1; record: what it reads on fd 3. */
static bool
spawn(struct runq *q, struct notice *n, char *argv[8], const int fd[2], const struct str *record)
{
	char flag[] = "-C";
	int argc = 1, from = compose_memory(record);
	struct child_fd map[] = {{fd[0], 0}, {fd[1], 1}, {from, 3}};

	if (from < 0)
		return false;
	while (argv[argc])
		argc++;
	if (q->conf_flag) {
		argv[argc++] = flag;
		argv[argc++] = (char *)(uintptr_t)q->conf_flag;
	}
	n->pid = child_spawn(argv, map, ARRAY_LEN(map));
	n->deadline = q->mono + CHILD_TIME;
	close(from);
	return n->pid > 0;
}

bool
compose_start(struct runq *q, struct notice *n, int fd, const struct envelope *e, const char **why)
{
	char minimal[] = "--minimal";
	char *argv[8] = {(char[]){"mox-dsn"}, (char[]){"-e"}, (char[]){"3"}};
	struct str fates = {0};
	bool good;

	if (n->minimal)
		argv[3] = minimal;
	n->stage = NOTICE_COMPOSED;
	n->answer = -1;
	if (lseek(fd, 0, SEEK_SET) || (n->text = compose_memory(NULL)) < 0) {
		*why = strerror(errno);
		return false;
	}
	errno = EIO;
	if (e)
		write_fates(q, &fates, n, e);
	good = (e || write_digest(q, &fates, n)) && spawn(q, n, argv, (int[2]){fd, n->text}, &fates);
	*why = strerror(errno);
	str_free(&fates);
	return good;
}

static void
queue_start(struct runq *q, struct notice *n)
{
	char *argv[8] = {(char[]){"mox-queue-add"}, (char[]){"-e"}, (char[]){"3"}};
	struct str envelope = {0};

	n->stage = NOTICE_QUEUED;
	write_envelope(&envelope, n);
	if (lseek(n->text, 0, SEEK_SET) || (n->answer = compose_memory(NULL)) < 0 ||
	    !spawn(q, n, argv, (int[2]){n->text, n->answer}, &envelope))
		notice_later(q, n, strerror(errno));
	str_free(&envelope);
}

static void
composed(struct runq *q, struct notice *n, int status)
{
	char why[64];
	struct stat st;
	bool passes = WIFEXITED(status) && WEXITSTATUS(status) == EXIT_TEMP;

	if (WIFSIGNALED(status))
		snprintf(why, sizeof why, "mox-dsn was killed by signal %d", WTERMSIG(status));
	else
		snprintf(why, sizeof why, "mox-dsn ended with %d", WEXITSTATUS(status));
	if (status && passes && n->minimal)
		notice_later(q, n, why);
	else if (status || fstat(n->text, &st) || !st.st_size)
		notice_again(q, n, why);
	else
		queue_start(q, n);
}

static void
queued(struct runq *q, struct notice *n, int status)
{
	char line[6 + ID_SIZE + 1], why[64];
	ssize_t got = pread(n->answer, line, sizeof line - 1, 0);
	uint64_t id;

	line[got > 0 ? got : 0] = 0;
	line[strcspn(line, "\n")] = 0;
	snprintf(why, sizeof why, "mox-queue-add ended with %d",
	    WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
	if (!status && !strncmp(line, "id ", 3) && id_parse(line + 3, &id)) {
		notice_told(q, n, line + 3);
	} else if (status && !strncmp(line, "maybe ", 6) && id_parse(line + 6, &id)) {
		notice_maybe(q, n, line + 6);
	} else if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_PERM) {
		/* Too large, or for an address that is none: the plain form is the last that may be taken. */
		if (n->minimal) {
			notice_surrender(q, n, why);
			return;
		}
		n->minimal = true;
		notice_again(q, n, why);
	} else {
		notice_refused(q, n, why);
	}
}

void
compose_ended(struct runq *q, struct notice *n, int status)
{
	n->pid = 0;
	if (n->stage == NOTICE_COMPOSED)
		composed(q, n, status);
	else
		queued(q, n, status);
}

/* By no fault of the notice: somebody is at work on the file, which we have read long ago. */
bool
compose_lacks_conf(const struct runq *q)
{
	struct str why = {0};
	struct conf *c = conf_try(q->conf_flag, &why);

	conf_free(c);
	str_free(&why);
	return !c;
}

void
compose_free(struct notice *n)
{
	if (n->text >= 0)
		close(n->text);
	if (n->answer >= 0)
		close(n->answer);
	n->text = n->answer = -1;
}
