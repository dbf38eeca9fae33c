#include "base.h"

#include "addr.h"
#include "domain.h"
#include "tlsrpt_record.h"

#include <strings.h>

#define VERSION "v=TLSRPTv1"
#define URL_MAX 2000

void
tlsrpt_record_free(struct tlsrpt_record *r)
{
	for (size_t i = 0; i < r->n; i++) {
		free(r->rua[i].to);
		free(r->rua[i].uri);
	}
	*r = (struct tlsrpt_record){0};
}

/* ---- URIs ---- */

static int
hex(char c)
{
	const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c | 32) : NULL;

	return at && (c >= 'A' || (c >= '0' && c <= '9')) ? (int)(at - digits) : -1;
}

static bool
percent_decode(struct str *out, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (s[i] != '%') {
			str_addc(out, s[i]);
			continue;
		}
		if (n - i < 3 || hex(s[i + 1]) < 0 || hex(s[i + 2]) < 0)
			return false;
		str_addc(out, (char)(hex(s[i + 1]) * 16 + hex(s[i + 2])));
		i += 2;
	}
	return true;
}

/* What stands behind ? (a subject, say) is not ours to send. */
static bool
mailto_parse(struct tlsrpt_rua *u, const char *s, size_t n)
{
	const char *query = memchr(s, '?', n), *why, *at;
	struct str address = {0}, to = {0};
	char *domain = NULL;
	bool good = percent_decode(&address, s, query ? (size_t)(query - s) : n) && address.len &&
	            text_is_ascii(address.s, address.len) && !addr_check(address.s, address.len, false);

	if (good && (at = addr_domain(address.s)) && (domain = domain_ascii(at, &why))) {
		str_add(&to, address.s, (size_t)(at - address.s));
		str_adds(&to, domain);
		u->https = false;
		u->to = str_take(&to);
		str_addf(&to, "mailto:%s", u->to);
		u->uri = str_take(&to);
	}
	good = domain != NULL;
	free(domain);
	str_free(&address);
	return good;
}

static bool
https_parse(struct tlsrpt_rua *u, const char *s, size_t n)
{
	const char *host = s + strlen("https://");
	size_t len;

	if (n > URL_MAX || n <= strlen("https://"))
		return false;
	for (size_t i = 0; i < n; i++)
		if (s[i] <= ' ' || s[i] >= 127 || strchr("\"\\^`{|}<>", s[i]))
			return false;
	len = n - strlen("https://");
	for (size_t i = 0; i < len && !strchr("/?#", host[i]); i++)
		if (host[i] == '@')
			return false;
	if (strchr("/?#:", *host))
		return false;
	u->https = true;
	u->to = mem_dupn(s, n);
	u->uri = mem_dupn(s, n);
	return true;
}

bool
tlsrpt_rua_parse(struct tlsrpt_rua *u, const char *s, size_t n)
{
	*u = (struct tlsrpt_rua){0};
	if (n > 7 && !strncasecmp(s, "mailto:", 7))
		return mailto_parse(u, s + 7, n - 7);
	return n > 8 && !strncasecmp(s, "https://", 8) && https_parse(u, s, n);
}

static void
rua_add(struct tlsrpt_record *r, const char *s, size_t n)
{
	struct tlsrpt_rua u;

	if (r->n == TLSRPT_RUA_MAX || !tlsrpt_rua_parse(&u, s, n)) {
		r->passed_over++;
		return;
	}
	for (size_t i = 0; i < r->n; i++)
		if (!strcmp(r->rua[i].uri, u.uri)) {
			free(u.to);
			free(u.uri);
			return;
		}
	r->rua[r->n++] = u;
}

/* ---- the record ---- */

static bool
is_wsp(char c)
{
	return c == ' ' || c == '\t';
}

static void
trim(const char **s, const char **end)
{
	while (*s < *end && is_wsp(**s))
		(*s)++;
	while (*end > *s && is_wsp((*end)[-1]))
		(*end)--;
}

