#include "base.h"

#include "addr.h"
#include "addrlist.h"
#include "aliases.h"
#include "aliases_file.h"
#include "path.h"

#include <errno.h>

/* An alias under way. */
struct alias_frame {
	struct alias_frame *up;
	const char *key, *path; /* who led to it */
	const char *owner;      /* owner-NAME of the innermost list; NULL: of none */
	unsigned depth;
};

/* An included file that was read. */
struct alias_file {
	char *name;
	bool yields;
};

/* ---- targets ---- */

static char *
key_of_path(const char *path)
{
	const char *at = addr_domain(path);

	return alias_key(path, at ? (size_t)(at - path) - 1 : strlen(path));
}

/* The text up to the next comma outside quotes, comments and <>, without outer blanks. false: no more. */
static bool
target_next(const char **p, struct str *out)
{
	const char *s = *p, *e;
	unsigned comments = 0;
	bool quoted = false, angle = false;

	while (*s == ',' || alias_is_blank(*s))
		s++;
	for (e = s; *e && (*e != ',' || quoted || angle || comments); e++)
		if (*e == '\\' && e[1])
			e++;
		else if (*e == '"' && !comments)
			quoted = !quoted;
		else if (!quoted && (*e == '<' || *e == '>'))
			angle = *e == '<';
		else if (!quoted && *e == '(')
			comments++;
		else if (!quoted && *e == ')' && comments)
			comments--;
	*p = e;
	while (e > s && alias_is_blank(e[-1]))
		e--;
	str_reset(out);
	str_add(out, s, (size_t)(e - s));
	return e > s;
}

/* Whether the text is one quoted string with a target in it that is no address. */
static void
target_unquote(struct str *t)
{
	struct str in = {0};

	if (t->len < 3 || t->s[0] != '"' || alias_quoted_end(t->s, t->s + t->len) != t->s + t->len)
		return;
	for (size_t i = 1; i + 1 < t->len; i++) {
		if (t->s[i] == '\\')
			i++;
		str_addc(&in, t->s[i]);
	}
	if (in.len && (strchr("|/\\", *in.s) || str_istarts(in.s, ":include:"))) {
		str_reset(t);
		str_add(t, in.s, in.len);
	}
	str_free(&in);
}

/* The path of an address or name, NULL: *why. *bare: it had no domain. */
static char *
target_path(const char *s, const char *mailname, bool *bare, const char **why)
{
	struct addrlist l = {.p = s, .end = s + strlen(s)};
	char *path = NULL;

	*why = NULL;
	if (addrlist_next(&l) != ADDRLIST_ITEM)
		*why = l.why ? l.why : "no address in it";
	else {
		*bare = !addr_domain(str_cstr(&l.addr));
		path = path_make(str_cstr(&l.addr), mailname, why);
	}
	if (path && addrlist_next(&l) != ADDRLIST_END) {
		free(path);
		path = NULL;
		*why = "more than one address in it";
	}
	addrlist_free(&l);
	return path;
}

/* ---- walking ---- */

static void targets_walk(struct alias_walk *w, const char *value, const struct alias_place *at);

bool
aliases_domain_is_local(const struct conf *c, const char *path)
{
	const char *domain = addr_domain(path);

	return domain && conf_list_has(&c->local_domains, domain);
}

static void
hand_out(struct alias_walk *w, const char *path, bool local)
{
	struct alias_target t = {path, local, local && w->frame, w->frame ? w->frame->owner : NULL};

	w->yields = true;
	w->each(w->arg, &t);
}

/* The line of the name or of what it stands for by itself: aliases.h. NULL: none. */
static struct alias_entry *
own_entry(const struct alias_walk *w, const char *key)
{
	struct alias_entry *e = aliases_find(w->aliases, key);

	if (!e && !strcmp(key, "mailer-daemon"))
		e = aliases_find(w->aliases, key = "postmaster");
	if (!e && !strcmp(key, "postmaster") && !w->conf->postmaster)
		e = aliases_find(w->aliases, "root");
	return e;
}

