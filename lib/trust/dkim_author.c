#include "base.h"

#include "addr.h"
#include "addrlist.h"
#include "dkim_author.h"
#include "domain.h"
#include "header.h"

/* NULL, or what is wrong; *domain is what those before had, and gets this one's. */
static const char *
address_look(char **domain, const char *address)
{
	const char *at = addr_domain(address), *why;
	char *ascii;
	bool same;

	if (!at)
		return "an address in From: has no domain";
	if (*at == '[')
		return "an address in From: has no domain that could have a key";
	if (!(ascii = domain_ascii(at, &why)))
		return "an address in From: has a domain that is none";
	if (!*domain) {
		*domain = ascii;
		return NULL;
	}
	same = !strcmp(*domain, ascii);
	free(ascii);
	return same ? NULL : "the addresses in From: are of several domains";
}

static const char *
field_look(char **domain, const struct header_field *f)
{
	struct addrlist l = {.p = f->value, .end = f->value + f->len};
	const char *why = NULL;
	enum addrlist_got got;

	while (!why && (got = addrlist_next(&l)) != ADDRLIST_END)
		why = got == ADDRLIST_BAD ? "From: cannot be read" : address_look(domain, str_cstr(&l.addr));
	addrlist_free(&l);
	return why ? why : *domain ? NULL : "there is no address in From:";
}

char *
dkim_author(const char *header, size_t n, const char **why)
{
	const char *p = header;
	struct header_field f;
	char *domain = NULL;
	bool found = false;

	*why = NULL;
	while (!*why && header_next(&p, header + n, &f)) {
		if (!header_is(&f, "From"))
			continue;
		*why = found ? "there are several From: fields" : field_look(&domain, &f);
		found = true;
	}
	if (!found)
		*why = "there is no From: field";
	if (!*why)
		return domain;
	free(domain);
	return NULL;
}
