#include "base.h"

#include "addr.h"
#include "domain.h"
#include "txn.h"

/* A message up to this size goes out together with its commands, whether its recipients will be accepted or
 * not. */
#define WHOLE_MAX 49152
#define PARAMS_MAX 1400

/* ---- who ---- */

static bool
domain_counts(const struct txn *t, const struct job *j, const char *address, unsigned max)
{
	const char *domain = addr_domain(address), *seen[JOB_RCPT_MAX];
	unsigned n = 0;

	if (!max || !domain)
		return true;
	for (unsigned i = 0; i < t->n; i++) {
		const char *other = addr_domain(j->rcpt[t->who[i]].address);
		unsigned k;

		for (k = 0; k < n && other && !str_ieq(seen[k], other); k++)
			;
		if (k == n && other)
			seen[n++] = other;
	}
	for (unsigned k = 0; k < n; k++)
		if (str_ieq(seen[k], domain))
			return true;
	return n < max;
}

bool
txn_start(struct txn *t, const struct line *l, struct job *j, bool careful)
{
	const struct ehlo *e = &l->c.ehlo;
	unsigned max = JOB_RCPT_MAX;

	if (j->rcpt_max && j->rcpt_max < max)
		max = j->rcpt_max;
	if (e->rcpt_max && e->rcpt_max < max)
		max = e->rcpt_max;
	*t = (struct txn){.job = j, .number = ++j->txns, .bdat = e->chunking && !l->no_chunking};
	/* The message itself never ahead of the answer to EHLO: who knows no BDAT now would take it for commands. */
	t->whole = t->bdat && e->pipelining && !careful && !l->owed && job_bytes(j) <= WHOLE_MAX;
	for (size_t i = 0; i < j->nrcpt && t->n < max; i++) {
		struct job_rcpt *r = &j->rcpt[i];

		if (r->state != RCPT_TODO || (r->utf8_local && !e->smtputf8) ||
		    !domain_counts(t, j, r->address, e->rcpt_domain_max))
			continue;
		t->who[t->n++] = (unsigned short)i;
		r->state = RCPT_OUT;
		r->no_dsn = !e->dsn;
		r->txn = t->number;
	}
	return t->n > 0;
}

/* ---- what ---- */

static enum ask
step(const struct txn *t, unsigned k, unsigned *who)
{
	k += !t->rset;
	if (k < 2)
		return k ? ASK_MAIL : ASK_RSET;
	if (k < 2 + t->n) {
		*who = t->who[k - 2];
		return ASK_RCPT;
	}
	return k == 2 + t->n && !t->bdat ? ASK_DATA : ASK_DOT;
}

static unsigned
steps(const struct txn *t)
{
	return t->rset + 1 + t->n + (t->bdat ? 1 : 2);
}

struct job_rcpt *
txn_rcpt(const struct txn *t, unsigned i)
{
	struct job_rcpt *r = &t->job->rcpt[t->who[i]];

	return r->txn == t->number && (r->state == RCPT_OUT || r->state == RCPT_ACCEPTED) ? r : NULL;
}

bool
txn_is_asked(const struct txn *t)
{
	return t->over || t->asked == steps(t);
}

bool
txn_is_settled(const struct txn *t)
{
	return t->n == 1 || t->answered >= t->rset + 1 + t->n;
}

enum ask
txn_next(const struct txn *t, struct job_rcpt **rcpt)
{
	unsigned who = 0;
	enum ask a = step(t, t->answered, &who);

	if (rcpt)
		*rcpt = a == ASK_RCPT ? &t->job->rcpt[who] : NULL;
	return a;
}

int64_t
txn_timeout(const struct txn *t, const struct conf_timeouts *c)
{
	switch (txn_next(t, NULL)) {
	case ASK_RSET:
	case ASK_MAIL: return c->mail;
	case ASK_RCPT: return c->rcpt;
	case ASK_DATA: return c->data;
	case ASK_DOT: break;
	}
	return c->dot;
}

/* ---- writing ---- */

/* The address as this server can take it: without SMTPUTF8 the domain in A-labels (T109). */
static enum io
put_path(struct stream *s, const char *verb, const char *address, bool utf8)
{
	const char *domain = addr_domain(address), *why;
	char *ascii = NULL;
	enum io io = stream_puts(s, verb);

	if (!utf8 && domain && !text_is_ascii(domain, strlen(domain)))
		ascii = domain_ascii(domain, &why);
	if (io == IO_OK)
		io = stream_put(s, address, ascii ? (size_t)(domain - address) : strlen(address));
	if (io == IO_OK && ascii)
		io = stream_puts(s, ascii);
	free(ascii);
	return io == IO_OK ? stream_puts(s, ">") : io;
}

static bool
has_utf8_path(const struct txn *t)
{
	const struct job *j = t->job;

	if (!text_is_ascii(j->sender, strlen(j->sender)))
		return true;
	for (unsigned i = 0; i < t->n; i++)
		if (!text_is_ascii(j->rcpt[t->who[i]].address, strlen(j->rcpt[t->who[i]].address)))
			return true;
	return false;
}