/* The line that counts for the name, NULL: none. The key loses a detail that has no line of its own. */
static struct alias_entry *
entry_for(const struct alias_walk *w, char *key)
{
	struct alias_entry *e = own_entry(w, key);
	size_t n = strcspn(key, "+");

	if (!e && n && key[n]) {
		key[n] = 0;
		e = own_entry(w, key);
	}
	return e ? e : aliases_find(w->aliases, "*");
}

/* The name of the line that makes this one a mailing list, NULL: none does. */
static const char *
owner_of(const struct alias_walk *w, const struct alias_entry *e)
{
	struct str name = {0};
	const struct alias_entry *owner;

	if (str_istarts(e->name, "owner-"))
		return NULL;
	str_addf(&name, "owner-%s", e->name);
	owner = aliases_find(w->aliases, name.s);
	str_free(&name);
	return owner ? owner->name : NULL;
}

static void
entry_walk(struct alias_walk *w, struct alias_entry *e, const char *key, const char *path)
{
	struct alias_frame f = {w->frame, key, path, owner_of(w, e), w->frame ? w->frame->depth + 1 : 1};
	struct alias_place at = {w->aliases->file, e->line};
	bool before = w->yields;

	if (e->state == ALIAS_DONE) {
		w->yields = w->yields || e->yields;
		return;
	}
	if (e->state == ALIAS_OPEN) {
		/* A name in its own line is the mailbox of that name; so is one that came to this line by
		 * what stands for others. */
		if (strcmp(e->name, key) || !strcmp(w->frame->key, key))
			hand_out(w, strcmp(e->name, key) ? path : w->frame->path, true);
		else
			alias_remark(&w->remarks, &at, key, "the alias leads back to itself");
		return;
	}
	if (f.depth > ALIASES_DEPTH_MAX) {
		alias_remark(&w->remarks, &at, key, "too many aliases of aliases");
		return;
	}
	if (!f.owner && f.up)
		f.owner = f.up->owner;
	e->state = ALIAS_OPEN;
	w->frame = &f;
	w->yields = false;
	targets_walk(w, e->value, &at);
	w->frame = f.up;
	e->state = ALIAS_DONE;
	e->yields = w->yields;
	w->yields = w->yields || before;
}

static bool
is_postmaster(const char *key)
{
	return !strcmp(key, "postmaster") || !strcmp(key, "mailer-daemon");
}

static void
local_walk(struct alias_walk *w, const char *path)
{
	const char *postmaster = w->conf->postmaster;
	char *key = key_of_path(path), *other = NULL;
	struct alias_entry *e = entry_for(w, key);

	if (postmaster && is_postmaster(key) && (!e || !strcmp(e->name, "*"))) {
		other = key_of_path(postmaster);
		if (aliases_domain_is_local(w->conf, postmaster) && !is_postmaster(other))
			local_walk(w, postmaster);
		else
			hand_out(w, postmaster, false);
	} else if (e && w->keep_lists && owner_of(w, e) && aliases_domain_is_local(w->conf, path))
		hand_out(w, path, false);
	else if (e)
		entry_walk(w, e, key, path);
	else
		hand_out(w, path, true);
	free(other);
	free(key);
}

static void
address_walk(struct alias_walk *w, const char *s, const struct alias_place *at)
{
	bool literal = *s == '\\', bare = false;
	const char *why;
	char *path = target_path(s + literal, w->conf->mailname, &bare, &why);

	if (!path)
		alias_remark(&w->remarks, at, s, why);
	else if (!bare && !aliases_domain_is_local(w->conf, path))
		hand_out(w, path, false);
	else if (literal)
		hand_out(w, path, true);
	else
		local_walk(w, path);
	free(path);
}

