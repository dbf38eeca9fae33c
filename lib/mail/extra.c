#include "base.h"

#include "extra.h"
#include "header.h"
#include "rec.h"

#define PREFIX "x-mox-extra-"
#define EXTRA_MAX 100 /* the door's limit too */

struct keys {
	char **v;
	size_t n;
};

static char
letter(char c, bool upper)
{
	if (upper)
		return c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static char *
canonical(const char *key, size_t n)
{
	char *s = mem_dupn(key, n);

	for (size_t i = 0; i < n; i++)
		s[i] = letter(s[i], !i || s[i - 1] == '-');
	return s;
}

/* Takes key over. */
static bool
is_new(struct keys *k, char *key)
{
	bool fresh = true;

	for (size_t i = 0; i < k->n; i++)
		fresh = fresh && strcmp(k->v[i], key) != 0;
	k->v = mem_grow(k->v, k->n + 1, sizeof *k->v);
	k->v[k->n++] = key;
	return fresh;
}

static bool
field_add(struct str *record, const struct header_field *f, struct keys *keys, struct str *why)
{
	size_t skip = strlen(PREFIX);
	char *key = canonical(f->name + skip, f->namelen - skip);
	struct str value = {0};

	if (!is_new(keys, key) || !*key || keys->n > EXTRA_MAX) {
		str_addf(why, "unable to take the field X-Mox-Extra-%s: %s", key,
		    !*key                 ? "a key is to follow the last -"
		    : keys->n > EXTRA_MAX ? "there are more than 100 of them"
					  : "it stands there twice");
		return false;
	}
	header_unfold(&value, f);
	rec_open(record, "extra");
	rec_put(record, key);
	rec_putn(record, str_cstr(&value), value.len);
	rec_close(record);
	str_free(&value);
	return true;
}

bool
extra_add(struct str *record, const char *header, size_t n, struct str *why)
{
	const char *end = header + n;
	struct keys keys = {0};
	struct header_field f;
	bool good = true;

	while (good && header_next(&header, end, &f))
		if (f.namelen >= strlen(PREFIX) && str_istarts(f.name, PREFIX))
			good = field_add(record, &f, &keys, why);
	for (size_t i = 0; i < keys.n; i++)
		free(keys.v[i]);
	free(keys.v);
	return good;
}