/* Nothing is invented: RET, ENVID, NOTIFY and ORCPT only as they were given (T71). */
static enum io
put_mail(struct txn *t, struct line *l)
{
	const struct ehlo *e = &l->c.ehlo;
	const struct job *j = t->job;
	char p[PARAMS_MAX] = "";
	size_t n = 0;
	enum io io;

	tap_message(l->c.io.tap, j->id ? j->id : "-");
	io = put_path(&l->c.io, "MAIL FROM:<", j->sender, e->smtputf8);
	if (e->size)
		n += (size_t)snprintf(p + n, sizeof p - n, " SIZE=%ju", (uintmax_t)job_bytes(j));
	if (e->eightbit && j->flags & JOB_8BIT)
		n += (size_t)snprintf(p + n, sizeof p - n, " BODY=8BITMIME");
	if (e->smtputf8 && (has_utf8_path(t) || job_needs_utf8(t->job)))
		n += (size_t)snprintf(p + n, sizeof p - n, " SMTPUTF8");
	if (e->dsn && j->ret)
		n += (size_t)snprintf(p + n, sizeof p - n, " RET=%s", j->ret);
	if (e->dsn && j->envid && strlen(j->envid) <= 1000)
		n += (size_t)snprintf(p + n, sizeof p - n, " ENVID=%s", j->envid);
	if (j->demand == JOB_SECURE)
		n += (size_t)snprintf(p + n, sizeof p - n, " REQUIRETLS");
	if (io == IO_OK)
		io = stream_put(&l->c.io, p, n);
	return io == IO_OK ? stream_puts(&l->c.io, "\r\n") : io;
}

static enum io
put_rcpt(struct line *l, const struct job_rcpt *r)
{
	const struct ehlo *e = &l->c.ehlo;
	struct stream *s = &l->c.io;
	enum io io = put_path(s, "RCPT TO:<", r->address, e->smtputf8);

	if (io == IO_OK && e->dsn && r->notify) {
		io = stream_puts(s, " NOTIFY=");
		if (io == IO_OK)
			io = stream_puts(s, r->notify);
	}
	if (io == IO_OK && e->dsn && r->orcpt) {
		io = stream_puts(s, " ORCPT=");
		if (io == IO_OK)
			io = stream_puts(s, r->orcpt);
	}
	return io == IO_OK ? stream_puts(s, "\r\n") : io;
}

static enum io
put_end(struct txn *t, struct line *l)
{
	const struct job *j = t->job;
	struct stream *s = &l->c.io;
	char head[48];
	enum io io;

	if (t->bdat) {
		snprintf(head, sizeof head, "BDAT %ju LAST\r\n", (uintmax_t)job_bytes(j));
		io = stream_puts(s, head);
		tap_kind(s->tap, TAP_DATA);
		if (io == IO_OK)
			io = stream_put(s, j->prepend.s, j->prepend.len);
		if (io == IO_OK)
			io = stream_file(s, j->fd, 0, j->size);
		tap_kind(s->tap, TAP_PLAIN);
	} else if (!t->accepted) {
		/* 354 although every recipient was refused: the lone dot of RFC 2920 3.1, never a message
		 * (T85). */
		io = stream_puts(s, ".\r\n");
	} else {
		tap_kind(s->tap, TAP_DATA);
		io = stream_put(s, j->prepend.s, j->prepend.len);
		if (io == IO_OK)
			io = stream_dotted(s, j->fd, j->size, j->flags & JOB_DOT);
	}
	t->body = io == IO_OK;
	t->end = s->written + s->out_len;
	return io;
}

static bool
may_ask(const struct txn *t, const struct line *l, enum ask a)
{
	bool all_answered = t->answered == t->asked;

	if (a == ASK_DOT && !t->bdat)
		return all_answered && t->go;
	if (a == ASK_DOT)
		return t->whole || (all_answered && t->accepted);
	if (a == ASK_DATA && !l->c.ehlo.pipelining)
		return all_answered && t->accepted;
	return l->c.ehlo.pipelining || all_answered;
}

enum io
txn_ask(struct txn *t, struct line *l)
{
	enum io io = IO_OK;

	while (io == IO_OK && !txn_is_asked(t)) {
		unsigned who = 0;
		enum ask a = step(t, t->asked, &who);

		if (!may_ask(t, l, a))
			break;
		switch (a) {
		case ASK_RSET: io = stream_puts(&l->c.io, "RSET\r\n"); break;
		case ASK_MAIL: io = put_mail(t, l); break;
		case ASK_RCPT: io = put_rcpt(l, &t->job->rcpt[who]); break;
		case ASK_DATA: io = stream_puts(&l->c.io, "DATA\r\n"); break;
		case ASK_DOT: io = put_end(t, l); break;
		}
		if (io == IO_OK || a == ASK_DOT)
			t->asked++;
	}
	/* Every recipient was refused before DATA went out, or MAIL was. */
	if (!t->over && t->answered == t->asked && !txn_is_asked(t) && !t->accepted &&
	    t->answered >= t->rset + 1 + t->n)
		t->over = !t->go;
	return io;
}
