/* Which transport a recipient goes by; lib/fate/route.c decides, here is what it wants to know. */
#include "base.h"

#include "amend.h"
#include "header.h"
#include "id.h"
#include "local.h"
#include "log.h"
#include "queue.h"
#include "route.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define HEADER_MAX 65536 /* of a message: what stands farther down no route sees */

struct asked {
	struct runq *q;
	uint64_t id;
};

/* 0, or the error. A file that is gone or damaged has no header: whoever makes a job of it says what becomes of the
 * message. */
static int
header_read(struct runq *q, uint64_t id, struct str *text)
{
	int fd = spool_open_message(&q->spool, id, O_RDONLY), err = 0;
	struct envelope e;
	const char *why;
	ssize_t got = 0;

	str_reset(text);
	if (fd < 0)
		return errno == ENOENT ? 0 : errno;
	if (envelope_read(fd, &e, &why)) {
		err = errno;
	} else {
		str_reserve(text, HEADER_MAX);
		got = pread(fd, text->s, e.size < HEADER_MAX ? (size_t)e.size : HEADER_MAX, 0);
		err = got < 0 ? errno : 0;
		envelope_free(&e);
	}
	close(fd);
	text->len = got > 0 ? (size_t)got : 0;
	return err;
}

/* The header of the message, kept for its next recipient: what stands in the file never changes. NULL: it cannot be read
 * now, which is told once, and of the other recipients of this round not tried again. */
static const struct str *
header_get(struct runq *q, uint64_t id)
{
	static struct str text;
	static uint64_t of;
	static int64_t failed_at;
	static int err;
	char name[ID_SIZE];

	if (of == id && (!err || failed_at == q->mono))
		return err ? NULL : &text;
	of = id;
	if (!(err = header_read(q, id, &text)))
		return &text;
	failed_at = q->mono;
	id_format(name, id);
	log_open(LOG_ALERT, "unreadable");
	log_s("id", name);
	log_s("error", strerror(err));
	log_close();
	return NULL;
}

static enum route_header
header_of(void *arg, const char *name, bool (*each)(void *to, const char *value), void *to)
{
	const struct asked *a = arg;
	const struct str *header = header_get(a->q, a->id);
	const char *p = header ? str_cstr(header) : NULL, *end = header ? p + header->len : NULL;
	struct str value = {0};
	struct header_field f;
	bool fits = false;

	if (!header)
		return ROUTE_HEADER_UNREAD;
	while (!fits && header_next(&p, end, &f)) {
		if (!header_is(&f, name))
			continue;
		str_reset(&value);
		header_unfold(&value, &f);
		fits = each(to, str_cstr(&value));
	}
	str_free(&value);
	return fits ? ROUTE_HEADER_FITS : ROUTE_HEADER_FITS_NOT;
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
route_find(struct runq *q, const struct row *row, const char **no)
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

	*no = NULL;
	if (row->transport && *row->transport) {
		t = conf_transport(q->conf, row->transport);
		if (!t)
			*no = "5.3.5 the message asks for a transport that is not configured";
		else if (!may_name(q, t, row))
			*no = "5.7.1 the message asks for a transport that its account may not use";
		return *no ? NULL : t;
	}
	if ((t = local_transport(q->conf, row->domain)))
		return t;
	domain_of(from, row->sender ? row->sender : "");
	if (q->conf->has_to_mx && (d = dest_find(q, NULL, row->domain, class_of(row->requiretls))) &&
	    d->state == DEST_PLAN)
		query.mx = d->site->name;
	switch (route_choose(q->conf, &query, &found)) {
	case ROUTE_FITS: return conf_transport(q->conf, found->transport);
	case ROUTE_UNREAD: *no = "4.3.0 a route looks at its header, which cannot be read now"; return NULL;
	default: return NULL;
	}
}

bool
route_item_anew(struct runq *q, struct item *it)
{
	static struct str buf;
	struct row row;
	uint32_t uid;
	const char *no;

	if (!q->conf->has_to_mx || it->dest->transport || it->dest->state != DEST_PLAN ||
	    !row_load(q, &buf, &row, &uid, it->msg->id, it->n) || (!route_find(q, &row, &no) && !no))
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
