/* Tag lists. By themselves, for whoever reads them without the cryptography. */
#include "base.h"

#include "dkim.h"

static bool
is_fws(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static char *
trim(char *p, char *end)
{
	while (p < end && is_fws(*p))
		p++;
	while (end > p && is_fws(end[-1]))
		end--;
	*end = 0;
	return p;
}

static bool
name_ok(const char *s)
{
	bool letter = (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z');

	return letter &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == strlen(s);
}

static bool
tag_add(struct dkim_tags *t, char *p, char *end)
{
	char *eq = memchr(p, '=', (size_t)(end - p)), *name, *value;

	if (!eq)
		return false;
	name = trim(p, eq);
	value = trim(eq + 1, end);
	if (!name_ok(name) || dkim_tag(t, name))
		return false;
	t->v = mem_grow(t->v, t->n + 1, sizeof *t->v);
	t->v[t->n++] = (struct dkim_tag){name, value};
	return true;
}

bool
dkim_tags_parse(struct dkim_tags *t, const char *s, size_t n)
{
	char *p, *end;

	*t = (struct dkim_tags){.text = mem_dupn(s, n)};
	p = t->text;
	end = p + n;
	if (memchr(p, 0, n))
		goto bad;
	while (p < end) {
		char *semi = memchr(p, ';', (size_t)(end - p)), *stop = semi ? semi : end;
		bool empty = true;

		for (char *c = p; c < stop; c++)
			empty = empty && is_fws(*c);
		/* Nothing but blanks is allowed behind the last semicolon alone. */
		if (empty ? semi != NULL : !tag_add(t, p, stop))
			goto bad;
		p = semi ? semi + 1 : end;
	}
	if (t->n)
		return true;
bad:
	dkim_tags_free(t);
	return false;
}

void
dkim_tags_free(struct dkim_tags *t)
{
	free(t->text);
	free(t->v);
	*t = (struct dkim_tags){0};
}

const char *
dkim_tag(const struct dkim_tags *t, const char *name)
{
	for (size_t i = 0; i < t->n; i++)
		if (!strcmp(t->v[i].name, name))
			return t->v[i].value;
	return NULL;
}
