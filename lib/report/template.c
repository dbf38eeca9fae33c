#include "base.h"

#include "template.h"

static const char *
check(const struct str *text)
{
	if (!utf8_valid(str_cstr(text), text->len))
		return "it is not UTF-8";
	for (size_t i = 0; i < text->len; i++) {
		unsigned char c = (unsigned char)text->s[i];

		if (c == 127 || (c < 32 && c != '\n' && c != '\t' && c != '\r'))
			return "it has control characters";
	}
	return NULL;
}

static const struct template_value *
find(const struct template_value *v, const char *name, size_t n)
{
	for (; v->name; v++)
		if (!strncmp(v->name, name, n) && !v->name[n])
			return v;
	return NULL;
}

const char *
template_fill(struct str *out, const struct str *text, const char *must, const struct template_value *v,
    struct str *room)
{
	size_t start = out->len;
	const char *why = check(text);
	bool shown = false;

	for (const char *s = str_cstr(text); !why && *s; s++) {
		const struct template_value *found;
		size_t n;

		if (*s == '\r')
			continue;
		if (*s != '$' || (s[1] != '$' && s[1] != '{')) {
			str_addc(out, *s == '\t' ? ' ' : *s);
			continue;
		}
		if (*++s == '$') {
			str_addc(out, '$');
			continue;
		}
		n = strcspn(++s, "}\n");
		if (s[n] != '}') {
			why = "a ${ is not closed";
		} else if (!(found = find(v, s, n))) {
			str_reset(room);
			str_addf(room, "${%.*s} is no name of a value", (int)(n > 60 ? 60 : n), s);
			why = room->s;
		} else {
			shown = shown || !strcmp(found->name, must);
			str_adds(out, found->value);
			s += n;
		}
	}
	if (!why && !shown) {
		str_reset(room);
		str_addf(room, "it does not show ${%s}", must);
		why = room->s;
	}
	if (why && out->s)
		str_cut(out, start);
	return why;
}
