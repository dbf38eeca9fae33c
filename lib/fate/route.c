#include "base.h"

#include "route.h"

#include <fnmatch.h>

bool
route_domain_in(const struct conf_list *l, const char *domain)
{
	size_t dl = strlen(domain);

	for (size_t i = 0; i < l->n; i++) {
		const char *p = l->v[i];
		size_t pl = strlen(p);

		if (str_ieq(p, domain))
			return true;
		if (*p == '.' && (str_ieq(p + 1, domain) || (dl > pl && str_ieq(domain + dl - pl, p))))
			return true;
	}
	return false;
}

static bool
host_is(const char *pattern, const char *host, size_t n)
{
	size_t pl = strlen(pattern);

	if (pattern[0] == '*' && pattern[1] == '.')
		return n > pl - 1 && !strncasecmp(host + n - (pl - 1), pattern + 1, pl - 1);
	return n == pl && !strncasecmp(host, pattern, n);
}

bool
route_host_in(const struct conf_list *l, const char *hosts)
{
	for (const char *h = hosts; *h;) {
		size_t n = strcspn(h, ",");

		for (size_t i = 0; i < l->n; i++)
			if (host_is(l->v[i], h, n))
				return true;
		h += n + (h[n] == ',');
	}
	return false;
}

static bool
value_fits(void *pattern, const char *value)
{
	return !fnmatch(pattern, value, FNM_CASEFOLD);
}

/* "Name: pattern", as conf has checked. */
static enum route_header
header_fits(const struct route_query *q, const char *condition)
{
	const char *colon = strchr(condition, ':');
	char *name, *pattern;
	enum route_header fits;

	if (!q->header || !colon)
		return ROUTE_HEADER_FITS_NOT;
	name = mem_dupn(condition, (size_t)(colon - condition));
	pattern = mem_dup(colon + 1 + strspn(colon + 1, " "));
	fits = q->header(q->arg, name, value_fits, pattern);
	free(name);
	free(pattern);
	return fits;
}

static enum route_found
fits(const struct conf_route *r, const struct route_query *q)
{
	enum route_header header = ROUTE_HEADER_FITS;

	if (q->attempts < r->minimum_attempts || (r->from.n && !route_domain_in(&r->from, q->from)) ||
	    (r->to.n && !route_domain_in(&r->to, q->to)))
		return ROUTE_NONE;
	if (r->header)
		header = header_fits(q, r->header);
	if (header != ROUTE_HEADER_FITS)
		return header == ROUTE_HEADER_UNREAD ? ROUTE_UNREAD : ROUTE_NONE;
	if (r->to_mx.n && !q->mx)
		return ROUTE_NEEDS_MX;
	return !r->to_mx.n || route_host_in(&r->to_mx, q->mx) ? ROUTE_FITS : ROUTE_NONE;
}

static enum route_found
choose(const struct conf_route *r, size_t n, const struct route_query *q, const struct conf_route **found)
{
	enum route_found f = ROUTE_NONE;

	for (; n && f == ROUTE_NONE; n--, r++)
		if ((f = fits(r, q)) == ROUTE_FITS)
			*found = r;
	return f;
}

enum route_found
route_choose(const struct conf *c, const struct route_query *q, const struct conf_route **found)
{
	const struct conf_account *a = q->account ? conf_account(c, q->account) : NULL;
	const struct conf_domain *d = conf_domain(c, q->from);
	enum route_found f = ROUTE_NONE;

	*found = NULL;
	if (a)
		f = choose(a->route, a->nroute, q, found);
	if (f == ROUTE_NONE && d)
		f = choose(d->route, d->nroute, q, found);
	return f == ROUTE_NONE ? choose(c->route, c->nroute, q, found) : f;
}
