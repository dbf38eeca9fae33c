#include "base.h"

#include "die.h"
#include "str.h"

#include <stdarg.h>

void *
mem_alloc(size_t n)
{
	void *p = malloc(n ? n : 1);

	if (!p)
		die_temp("out of memory");
	return p;
}

void *
mem_zalloc(size_t n)
{
	void *p = calloc(1, n ? n : 1);

	if (!p)
		die_temp("out of memory");
	return p;
}

void *
mem_grow(void *p, size_t n, size_t size)
{
	p = reallocarray(p, n ? n : 1, size);
	if (!p)
		die_temp("out of memory");
	return p;
}

char *
mem_dupn(const void *s, size_t n)
{
	char *p = mem_alloc(n + 1);

	if (n)
		memcpy(p, s, n);
	p[n] = 0;
	return p;
}

char *
mem_dup(const char *s)
{
	return mem_dupn(s, strlen(s));
}

void
str_free(struct str *s)
{
	free(s->s);
	*s = (struct str){0};
}

void
str_reset(struct str *s)
{
	str_cut(s, 0);
}

void
str_reserve(struct str *s, size_t more)
{
	size_t need, cap;

	if (__builtin_add_overflow(s->len, more, &need) || need >= SIZE_MAX / 2)
		die_temp("out of memory");
	if (need + 1 <= s->cap)
		return;
	cap = s->cap ? s->cap : 64;
	while (cap < need + 1)
		cap *= 2;
	s->s = mem_grow(s->s, cap, 1);
	s->cap = cap;
	s->s[s->len] = 0;
}

void
str_add(struct str *s, const void *p, size_t n)
{
	if (n >= s->cap - s->len)
		str_reserve(s, n);
	if (n)
		memcpy(s->s + s->len, p, n);
	s->len += n;
	s->s[s->len] = 0;
}

void
str_adds(struct str *s, const char *cstr)
{
	str_add(s, cstr, strlen(cstr));
}

void
str_addc(struct str *s, char c)
{
	if (s->cap - s->len < 2)
		str_reserve(s, 1);
	s->s[s->len++] = c;
	s->s[s->len] = 0;
}

void
str_addi(struct str *s, int64_t v)
{
	char digits[20], *p = digits + sizeof digits;
	uint64_t left = v < 0 ? -(uint64_t)v : (uint64_t)v;

	do
		*--p = (char)('0' + left % 10);
	while (left /= 10);
	if (v < 0)
		*--p = '-';
	str_add(s, p, (size_t)(digits + sizeof digits - p));
}

void
str_addf(struct str *s, const char *fmt, ...)
{
	va_list ap;
	int n;

	str_reserve(s, 80);
	va_start(ap, fmt);
	n = vsnprintf(s->s + s->len, s->cap - s->len, fmt, ap);
	va_end(ap);
	if (n < 0)
		bug("format %s", fmt);
	if ((size_t)n >= s->cap - s->len) {
		str_reserve(s, (size_t)n);
		va_start(ap, fmt);
		vsnprintf(s->s + s->len, s->cap - s->len, fmt, ap);
		va_end(ap);
	}
	s->len += (size_t)n;
}

void
str_cut(struct str *s, size_t len)
{
	if (len > s->len)
		bug("str_cut %zu of %zu", len, s->len);
	s->len = len;
	if (s->s)
		s->s[len] = 0;
}

void
str_shift(struct str *s, size_t n)
{
	if (n > s->len)
		bug("str_shift %zu of %zu", n, s->len);
	if (!n)
		return;
	memmove(s->s, s->s + n, s->len - n);
	str_cut(s, s->len - n);
}

const char *
str_cstr(const struct str *s)
{
	return s->s ? s->s : "";
}

char *
str_take(struct str *s)
{
	char *p = s->s ? s->s : mem_dup("");

	*s = (struct str){0};
	return p;
}

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

bool
str_ieq(const char *a, const char *b)
{
	for (; *a && lower(*a) == lower(*b); a++, b++)
		;
	return !*a && !*b;
}

bool
str_istarts(const char *s, const char *prefix)
{
	for (; *prefix; s++, prefix++)
		if (lower(*s) != lower(*prefix))
			return false;
	return true;
}

void
str_lower(char *s)
{
	for (; *s; s++)
		*s = lower(*s);
}

static const char *
digits(const char *s, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;
	int n = 0;

	for (; *s >= '0' && *s <= '9'; s++, n++) {
		if (n == 19)
			return NULL;
		v = v * 10 + (uint64_t)(*s - '0');
	}
	if (!n || v > max)
		return NULL;
	*out = v;
	return s;
}

