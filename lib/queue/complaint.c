/* What is said of a site as a whole when it did not do what it was asked. */
#include "base.h"

#include "clock.h"
#include "log.h"
#include "queue.h"

#define ERROR_MAX 1000 /* bytes of a reply kept in the row */

void
row_error(struct str *out, const struct job_rcpt *r)
{
	if (!r->text)
		return;
	if (r->status && strcmp(r->status, "-") && strncmp(r->text, r->status, strlen(r->status)))
		str_addf(out, "%s ", r->status);
	str_add(out, r->text, strnlen(r->text, ERROR_MAX));
}

static void
site_down(const struct runq *q, struct site *s, const struct job_rcpt *r)
{
	static struct str error;

	str_reset(&error);
	row_error(&error, r);
	free(s->error);
	s->error = r->text ? mem_dup(str_cstr(&error)) : NULL;
	s->code = r->code;
	log_open(LOG_WARN, "site-down");
	log_s("site", s->name);
	log_i("fails", s->state.fails);
	log_i("seconds", (s->state.down_until - q->now) / SECOND);
	log_s("error", s->error);
	log_close();
}

void
worker_retire(struct runq *q, struct worker *w)
{
	q->nclosing += !w->closing;
	w->closing = true;
}

/* It turned the connection away. */
static bool
door_shut(struct runq *q, struct worker *w)
{
	struct site *s = w->site;
	const struct worker *other;
	unsigned others = 0;

	TAILQ_FOREACH (other, &s->workers, in_site)
		others += other != w && !other->closing && other->njobs;
	/* It would dial again with its next job. */
	if (others)
		worker_retire(q, w);
	return site_turns_away(&s->state, &q->conf->retry, q->now, others);
}

/* Whose outcome tells what the site said of itself: others may have been put off each for himself. */
static const struct job_rcpt *
spokesman(const struct job *j)
{
	for (size_t i = 0; i < j->nrcpt; i++)
		if (j->rcpt[i].outcome == OUTCOME_LATER && j->rcpt[i].code == 421)
			return &j->rcpt[i];
	return &j->rcpt[0];
}

bool
site_complains(const struct job *j)
{
	return j->site_said != SITE_OK || spokesman(j)->code == 421;
}

void
site_failed(struct runq *q, struct worker *w, struct job *j)
{
	struct site *s = w->site;
	const struct conf_retry *retry = &q->conf->retry;
	const struct job_rcpt *r = spokesman(j);
	bool back = false;

	if (j->site_said == SITE_UNREACHABLE)
		site_is_unreachable(&s->state, retry, q->now);
	else if (!j->session && r->code / 100 == 4 &&
		 r->code != 454) /* which says that TLS is not to be had now */
		back = door_shut(q, w);
	else if (r->code == 421)
		back = site_slows_down(&s->state, retry, q->now, j->tried);
	else
		site_is_busy(&s->state);
	/* Behind MAIL it was said of this message. A peer that named a time knows best. */
	j->back = back && j->site_said == SITE_BUSY && !j->wait && !j->maybe ? r->code : 0;
	if (site_is_down(&s->state, q->now))
		site_down(q, s, r);
}
