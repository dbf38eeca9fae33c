#include "base.h"

#include "encoded.h"
#include "phrase.h"

static bool
is_plain(unsigned char c)
{
	return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') ||
	       (c && strchr("!#$%&'*+-/=?^_`{|}~ ", c));
}

static void
add_quoted(struct str *out, const char *s, size_t n)
{
	str_addc(out, '"');
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '"' || s[i] == '\\')
			str_addc(out, '\\');
		str_addc(out, s[i]);
	}
	str_addc(out, '"');
}

void
phrase_add(struct str *out, const char *name)
{
	char *s = mem_dup(name), *p = s;
	size_t n = strlen(s);
	bool plain = true;

	if (n >= 2 && s[0] == '"' && s[n - 1] == '"' && !memchr(s + 1, '"', n - 2)) {
		p++;
		n -= 2;
	}
	for (size_t i = 0; i < n; i++) {
		if ((unsigned char)p[i] < 32 || p[i] == 127)
			p[i] = ' ';
		plain &= is_plain((unsigned char)p[i]);
	}
	if (!text_is_ascii(p, n) || strstr(p, "=?"))
		encoded_add(out, p, n);
	else if (plain && n && p[0] != ' ' && p[n - 1] != ' ')
		str_add(out, p, n);
	else
		add_quoted(out, p, n);
	free(s);
}
