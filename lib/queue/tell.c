/* Who is told: what senders asked for (RFC 3461 NOTIFY), what nobody reads, and where a chain of failures ends.
 *
 * Mail from the null sender is answered by none (RFC 5321 6.1). Its failures are told to the postmaster, so
 * many an hour, the others in a digest (doubles.c); and mail from the null sender to the postmaster himself that
 * fails is told to nobody: no notice is ever the cause of two. What reports of ours come to is told to nobody: they
 * are made anew each day. */
#include "base.h"

#include "clock.h"
#include "header.h"
#include "id.h"
#include "log.h"
#include "notice.h"
#include "reporting.h"
#include "retire.h"

#include <strings.h>
#include <unistd.h>

#define HEADER_MAX 65536 /* of a message, to see whether it is bulk mail */

static bool
asks_for(const struct envelope_rcpt *r, const char *word, bool unsaid)
{
	const char *p = r->notify;
	size_t len = strlen(word);

	if (!p)
		return unsaid;
	while (*p) {
		size_t n = strcspn(p, ",");
		if (n == len && !strncasecmp(p, word, n))
			return true;
		p += n + (p[n] == ',');
	}
	return false;
}

/* T78: what goes to lists, or says itself that it is one of many, has no reader for "not yet". */
static bool
is_bulk(int fd, const struct envelope *e)
{
	static const char *const words[] = {"bulk", "list", "junk"};
	size_t want = e->size < HEADER_MAX ? (size_t)e->size : HEADER_MAX;
	char *buf = mem_alloc(want + 1);
	ssize_t got = pread(fd, buf, want, 0);
	const char *p = buf, *end = buf + (got > 0 ? got : 0);
	struct str value = {0};
	struct header_field f;
	bool bulk = false;

	while (!bulk && header_next(&p, end, &f)) {
		bulk = header_is(&f, "List-Id");
		if (!header_is(&f, "Precedence"))
			continue;
		str_reset(&value);
		header_unfold(&value, &f);
		for (size_t i = 0; i < ARRAY_LEN(words); i++)
			bulk = bulk || str_ieq(str_cstr(&value), words[i]);
	}
	str_free(&value);
	free(buf);
	return bulk;
}

static void
log_rcpt(const struct envelope *e, uint32_t n)
{
	char id[ROW_ID_SIZE];

	row_id(id, &(struct row){.id = e->id, .n = n});
	log_s("id", id);
	log_s("rcpt", e->rcpt[n - 1].address);
}

static void
log_silent(const struct envelope *e, uint32_t n, const char *why)
{
	log_open(LOG_INFO, "silent");
	log_rcpt(e, n);
	log_s("why", why);
	log_close();
}

bool
tell_is_report(const struct envelope *e)
{
	for (size_t i = 0; i < e->nextra; i++)
		if (!strcmp(e->extra[i].key, "moxq-report") && !strcmp(e->extra[i].value, "yes"))
			return true;
	return false;
}

/* The log and the history have it, and nobody else. */
static void
log_report(struct runq *q, const struct envelope *e, uint32_t n)
{
	static struct str buf;
	struct row row;
	uint32_t uid;

	log_open(LOG_WARN, "report-failed");
	log_rcpt(e, n);
	if (row_load(q, &buf, &row, &uid, e->id, n))
		log_s("error", row.error);
	log_close();
}

/* Whether this recipient belongs into the notice; if not, it is done with here. */
static bool
is_wanted(struct runq *q, const struct notice *n, struct envelope *e, uint32_t rcpt, bool bulk)
{
	const struct envelope_rcpt *r = rcpt <= e->nrcpt ? &e->rcpt[rcpt - 1] : NULL;
	bool todo = r && r->mark[MARK_STATE] == STATE_TODO;

	switch (n->kind) {
	case NOTICE_DELAYED:
		if (todo && *e->sender && !bulk && !tell_is_report(e) && asks_for(r, "delay", true) &&
		    r->mark[MARK_NOTICE] != DELAY_TOLD)
			return true;
		notice_set_told(q, e->id, rcpt);
		return false;
	case NOTICE_SUCCESS: return r && notice_has_row(q, e->id, rcpt);
	case NOTICE_FAILED:
	case NOTICE_DIGEST: break; /* of no message: never here */
	}
	if (!todo || !notice_has_row(q, e->id, rcpt)) {
		if (!todo)
			retire(q, e->id, rcpt, "failed");
		return false;
	}
	if (tell_is_report(e)) {
		log_report(q, e, rcpt);
		reportmail_failed(q, e, rcpt);
	} else if (!*e->sender || asks_for(r, "failure", true))
		return true; /* without a sender: choose_doubles has its say */
	else
		log_silent(e, rcpt, "its sender asked for no notice");
	notice_close(q, e, rcpt);
	return false;
}

