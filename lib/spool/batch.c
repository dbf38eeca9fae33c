#include "base.h"

#include "batch.h"
#include "die.h"
#include "fdio.h"
#include "rec.h"

#include <errno.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#define BATCH_BYTES (32 << 20)

struct batch {
	struct door *door;
	struct enter *waiting[ENTER_BATCH];
	size_t n, max;
	uint64_t bytes;
	size_t at, end; /* of input: what is not yet consumed */
};

static char input[65536];

/* What tells spool/inject's client the same as an exit code tells the caller of the door. */
static const char *
answer_word(const struct enter *m)
{
	static const char *const words[] = {
	    [ENTER_GOOD] = "id", [ENTER_NEVER] = "never", [ENTER_LATER] = "later"};

	if (m->fate == ENTER_NEVER && m->forbidden)
		return "forbidden";
	return m->fate == ENTER_NEVER && m->large ? "large" : words[m->fate];
}

/* Commits what waits and answers, in order. */
static void
batch_commit(struct batch *b)
{
	struct str answers = {0};
	bool some = false;

	if (!b->n)
		return;
	enter_commit(b->waiting, b->n, b->door);
	for (size_t i = 0; i < b->n; i++) {
		struct enter *m = b->waiting[i];
		char id[ID_SIZE];

		id_format(id, m->env.id);
		rec_add(&answers, answer_word(m), m->fate == ENTER_GOOD ? id : m->why);
		some = some || m->committed;
		enter_free(m, b->door);
		free(m);
	}
	b->n = b->bytes = 0;
	if (some)
		spool_trigger(&b->door->spool);
	if (fd_write_all(1, answers.s, answers.len))
		die_temp("unable to write the answers (their messages are queued): %m");
	str_free(&answers);
}

/* More input; before we would have to wait for it, those who wait for us get their answers. False at the end.
 */
static bool
batch_fill(struct batch *b)
{
	struct pollfd p = {0, POLLIN, 0};
	ssize_t n;

	if (b->at < b->end)
		return true;
	if (b->n && !poll(&p, 1, 0))
		batch_commit(b);
	n = enter_read(0, input, sizeof input);
	if (n < 0) {
		int err = errno;

		batch_commit(b);
		errno = err;
		die_temp("unable to read the stream: %m");
	}
	b->at = 0;
	b->end = (size_t)n;
	return n;
}

/* The next record, through its end line; false at the end of the stream. */
static bool
batch_record(struct batch *b, struct str *rec)
{
	size_t line = 0, n;

	str_reset(rec);
	for (;;) {
		const char *from, *lf;

		if (!batch_fill(b)) {
			batch_commit(b);
			if (rec->len)
				die_temp("unable to read the stream: it stopped inside an envelope");
			return false;
		}
		from = input + b->at;
		lf = memchr(from, '\n', b->end - b->at);
		n = lf ? (size_t)(lf + 1 - from) : b->end - b->at;
		str_add(rec, from, n);
		b->at += n;
		if (rec->len > REC_MAX) {
			batch_commit(b);
			die_perm("unable to read the stream: an envelope is too long");
		}
		if (!lf)
			continue;
		if (!strcmp(rec->s + line, "end\n"))
			return true;
		line = rec->len;
	}
}

/* The size line alone: it must be known even where the rest of the record is refused, or the stream is lost.
 */
static bool
record_size(const struct str *rec, uint64_t *size)
{
	const char *p = str_istarts(rec->s, "size ") ? rec->s + 5 : strstr(rec->s, "\nsize ");
	char number[24];
	size_t n;

	if (!p || strlen(rec->s) != rec->len)
		return false;
	p += *p == '\n' ? 6 : 0;
	n = strcspn(p, "\n");
	if (n >= sizeof number)
		return false;
	memcpy(number, p, n);
	number[n] = 0;
	return str_number(number, INT64_MAX / 2, size);
}

static void
batch_text(struct batch *b, struct enter *m, uint64_t size)
{
	while (size) {
		size_t n;

		if (!batch_fill(b)) {
			enter_free(m, b->door);
			batch_commit(b);
			die_temp(
			    "unable to read the stream: it stopped inside a message, which is not queued");
		}
		n = b->end - b->at < size ? b->end - b->at : (size_t)size;
		enter_text(m, input + b->at, n);
		b->at += n;
		size -= n;
	}
}

static void
batch_message(struct batch *b, struct str *rec)
{
	struct enter *m = mem_alloc(sizeof *m);
	struct envelope e;
	const char *bad;
	uint64_t size;

	if (!record_size(rec, &size)) {
		batch_commit(b);
		die_perm("unable to read the stream: an envelope has no size line");
	}
	enter_init(m, b->door);
	if ((bad = envelope_parse(&e, rec->s, rec->len, -1)))
		enter_refuse(m, ENTER_NEVER, "unable to read the envelope: %s", bad);
	else
		enter_ask(m, &e);
	enter_check(m, b->door);
	enter_open(m, b->door, size);
	batch_text(b, m, size);
	enter_finish(m, b->door);
	b->waiting[b->n++] = m;
	b->bytes += size;
	if (b->n == b->max || b->bytes > BATCH_BYTES)
		batch_commit(b);
}

void
batch_run(struct door *d)
{
	struct batch b = {.door = d, .max = ENTER_BATCH};
	struct str rec = {0};
	struct rlimit files;

	/* Each waiting message holds a descriptor. */
	if (!getrlimit(RLIMIT_NOFILE, &files) && files.rlim_cur < ENTER_BATCH + 16)
		b.max = files.rlim_cur > 16 ? files.rlim_cur - 16 : 1;
	while (batch_record(&b, &rec))
		batch_message(&b, &rec);
	str_free(&rec);
}
