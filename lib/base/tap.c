#include "base.h"

#include "str.h"
#include "tap.h"

#include <stdarg.h>

/* Of what is repeated so much is enough to know it; and so little means nothing. */
#define ECHO_ENOUGH 12
#define ECHO_MIN 4

static const char withheld[] = "[withheld]";

const char *
tap_mark(enum tap_side side)
{
	static const char *const marks[] = {"C: ", "S: ", "* "};

	return marks[side];
}

void
tap_listen(struct tap *t, const struct tap_ear *ear)
{
	if (t && t->ears < TAP_EARS)
		t->ear[t->ears++] = *ear;
}

bool
tap_wants_data(const struct tap *t)
{
	bool wants = false;

	for (unsigned i = 0; t && i < t->ears; i++)
		wants |= t->ear[i].may & TAP_DATA;
	return wants;
}

/* Those who may hear everything in `needs`, or (may false) those who may not. */
static void
tell(const struct tap *t, const struct tap_line *l, unsigned needs, bool may)
{
	for (unsigned i = 0; i < t->ears; i++)
		if (((t->ear[i].may & needs) == needs) == may)
			t->ear[i].hear(t->ear[i].arg, l);
}

size_t
tap_echo(const char *s, size_t n, const char *secret, size_t secret_n)
{
	const char *at;

	if (secret_n < ECHO_MIN)
		return n;
	at = memmem(s, n, secret, secret_n < ECHO_ENOUGH ? secret_n : ECHO_ENOUGH);
	return at ? (size_t)(at - s) : n;
}

/* How much of a line of AUTH may be shown; n: all of it. A mechanism is no secret, nor is it that the client gives up, nor
 * the server's verdict, unless it repeats what it was told. */
static size_t
shown_of_auth(const struct tap *t, enum tap_side side, const char *s, size_t n)
{
	size_t i = 0;

	if (side == TAP_SERVER && n > 4 && !memcmp(s, "334 ", 4))
		return 4;
	if (side == TAP_SERVER)
		return tap_echo(s, n, t->part[TAP_CLIENT].text + t->secret, t->secret_n);
	if (n == 1 && *s == '*')
		return n;
	if (n < 5 || strncasecmp(s, "AUTH ", 5) != 0)
		return 0;
	for (i = 5; i < n && s[i] != ' '; i++)
		;
	return i < n ? i + 1 : n;
}

static void
line_ended(struct tap *t, enum tap_side side)
{
	struct tap_part *p = &t->part[side];
	struct tap_line l = {side, p->text, p->n, p->cut};
	enum tap_kind kind = side == TAP_SERVER && t->kind == TAP_DATA ? TAP_PLAIN : t->kind;
	size_t shown = 0;

	if (l.n && p->text[l.n - 1] == '\r' && !l.cut)
		l.n--;
	tell(t, &l, kind, true);
	if (kind == TAP_AUTH && (shown = shown_of_auth(t, side, p->text, l.n)) == l.n) {
		tell(t, &l, kind, false);
	} else if (kind == TAP_AUTH) {
		char text[TAP_LINE];

		if (shown > sizeof text - sizeof withheld)
			shown = 0;
		memcpy(text, p->text, shown);
		memcpy(text + shown, withheld, sizeof withheld);
		tell(t, &(struct tap_line){side, text, shown + sizeof withheld - 1, false}, kind, false);
	}
	if (kind == TAP_AUTH && side == TAP_CLIENT) {
		t->secret = shown < l.n ? shown : 0;
		t->secret_n = l.n - shown;
	}
	p->n = 0;
	p->cut = p->begun = false;
}

static void
data_ended(struct tap *t)
{
	static const char unit[] = " bytes";
	char text[64], *at = text + sizeof text - (sizeof unit - 1);
	uint64_t left = t->data;

	memcpy(at, unit, sizeof unit - 1);
	do
		*--at = (char)('0' + left % 10);
	while (left /= 10);
	*--at = ' ';
	at -= sizeof withheld - 1;
	memcpy(at, withheld, sizeof withheld - 1);
	tell(
	    t, &(struct tap_line){TAP_CLIENT, at, (size_t)(text + sizeof text - at), false}, TAP_DATA, false);
	t->data = 0;
}

void
tap_kind(struct tap *t, enum tap_kind kind)
{
	if (!t || kind == t->kind)
		return;
	for (int side = TAP_CLIENT; side <= TAP_SERVER; side++)
		if (t->part[side].begun)
			line_ended(t, (enum tap_side)side);
	if (t->kind == TAP_DATA)
		data_ended(t);
	if (t->kind == TAP_AUTH) {
		explicit_bzero(t->part, sizeof t->part);
		t->secret = t->secret_n = 0;
	}
	t->kind = kind;
}

void
tap_feed(struct tap *t, enum tap_side side, const char *p, size_t n)
{
	bool data;

	if (!t)
		return;
	data = side == TAP_CLIENT && t->kind == TAP_DATA;
	if (data)
		t->data += n;
	if (data && !tap_wants_data(t))
		return;
	while (n) {
		struct tap_part *part = &t->part[side];
		const char *nl = memchr(p, '\n', n);
		size_t k = nl ? (size_t)(nl - p) : n, room = TAP_LINE - part->n;

		part->begun = true;
		/* The CR of a line that just fits is no part of it. */
		part->cut |= k > room && !(k == room + 1 && nl && p[room] == '\r');
		if (room > k)
			room = k;
		memcpy(part->text + part->n, p, room);
		part->n += room;
		k += nl != NULL;
		p += k;
		n -= k;
		if (nl)
			line_ended(t, side);
	}
}

void
tap_skip(struct tap *t, uint64_t n)
{
	if (t)
		t->data += n;
}

void
tap_note(struct tap *t, const char *fmt, ...)
{
	char text[TAP_LINE];
	va_list ap;

	if (!t || !t->ears)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	tell(t, &(struct tap_line){TAP_NOTE, text, strlen(text), false}, TAP_PLAIN, true);
}

void
tap_message(struct tap *t, const char *id)
{
	static const char word[] = "message ";
	char text[64];
	size_t n = strnlen(id, sizeof text - sizeof word);

	if (!t || !t->ears)
		return;
	memcpy(text, word, sizeof word - 1);
	memcpy(text + sizeof word - 1, id, n);
	tell(t, &(struct tap_line){TAP_NOTE, text, sizeof word - 1 + n, false}, TAP_PLAIN, true);
}
