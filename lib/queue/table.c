/* What is loaded, found by name: messages, recipients, domains, destinations, sites. */
#include "base.h"

#include "addr.h"
#include "clock.h"
#include "die.h"
#include "queue.h"
#include "reporting.h"

#define NODE(n, type) ((type *)(void *)((char *)(n)-offsetof(type, node)))

struct msg *
msg_find(struct runq *q, uint64_t id)
{
	uint64_t h = hash_number(id);

	for (struct hnode *n = hash_find(&q->msgs, h, NULL); n; n = hash_find(&q->msgs, h, n))
		if (NODE(n, struct msg)->id == id)
			return NODE(n, struct msg);
	return NULL;
}

struct item *
item_find(struct runq *q, uint64_t id, uint32_t n)
{
	struct msg *m = msg_find(q, id);

	for (struct item *it = m ? m->items : NULL; it; it = it->of_msg)
		if (it->n == n)
			return it;
	return NULL;
}

struct domain *
domain_find(struct runq *q, const char *name)
{
	uint64_t h = hash_text(name);

	for (struct hnode *n = hash_find(&q->domains, h, NULL); n; n = hash_find(&q->domains, h, n))
		if (!strcmp(NODE(n, struct domain)->name, name))
			return NODE(n, struct domain);
	return NULL;
}

struct domain *
domain_get(struct runq *q, const char *name)
{
	struct domain *d = domain_find(q, name);
	size_t len = strlen(name);

	if (d)
		return d;
	d = mem_zalloc(sizeof *d + len + 1);
	memcpy(d->name, name, len);
	hash_add(&q->domains, &d->node, hash_text(name));
	return d;
}

void
domain_maybe_free(struct runq *q, struct domain *d)
{
	if (d->loaded || d->backlog || d->refilling)
		return;
	hash_del(&q->domains, &d->node);
	free(d);
}

/* ---- destinations ---- */

static uint64_t
hash_by(const char *name, const struct conf_transport *t)
{
	return hash_text(name) ^ hash_number((uint64_t)(uintptr_t)t);
}

/* All domains of a relay are one destination. */
static const char *
dest_name(const struct conf_transport *t, const char *domain)
{
	return !t || t->type == TRANSPORT_DIRECT || t->type == TRANSPORT_SOCKS ? domain : "";
}

enum tls_class
class_of(const char *requiretls)
{
	if (!requiretls)
		return CLASS_ORDINARY;
	return !strcmp(requiretls, "yes")  ? CLASS_SECURE
	       : !strcmp(requiretls, "no") ? CLASS_LENIENT
	                                   : CLASS_ORDINARY;
}

enum tls_class
class_of_mark(const char mark[4])
{
	switch (mark[MARK_REQUIRETLS]) {
	case 'y': return CLASS_SECURE;
	case 'n': return CLASS_LENIENT;
	default: return CLASS_ORDINARY;
	}
}

const char *class_word(enum tls_class class)
{
	static const char *const words[] = {NULL, "yes", "no"};

	return words[class];
}

struct dest *
dest_find(struct runq *q, const struct conf_transport *t, const char *name, enum tls_class class)
{
	uint64_t h = hash_by(name, t) + class;

	for (struct hnode *n = hash_find(&q->dests, h, NULL); n; n = hash_find(&q->dests, h, n)) {
		struct dest *d = NODE(n, struct dest);
		if (d->transport == t && d->generation == q->generation && d->class == class &&
		    !strcmp(d->name, name))
			return d;
	}
	return NULL;
}

struct dest *
dest_look(struct runq *q, const struct row *row)
{
	const char *no;
	const struct conf_transport *t = route_find(q, row, &no);

	return dest_find(q, t, dest_name(t, row->domain), class_of(row->requiretls));
}

bool
dest_fits(const struct dest *a, const struct dest *b)
{
	return a == b || (a->class == b->class && a->fit && b->fit && !strcmp(a->fit, b->fit));
}