static void
lines_walk(struct alias_walk *w, const char *file, const struct str *text)
{
	const char *p = str_cstr(text), *end = p + text->len;
	struct alias_place in = {file, 0};
	struct str line = {0};

	for (; p < end; p++) {
		const char *nl = memchr(p, '\n', (size_t)(end - p)), *stop = nl ? nl : end;

		in.line++;
		while (p < stop && alias_is_blank(*p))
			p++;
		str_reset(&line);
		str_add(&line, p, (size_t)(stop - p));
		if (memchr(line.s, 0, line.len))
			alias_remark(&w->remarks, &in, NULL, "NUL byte in the line");
		else if (*line.s != '#')
			targets_walk(w, line.s, &in);
		p = stop;
	}
	str_free(&line);
}

/* Its index among those that were read; nincluded: it was not. */
static size_t
included_find(const struct alias_walk *w, const char *file)
{
	size_t i;

	for (i = 0; i < w->nincluded; i++)
		if (!strcmp(w->included[i].name, file))
			break;
	return i;
}

/* It may go better in a minute; anything else stays until somebody mends it. */
static bool
passes(int error)
{
	return error == EIO || error == EMFILE || error == ENFILE || error == ENOMEM || error == ESTALE ||
	       error == ETIMEDOUT;
}

static void
include_failed(struct alias_walk *w, const char *file, const struct alias_place *at)
{
	int error = errno;

	if (!w->strict && !passes(error))
		alias_remark(&w->remarks, at, file, error == EINVAL ? "it is no file" : strerror(error));
	else if (!w->why.len)
		str_addf(&w->why, "unable to read the aliases in %s: %s", file,
		    error == EINVAL ? "it is no file" : strerror(error));
}

static void
include_walk(struct alias_walk *w, const char *file, const struct alias_place *at)
{
	size_t i = included_find(w, file);
	struct str text = {0};
	bool before = w->yields;

	if (*file != '/') {
		alias_remark(&w->remarks, at, file, "expected :include: and a path that begins with /");
		return;
	}
	if (i < w->nincluded) {
		w->yields = w->yields || w->included[i].yields;
		return;
	}
	if (i == ALIASES_INCLUDES_MAX) {
		alias_remark(&w->remarks, at, file, "too many included files");
		return;
	}
	w->included = mem_grow(w->included, ++w->nincluded, sizeof *w->included);
	w->included[i] = (struct alias_file){mem_dup(file), false};
	w->yields = false;
	if (aliases_read(file, &text))
		lines_walk(w, file, &text);
	else
		include_failed(w, file, at);
	str_free(&text);
	w->included[i].yields = w->yields;
	w->yields = w->yields || before;
}

static void
targets_walk(struct alias_walk *w, const char *value, const struct alias_place *at)
{
	struct str t = {0};

	while (target_next(&value, &t)) {
		target_unquote(&t);
		if (*t.s == '|')
			alias_remark(&w->remarks, at, t.s, "mail is not given to commands");
		else if (*t.s == '/')
			alias_remark(&w->remarks, at, t.s, "mail is not written to files");
		else if (str_istarts(t.s, ":include:"))
			include_walk(w, t.s + 9 + strspn(t.s + 9, " \t"), at);
		else if (*t.s == ':')
			alias_remark(&w->remarks, at, t.s, "expected an address, a name or :include:/file");
		else
			address_walk(w, t.s, at);
	}
	str_free(&t);
}

void
aliases_expand(struct alias_walk *w, const char *path)
{
	w->yields = false;
	local_walk(w, path);
	if (!w->yields)
		hand_out(w, path, true);
}

void
aliases_check(struct alias_walk *w)
{
	for (size_t i = 0; i < w->aliases->n; i++) {
		struct alias_entry *e = &w->aliases->v[i];
		const char *why;
		char *local = path_quote_local(e->name), *path = path_make(local, w->conf->mailname, &why);
		struct alias_place at = {w->aliases->file, e->line};

		if (path && e->state == ALIAS_UNSEEN)
			entry_walk(w, e, e->name, path);
		else if (!path)
			alias_remark(&w->remarks, &at, e->name, why);
		free(path);
		free(local);
	}
}

void
alias_walk_free(struct alias_walk *w)
{
	for (size_t i = 0; i < w->nincluded; i++)
		free(w->included[i].name);
	free(w->included);
	str_free(&w->remarks);
	str_free(&w->why);
}
