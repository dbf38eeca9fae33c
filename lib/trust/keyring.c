#include "base.h"

#include "file.h"
#include "keyring.h"

#include <errno.h>
#include <fcntl.h>

#define KEY_FILE_MAX 65536
#define NAMES_MAX 800 /* twice of it fits into what dkim_sign allows */

const char *
keyring_read(struct dkim_key *k, const char *file, struct str *why, bool *passes)
{
	struct str pem = {0};
	const char *wrong;

	if (file_read(AT_FDCWD, file, &pem, KEY_FILE_MAX)) {
		*passes = errno != ENOENT && errno != EFBIG;
		str_addf(why, "unable to read the key %s: %s", file, strerror(errno));
		str_free(&pem);
		return why->s;
	}
	wrong = dkim_key_load(k, str_cstr(&pem), pem.len);
	if (pem.s)
		explicit_bzero(pem.s, pem.cap);
	str_free(&pem);
	*passes = false;
	if (!wrong)
		return NULL;
	str_addf(why, "unable to use the key %s: %s", file, wrong);
	return why->s;
}

/* What stands in h=, where colons and semicolons mean something else (RFC 6376 3.5). */
static bool
is_field_name(const char *s)
{
	if (!*s)
		return false;
	for (; *s; s++)
		if (*s < 33 || *s > 126 || *s == ':' || *s == ';')
			return false;
	return true;
}

/* From: is always signed (RFC 6376 5.4). */
static void
fields_make(struct keyring_key *k, struct str *why)
{
	const struct conf_list *l = &k->conf->headers;
	size_t n = 0, bytes = 0;

	if (!l->n)
		return;
	k->fields = mem_zalloc((l->n + 2) * sizeof *k->fields);
	if (!conf_list_has(l, "From"))
		k->fields[n++] = "From";
	for (size_t i = 0; i < l->n; i++) {
		if (!is_field_name(l->v[i]) && !why->len)
			str_addf(why, "unable to sign \"%s\": it is no name of a header field", l->v[i]);
		bytes += strlen(l->v[i]) + 1;
		k->fields[n++] = l->v[i];
	}
	if (bytes > NAMES_MAX && !why->len)
		str_addf(why, "unable to sign %zu header fields: their names have more than %d bytes", l->n,
		    NAMES_MAX);
}

static void
key_add(struct keyring_domain *d, const struct conf_dkim *conf)
{
	struct keyring_key *k;
	struct str why = {0};

	if (d->n == KEYRING_KEYS_MAX) {
		str_addf(
		    &why, "unable to sign with more than %d keys of %s", KEYRING_KEYS_MAX, d->conf->name);
	} else {
		k = &d->key[d->n];
		k->conf = conf;
		if (!keyring_read(&k->key, conf->key, &why, &d->passes))
			d->n++;
		fields_make(k, &why);
	}
	if (why.len && !d->why)
		d->why = str_take(&why);
	str_free(&why);
}

void
keyring_load(struct keyring *k, const struct conf *c)
{
	k->v = mem_zalloc((c->ndomain + 1) * sizeof *k->v);
	k->n = c->ndomain;
	for (size_t i = 0; i < k->n; i++) {
		struct keyring_domain *d = &k->v[i];

		d->conf = &c->domain[i];
		for (size_t j = 0; j < d->conf->ndkim && !d->why; j++)
			key_add(d, &d->conf->dkim[j]);
	}
}

void
keyring_free(struct keyring *k)
{
	for (size_t i = 0; i < k->n; i++) {
		for (size_t j = 0; j < KEYRING_KEYS_MAX; j++) {
			free(k->v[i].key[j].fields);
			dkim_key_free(&k->v[i].key[j].key);
		}
		free(k->v[i].why);
	}
	free(k->v);
	*k = (struct keyring){0};
}

const struct keyring_domain *
keyring_find(const struct keyring *k, const char *domain)
{
	for (; domain; domain = strchr(domain, '.') ? strchr(domain, '.') + 1 : NULL)
		for (size_t i = 0; i < k->n; i++)
			if (!strcmp(k->v[i].conf->name, domain))
				return k->v[i].conf->ndkim ? &k->v[i] : NULL;
	return NULL;
}

/* Login names differ in their case, unlike what conf_list_has compares. */
bool
keyring_allows(const struct keyring_domain *d, const char *account, const char *own)
{
	const struct conf_list *l = &d->conf->accounts;

	if (!l->n || !strcmp(account, "root") || !strcmp(account, own))
		return true;
	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->v[i], account))
			return true;
	return false;
}