struct dest *
dest_get(struct runq *q, const struct conf_transport *t, const char *domain, enum tls_class class)
{
	const char *name = dest_name(t, domain);
	struct dest *d = dest_find(q, t, name, class);
	uint64_t h = hash_by(name, t) + class;
	size_t len = strlen(name);

	if (d)
		return d;
	d = mem_zalloc(sizeof *d + len + 1);
	memcpy(d->name, name, len);
	d->transport = t;
	d->class = class;
	d->generation = q->generation;
	TAILQ_INIT(&d->ready);
	hash_add(&q->dests, &d->node, h);
	return d;
}

void
dest_unlist(struct runq *q, struct dest *d)
{
	if (!d->listed)
		return;
	d->listed = false;
	TAILQ_REMOVE(&d->site->dests, d, in_site);
	for (struct item *it = TAILQ_FIRST(&d->ready); it; it = TAILQ_NEXT(it, in_dest))
		d->site->ready--;
	(void)q;
}

void
dest_list_in_site(struct runq *q, struct dest *d)
{
	if (d->listed || TAILQ_EMPTY(&d->ready))
		return;
	d->listed = true;
	TAILQ_INSERT_TAIL(&d->site->dests, d, in_site);
	for (struct item *it = TAILQ_FIRST(&d->ready); it; it = TAILQ_NEXT(it, in_dest))
		d->site->ready++;
	site_wake(q, d->site);
}

void
dest_forget(struct runq *q, struct dest *d)
{
	dest_unlist(q, d);
	if (d->site) {
		d->site->known--;
		d->site->pkix -= d->pkix;
	}
	d->site = NULL;
	d->pkix = false;
	d->state = DEST_NEW;
	q->plan_bytes -= d->hops ? strlen(d->hops) : 0;
	free(d->hops);
	free(d->fit);
	free(d->ascii);
	free(d->code);
	free(d->text);
	d->hops = d->fit = d->ascii = d->code = d->text = NULL;
}

/* ---- sites ---- */

struct site *
site_get(struct runq *q, const struct conf_transport *t, const char *name)
{
	uint64_t h = hash_by(name, t);
	size_t len = strlen(name);
	struct site *s;

	for (struct hnode *n = hash_find(&q->sites, h, NULL); n; n = hash_find(&q->sites, h, n)) {
		s = NODE(n, struct site);
		if (s->transport == t && s->generation == q->generation && !strcmp(s->name, name))
			return s;
	}
	s = mem_zalloc(sizeof *s + len + 1);
	memcpy(s->name, name, len);
	s->transport = t;
	s->generation = q->generation;
	TAILQ_INIT(&s->dests);
	TAILQ_INIT(&s->workers);
	site_init(&s->state, q->conf, name);
	if (t && (conf_logs_in(t) || t->client_certificate)) /* one refused login is enough to know (T118) */
		s->state.window = 1;
	hash_add(&q->sites, &s->node, h);
	return s;
}

static void
site_unlist(struct runq *q, struct site *s)
{
	switch (s->where) {
	case SITE_ACTIVE: TAILQ_REMOVE(&q->active, s, in_list); break;
	case SITE_SLEEPING: TAILQ_REMOVE(&q->sleeping, s, in_list); break;
	case SITE_STARVING:
		TAILQ_REMOVE(&q->starving, s, in_list);
		q->nstarving--;
		break;
	case SITE_QUIET: break;
	}
	s->where = SITE_QUIET;
}

void
site_wake(struct runq *q, struct site *s)
{
	if (s->where == SITE_ACTIVE)
		return;
	site_unlist(q, s);
	s->where = SITE_ACTIVE;
	TAILQ_INSERT_TAIL(&q->active, s, in_list);
}

void
site_sleep(struct runq *q, struct site *s)
{
	int64_t at = site_wakes_at(&s->state, q->now);

	if (at < q->wake_at)
		q->wake_at = at;
	if (s->where == SITE_SLEEPING)
		return;
	site_unlist(q, s);
	s->where = SITE_SLEEPING;
	TAILQ_INSERT_TAIL(&q->sleeping, s, in_list);
}

void
site_starve(struct runq *q, struct site *s)
{
	if (s->where == SITE_STARVING)
		return;
	site_unlist(q, s);
	s->where = SITE_STARVING;
	TAILQ_INSERT_TAIL(&q->starving, s, in_list);
	q->nstarving++;
}

/* ---- recipients ---- */

