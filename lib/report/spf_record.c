#include "base.h"

#include "spf_record.h"

#include <arpa/inet.h>

static const struct {
	const char *name;
	enum spf_kind kind;
	enum { SPEC_NEVER, SPEC_MAY, SPEC_MUST } spec;
} mechanisms[] = {
    {"all", SPF_ALL, SPEC_NEVER},
    {"include", SPF_INCLUDE, SPEC_MUST},
    {"a", SPF_A, SPEC_MAY},
    {"mx", SPF_MX, SPEC_MAY},
    {"ptr", SPF_PTR, SPEC_MAY},
    {"ip4", SPF_IP4, SPEC_MUST},
    {"ip6", SPF_IP6, SPEC_MUST},
    {"exists", SPF_EXISTS, SPEC_MUST},
};

/* ---- addresses ---- */

bool
spf_ip_parse(struct spf_ip *ip, const char *s)
{
	static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

	*ip = (struct spf_ip){0};
	if (inet_pton(AF_INET, s, ip->b) == 1) {
		ip->family = AF_INET;
		return true;
	}
	if (inet_pton(AF_INET6, s, ip->b) != 1)
		return false;
	ip->family = AF_INET6;
	if (!memcmp(ip->b, mapped, sizeof mapped)) {
		memmove(ip->b, ip->b + 12, 4);
		memset(ip->b + 4, 0, 12);
		ip->family = AF_INET;
	}
	return true;
}

bool
spf_ip_in(const struct spf_ip *ip, const struct spf_ip *net, unsigned bits)
{
	unsigned bytes = bits / 8, rest = bits % 8;

	if (ip->family != net->family || memcmp(ip->b, net->b, bytes) != 0)
		return false;
	return !rest || !((ip->b[bytes] ^ net->b[bytes]) & (0xff << (8 - rest)) & 0xff);
}

void
spf_ip_reverse(struct str *out, const struct spf_ip *ip)
{
	size_t n = ip->family == AF_INET ? 4 : 16;

	while (n--)
		if (ip->family == AF_INET)
			str_addf(out, "%u%s", ip->b[n], n ? "." : "");
		else
			str_addf(out, "%x.%x%s", ip->b[n] & 15U, ip->b[n] >> 4, n ? "." : "");
}

/* ---- terms ---- */

/* Takes "/N" off the end of s: 0, or -1 when there is none, or -2: it is no length. slashes: 1 or 2. */
static int
take_bits(char *s, const char *slashes, unsigned most, unsigned *bits)
{
	size_t n = strlen(s), digits = 0, k = strlen(slashes);
	unsigned long v;

	while (digits < n && s[n - 1 - digits] >= '0' && s[n - 1 - digits] <= '9')
		digits++;
	if (!digits || n < digits + k || memcmp(s + n - digits - k, slashes, k) != 0)
		return -1;
	v = strtoul(s + n - digits, NULL, 10);
	if (digits > 3 || v > most || (digits > 1 && s[n - digits] == '0'))
		return -2;
	*bits = (unsigned)v;
	s[n - digits - k] = 0;
	return 0;
}

/* rest: behind the name of a or mx, ":SPEC", "/N", "//N" or some of them; cut down to the first. */
static bool
take_dual(char *rest, struct spf_term *t)
{
	int r = take_bits(rest, "//", 128, &t->bits6);

	return r != -2 && take_bits(rest, "/", 32, &t->bits4) != -2;
}

static bool
take_net(char *text, struct spf_term *t)
{
	unsigned char b[16];
	unsigned bits = t->kind == SPF_IP4 ? 32 : 128;
	int family = t->kind == SPF_IP4 ? AF_INET : AF_INET6;

	if (take_bits(text, "/", bits, &bits) == -2 || inet_pton(family, text, b) != 1)
		return false;
	t->bits4 = t->bits6 = bits;
	t->net.family = family;
	memcpy(t->net.b, b, sizeof b);
	return true;
}

