#include "base.h"

#include "addr.h"
#include "addrlist.h"
#include "header.h"
#include "path.h"
#include "repair.h"
#include "rewrite.h"

/* ---- one address ---- */

static bool
is_ours(const struct conf *c, const char *domain)
{
	return str_ieq(domain, c->mailname) || str_ieq(domain, c->hostname) ||
	       conf_list_has(&c->local_domains, domain);
}

static bool
is_below(const char *domain, const char *top)
{
	size_t n = strlen(domain), m = strlen(top);

	return n > m && domain[n - m - 1] == '.' && str_ieq(domain + n - m, top);
}

/* path: what path_make made, with a domain. */
static bool
fits(const struct conf *c, const char *pattern, const char *path)
{
	const char *domain = addr_domain(path);
	char *local;
	bool same;

	if (!strcmp(pattern, "*"))
		return true;
	if (!strncmp(pattern, "@.", 2))
		return str_ieq(domain, pattern + 2) || is_below(domain, pattern + 2);
	if (*pattern == '@')
		return str_ieq(domain, pattern + 1);
	if (addr_domain(pattern))
		return str_ieq(path, pattern);
	local = mem_dupn(path, (size_t)(domain - 1 - path));
	same = str_ieq(local, pattern) && is_ours(c, domain);
	free(local);
	return same;
}

bool
rewrite_needs_account(const struct conf *c)
{
	bool needed = false;

	for (size_t i = 0; i < c->naccount; i++)
		needed = needed || c->account[i].nrewrite;
	return needed;
}

static const struct conf_rewrite *
rule_for(const struct rewrite *w, const char *path)
{
	const struct conf_account *a = conf_account(w->conf, w->account);

	for (size_t i = 0; a && i < a->nrewrite; i++)
		if (fits(w->conf, a->rewrite[i].pattern, path))
			return &a->rewrite[i];
	for (size_t i = 0; i < w->conf->nrewrite; i++)
		if (fits(w->conf, w->conf->rewrite[i].pattern, path))
			return &w->conf->rewrite[i];
	return NULL;
}

static bool
has_rules(const struct rewrite *w)
{
	const struct conf_account *a = conf_account(w->conf, w->account);

	return w->conf->nrewrite || (a && a->nrewrite);
}

static char *
whole_path(const struct rewrite *w, const char *address)
{
	const char *why;

	return *address ? path_make(address, w->conf->mailname, &why) : NULL;
}

bool
rewrite_address(const struct rewrite *w, const char *address, struct str *out)
{
	char *path = whole_path(w, address);
	const struct conf_rewrite *rule = path ? rule_for(w, path) : NULL;

	if (rule && *rule->to == '@')
		str_add(out, path, (size_t)(addr_domain(path) - 1 - path));
	if (rule)
		str_adds(out, rule->to);
	free(path);
	return rule != NULL;
}

char *
rewrite_sender(const struct rewrite *w, const char *sender)
{
	struct str to = {0};

	return rewrite_address(w, sender, &to) ? str_take(&to) : mem_dup(sender);
}

/* ---- the header ---- */

static bool
is_author(const struct header_field *f)
{
	static const char *const names[] = {
	    "From", "Sender", "Reply-To", "Resent-From", "Resent-Sender", "Resent-Reply-To"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (header_is(f, names[i]))
			return true;
	return false;
}

static void
field_write(const struct rewrite *w, const struct header_field *f, struct str *out)
{
	struct addrlist l = {.p = f->value, .end = f->value + f->len};
	const char *done = f->start;
	struct str to = {0};

	while (addrlist_next(&l) == ADDRLIST_ITEM) {
		str_reset(&to);
		if (!l.addr.len || memchr(l.addr.s, 0, l.addr.len) || !rewrite_address(w, l.addr.s, &to))
			continue;
		str_add(out, done, (size_t)(l.begin - done));
		str_adds(out, to.s);
		done = l.behind;
	}
	str_add(out, done, (size_t)(f->end - done));
	addrlist_free(&l);
	str_free(&to);
}

void
rewrite_header(const struct rewrite *w, struct str *header)
{
	const char *p = str_cstr(header), *end = p + header->len, *done = p;
	struct header_field f;
	struct str out = {0};

	if (!has_rules(w) || repair_is_signed(p, header->len))
		return;
	for (; header_next(&p, end, &f); done = f.end)
		if (is_author(&f))
			field_write(w, &f, &out);
		else
			str_add(&out, f.start, (size_t)(f.end - f.start));
	str_add(&out, done, (size_t)(end - done));
	str_free(header);
	*header = out;
}