static struct msg *
msg_get(struct runq *q, const struct row *row)
{
	struct msg *m = msg_find(q, row->id);

	if (m)
		return m;
	m = mem_zalloc(sizeof *m);
	m->id = row->id;
	m->queued = row->queued;
	m->loaded_at = q->mono;
	hash_add(&q->msgs, &m->node, hash_number(row->id));
	return m;
}

struct item *
item_add(struct runq *q, const struct row *row)
{
	struct item *it = mem_zalloc(sizeof *it);
	struct dest *d;
	const char *no;
	const struct conf_transport *t = route_find(q, row, &no);

	it->msg = msg_get(q, row);
	it->of_msg = it->msg->items;
	it->msg->items = it;
	it->domain = domain_get(q, row->domain);
	it->domain->loaded++;
	q->loaded++;
	it->n = row->n;
	it->attempts = row->attempts;
	it->next = row->next;
	it->named = row->transport != NULL;
	it->told = row->told;
	it->dest = d = dest_get(q, t, row->domain, class_of(row->requiretls));
	d->items++;
	it->report = reportmail_is_row(row);
	d->reports += it->report;
	if (no) {
		/* No silent default for what the message itself named, and no other way for what a route may want. */
		it->waits = true;
		settle_without_job(q, it, *no == '5', *no == '5' ? 554 : 0, no);
		return NULL;
	}
	if (!sign_before(q, it, row))
		item_ready(q, it);
	else if (d->state != DEST_PLAN || d->expires <= q->now)
		ask_want(q, d);
	return it;
}

void
item_ready(struct runq *q, struct item *it)
{
	struct dest *d = it->dest;

	it->waits = false;
	TAILQ_INSERT_TAIL(&d->ready, it, in_dest);
	/* What is listed is counted; whether the plan still holds is seen when its turn comes. */
	if (d->listed) {
		d->site->ready++;
		site_wake(q, d->site);
	} else if (d->state == DEST_PLAN && d->expires > q->now) {
		dest_list_in_site(q, d);
	} else {
		ask_want(q, d);
	}
}

void
item_take(struct runq *q, struct item *it)
{
	struct dest *d = it->dest;

	(void)q;
	if (it->waits)
		return;
	TAILQ_REMOVE(&d->ready, it, in_dest);
	if (!d->listed)
		return;
	d->site->ready--;
	if (TAILQ_EMPTY(&d->ready)) {
		d->listed = false;
		TAILQ_REMOVE(&d->site->dests, d, in_site);
	}
}

void
item_free(struct runq *q, struct item *it)
{
	struct item **p = &it->msg->items;
	struct domain *dom = it->domain;

	if (!it->job)
		item_take(q, it);
	while (*p != it)
		p = &(*p)->of_msg;
	*p = it->of_msg;
	if (!it->msg->items) {
		hash_del(&q->msgs, &it->msg->node);
		sign_forget(q, it->msg);
		free(it->msg);
	}
	it->dest->items--;
	it->dest->reports -= it->report;
	q->loaded--;
	dom->loaded--;
	if (dom->backlog && dom->loaded < load_quota(q) / 2)
		load_want(q, dom);
	domain_maybe_free(q, dom);
	free(it);
}

/* ---- what nobody uses any more ---- */

static void
sweep_dest(struct hnode *n, void *arg)
{
	struct runq *q = arg;
	struct dest *d = NODE(n, struct dest);

	if (d->items || d->queued || d->state == DEST_ASKED ||
	    (d->expires > q->now && d->generation == q->generation))
		return;
	dest_forget(q, d);
	hash_del(&q->dests, &d->node);
	free(d);
}

static void
sweep_site(struct hnode *n, void *arg)
{
	struct runq *q = arg;
	struct site *s = NODE(n, struct site);

	if (s->known || s->nworkers)
		return;
	/* How often it failed is remembered beyond the plan that named it. */
	if (s->state.fails && s->generation == q->generation && q->now - s->state.down_until < 2 * HOUR)
		return;
	site_unlist(q, s);
	hash_del(&q->sites, &s->node);
	free(s->error);
	free(s);
}

void
table_sweep(struct runq *q)
{
	hash_each(&q->dests, sweep_dest, q);
	hash_each(&q->sites, sweep_site, q);
}
