#include "base.h"

#include "spf_record.h"

#include <arpa/inet.h>

#define DELIMITERS ".-+,/_="
#define NAME_LONGEST 253
#define PARTS_MAX 128 /* of a value that is split; more stay in the last */

static bool
is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* ---- syntax (RFC 7208 7.1) ---- */

/* The macro-expand at s, which begins with %: its length; 0: none. c, r and t stand in explanations alone. */
static size_t
macro_length(const char *s)
{
	size_t i = 2;
	unsigned keep = 1;

	if (s[1] == '%' || s[1] == '_' || s[1] == '-')
		return 2;
	if (s[1] != '{' || !s[i] || !strchr("slodiphvSLODIPHV", s[i]))
		return 0;
	i++;
	if (is_digit(s[i]))
		for (keep = 0; is_digit(s[i]); i++)
			keep = keep > 1000 ? keep : keep * 10 + (unsigned)(s[i] - '0');
	if (!keep)
		return 0;
	i += s[i] == 'r' || s[i] == 'R';
	while (s[i] && strchr(DELIMITERS, s[i]))
		i++;
	return s[i] == '}' ? i + 1 : 0;
}

bool
spf_macro_string_ok(const char *s)
{
	for (size_t n; *s; s += n) {
		n = 1;
		if (*s == '%' ? !(n = macro_length(s)) : *s < 0x21 || *s > 0x7e)
			return false;
	}
	return true;
}

static bool
toplabel_ok(const char *s, size_t n)
{
	bool alpha = false, hyphen = false;

	if (!n || s[0] == '-' || s[n - 1] == '-')
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!is_alpha(s[i]) && !is_digit(s[i]) && s[i] != '-')
			return false;
		alpha = alpha || is_alpha(s[i]);
		hyphen = hyphen || s[i] == '-';
	}
	return alpha || hyphen;
}

bool
spf_spec_ok(const char *spec)
{
	const char *dot = NULL, *last = NULL;
	bool macro_ends = false;
	size_t len = strlen(spec);

	if (!len || !spf_macro_string_ok(spec))
		return false;
	for (const char *p = spec; *p; p += macro_ends ? macro_length(p) : 1) {
		macro_ends = *p == '%';
		if (*p == '.') {
			last = dot;
			dot = p;
		}
	}
	if (macro_ends)
		return true;
	if (dot && !dot[1]) { /* one dot may close the name */
		len--;
		dot = last;
	}
	return dot && toplabel_ok(dot + 1, (size_t)(spec + len - dot - 1));
}

/* ---- expansion ---- */

static void
nibbles(struct str *out, const struct spf_ip *ip)
{
	char text[INET6_ADDRSTRLEN];

	if (ip->family == AF_INET) {
		str_adds(out, inet_ntop(AF_INET, ip->b, text, sizeof text) ? text : "");
		return;
	}
	for (size_t i = 0; i < 16; i++)
		str_addf(out, "%s%x.%x", i ? "." : "", ip->b[i] >> 4, ip->b[i] & 15U);
}

static void
value_of(struct str *out, char letter, const struct spf_values *v)
{
	switch (letter | 32) {
	case 's': str_adds(out, v->sender); break;
	case 'l': str_adds(out, v->local); break;
	case 'o': str_adds(out, v->sender_domain); break;
	case 'd': str_adds(out, v->domain); break;
	case 'i': nibbles(out, &v->ip); break;
	case 'p': str_adds(out, v->validated ? v->validated(v->arg) : "unknown"); break;
	case 'v': str_adds(out, v->ip.family == AF_INET ? "in-addr" : "ip6"); break;
	case 'h': str_adds(out, v->helo); break;
	}
}

/* Splits, turns round, keeps the rightmost `keep` parts (0: all), and joins by dots. */
static void
transform(struct str *out, const char *value, const char *delimiters, unsigned keep, bool turn)
{
	const char *part[PARTS_MAX];
	size_t len[PARTS_MAX], n = 0, first;

	for (const char *p = value;; p += len[n - 1] + 1) {
		part[n] = p;
		len[n] = n + 1 < PARTS_MAX ? strcspn(p, delimiters) : strlen(p);
		n++;
		if (!p[len[n - 1]])
			break;
	}
	first = keep && keep < n ? n - keep : 0;
	for (size_t i = first; i < n; i++) {
		size_t k = turn ? n - 1 - i : i;

		if (i > first)
			str_addc(out, '.');
		str_add(out, part[k], len[k]);
	}
}

static void
add_escaped(struct str *out, const char *s)
{
	for (; *s; s++)
		if (is_alpha(*s) || is_digit(*s) || strchr("-._~", *s))
			str_addc(out, *s);
		else
			str_addf(out, "%%%02X", (unsigned char)*s);
}

/* s: behind "%{". */
static void
expand_one(struct str *out, const char *s, const struct spf_values *v)
{
	struct str value = {0}, done = {0};
	char delimiters[64];
	const char letter = *s++;
	unsigned keep = 0;
	bool turn;
	size_t n;

	for (; is_digit(*s); s++)
		keep = keep > 1000 ? keep : keep * 10 + (unsigned)(*s - '0');
	turn = *s == 'r' || *s == 'R';
	s += turn;
	n = strcspn(s, "}");
	snprintf(delimiters, sizeof delimiters, "%.*s", (int)n, n ? s : "");
	value_of(&value, letter, v);
	if (n || keep || turn)
		transform(&done, str_cstr(&value), n ? delimiters : ".", keep, turn);
	else
		str_adds(&done, str_cstr(&value));
	if (letter >= 'A' && letter <= 'Z')
		add_escaped(out, str_cstr(&done));
	else
		str_adds(out, str_cstr(&done));
	str_free(&value);
	str_free(&done);
}

void
spf_expand(struct str *out, const char *spec, const struct spf_values *v)
{
	str_reset(out);
	for (size_t n; *spec; spec += n) {
		n = *spec == '%' ? macro_length(spec) : 1;
		if (*spec != '%')
			str_addc(out, *spec);
		else if (spec[1] == '{')
			expand_one(out, spec + 2, v);
		else
			str_adds(out, spec[1] == '%' ? "%" : spec[1] == '_' ? " " : "%20");
		if (!n)
			break;
	}
	if (out->len && out->s[out->len - 1] == '.')
		str_cut(out, out->len - 1);
	while (out->len > NAME_LONGEST && strchr(out->s, '.'))
		str_shift(out, (size_t)(strchr(out->s, '.') + 1 - out->s));
	str_adds(out, "");
}
