#include "base.h"

#include "dkim.h"
#include "dmarc.h"

#include <strings.h>

#define BLANKS " \t\r\n"

static bool
policy_ok(const char *s)
{
	return str_ieq(s, "none") || str_ieq(s, "quarantine") || str_ieq(s, "reject");
}

/* "URI[!SIZE], ...". */
static bool
uris_read(struct plan_list *out, const char *s)
{
	while (*(s += strspn(s, BLANKS ","))) {
		size_t n = strcspn(s, "," BLANKS "!");
		char *uri = mem_dupn(s, n);
		struct str host = {0};
		bool good = dmarc_uri_host(&host, uri);

		if (good)
			plan_list_add(out, uri);
		free(uri);
		str_free(&host);
		s += n;
		if (*s == '!')
			s += 1 + strspn(s + 1, "0123456789kmgtKMGT");
		s += strspn(s, BLANKS);
		if (!good || (*s && *s != ','))
			return false;
	}
	return true;
}

static const char *
alignment(bool *strict, const char *value)
{
	*strict = value && str_ieq(value, "s");
	return !value || *strict || str_ieq(value, "r") ? NULL : "an alignment is r or s";
}

static const char *
tags_read(struct dmarc *r, const struct dkim_tags *t)
{
	const char *p = dkim_tag(t, "p"), *sp = dkim_tag(t, "sp"), *pct = dkim_tag(t, "pct"), *bad = NULL;
	const char *rua = dkim_tag(t, "rua"), *ruf = dkim_tag(t, "ruf");
	uint64_t n = 100;

	if (!t->n || strcmp(t->v[0].name, "v") != 0 || strcmp(t->v[0].value, "DMARC1") != 0)
		return "it does not begin with v=DMARC1";
	if (rua && !uris_read(&r->rua, rua))
		bad = "its rua is no list of mailto: and https: addresses";
	if (ruf && !uris_read(&r->ruf, ruf))
		bad = "its ruf is no list of mailto: and https: addresses";
	if (!p || !policy_ok(p))
		return p ? "its p is none of none, quarantine and reject" : "it has no p";
	if (sp && !policy_ok(sp))
		return "its sp is none of none, quarantine and reject";
	if (pct && !str_number(pct, 100, &n))
		return "its pct is no number up to 100";
	snprintf(r->policy, sizeof r->policy, "%s", p);
	snprintf(r->subdomains, sizeof r->subdomains, "%s", sp ? sp : p);
	str_lower(r->policy);
	str_lower(r->subdomains);
	r->percent = (unsigned)n;
	if (!bad)
		bad = alignment(&r->strict_dkim, dkim_tag(t, "adkim"));
	return bad ? bad : alignment(&r->strict_spf, dkim_tag(t, "aspf"));
}

const char *
dmarc_parse(struct dmarc *r, const char *text)
{
	struct dkim_tags t;
	const char *bad;

	*r = (struct dmarc){0};
	if (!dkim_tags_parse(&t, text, strlen(text)))
		return "it is no list of tags, or has a tag twice";
	bad = tags_read(r, &t);
	dkim_tags_free(&t);
	return bad;
}

void
dmarc_free(struct dmarc *r)
{
	plan_list_free(&r->rua);
	plan_list_free(&r->ruf);
}

bool
dmarc_uri_host(struct str *out, const char *uri)
{
	const char *host;
	size_t n;

	if (!strncasecmp(uri, "mailto:", 7)) {
		host = strrchr(uri, '@');
		host = host ? host + 1 : "";
		n = strcspn(host, "?");
	} else if (!strncasecmp(uri, "https://", 8)) {
		host = uri + 8;
		n = strcspn(host, "/:?#");
	} else {
		return false;
	}
	if (!n || strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") < n)
		return false;
	str_add(out, host, n);
	return true;
}

static bool
is_below(const char *a, const char *b)
{
	size_t x = strlen(a), y = strlen(b);

	return x > y && a[x - y - 1] == '.' && str_ieq(a + x - y, b);
}

bool
dmarc_is_elsewhere(const char *host, const char *domain)
{
	return !str_ieq(host, domain) && !is_below(host, domain) && !is_below(domain, host);
}
