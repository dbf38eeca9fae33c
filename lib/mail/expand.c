#include "base.h"

#include "addr.h"
#include "aliases.h"
#include "expand.h"
#include "login.h"
#include "maildir.h"

#include <errno.h>
#include <sys/stat.h>

struct expansion {
	const struct conf *conf;
	struct recipients to; /* as it comes to be */
	const char *asked;    /* the recipient under expansion, and its number */
	size_t from;
	bool many;
};

/* ---- mailboxes ---- */

/* A Maildir that cannot be seen, in a home directory closed to us, is taken to be there. */
static bool
has_mailbox(const struct conf *c, const char *path)
{
	const char *at = addr_domain(path);
	char *user, *home, *maildir;
	struct stat st;
	bool has;

	if (!aliases_domain_is_local(c, path))
		return false;
	user = mem_dupn(path, (size_t)(at - path) - 1);
	str_lower(user);
	home = login_home(user);
	maildir = maildir_path(c->local_maildir, user, home ? home : "");
	has = home && (!stat(maildir, &st) || errno == EACCES);
	free(maildir);
	free(home);
	free(user);
	return has;
}

/* ---- recipients ---- */

/* Twice the limit is room for those who are named more than once. What is over it the door refuses. */
static void
take(void *arg, const struct alias_target *t)
{
	struct expansion *x = arg;
	const struct conf *c = x->conf;
	bool nobody = t->local && c->default_destination && !has_mailbox(c, t->path);
	struct recipient *r;

	if (x->many)
		return;
	recipients_add_path(&x->to, nobody ? c->default_destination : t->path, x->asked);
	r = &x->to.v[x->to.n - 1];
	r->from = x->from;
	r->exact = t->exact && !nobody;
	if (x->to.n < 2 * (size_t)c->max_recipients)
		return;
	recipients_unique(&x->to);
	x->many = x->to.n > c->max_recipients;
}

struct aliases *
aliases_load(const struct conf *c, struct str *faults, struct str *why)
{
	struct str text = {0};

	if (!strcmp(c->aliases, "none"))
		return NULL;
	if (!aliases_read(c->aliases, &text)) {
		if (errno != ENOENT || strcmp(c->aliases, "/etc/aliases"))
			str_addf(why, "unable to read the aliases in %s: %s", c->aliases,
			    errno == EINVAL ? "it is no file" : strerror(errno));
		str_free(&text);
		return NULL;
	}
	return aliases_take(c->aliases, &text, faults);
}

static bool
any_local(const struct recipients *to, const struct conf *c)
{
	for (size_t i = 0; i < to->n; i++)
		if (to->v[i].bare || aliases_domain_is_local(c, to->v[i].path))
			return true;
	return false;
}

bool
recipients_expand(struct recipients *to, const struct conf *c, struct str *remarks)
{
	struct expansion x = {.conf = c, .to.mailname = to->mailname};
	struct alias_walk w = {.conf = c, .keep_lists = true, .each = take, .arg = &x};
	struct str faults = {0}, none = {0};

	if (!any_local(to, c))
		return true;
	w.aliases = aliases_load(c, &faults, &to->why);
	str_free(&faults);
	if (to->why.len)
		return false;
	if (!w.aliases)
		w.aliases = aliases_parse("", "", 0, &none);
	for (size_t i = 0; i < to->n; i++) {
		x.asked = to->v[i].path;
		x.from = to->v[i].from;
		if (to->v[i].bare || aliases_domain_is_local(c, x.asked))
			aliases_expand(&w, x.asked);
		else
			take(&x, &(struct alias_target){.path = x.asked});
	}
	str_add(remarks, str_cstr(&w.remarks), w.remarks.len);
	str_add(&to->why, str_cstr(&w.why), w.why.len);
	aliases_free(w.aliases);
	alias_walk_free(&w);
	if (to->why.len) {
		recipients_free(&x.to);
		return false;
	}
	recipients_free(to);
	*to = x.to;
	recipients_unique(to);
	return true;
}

/* ---- the check ---- */

static void
ignore(void *arg, const struct alias_target *t)
{
	(void)arg;
	(void)t;
}

long
aliases_count_checked(const struct conf *c, struct str *faults)
{
	struct alias_walk w = {.conf = c, .each = ignore};
	struct str why = {0};
	long n;

	w.aliases = aliases_load(c, faults, &why);
	if (!w.aliases) {
		str_addf(faults, "%s%s", str_cstr(&why), why.len ? "\n" : "");
		str_free(&why);
		return -1;
	}
	aliases_check(&w);
	n = (long)aliases_count(w.aliases);
	str_add(faults, str_cstr(&w.remarks), w.remarks.len);
	str_addf(faults, "%s%s", str_cstr(&w.why), w.why.len ? "\n" : "");
	alias_walk_free(&w);
	aliases_free(w.aliases);
	return n;
}
