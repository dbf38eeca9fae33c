/* Known support (lib/mail/support.h): written when it changed or is a day old, so that a busy destination costs no
 * system call a message. A cache: whatever fails here is not told. */
#include "base.h"

#include "clock.h"
#include "queue.h"

#define AGE DAY
#define UNOPENED (-1)
#define USELESS (-2)

/* 1 yes, 0 no, -1 not said. Fields cannot hold a space: nobody else can say it. */
static int
option(const char *session, const char *name)
{
	const char *p = strstr(session, name);

	if (!p)
		return -1;
	p += strlen(name);
	return !strncmp(p, "yes", 3) && (!p[3] || p[3] == ' ');
}

void
known_read(struct job *j, const char *session)
{
	int starttls = option(session, " starttls="), requiretls = option(session, " requiretls=");

	j->says_support = starttls >= 0;
	j->starttls = starttls > 0;
	j->requiretls = requiretls > 0;
}

static void
note(struct runq *q, struct dest *d, const struct support *s)
{
	const struct support *old = &d->support;

	if (old->seen && old->starttls == s->starttls && old->requiretls == s->requiretls &&
	    s->seen - old->seen < AGE && s->seen >= old->seen)
		return;
	if (q->support_fd == UNOPENED && (q->support_fd = support_open(q->conf->spool, true)) < 0)
		q->support_fd = USELESS;
	if (q->support_fd >= 0)
		support_put(q->support_fd, d->ascii, s);
	d->support = *s;
}

void
known_note(struct runq *q, const struct job *j)
{
	struct support s = {j->starttls, j->requiretls, q->now};
	const struct dest *last = NULL;

	if (!j->says_support)
		return;
	for (size_t i = 0; i < j->nrcpt; i++) {
		struct dest *d = j->rcpt[i].item->dest;

		/* What a relay supports says nothing of the domains behind it. */
		if (d != last && d->ascii && *d->name && *d->name != '[')
			note(q, d, &s);
		last = d;
	}
}
