#include "base.h"

#include "base64.h"

void
base64_add(struct str *out, const void *p, size_t n)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *b = p;

	for (size_t i = 0; i < n; i += 3) {
		unsigned v = (unsigned)b[i] << 16 | (i + 1 < n ? (unsigned)b[i + 1] << 8 : 0) |
		             (i + 2 < n ? b[i + 2] : 0u);

		str_addc(out, digits[v >> 18]);
		str_addc(out, digits[v >> 12 & 63]);
		str_addc(out, i + 1 < n ? digits[v >> 6 & 63] : '=');
		str_addc(out, i + 2 < n ? digits[v & 63] : '=');
	}
}

static int
digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool
base64_read(struct str *out, const char *s, size_t n)
{
	if (n % 4)
		return false;
	for (size_t i = 0; i < n; i += 4) {
		bool last = i + 4 == n;
		int pad = last && s[i + 3] == '=' ? s[i + 2] == '=' ? 2 : 1 : 0;
		unsigned v = 0;

		for (int k = 0; k < 4; k++) {
			int d = k < 4 - pad ? digit(s[i + (size_t)k]) : 0;

			if (d < 0)
				return false;
			v = v << 6 | (unsigned)d;
		}
		str_addc(out, (char)(v >> 16));
		if (pad < 2)
			str_addc(out, (char)(v >> 8));
		if (!pad)
			str_addc(out, (char)v);
	}
	return true;
}

void
base64_scan(struct str *out, const char *s, size_t n)
{
	unsigned bits = 0, have = 0;

	str_reserve(out, n / 4 * 3 + 3);
	for (size_t i = 0; i < n && s[i] != '='; i++) {
		int d = digit(s[i]);

		if (d < 0)
			continue;
		bits = (bits << 6 | (unsigned)d) & 0xffff;
		have += 6;
		if (have >= 8) {
			have -= 8;
			str_addc(out, (char)(bits >> have & 0xff));
		}
	}
}
