#include "base.h"

#include "domain.h"

#include <arpa/inet.h>
#include <idn2.h>

/* Lower-cases s, cuts one trailing dot, and answers what is wrong with it as a domain name. */
static const char *
name_normalise(char *s)
{
	size_t n = strlen(s), label = 0;

	str_lower(s);
	if (n && s[n - 1] == '.')
		s[--n] = 0;
	if (!n)
		return "the domain is empty";
	if (n > 253)
		return "the domain is longer than 253 bytes";
	for (size_t i = 0; i <= n; i++) {
		char c = s[i];

		if (c == '.' || !c) {
			if (!label)
				return "empty label in the domain";
			if (s[i - 1] == '-' || s[i - label] == '-')
				return "a label of the domain begins or ends with -";
			label = 0;
			continue;
		}
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_'))
			return "character in the domain that no domain has";
		if (++label > 63)
			return "a label of the domain is longer than 63 bytes";
	}
	return NULL;
}

static char *
literal_normalise(const char *s, const char **why)
{
	char text[INET6_ADDRSTRLEN + 8], shown[INET6_ADDRSTRLEN];
	struct str out = {0};
	struct in6_addr a;
	size_t n = strlen(s);
	int family;

	*why = "not an address literal";
	if (n < 2 || n - 2 >= sizeof text || s[n - 1] != ']')
		return NULL;
	memcpy(text, s + 1, n - 2);
	text[n - 2] = 0;
	family = str_istarts(text, "IPv6:") ? AF_INET6 : AF_INET;
	if (inet_pton(family, family == AF_INET6 ? text + 5 : text, &a) != 1 ||
	    !inet_ntop(family, &a, shown, sizeof shown))
		return NULL;
	*why = NULL;
	str_addf(&out, "[%s%s]", family == AF_INET6 ? "IPv6:" : "", shown);
	return str_take(&out);
}

char *
domain_ascii(const char *s, const char **why)
{
	char *name, *idn;

	if (*s == '[')
		return literal_normalise(s, why);
	if (text_is_ascii(s, strlen(s)))
		name = mem_dup(s);
	else {
		/* UTS 46 may map a character to an ASCII one that no domain has: the result is checked like
		 * any other. */
		if (!utf8_valid(s, strlen(s)) ||
		    idn2_to_ascii_8z(s, &idn, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) != IDN2_OK) {
			*why = "not an internationalized domain name";
			return NULL;
		}
		name = mem_dup(idn);
		idn2_free(idn);
	}
	*why = name_normalise(name);
	if (!*why)
		return name;
	free(name);
	return NULL;
}

char *
domain_unicode(const char *ascii)
{
	char *idn, *out;

	if (*ascii == '[' || idn2_to_unicode_8z8z(ascii, &idn, 0) != IDN2_OK)
		return mem_dup(ascii);
	out = mem_dup(idn);
	idn2_free(idn);
	return out;
}
