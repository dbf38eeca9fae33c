#include "base.h"

#include "dkim.h"

static bool
is_fws(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool
dkim_base64(struct str *out, const char *s)
{
	struct str clean = {0};
	gnutls_datum_t in, got;
	bool good;

	for (; *s; s++)
		if (!is_fws(*s))
			str_addc(&clean, *s);
	in = (gnutls_datum_t){(unsigned char *)clean.s, (unsigned)clean.len};
	good = clean.len && clean.len < 65536 && !gnutls_base64_decode2(&in, &got);
	if (good) {
		str_add(out, got.data, got.size);
		gnutls_free(got.data);
	}
	str_free(&clean);
	return good;
}

/* ---- the signature's field ---- */

static bool
algo_parse(struct dkim_sig *s, const char *a)
{
	if (!strcmp(a, "rsa-sha256"))
		s->algo = DKIM_RSA;
	else if (!strcmp(a, "ed25519-sha256"))
		s->algo = DKIM_ED25519;
	else
		return false;
	return true;
}

static bool
canon_word(enum dkim_canon *c, const char *s, size_t n)
{
	*c = n == 7 && !memcmp(s, "relaxed", n) ? DKIM_RELAXED : DKIM_SIMPLE;
	return *c == DKIM_RELAXED || (n == 6 && !memcmp(s, "simple", n));
}

static bool
canon_parse(struct dkim_sig *s, const char *c)
{
	const char *slash;

	s->header = s->body = DKIM_SIMPLE;
	if (!c)
		return true;
	slash = strchr(c, '/');
	return canon_word(&s->header, c, slash ? (size_t)(slash - c) : strlen(c)) &&
	       (!slash || canon_word(&s->body, slash + 1, strlen(slash + 1)));
}

static bool
number(const char *s, int64_t *out)
{
	uint64_t n;

	*out = 0;
	if (!s)
		return true;
	if (!str_number(s, INT64_MAX, &n))
		return false;
	*out = (int64_t)n;
	return true;
}

static char *
fields_clean(const char *h)
{
	struct str s = {0};

	for (; *h; h++)
		if (!is_fws(*h))
			str_addc(&s, *h >= 'A' && *h <= 'Z' ? (char)(*h + 32) : *h);
	return str_take(&s);
}

static bool
fields_have(const char *list, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = list; p; p = strchr(p, ':') ? strchr(p, ':') + 1 : NULL)
		if (!strncmp(p, name, n) && (!p[n] || p[n] == ':'))
			return true;
	return false;
}

static bool
domain_below(const char *name, const char *domain)
{
	size_t n = strlen(name), d = strlen(domain);

	return n >= d && str_ieq(name + n - d, domain) && (n == d || name[n - d - 1] == '.');
}

/* What a name is made of that goes into a DNS question. */
static bool
dns_name_ok(const char *s)
{
	size_t n = strlen(s);

	return n && n <= 253 && *s != '.' && !strstr(s, "..") &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == n;
}

/* The field with the value of its b= gone, all else as it stands (3.7). */
static bool
bare_make(struct str *out, const char *field, size_t n)
{
	const char *end = field + n, *p = memchr(field, ':', n);

	if (!p)
		return false;
	for (p++; p < end;) {
		const char *stop = memchr(p, ';', (size_t)(end - p)), *s = p;

		stop = stop ? stop : end;
		while (s < stop && is_fws(*s))
			s++;
		if (s < stop && *s++ == 'b') {
			while (s < stop && is_fws(*s))
				s++;
			if (s < stop && *s == '=') {
				str_add(out, field, (size_t)(s + 1 - field));
				if (stop < end)
					str_add(out, stop, (size_t)(end - stop));
				else
					str_adds(out, "\r\n");
				return true;
			}
		}
		p = stop < end ? stop + 1 : end;
	}
	return false;
}

static const char *
sig_read(struct dkim_sig *s, const struct dkim_tags *t)
{
	const char *v = dkim_tag(t, "v"), *a = dkim_tag(t, "a"), *b = dkim_tag(t, "b"),
		   *bh = dkim_tag(t, "bh");
	const char *d = dkim_tag(t, "d"), *sel = dkim_tag(t, "s"), *h = dkim_tag(t, "h"),
		   *i = dkim_tag(t, "i");
	const char *q = dkim_tag(t, "q"), *l = dkim_tag(t, "l");
	struct str hash = {0};
	bool good;

	if (!v || strcmp(v, "1"))
		return "v= is not 1";
	if (!a || !b || !bh || !d || !sel || !h)
		return "a tag that must be there is missing";
	if (!algo_parse(s, a))
		return "the algorithm is not known";
	if (!canon_parse(s, dkim_tag(t, "c")))
		return "the canonicalisation is not known";
	if (!dns_name_ok(d) || !dns_name_ok(sel))
		return "domain or selector are no names";
	if (q && strcmp(q, "dns/txt"))
		return "the key is not in DNS";
	s->domain = mem_dup(d);
	s->selector = mem_dup(sel);
	s->fields = fields_clean(h);
	if (!fields_have(s->fields, "from"))
		return "From: is not signed";
	if (i && (!strrchr(i, '@') || !domain_below(strrchr(i, '@') + 1, d)))
		return "i= is outside the domain";
	s->identity = i ? mem_dup(i) : NULL;
	if (l && !(s->has_length = str_number(l, INT64_MAX, &s->length)))
		return "l= is no number";
	if (!number(dkim_tag(t, "t"), &s->time) || !number(dkim_tag(t, "x"), &s->expiry) ||
	    (s->expiry && s->expiry < s->time))
		return "its times are wrong";
	good = dkim_base64(&hash, bh) && hash.len == DKIM_HASH_SIZE;
	if (good)
		memcpy(s->body_hash, hash.s, DKIM_HASH_SIZE);
	str_free(&hash);
	return good && dkim_base64(&s->signature, b) ? NULL : "bh= or b= is not base64 of the right length";
}

const char *
dkim_sig_parse(struct dkim_sig *s, const char *field, size_t n)
{
	const char *colon = memchr(field, ':', n), *why;
	struct dkim_tags t;

	*s = (struct dkim_sig){0};
	if (!colon || !dkim_tags_parse(&t, colon + 1, n - (size_t)(colon + 1 - field)))
		return "it is no tag list";
	why = sig_read(s, &t);
	dkim_tags_free(&t);
	if (!why && !bare_make(&s->bare, field, n))
		why = "no b=";
	return why;
}

void
dkim_sig_free(struct dkim_sig *s)
{
	free(s->domain);
	free(s->selector);
	free(s->identity);
	free(s->fields);
	str_free(&s->signature);
	str_free(&s->bare);
	*s = (struct dkim_sig){0};
}
