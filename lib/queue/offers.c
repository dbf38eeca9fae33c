#include "base.h"

#include "clock.h"
#include "queue.h"
#include "rec.h"

#define HOSTS_MAX 4096
#define SITE_MAX 8     /* hosts of one site */
#define VALUE_MAX 1024 /* of one line */

struct offer {
	struct hnode node;
	TAILQ_ENTRY(offer) in_all;
	const struct conf_transport *transport;
	unsigned generation;
	int64_t until; /* monotonic */
	size_t host;   /* bytes of the value that name the host: IP PORT */
	char *site, *value;
};

static uint64_t
hash_of(const struct site *s)
{
	return hash_text(s->name) ^ hash_number((uint64_t)(uintptr_t)s->transport);
}

static void
drop(struct offers *o, struct offer *e)
{
	hash_del(&o->by_site, &e->node);
	TAILQ_REMOVE(&o->all, e, in_all);
	free(e->site);
	free(e->value);
	free(e);
}

/* The next one of the site behind prev. Those of an older configuration are nobody's. */
static struct offer *
next_of(const struct offers *o, const struct site *s, const struct offer *prev)
{
	uint64_t h = hash_of(s);

	for (struct hnode *n = hash_find(&o->by_site, h, prev ? &prev->node : NULL); n;
	     n = hash_find(&o->by_site, h, n)) {
		struct offer *e = (struct offer *)(void *)((char *)n - offsetof(struct offer, node));

		if (e->transport == s->transport && e->generation == s->generation &&
		    !strcmp(e->site, s->name))
			return e;
	}
	return NULL;
}

/* Forgets the host; and where the site has as many as it may have, another one. */
static void
make_room(struct offers *o, const struct site *s, const char *value, size_t host)
{
	struct offer *e, *next, *oldest = NULL;
	unsigned n = 0;

	for (e = next_of(o, s, NULL); e; e = next) {
		next = next_of(o, s, e);
		if (e->host == host && !memcmp(e->value, value, host)) {
			drop(o, e);
			continue;
		}
		n++;
		if (!oldest || e->until < oldest->until)
			oldest = e;
	}
	if (n >= SITE_MAX)
		drop(o, oldest);
	if (o->by_site.n >= HOSTS_MAX)
		drop(o, TAILQ_FIRST(&o->all));
}

void
offers_note(struct runq *q, const struct site *s, const char *value)
{
	struct offers *o = &q->offers;
	const char *port = strchr(value, ' ');
	size_t host = port ? (size_t)(port - value) + 1 + strcspn(port + 1, " ") : 0;
	struct offer *e;

	if (!port || strlen(value) > VALUE_MAX)
		return;
	if (!o->all.tqh_last)
		TAILQ_INIT(&o->all);
	make_room(o, s, value, host);
	if (!value[host])
		return;
	e = mem_zalloc(sizeof *e);
	e->transport = s->transport;
	e->generation = s->generation;
	e->until = q->mono + DAY;
	e->host = host;
	e->site = mem_dup(s->name);
	e->value = mem_dup(value);
	hash_add(&o->by_site, &e->node, hash_of(s));
	TAILQ_INSERT_TAIL(&o->all, e, in_all);
}

void
offers_write(struct runq *q, const struct site *s, struct str *out)
{
	struct offers *o = &q->offers;
	struct offer *e, *next;

	for (e = next_of(o, s, NULL); e; e = next) {
		next = next_of(o, s, e);
		if (e->until <= q->mono) {
			drop(o, e);
			continue;
		}
		rec_add_encoded(out, "offers", e->value);
		TAILQ_REMOVE(&o->all, e, in_all);
		TAILQ_INSERT_TAIL(&o->all, e, in_all);
	}
}
