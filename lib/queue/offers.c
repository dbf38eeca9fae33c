#include "base.h"

#include "clock.h"
#include "queue.h"
#include "rec.h"

#define TICKETS_A_JOB 4

static const struct keep_limits offers_max = {
    .bytes = 2 << 20, .per_key = 8, .per_subject = 1, .value = 1024};
static const struct keep_limits tickets_max = {
    .bytes = 4 << 20, .per_key = 16, .per_subject = 4, .value = 9216};

static void
key_write(struct str *out, const struct site *s)
{
	str_reset(out);
	str_addf(out, "%u\n%s\n%s", s->generation, s->transport ? s->transport->name : "", s->name);
}

void
offers_note(struct runq *q, const struct site *s, const char *value)
{
	static struct str key;
	char *text = mem_dup(value);
	struct kept e = {.until = q->mono + DAY, .subject = keep_subject(value, 2), .value = text};

	key_write(&key, s);
	if (e.subject)
		keep_forget(&q->offers, key.s, &e);
	if (e.subject && value[e.subject])
		keep_put(&q->offers, &offers_max, key.s, &e);
	free(text);
}

void
offers_write(struct runq *q, const struct site *s, struct str *out)
{
	static struct str key;
	struct kept *e, *next;

	key_write(&key, s);
	for (e = keep_next(&q->offers, key.s, NULL); e; e = next) {
		next = keep_next(&q->offers, key.s, e);
		if (e->until > q->mono)
			rec_add_encoded(out, "offers", e->value);
		else
			keep_drop(&q->offers, e);
	}
}

void
tickets_note(struct runq *q, const struct job *j, const char *value)
{
	char *text;
	struct kept e = {.until = q->mono + HOUR, .subject = keep_subject(value, 3)};

	if (!j->tickets_key || !e.subject || value[e.subject] != ' ')
		return;
	e.value = text = mem_dup(value);
	keep_put(&q->tickets, &tickets_max, j->tickets_key, &e);
	free(text);
}

static bool
is_among(const struct kept *e, const struct kept *const *given, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (e->subject == given[i]->subject && !memcmp(e->value, given[i]->value, e->subject))
			return true;
	return false;
}

/* One for each host. */
void
tickets_write(struct runq *q, struct job *j, struct str *out)
{
	static struct str key;
	const struct dest *d = j->rcpt[0].item->dest;
	struct kept *e, *next, *given[TICKETS_A_JOB];
	unsigned n = 0;

	if (!q->conf->tls_resumption || !d->fit)
		return;
	key_write(&key, j->site);
	str_addf(&key, "\n%s\n%d", d->fit, (int)d->class);
	j->tickets_key = mem_dup(key.s);
	rec_add(out, "tickets", "yes");
	for (e = keep_next(&q->tickets, key.s, NULL); e; e = next) {
		next = keep_next(&q->tickets, key.s, e);
		if (e->until <= q->mono)
			keep_drop(&q->tickets, e);
		else if (n < TICKETS_A_JOB && !is_among(e, (const struct kept *const *)given, n))
			given[n++] = e;
	}
	while (n) {
		e = given[--n];
		rec_add_encoded(out, "ticket", e->value);
		keep_drop(&q->tickets, e);
	}
}
