#include "base.h"

#include "addr.h"
#include "addrlist.h"
#include "header.h"
#include "rights.h"
#include "str.h"

bool
rights_matter(const struct conf *c)
{
	for (size_t i = 0; i < c->ndomain; i++)
		if (c->domain[i].accounts.n)
			return true;
	return false;
}

/* Login names differ in their case, unlike what conf_list_has compares. */
static bool
is_listed(const struct conf_list *l, const char *account)
{
	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->v[i], account))
			return true;
	return false;
}

static bool
domain_is_open(const struct conf *c, const char *account, const char *domain)
{
	size_t n = strlen(domain);
	const struct conf_domain *d;
	char *name;

	if (!text_is_ascii(domain, n))
		return false;
	while (n && domain[n - 1] == '.')
		n--;
	name = mem_dupn(domain, n);
	d = conf_domain(c, name);
	free(name);
	return !d || !d->accounts.n || is_listed(&d->accounts, account);
}

bool
rights_allow(const struct conf *c, const char *account, const char *address)
{
	const char *domain = addr_domain(address);

	if (!*address || !strcmp(account, "root") || !rights_matter(c))
		return true;
	return domain_is_open(c, account, domain ? domain : c->mailname);
}

/* What is no list of addresses others may read in their own ways: everything behind an @ counts. */
static char *
forbidden_anywhere(const struct conf *c, const char *account, const char *p, const char *end)
{
	static const char part[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
	char *found = NULL;

	while (!found && (p = memchr(p, '@', (size_t)(end - p)))) {
		const char *at = p++;

		while (p < end && (*p & 0x80 || (*p && strchr(part, *p))))
			p++;
		found = mem_dupn(at, (size_t)(p - at));
		if (domain_is_open(c, account, found + 1)) {
			free(found);
			found = NULL;
		}
	}
	return found;
}

static char *
forbidden_in(const struct conf *c, const char *account, const struct header_field *f)
{
	struct addrlist l = {.p = f->value, .end = f->value + f->len};
	enum addrlist_got got = ADDRLIST_END;
	char *found = NULL;

	while (!found && (got = addrlist_next(&l)) == ADDRLIST_ITEM)
		if (l.addr.len && (memchr(l.addr.s, 0, l.addr.len) || !rights_allow(c, account, l.addr.s)))
			found = mem_dup(l.addr.s);
	addrlist_free(&l);
	return found || got != ADDRLIST_BAD ? found
	                                    : forbidden_anywhere(c, account, f->value, f->value + f->len);
}

char *
rights_forbidden_author(const struct conf *c, const char *account, const char *header, size_t n)
{
	const char *end = header + n;
	struct header_field f;
	char *found = NULL;

	if (!rights_matter(c) || !strcmp(account, "root"))
		return NULL;
	while (!found && header_next(&header, end, &f))
		if (header_is(&f, "From"))
			found = forbidden_in(c, account, &f);
	return found;
}
