#include "base.h"

#include "addr.h"
#include "aliases.h"
#include "expand.h"
#include "path.h"
#include "resolve.h"

#include <errno.h>

/* Who the aliases say. */
struct found {
	char *path, *owner;
	bool local;
	size_t order;
};

struct search {
	struct resolved *r;
	const struct conf *conf;
	const char *path; /* the recipient */
	char *user;       /* the login name he means */
	struct alias_walk walk;
	struct found *found;
	size_t n, cap;
};

/* ---- the aliases ---- */

static void
take(void *arg, const struct alias_target *t)
{
	struct search *s = arg;
	struct str owner = {0};

	if (t->owner) {
		char *local = path_quote_local(t->owner);

		str_addf(&owner, "%s@%s", local, addr_domain(s->path));
		free(local);
	}
	if (s->n == s->cap) {
		s->cap = s->cap ? 2 * s->cap : 16;
		s->found = mem_grow(s->found, s->cap, sizeof *s->found);
	}
	s->found[s->n] = (struct found){mem_dup(t->path), t->owner ? str_take(&owner) : NULL, t->local, s->n};
	s->n++;
}

static int
by_path(const void *x, const void *y)
{
	const struct found *a = x, *b = y;
	int c = strcmp(a->path, b->path);

	return c ? c : a->order < b->order ? -1 : 1;
}

static int
by_order(const void *x, const void *y)
{
	const struct found *a = x, *b = y;

	return a->order < b->order ? -1 : 1;
}

static void
found_free(struct found *f)
{
	free(f->path);
	free(f->owner);
}

/* Who is led to twice gets one copy: the first stays. */
static void
found_unique(struct search *s)
{
	size_t n = 0;

	if (!s->n)
		return;
	qsort(s->found, s->n, sizeof *s->found, by_path);
	for (size_t i = 0; i < s->n; i++)
		if (n && !strcmp(s->found[i].path, s->found[n - 1].path))
			found_free(&s->found[i]);
		else
			s->found[n++] = s->found[i];
	s->n = n;
	qsort(s->found, n, sizeof *s->found, by_order);
}

static void
found_clear(struct search *s)
{
	for (size_t i = 0; i < s->n; i++)
		found_free(&s->found[i]);
	s->n = 0;
}

/* Fills s->found; false: it cannot be known now. The file is read once, and only for who needs it. */
static bool
look_up(struct search *s, const char *path)
{
	struct resolved *r = s->r;
	struct str faults = {0};

	found_clear(s);
	if (!s->walk.aliases) {
		s->walk.aliases = aliases_load(s->conf, &faults, &r->why);
		if (!s->walk.aliases && !r->why.len)
			s->walk.aliases = aliases_parse("", "", 0, &faults);
		str_free(&faults);
	}
	if (r->why.len)
		return false;
	aliases_expand(&s->walk, path);
	str_adds(&r->why, str_cstr(&s->walk.why));
	found_unique(s);
	return !r->why.len;
}

/* ---- who has it ---- */

static void
send_on(struct resolved *r, const char *path, const char *owner, bool exact)
{
	if (!(r->n & (r->n - 1)))
		r->to = mem_grow(r->to, r->n ? 2 * r->n : 1, sizeof *r->to);
	r->to[r->n++] = (struct onward){mem_dup(path), owner ? mem_dup(owner) : NULL, exact};
}

static enum mailbox_is
look(struct search *s, const char *user)
{
	struct resolved *r = s->r;
	enum mailbox_is is;

	mailbox_free(&r->box);
	is = r->look(&r->box, s->conf, user);
	if (is == MAILBOX_UNKNOWN)
		str_addf(&r->why, "unable to look up the user %s: %s", user, strerror(errno));
	return is;
}

static bool
means(const char *path, const char *user)
{
	char *other = mailbox_user(path);
	bool same = !strcmp(other, user);

	free(other);
	return same;
}

/* default-destination gets it: by its own aliases and, when that is one mailbox, there. When it leads back to
 * the user, it is he whom conf wants to have a Maildir. */
