/* Which transport a recipient goes by; lib/fate/route.c decides, here is what it wants to know. */
#include "base.h"
#include "amend.h"

#include "header.h"
#include "local.h"
#include "queue.h"
#include "route.h"

#include <fcntl.h>
#include <unistd.h>

#define HEADER_MAX 65536 /* of a message: what stands farther down no route sees */

struct asked {
	struct runq *q;
	uint64_t id;
};

/* The header of the message, kept for the next recipient of it: what stands in the file never changes. NULL: it cannot
 * be read. */
static const struct str *
header_read(struct runq *q, uint64_t id)
{
	static struct str text;
	static uint64_t of;
	struct envelope e;
	const char *why;
	ssize_t got = -1;
	int fd;

	if (of == id)
		return &text;
	of = 0;
	str_reset(&text);
	if ((fd = spool_open_message(&q->spool, id, O_RDONLY)) < 0)
		return NULL;
	if (!envelope_read(fd, &e, &why)) {
		str_reserve(&text, HEADER_MAX);
		got = pread(fd, text.s, e.size < HEADER_MAX ? (size_t)e.size : HEADER_MAX, 0);
		envelope_free(&e);
	}
	close(fd);
	if (got < 0)
		return NULL;
	text.len = (size_t)got;
	text.s[got] = 0;
	of = id;
	return &text;
}

static bool
header_of(void *arg, const char *name, bool (*each)(void *to, const char *value), void *to)
{
	const struct asked *a = arg;
	const struct str *header = header_read(a->q, a->id);
	const char *p = header ? str_cstr(header) : NULL, *end = header ? p + header->len : NULL;
	struct str value = {0};
	struct header_field f;
	bool fits = false;

	while (!fits && p && header_next(&p, end, &f)) {
		if (!header_is(&f, name))
			continue;
		str_reset(&value);
		header_unfold(&value, &f);
		fits = each(to, str_cstr(&value));
	}
	str_free(&value);
	return fits;
}

/* Its account is among the users, or somebody has said so who may (change.c). */
static bool
may_name(struct runq *q, const struct conf_transport *t, const struct row *row)
{
	static struct str amended;

	return conf_transport_allows(t, row->account ? row->account : "") ||
	       (amend_read(q, row->id, row->n, "transport", &amended) && !strcmp(amended.s, t->name));
}

const struct conf_transport *
route_find(struct runq *q, const struct row *row, const char **never)
{
	const struct conf_transport *t;
	const struct conf_route *found;
	struct asked asked = {q, row->id};
	char from[DOMAIN_NAME_MAX];
	struct route_query query = {.account = row->account,
	    .from = from,
	    .to = row->domain,
	    .attempts = row->attempts,
	    .header = header_of,
	    .arg = &asked};
	const struct dest *d;

	*never = NULL;
	if (row->transport && *row->transport) {
		t = conf_transport(q->conf, row->transport);
		if (!t)
			*never = "5.3.5 the message asks for a transport that is not configured";
		else if (!may_name(q, t, row))
			*never = "5.7.1 the message asks for a transport that its account may not use";
		return *never ? NULL : t;
	}
	if ((t = local_transport(q->conf, row->domain)))
		return t;
	domain_of(from, row->sender ? row->sender : "");
	if (q->conf->has_to_mx && (d = dest_find(q, NULL, row->domain, class_of(row->requiretls))) &&
	    d->state == DEST_PLAN)
		query.mx = d->site->name;
	return route_choose(q->conf, &query, &found) == ROUTE_FITS ? conf_transport(q->conf, found->transport)
	                                                           : NULL;
}

bool
route_item_anew(struct runq *q, struct item *it)
{
	static struct str buf;
	struct row row;
	uint32_t uid;
	const char *never;

	if (!q->conf->has_to_mx || it->dest->transport || it->dest->state != DEST_PLAN ||
	    !row_load(q, &buf, &row, &uid, it->msg->id, it->n) || !route_find(q, &row, &never))
		return false;
	item_free(q, it);
	load_place(q, &row);
	return true;
}

void
route_anew(struct runq *q, struct dest *d)
{
	struct item *it, *next;

	if (!q->conf->has_to_mx || d->transport)
		return;
	for (it = TAILQ_FIRST(&d->ready); it; it = next) {
		next = TAILQ_NEXT(it, in_dest);
		route_item_anew(q, it);
	}
}