bool
str_number(const char *s, uint64_t max, uint64_t *out)
{
	uint64_t v;

	if (!(s = digits(s, max, &v)) || *s)
		return false;
	*out = v;
	return true;
}

bool
str_duration(const char *s, int64_t *us)
{
	static const struct {
		char unit;
		uint64_t seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
	uint64_t sum = 0, v;

	if (str_number(s, 1000000000, &v)) {
		*us = (int64_t)v * 1000000;
		return true;
	}
	do {
		size_t i;

		if (!(s = digits(s, 1000000000, &v)))
			return false;
		for (i = 0; i < ARRAY_LEN(units) && units[i].unit != *s; i++)
			;
		if (i == ARRAY_LEN(units))
			return false;
		sum += v * units[i].seconds;
		if (sum > 1000000000000)
			return false;
	} while (*++s);
	*us = (int64_t)sum * 1000000;
	return true;
}

bool
str_size(const char *s, uint64_t *bytes)
{
	uint64_t v;
	int shift = 0;

	if (!(s = digits(s, UINT64_C(1) << 40, &v)))
		return false;
	switch (lower(*s)) {
	case 'k': shift = 10; break;
	case 'm': shift = 20; break;
	case 'g': shift = 30; break;
	case 0: *bytes = v; return true;
	default: return false;
	}
	if (s[1] || v > UINT64_MAX >> 1 >> shift)
		return false;
	*bytes = v << shift;
	return true;
}

size_t
utf8_len(const char *str, size_t n)
{
	const unsigned char *s = (const unsigned char *)str;
	size_t len;
	unsigned min, cp;

	if (!n)
		return 0;
	if (s[0] < 0x80)
		return 1;
	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		len = 2, min = 0x80, cp = s[0] & 0x1f;
	else if ((s[0] & 0xf0) == 0xe0)
		len = 3, min = 0x800, cp = s[0] & 0x0f;
	else if (s[0] >= 0xf0 && s[0] <= 0xf4)
		len = 4, min = 0x10000, cp = s[0] & 0x07;
	else
		return 0;
	if (n < len)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		cp = cp << 6 | (s[i] & 0x3f);
	}
	if (cp < min || cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
		return 0;
	return len;
}

bool
utf8_valid(const char *s, size_t n)
{
	while (n) {
		size_t l = utf8_len(s, n);

		if (!l)
			return false;
		s += l;
		n -= l;
	}
	return true;
}

bool
text_is_ascii(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] >= 0x80)
			return false;
	return true;
}

/* Bidi and other invisible controls that can make a terminal lie: U+0080-9F, 061C, 200B-200F, 2028-202E,
 * 2066-2069, FEFF. */
static bool
deceives(const char *s, size_t len)
{
	const unsigned char *u = (const unsigned char *)s;

	if (len == 2)
		return (u[0] == 0xc2 && u[1] < 0xa0) || (u[0] == 0xd8 && u[1] == 0x9c);
	if (len != 3)
		return false;
	if (u[0] == 0xef)
		return u[1] == 0xbb && u[2] == 0xbf;
	if (u[0] != 0xe2)
		return false;
	return (u[1] == 0x80 && ((u[2] >= 0x8b && u[2] <= 0x8f) || (u[2] >= 0xa8 && u[2] <= 0xae))) ||
	       (u[1] == 0x81 && u[2] >= 0xa6 && u[2] <= 0xa9);
}

size_t
text_visible(char *out, size_t cap, const char *s, size_t n)
{
	static const char hex[] = "0123456789abcdef";
	size_t used = 0;

	for (size_t i = 0; i < n;) {
		size_t run = 0, l;
		unsigned char c;

		while (i + run < n && s[i + run] >= ' ' && s[i + run] < 127)
			run++;
		if (run > cap - used)
			run = cap - used;
		memcpy(out + used, s + i, run);
		used += run;
		i += run;
		if (i == n || used == cap)
			break;
		l = utf8_len(s + i, n - i);
		c = (unsigned char)s[i];
		if (l && !(l == 1 && (c < 32 || c == 127)) && !deceives(s + i, l)) {
			if (used + l > cap)
				break;
			memcpy(out + used, s + i, l);
			used += l;
			i += l;
			continue;
		}
		for (size_t k = 0; k < (l ? l : 1); k++, i++) {
			if (used + 4 > cap)
				return used;
			c = (unsigned char)s[i];
			memcpy(out + used, (char[]){'\\', 'x', hex[c >> 4], hex[c & 15]}, 4);
			used += 4;
		}
	}
	return used;
}
