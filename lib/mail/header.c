#include "base.h"

#include "header.h"

static const char *
line_end(const char *p, const char *end)
{
	const char *nl = memchr(p, '\n', (size_t)(end - p));

	return nl ? nl + 1 : end;
}

/* A name of printable characters; blanks before the colon are the obsolete syntax of RFC 5322 4.5.8. */
static bool
name_read(const char *p, const char *end, struct header_field *f)
{
	const char *s = p;

	while (s<end && * s> 32 && *s < 127 && *s != ':')
		s++;
	f->name = p;
	f->namelen = (size_t)(s - p);
	while (s < end && (*s == ' ' || *s == '\t'))
		s++;
	f->value = s + 1;
	return f->namelen && s < end && *s == ':';
}

bool
header_next(const char **p, const char *end, struct header_field *f)
{
	const char *s = *p, *last;

	if (s == end)
		return false;
	if (*s == '\n' || (*s == '\r' && s + 1 < end && s[1] == '\n')) {
		*p = s + (*s == '\n' ? 1 : 2);
		return false;
	}
	if (!name_read(s, end, f))
		return false;
	f->start = s;
	for (s = line_end(f->value, end); s < end && (*s == ' ' || *s == '\t');)
		s = line_end(s, end);
	f->end = *p = s;
	last = s;
	if (last > f->value && last[-1] == '\n')
		last--;
	if (last > f->value && last[-1] == '\r' && last < s)
		last--;
	f->len = (size_t)(last - f->value);
	return true;
}

bool
header_is(const struct header_field *f, const char *name)
{
	size_t n = strlen(name);

	if (f->namelen != n)
		return false;
	for (size_t i = 0; i < n; i++) {
		char a = f->name[i], b = name[i];

		if (a != b && ((a | 32) != (b | 32) || (a | 32) < 'a' || (a | 32) > 'z'))
			return false;
	}
	return true;
}

void
header_unfold(struct str *out, const struct header_field *f)
{
	const char *p = f->value, *end = p + f->len;

	while (p < end && (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n'))
		p++;
	while (end > p && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r' || end[-1] == '\n'))
		end--;
	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p)), *stop = nl ? nl : end;

		if (nl && stop > p && stop[-1] == '\r')
			stop--;
		str_add(out, p, (size_t)(stop - p));
		p = nl ? nl + 1 : end;
	}
}

bool
header_tls_optional(const char *header, size_t n)
{
	const char *end = header + n;
	struct header_field f;
	unsigned given = 0, no = 0;

	while (header_next(&header, end, &f)) {
		struct str value = {0};

		if (!header_is(&f, "tls-required"))
			continue;
		header_unfold(&value, &f);
		given++;
		no += value.len == 2 && str_ieq(str_cstr(&value), "no");
		str_free(&value);
	}
	return given == 1 && no == 1;
}
