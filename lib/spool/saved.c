#include "base.h"

#include "fdio.h"
#include "rec.h"
#include "saved.h"

#include <errno.h>
#include <unistd.h>

#define CHUNK 3500 /* each byte may stand as four: a line and a packet hold it */
#define READ_SIZE 65536

void
saved_write(struct str *out, const char *table, const void *key, size_t nkey, const struct str *value)
{
	size_t at = 0;

	do {
		size_t n = value->len - at < CHUNK ? value->len - at : CHUNK;

		rec_add(out, "table", table);
		rec_addn(out, "key", key, nkey);
		rec_addn(out, "value", str_cstr(value) + at, n);
		rec_end(out);
		at += n;
	} while (at < value->len);
}

void
saved_write_end(struct str *out, uint64_t entries)
{
	rec_addi(out, "entries", entries);
	rec_end(out);
}

void
saved_finish(struct saved *s)
{
	if (!s->open)
		return;
	s->open = false;
	s->entries++;
	str_reserve(&s->value, 1);
	if (s->each)
		s->each(s->table, &s->key, &s->value, s->arg);
}

static void
next_part(struct saved *s, const char *table, const struct str *key)
{
	if (s->open && !strcmp(s->table, table) && s->key.len == key->len &&
	    !memcmp(str_cstr(&s->key), str_cstr(key), key->len))
		return;
	saved_finish(s);
	snprintf(s->table, sizeof s->table, "%s", table);
	str_reset(&s->key);
	str_add(&s->key, str_cstr(key), key->len);
	str_reset(&s->value);
	s->open = true;
}

bool
saved_take(struct saved *s, char *rec, size_t n)
{
	struct rec_in in = {rec, rec + n};
	char *key, *value, *table = NULL, *part = NULL;
	struct str name = {0};
	size_t len = 0, nname = 0;
	uint64_t entries;
	enum rec_got got;
	bool good = !s->ended, end = false;

	while ((got = rec_next(&in, &key, &value)) == REC_LINE)
		if (!strcmp(key, "table"))
			good = good && (table = rec_text(value)) && strlen(table) < SAVED_NAME_MAX;
		else if (!strcmp(key, "key") && (good = good && (value = rec_bytes(value, &nname))))
			str_add(&name, value, nname);
		else if (!strcmp(key, "value"))
			good = good && (part = rec_bytes(value, &len));
		else if (!strcmp(key, "entries")) {
			saved_finish(s);
			end = true;
			good = good && str_number(value, UINT64_MAX >> 1, &entries) && entries == s->entries;
		}
	good = good && got == REC_END;
	if (good && end) {
		s->ended = true;
	} else if ((good = good && table && part && name.len)) {
		next_part(s, table, &name);
		str_add(&s->value, part, len);
		good = s->value.len <= REC_MAX;
	}
	str_free(&name);
	return good;
}

void
saved_free(struct saved *s)
{
	str_free(&s->key);
	str_free(&s->value);
}

int
saved_read(int fd, struct saved *s, const char **why)
{
	struct str buf = {0};
	ssize_t n;
	bool good = true;

	do {
		size_t off = 0, one;

		str_reserve(&buf, READ_SIZE);
		if ((n = fd_read(fd, buf.s + buf.len, READ_SIZE)) > 0)
			buf.len += (size_t)n;
		while (good && (one = rec_whole(buf.s + off, buf.len - off))) {
			good = saved_take(s, buf.s + off, one);
			off += one;
		}
		str_shift(&buf, off);
		good = good && buf.len <= PKT_MAX;
	} while (n > 0 && good);
	*why = n < 0 ? strerror(errno) : !good || buf.len ? "it is damaged" : s->ended ? NULL : "it is cut";
	str_free(&buf);
	saved_finish(s);
	return *why ? -1 : 0;
}