static bool
take_spec(struct spf_term *t, const char *spec)
{
	t->spec = mem_dup(spec);
	return spf_spec_ok(spec);
}

/* s: behind the qualifier; name: its length. */
static bool
parse_mechanism(struct spf_term *t, char *s, size_t name)
{
	char *rest = s + name;
	size_t i;

	for (i = 0; i < ARRAY_LEN(mechanisms); i++)
		if (strlen(mechanisms[i].name) == name && !strncasecmp(s, mechanisms[i].name, name))
			break;
	if (i == ARRAY_LEN(mechanisms))
		return false;
	t->kind = mechanisms[i].kind;
	t->bits4 = 32;
	t->bits6 = 128;
	if ((t->kind == SPF_A || t->kind == SPF_MX) && !take_dual(rest, t))
		return false;
	if (*rest != ':')
		return !*rest && mechanisms[i].spec != SPEC_MUST;
	rest++;
	if (t->kind == SPF_IP4 || t->kind == SPF_IP6)
		return take_net(rest, t);
	return mechanisms[i].spec != SPEC_NEVER && take_spec(t, rest);
}

static bool
parse_modifier(struct spf_term *t, const char *s, size_t name)
{
	const char *value = s + name + 1;

	t->kind = name == 8 && !strncasecmp(s, "redirect", name) ? SPF_REDIRECT
	          : name == 3 && !strncasecmp(s, "exp", name)    ? SPF_EXP
	                                                         : SPF_OTHER;
	return t->kind == SPF_OTHER ? spf_macro_string_ok(value) : take_spec(t, value);
}

static bool
parse_term(struct spf_term *t, char *s)
{
	static const char qualifiers[] = "+-~?";
	static const enum spf_result results[] = {SPF_PASS, SPF_FAIL, SPF_SOFTFAIL, SPF_NEUTRAL};
	const char *q = strchr(qualifiers, *s);
	size_t name;

	t->text = mem_dup(s);
	t->match = q ? results[q - qualifiers] : SPF_PASS;
	s += q != NULL;
	name = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");
	if (!name || strspn(s, "0123456789-_."))
		return false;
	if (s[name] == '=')
		return !q && parse_modifier(t, s, name);
	return parse_mechanism(t, s, name);
}

/* ---- records ---- */

bool
spf_is_record(const char *text)
{
	return str_istarts(text, "v=spf1") && (!text[6] || text[6] == ' ');
}

static bool
has_before_last(const struct spf_record *r, enum spf_kind kind)
{
	for (size_t i = 0; i + 1 < r->n; i++)
		if (r->term[i].kind == kind)
			return true;
	return false;
}

bool
spf_record_parse(struct spf_record *r, const char *text, struct str *why)
{
	char *copy = mem_dup(text + strlen("v=spf1")), *save = NULL;
	bool good = true;

	r->n = 0;
	for (char *s = strtok_r(copy, " ", &save); good && s; s = strtok_r(NULL, " ", &save)) {
		struct spf_term *t = &r->term[r->n];

		if (r->n == SPF_TERMS) {
			str_addf(why, "has more than %d terms", SPF_TERMS);
			good = false;
			break;
		}
		*t = (struct spf_term){0};
		r->n++;
		if (!parse_term(t, s)) {
			str_addf(why, "has \"%s\" in it, which is none of its terms", t->text);
			good = false;
		} else if ((t->kind == SPF_REDIRECT || t->kind == SPF_EXP) && has_before_last(r, t->kind)) {
			str_addf(why, "has \"%s\", and another before it", t->text);
			good = false;
		}
	}
	free(copy);
	return good;
}

void
spf_record_free(struct spf_record *r)
{
	for (size_t i = 0; i < r->n; i++) {
		free(r->term[i].spec);
		free(r->term[i].text);
	}
	r->n = 0;
}