static const char *
uris_parse(struct tlsrpt_record *r, const char *s, const char *end)
{
	for (;;) {
		const char *comma = memchr(s, ',', (size_t)(end - s)), *stop = comma ? comma : end;

		trim(&s, &stop);
		if (s == stop)
			return "an empty URI in rua";
		if (!memchr(s, ':', (size_t)(stop - s)))
			return "a rua that is no URI";
		rua_add(r, s, (size_t)(stop - s));
		if (!comma)
			return NULL;
		s = comma + 1;
	}
}

static const char *
field_parse(struct tlsrpt_record *r, const char *s, const char *end, bool *rua)
{
	const char *is = memchr(s, '=', (size_t)(end - s));
	size_t n = is ? (size_t)(is - s) : 0;

	if (!n || n > 32 || is + 1 == end)
		return "a field that is not name=value";
	for (size_t i = 0; i < n; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-", s[i]))
			return "a field whose name is none";
	if (n != 3 || memcmp(s, "rua", 3) != 0)
		return NULL;
	*rua = true;
	return uris_parse(r, is + 1, end);
}

const char *
tlsrpt_record_parse(struct tlsrpt_record *r, const char *s, size_t n)
{
	const char *end = s + n, *next, *why = NULL;
	bool rua = false;

	*r = (struct tlsrpt_record){0};
	if (n < strlen(VERSION) || memcmp(s, VERSION, strlen(VERSION)) != 0)
		return "no " VERSION " at its beginning";
	s += strlen(VERSION);
	while (s < end && is_wsp(*s))
		s++;
	if (s < end && *s != ';')
		return "no " VERSION " at its beginning";
	if (memchr(s, 0, (size_t)(end - s)))
		return "a NUL in it";
	while (s < end && !why) {
		const char *stop;

		s++;
		next = memchr(s, ';', (size_t)(end - s));
		stop = next ? next : end;
		trim(&s, &stop);
		/* One ; may stand at the end. */
		if (s < stop)
			why = field_parse(r, s, stop, &rua);
		else if (next)
			why = "an empty field";
		s = next ? next : end;
	}
	if (!why && !rua)
		why = "no rua";
	if (why)
		tlsrpt_record_free(r);
	return why;
}

/* The strings of a TXT record in one. false: malformed. */
static bool
strings_join(struct str *out, const struct dns_rdata *r)
{
	str_reset(out);
	for (size_t i = 0; i < r->n; i += r->p[i] + (size_t)1) {
		if (r->n - i - 1 < r->p[i])
			return false;
		str_add(out, r->p + i + 1, r->p[i]);
	}
	return true;
}

/* v=TLSRPTv10 is another version's. */
static bool
is_ours(const struct str *text)
{
	size_t n = strlen(VERSION);

	return text->len >= n && !memcmp(text->s, VERSION, n) &&
	       (text->len == n || text->s[n] == ';' || is_wsp(text->s[n]));
}

enum tlsrpt_found
tlsrpt_record_read(struct tlsrpt_record *r, const struct dns_answer *a, const char **why)
{
	struct str text = {0};
	size_t found = 0;

	*why = NULL;
	*r = (struct tlsrpt_record){0};
	if (a->status == DNS_FAIL || a->status == DNS_BOGUS) {
		*why = a->why ? a->why : "no answer";
		return TLSRPT_UNKNOWN;
	}
	for (size_t i = 0; a->status == DNS_DATA && i < a->n; i++)
		if (strings_join(&text, &a->data[i]) && is_ours(&text) && !found++)
			*why = tlsrpt_record_parse(r, text.s, text.len);
	str_free(&text);
	if (found > 1) {
		*why = "several records";
		tlsrpt_record_free(r);
	}
	if (!found)
		*why = "no record";
	return found == 1 && !*why ? TLSRPT_WANTED : TLSRPT_NONE;
}
