/* What an operator brings to its end: failed, with a notice to the sender, or dropped, without. Both are said in cur/
 * first, then in the index, so that an index built anew knows of them: a failure by an amendment until its notice is
 * made, and from then on by the mark of all that fails; what is dropped by its mark, or as the file is gone.
 *
 * What is being delivered is left alone: the remote may have it already, and its outcome counts. */
#include "base.h"

#include "amend.h"
#include "change.h"
#include "log.h"
#include "notice.h"
#include "retire.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static const char usual_text[] = "it was given up by the administrator of this system";

/* Out of where it waits to be tried, or for its notice. */
static void
take_out(struct runq *q, const struct row *row)
{
	struct item *it = item_find(q, row->id, row->n);
	struct index_due d = {row->next, row->id, row->n};

	if (it)
		item_free(q, it);
	else if (row->hold == HOLD_NONE)
		index_due_del(q->index, &d, row->fate ? NOTICE_DOMAIN : row->domain);
}

static void
log_finish(const char *event, const struct change *c, const struct row *row, const char *text)
{
	char id[ROW_ID_SIZE];

	row_id(id, row);
	log_open(LOG_INFO, event);
	log_s("id", id);
	log_s("rcpt", row->rcpt);
	log_i("uid", c->uid);
	log_s("text", text);
	log_close();
}

/* ---- with notice ---- */

void
finish_failed(struct runq *q, struct row *row, uint32_t uid, const char *text)
{
	static struct str fate, error;
	struct job_rcpt r = {.status = mem_dup("5.0.0"), .text = mem_dup(text), .local = true};

	notice_fate(&fate, "failed", &r, row->last);
	str_reset(&error);
	str_addf(&error, "%s %s", r.status, text);
	free(r.status);
	free(r.text);
	row->fate = fate.s;
	row->error = error.s;
	row->code = 0;
	row->hold = HOLD_NONE;
	row->next = q->now;
	row_store(q, row, uid);
	notice_add(q, row->id, row->n, NOTICE_FAILED, NULL);
}

bool
change_fail(struct runq *q, const struct change *c, struct row *row, uint32_t uid)
{
	const struct item *it = item_find(q, row->id, row->n);
	const char *text = *c->text ? c->text : usual_text;

	if (row->fate || (it && it->job))
		return false;
	if (c->dry)
		return true;
	if (amend_write(q, row->id, row->n, "fail", text))
		return false;
	log_finish("failed", c, row, text);
	take_out(q, row);
	finish_failed(q, row, uid, text);
	return true;
}

/* ---- without ---- */

static bool
some_todo(const struct envelope *e)
{
	for (size_t i = 0; i < e->nrcpt; i++)
		if (e->rcpt[i].mark[MARK_STATE] == STATE_TODO)
			return true;
	return false;
}

/* What was delivered already, and waits for the notice of that, keeps its mark. Needs no space: an amendment that
 * cannot be written anew means nothing beside the mark. -1 with errno: nothing is changed. */
static int
cancel(struct runq *q, struct envelope *e, uint32_t n)
{
	struct msg *m = msg_find(q, e->id);
	bool todo = e->rcpt[n - 1].mark[MARK_STATE] == STATE_TODO;

	if (todo && settle_mark(q, e->id, e, n, MARK_STATE, STATE_CANCELLED))
		return -1;
	if (todo && m && m->todo)
		m->todo--;
	if (some_todo(e))
		(void)!amend_forget(q, e->id, n);
	return 0;
}

static bool
cancel_in_file(struct runq *q, const struct row *row, struct envelope *e, bool *last)
{
	const char *why;
	int fd = spool_open_message(&q->spool, row->id, O_RDONLY), r = -1;

	*e = (struct envelope){0};
	*last = false;
	if (fd < 0)
		return errno == ENOENT; /* it is gone already: only its row is left */
	if (!envelope_read(fd, e, &why) && row->n <= e->nrcpt) {
		r = cancel(q, e, row->n);
		*last = !r && !some_todo(e);
	}
	close(fd);
	return !r;
}

bool
change_drop(struct runq *q, const struct change *c, struct row *row, uint32_t uid)
{
	const struct item *it = item_find(q, row->id, row->n);
	struct envelope e;
	bool last, done;

	(void)uid;
	if ((it && it->job) || (row->fate && (!c->privileged || notice_is_made(q, row->id, row->n))))
		return false;
	if (c->dry)
		return true;
	done = cancel_in_file(q, row, &e, &last);
	if (done) {
		log_finish("dropped", c, row, NULL);
		take_out(q, row);
		retire(q, row->id, row->n, "cancelled");
		if (last && !notice_needs_file(q, &e) && message_give_up(q, &e)) {
			log_open(LOG_ALERT, "unmarked");
			log_s("error", strerror(errno));
			log_close();
		}
	}
	envelope_free(&e);
	return done;
}
