#include "base.h"

#include "transcript.h"

#define LINE_MAX_TEXT 1500
#define MARK_MAX 64 /* bytes of `[... N lines left out ...]`, with its end */

/* An entry of buf: this, then n bytes. */
struct entry {
	uint32_t ms;
	uint16_t n;
	char who;
	bool cut;
};

void
transcript_init(struct transcript *t, uint64_t cap)
{
	*t = (struct transcript){.cap = cap < TRANSCRIPT_MIN   ? 0
	                                : cap < TRANSCRIPT_MAX ? (size_t)cap
	                                                       : TRANSCRIPT_MAX};
	/* An entry is shorter than its line of text: half of cap of the newest is enough for their half of the text. */
	t->room = t->cap ? t->cap + 2 * (LINE_MAX_TEXT + sizeof(struct entry)) : 0;
	t->buf = t->room ? mem_alloc(t->room) : NULL;
}

void
transcript_free(struct transcript *t)
{
	free(t->buf);
	*t = (struct transcript){0};
}

void
transcript_reset(struct transcript *t)
{
	t->used = t->first = t->lost = 0;
}

static struct entry
entry_at(const struct transcript *t, size_t at)
{
	struct entry e;

	memcpy(&e, t->buf + at, sizeof e);
	return e;
}

static size_t
entry_behind(const struct transcript *t, size_t at)
{
	return at + sizeof(struct entry) + entry_at(t, at).n;
}

/* From here on the beginning stays as it is: the entries that half of cap ends in, or all. */
static void
begin_end(struct transcript *t)
{
	while (!t->lost && t->first < t->cap / 2 && t->first < t->used)
		t->first = entry_behind(t, t->first);
}

/* The oldest behind the beginning go, until the newest have half of cap. */
static void
make_room(struct transcript *t)
{
	size_t at;

	begin_end(t);
	for (at = t->first; t->used - at > t->cap / 2; t->lost++)
		at = entry_behind(t, at);
	memmove(t->buf + t->first, t->buf + at, t->used - at);
	t->used -= at - t->first;
}

void
transcript_add(struct transcript *t, const struct transcript_line *l)
{
	struct entry e = {l->ms, (uint16_t)(l->n < LINE_MAX_TEXT ? l->n : LINE_MAX_TEXT), l->who,
	    l->cut || l->n > LINE_MAX_TEXT};

	if (!t->cap)
		return;
	if (t->used + sizeof e + e.n > t->room)
		make_room(t);
	memcpy(t->buf + t->used, &e, sizeof e);
	memcpy(t->buf + t->used + sizeof e, l->text, e.n);
	t->used += sizeof e + e.n;
}

void
transcript_join(struct transcript *t, const struct transcript *other)
{
	if (!t->cap)
		return;
	if (!t->used && other->room <= t->room) {
		memcpy(t->buf, other->buf, other->used);
		t->used = other->used;
		t->first = other->first;
		t->lost = other->lost;
		return;
	}
	for (size_t at = 0; at < other->used; at = entry_behind(other, at)) {
		struct entry e = entry_at(other, at);

		if (other->lost && at == other->first) {
			begin_end(t);
			t->lost += other->lost;
		}
		transcript_add(
		    t, &(struct transcript_line){e.ms, e.who, other->buf + at + sizeof e, e.n, e.cut});
	}
}

/* ---- the text ---- */

/* Bytes that rec.c makes of them. */
static size_t
encoded(const char *s, size_t n)
{
	size_t bytes = 0;

	for (size_t i = 0; i < n;) {
		unsigned char c = (unsigned char)s[i];
		size_t l = c < 0x80 ? 1 : utf8_len(s + i, n - i);
		bool plain = l && c >= 32 && c != 127 && c != '\\';

		bytes += plain ? l : 4;
		i += plain ? l : 1;
	}
	return bytes;
}

#define LINE_ROOM (LINE_MAX_TEXT + 40)

static size_t
line_make(const struct transcript *t, size_t at, char line[LINE_ROOM])
{
	struct entry e = entry_at(t, at);
	size_t n = (size_t)snprintf(line, LINE_ROOM, "%6u %c: ", (unsigned)e.ms, e.who);

	memcpy(line + n, t->buf + at + sizeof e, e.n);
	for (size_t end = n + e.n; n < end; n++)
		if (!line[n])
			line[n] = '?';
	if (e.cut) {
		memcpy(line + n, " [...]", 6);
		n += 6;
	}
	line[n++] = '\n';
	return n;
}

struct shape {
	size_t front; /* entries before this are written, */
	size_t back;  /* and those from this on */
	unsigned out; /* between them, with those that were lost before */
};

/* Whether any must go, and which: half of cap for the beginning, the rest for the end. */
static struct shape
shape_of(const struct transcript *t)
{
	struct shape s = {0};
	size_t total = 0, front = 0, at, len;
	char line[LINE_ROOM];

	for (at = 0; at < t->used; at = entry_behind(t, at))
		total += encoded(line, line_make(t, at, line));
	if (!t->lost && total <= t->cap) {
		s.front = s.back = t->used;
		return s;
	}
	while (s.front < (t->lost ? t->first : t->used)) {
		len = encoded(line, line_make(t, s.front, line));
		if (front + len > t->cap / 2)
			break;
		front += len;
		total -= len;
		s.front = entry_behind(t, s.front);
	}
	s.out = t->lost;
	for (s.back = s.front; s.back < t->used; s.back = entry_behind(t, s.back), s.out++) {
		len = encoded(line, line_make(t, s.back, line));
		if ((!t->lost || s.back >= t->first) && front + MARK_MAX + total <= t->cap)
			break;
		total -= len;
	}
	return s;
}

void
transcript_text(const struct transcript *t, struct str *out)
{
	struct shape s = shape_of(t);
	char line[LINE_ROOM];
	size_t at;

	for (at = 0; at < s.front; at = entry_behind(t, at))
		str_add(out, line, line_make(t, at, line));
	if (s.out) {
		int n = snprintf(line, sizeof line, "[... %u lines left out ...]\n", s.out);

		str_add(out, line, (size_t)n);
	}
	for (at = s.back; at < t->used; at = entry_behind(t, at))
		str_add(out, line, line_make(t, at, line));
}
