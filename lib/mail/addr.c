#include "base.h"

#include "addr.h"

#include <arpa/inet.h>

static bool
is_alnum(unsigned char c)
{
	return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
}

static bool
is_atext(unsigned char c)
{
	return is_alnum(c) || c >= 0x80 || (c && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Controls of ASCII and C1, and UTF-8 that is none: never in an address, quoted or not. */
static const char *
check_bytes(const char *s, size_t n)
{
	for (size_t i = 0; i < n;) {
		size_t len = utf8_len(s + i, n - i);
		unsigned char c = (unsigned char)s[i];

		if (!len)
			return "the address is not valid UTF-8";
		if (c < 32 || c == 127 || (c == 0xc2 && (unsigned char)s[i + 1] < 0xa0))
			return "control character in the address";
		i += len;
	}
	return NULL;
}

/* Length of the quoted string at s with its quotes; 0 when it is not closed. */
static size_t
quoted_len(const char *s, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (s[i] == '\\')
			i++;
		else if (s[i] == '"')
			return i + 1;
	return 0;
}

static const char *
check_local(const char *s, size_t n)
{
	if (!n)
		return "nothing before the @";
	if (*s == '"') {
		size_t len = quoted_len(s, n);

		if (!len)
			return "the quoted local part is not closed";
		return len == n ? NULL : "text behind the quoted local part";
	}
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '.' && (!i || i + 1 == n || s[i + 1] == '.'))
			return "misplaced dot in the local part";
		if (s[i] != '.' && !is_atext((unsigned char)s[i]))
			return s[i] == ' ' ? "space in the address" : "the local part needs quotes";
	}
	return NULL;
}

static const char *
check_literal(const char *s, size_t n)
{
	char text[INET6_ADDRSTRLEN + 8];
	struct in6_addr a;

	if (n < 2 || n - 2 >= sizeof text || s[n - 1] != ']')
		return "not an address literal";
	memcpy(text, s + 1, n - 2);
	text[n - 2] = 0;
	if (str_istarts(text, "IPv6:") ? inet_pton(AF_INET6, text + 5, &a) == 1
				       : inet_pton(AF_INET, text, &a) == 1)
		return NULL;
	return "not an address literal";
}

static const char *
check_label(const char *s, size_t n)
{
	if (!n)
		return "empty label in the domain";
	if (n > 63 && text_is_ascii(s, n))
		return "a label of the domain is longer than 63 bytes";
	if (s[0] == '-' || s[n - 1] == '-')
		return "a label of the domain begins or ends with -";
	for (size_t i = 0; i < n; i++)
		if (!is_alnum((unsigned char)s[i]) && s[i] != '-' && s[i] != '_' &&
		    (unsigned char)s[i] < 0x80)
			return s[i] == ' ' ? "space in the address"
			                   : "character in the domain that no domain has";
	return NULL;
}

static const char *
check_domain(const char *s, size_t n)
{
	const char *end = s + n, *why;

	if (!n)
		return "no domain behind @";
	if (*s == '[')
		return check_literal(s, n);
	if (n > 253 && text_is_ascii(s, n))
		return "the domain is longer than 253 bytes";
	for (const char *dot;; s = dot + 1) {
		dot = memchr(s, '.', (size_t)(end - s));
		if ((why = check_label(s, (size_t)((dot ? dot : end) - s))))
			return why;
		if (!dot)
			return NULL;
	}
}

/* Offset of the @ that parts local part and domain, n when there is none. An address literal cannot hold an
 * @, so the last one outside quotes is it. */
static size_t
find_at(const char *s, size_t n)
{
	size_t at = n, i = 0;

	if (n && *s == '"')
		i = quoted_len(s, n);
	for (; i < n; i++)
		if (s[i] == '@')
			at = i;
	return at;
}

const char *
addr_check(const char *s, size_t n, bool bare_ok)
{
	const char *why;
	size_t at;

	if (!n)
		return "the address is empty";
	if (n > ADDR_MAX)
		return "the address is too long";
	if ((why = check_bytes(s, n)))
		return why;
	at = find_at(s, n);
	if ((why = check_local(s, at)))
		return why;
	if (at == n)
		return bare_ok ? NULL : "no @ in the address";
	return check_domain(s + at + 1, n - at - 1);
}

const char *
addr_domain(const char *s)
{
	size_t n = strlen(s), at = find_at(s, n);

	return at == n ? NULL : s + at + 1;
}

static char *
trim(char *s)
{
	size_t n;

	while (is_blank(*s))
		s++;
	for (n = strlen(s); n && is_blank(s[n - 1]); n--)
		;
	s[n] = 0;
	return s;
}

char *
addr_unwrap(char *s)
{
	size_t n;

	s = trim(s);
	n = strlen(s);
	if (n >= 2 && s[0] == '<' && s[n - 1] == '>') {
		s[n - 1] = 0;
		s = trim(s + 1);
	}
	if (*s != '@')
		return s;
	/* The colon that ends the route, not one inside an address literal. */
	for (char *p = s; *p; p++) {
		if (*p == '[')
			p += strcspn(p, "]");
		if (!*p)
			break;
		if (*p == ':')
			return trim(p + 1);
	}
	return s;
}