static int
by_number(const void *a, const void *b)
{
	const struct notice_rcpt *x = a, *y = b;

	return (x->n > y->n) - (x->n < y->n);
}

static void
choose(struct runq *q, struct notice *n, int fd, struct envelope *e)
{
	bool bulk = n->kind == NOTICE_DELAYED && is_bulk(fd, e);
	size_t kept = 0;

	qsort(n->rcpt, n->nrcpt, sizeof *n->rcpt, by_number);
	for (size_t i = 0; i < n->nrcpt; i++) {
		if (!is_wanted(q, n, e, n->rcpt[i].n, bulk)) {
			free(n->rcpt[i].fate);
			q->notices.rcpts--;
			continue;
		}
		n->secure |= e->rcpt[n->rcpt[i].n - 1].mark[MARK_REQUIRETLS] == 'y';
		n->rcpt[kept++] = n->rcpt[i];
	}
	n->nrcpt = kept;
}

/* ---- double bounces ---- */

static void
drop(struct runq *q, struct envelope *e, uint32_t n, const char *why)
{
	q->notices.dropped++;
	log_open(LOG_ALERT, "double-bounce");
	log_rcpt(e, n);
	log_s("dropped", why);
	log_i("count", (int64_t)q->notices.dropped);
	log_close();
	notice_close(q, e, n);
}

/* The file has it before the message is given up. */
static void
gather(struct runq *q, struct envelope *e, uint32_t n)
{
	if (!doubles_add(q, e, n)) {
		notice_put_off(q, e->id, n, q->now + 5 * MINUTE);
		return;
	}
	log_open(LOG_WARN, "double-bounce");
	log_rcpt(e, n);
	log_i("gathered", (int64_t)q->notices.doubles.over);
	log_close();
	notice_close(q, e, n);
}

/* Mail from the null sender: so many an hour one by one, the others in a digest; and what was for the postmaster
 * himself, or went to whom he has his mail sent, is the end. */
static void
choose_doubles(struct runq *q, struct notice *n, struct envelope *e)
{
	bool many = !doubles_may_tell(q);
	size_t kept = 0;
	char id[ID_SIZE];

	for (size_t i = 0; i < n->nrcpt; i++) {
		uint32_t rcpt = n->rcpt[i].n;
		const struct envelope_rcpt *r = &e->rcpt[rcpt - 1];

		if (str_ieq(r->address, n->to))
			drop(q, e, rcpt, "it was for the postmaster");
		else if (!asks_for(r, "failure", true))
			drop(q, e, rcpt, "nobody is to be told");
		else if (many)
			gather(q, e, rcpt);
		else
			n->rcpt[kept++] = n->rcpt[i];
	}
	q->notices.rcpts -= n->nrcpt - kept;
	n->nrcpt = kept;
	if (!kept)
		return;
	n->last = true;
	doubles_note_told(q);
	id_format(id, e->id);
	log_open(LOG_WARN, "double-bounce");
	log_s("id", id);
	log_s("to", n->to);
	log_close();
}

char *
tell_postmaster(const struct runq *q)
{
	struct str s = {0};

	if (q->conf->postmaster)
		return mem_dup(q->conf->postmaster);
	str_addf(&s, "postmaster@%s", q->conf->hostname);
	return str_take(&s);
}

void
tell_whom(struct runq *q, struct notice *n, int fd, struct envelope *e)
{
	n->to = *e->sender ? mem_dup(e->sender) : tell_postmaster(q);
	choose(q, n, fd, e);
	if (!*e->sender && n->kind == NOTICE_FAILED)
		choose_doubles(q, n, e);
}
