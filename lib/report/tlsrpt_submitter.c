#include "base.h"

#include "addr.h"
#include "domain.h"
#include "tlsrpt_submitter.h"

/* As mox-dkim chooses: the nearest section, and no other when that one has no keys. */
static const struct conf_domain *
section_of(const struct conf *c, const char *domain)
{
	for (const char *d = domain; d && *d; d = strchr(d, '.')) {
		const struct conf_domain *found = conf_domain(c, d += *d == '.');

		if (found)
			return found->ndkim ? found : NULL;
	}
	return NULL;
}

void
tlsrpt_signer_find(struct tlsrpt_signer *s, const struct conf *c)
{
	const char *at = c->postmaster ? addr_domain(c->postmaster) : NULL, *why;
	struct str contact = {0};

	*s = (struct tlsrpt_signer){.conf = section_of(c, c->hostname)};
	if (!s->conf && at)
		s->conf = section_of(c, at);
	s->signs = s->conf != NULL;
	s->domain = domain_ascii(s->signs ? s->conf->name : c->hostname, &why);
	if (!s->domain)
		s->domain = mem_dup(c->hostname);
	if (at && str_ieq(at, s->domain) && text_is_ascii(c->postmaster, strlen(c->postmaster)))
		str_adds(&contact, c->postmaster);
	else
		str_addf(&contact, "postmaster@%s", s->domain);
	s->contact = str_take(&contact);
	s->who = (struct tlsrpt_submitter){s->domain, s->contact};
}

void
tlsrpt_signer_free(struct tlsrpt_signer *s)
{
	free(s->domain);
	free(s->contact);
	*s = (struct tlsrpt_signer){0};
}
