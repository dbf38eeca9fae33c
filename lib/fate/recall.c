#include "base.h"

#include "job.h"
#include "rec.h"
#include "recall.h"

static unsigned
place_of(const struct recall *r, const char *ip, uint16_t port)
{
	unsigned i;

	for (i = 0; i < r->n && (r->v[i].port != port || strcmp(r->v[i].ip, ip) != 0); i++)
		;
	return i;
}

static void
drop(struct recall *r, unsigned i)
{
	memmove(r->v + i, r->v + i + 1, (r->n - i - 1) * sizeof *r->v);
	memmove(r->untold + i, r->untold + i + 1, (r->n - i - 1) * sizeof *r->untold);
	r->n--;
}

/* In place of what was known of that host, or of the one that has been known longest. */
static void
put(struct recall *r, const struct recalled *e, bool untold)
{
	unsigned i = place_of(r, e->ip, e->port);

	if (i < r->n)
		drop(r, i);
	else if (r->n == RECALL_MAX)
		drop(r, 0);
	r->v[r->n] = *e;
	r->untold[r->n++] = untold;
}

static bool
line_read(struct recalled *e, char *value)
{
	const char *ip = rec_field(&value), *port = value ? rec_field(&value) : NULL,
		   *plain = value ? rec_field(&value) : NULL, *tls = value ? rec_field(&value) : NULL;
	uint64_t n;

	*e = (struct recalled){.has_tls = tls};
	if (!ip || !port || !plain || strlen(ip) >= sizeof e->ip || !str_number(port, UINT16_MAX, &n))
		return false;
	snprintf(e->ip, sizeof e->ip, "%s", ip);
	e->port = (uint16_t)n;
	return ehlo_read(&e->plain, plain) && e->plain.pipeconnect && (!tls || ehlo_read(&e->tls, tls));
}

void
recall_take(struct recall *r, struct plan_list *lines)
{
	struct recalled e;

	for (size_t i = 0; i < lines->n; i++)
		if (line_read(&e, lines->v[i]))
			put(r, &e, false);
}

const struct recalled *
recall_find(const struct recall *r, const char *ip, uint16_t port)
{
	unsigned i = place_of(r, ip, port);

	return i < r->n && r->v[i].plain.pipeconnect ? &r->v[i] : NULL;
}

void
recall_learn(struct recall *r, const struct recalled *now)
{
	const struct recalled *old = recall_find(r, now->ip, now->port);
	struct recalled e = *now;

	if (!old && !e.plain.pipeconnect)
		return;
	if (old && ehlo_same(&old->plain, &e.plain)) {
		if (!e.has_tls || (old->has_tls && ehlo_same(&old->tls, &e.tls)))
			return;
	}
	put(r, &e, true);
}

void
recall_tell(struct recall *r, struct report *to, const struct job *j)
{
	for (unsigned i = 0; i < r->n;) {
		const struct recalled *e = &r->v[i];
		char port[8], plain[EHLO_WORD], tls[EHLO_WORD];

		if (!r->untold[i]) {
			i++;
			continue;
		}
		snprintf(port, sizeof port, "%u", e->port);
		ehlo_write(plain, &e->plain);
		ehlo_write(tls, &e->tls);
		report_fields(to, j, "offers",
		    (const char *const[]){
			e->ip, port, e->plain.pipeconnect ? plain : NULL, e->has_tls ? tls : NULL, NULL});
		r->untold[i] = false;
		if (e->plain.pipeconnect)
			i++;
		else
			drop(r, i);
	}
}