static void
try_default(struct search *s, const char *user, bool alone)
{
	const char *path = s->conf->default_destination;
	struct resolved *r = s->r;
	bool himself = false;
	size_t n = r->n;
	char *one;

	mailbox_free(&r->box);
	if (!aliases_domain_is_local(s->conf, path)) {
		send_on(r, path, NULL, false);
		return;
	}
	if (!look_up(s, path))
		return;
	if (alone && s->n == 1 && s->found[0].local && !s->found[0].owner) {
		one = mailbox_user(s->found[0].path);
		r->nobody = look(s, one) == MAILBOX_NOBODY;
		free(one);
		return;
	}
	for (size_t i = 0; i < s->n; i++)
		if (s->found[i].local && means(s->found[i].path, user))
			himself = true;
		else
			send_on(r, s->found[i].path, s->found[i].owner, s->found[i].local);
	r->nobody = !(himself && look(s, user) != MAILBOX_NOBODY) && r->n == n;
}

/* A mailbox of this machine for the user, or who stands in for him. alone: nobody else gets the message. */
static void
place(struct search *s, const char *user, bool alone)
{
	const char *dest = s->conf->default_destination;
	enum mailbox_is is = look(s, user);
	bool his = dest && aliases_domain_is_local(s->conf, dest) && means(dest, user);

	if (is == MAILBOX_UNKNOWN || is == MAILBOX_THERE || (is == MAILBOX_MISSING && (!dest || his)))
		return;
	if (dest && !his)
		try_default(s, user, alone);
	else
		s->r->nobody = true;
}

static int
by_owner(const void *x, const void *y)
{
	const struct onward *a = x, *b = y;
	int c = strcmp(a->owner ? a->owner : "", b->owner ? b->owner : "");

	return c ? c : strcmp(a->path, b->path);
}

static void
place_all(struct search *s)
{
	const struct found *f = s->found;
	struct resolved *r = s->r;
	bool self = false;
	char *one;

	if (s->n == 1 && f->local && !f->owner) {
		one = mailbox_user(f->path);
		place(s, one, true);
		free(one);
		return;
	}
	for (size_t i = 0; i < s->n; i++)
		if (f[i].local && means(f[i].path, s->user))
			self = true;
		else
			send_on(r, f[i].path, f[i].owner, f[i].local);
	if (self)
		place(s, s->user, false);
}

/* default-destination may be one of those the aliases named. */
static void
to_unique(struct resolved *r)
{
	size_t n = 0;

	if (!r->n)
		return;
	qsort(r->to, r->n, sizeof *r->to, by_owner);
	for (size_t i = 0; i < r->n; i++)
		if (n && !by_owner(&r->to[i], &r->to[n - 1])) {
			free(r->to[i].path);
			free(r->to[i].owner);
		} else
			r->to[n++] = r->to[i];
	r->n = n;
}

void
resolve(struct resolved *r, const struct conf *c, const char *path, bool exact)
{
	struct conf here = *c;
	struct search s = {
	    .r = r, .conf = &here, .path = path, .walk = {.conf = &here, .strict = true, .each = take}};
	char *domain = mem_dup(addr_domain(path));

	/* Names beside his are of his domain: the mailname may be another machine's. */
	if (aliases_domain_is_local(c, path))
		here.mailname = domain;
	s.walk.arg = &s;
	s.user = mailbox_user(path);
	if (exact)
		take(&s, &(struct alias_target){.path = path, .local = true});
	if (exact || look_up(&s, path))
		place_all(&s);
	to_unique(r);
	str_adds(&r->remarks, str_cstr(&s.walk.remarks));
	found_clear(&s);
	free(s.found);
	free(s.user);
	free(domain);
	if (s.walk.aliases)
		aliases_free(s.walk.aliases);
	alias_walk_free(&s.walk);
}

void
resolved_free(struct resolved *r)
{
	for (size_t i = 0; i < r->n; i++) {
		free(r->to[i].path);
		free(r->to[i].owner);
	}
	free(r->to);
	mailbox_free(&r->box);
	str_free(&r->why);
	str_free(&r->remarks);
	*r = (struct resolved){0};
}
