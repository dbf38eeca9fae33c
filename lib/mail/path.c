#include "base.h"

#include "addr.h"
#include "domain.h"
#include "path.h"

char *
path_make(const char *s, const char *mailname, const char **why)
{
	const char *at = addr_domain(s);
	struct str out = {0};
	size_t n = strlen(s), local = at ? (size_t)(at - s) - 1 : n;
	char *domain;

	if (n > 1 && s[n - 1] == '.' && at && at < s + n - 1)
		n--;
	*why = addr_check(s, n, mailname != NULL);
	if (*why)
		return NULL;
	domain = domain_ascii(at ? at : mailname, why);
	if (!domain)
		return NULL;
	str_add(&out, s, local);
	str_addc(&out, '@');
	if (at && !text_is_ascii(s, local))
		str_add(&out, at, n - local - 1);
	else
		str_adds(&out, domain);
	free(domain);
	return str_take(&out);
}

char *
path_quote_local(const char *s)
{
	struct str out = {0};

	if (!addr_check(s, strlen(s), true) && !addr_domain(s))
		return mem_dup(s);
	str_addc(&out, '"');
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			str_addc(&out, '\\');
		str_addc(&out, *s);
	}
	str_addc(&out, '"');
	return str_take(&out);
}
