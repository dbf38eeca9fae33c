#include "base.h"

#include "addrlist.h"

#include <stdbool.h>

/* What an item looks like so far. */
struct item {
	bool angle; /* <...> was seen */
	bool any;   /* a word was seen */
	bool gap;   /* blanks or a comment since the last word */
	bool words; /* two words with a gap between them and neither dot nor @: a phrase, no address */
	bool route; /* the item began with @ outside <> */
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Behind the comment that begins at p; NULL when it is not closed. */
static const char *
comment_end(const char *p, const char *end)
{
	unsigned depth = 0;

	for (; p < end; p++) {
		if (*p == '\\')
			p++;
		else if (*p == '(')
			depth++;
		else if (*p == ')' && !--depth)
			return p + 1;
	}
	return NULL;
}

/* Behind a quoted string or a domain literal that begins at p; NULL when it is not closed. */
static const char *
quoted_end(const char *p, const char *end, char close)
{
	for (p++; p < end; p++) {
		if (*p == '\\')
			p++;
		else if (*p == close)
			return p + 1;
	}
	return NULL;
}

/* Behind the encoded word (RFC 2047 2) at p, NULL when there is none. Mailers leave commas and @ in them that
 * have no right to be there. */
static const char *
encoded_end(const char *p, const char *end)
{
	int marks = 0;

	if (end - p < 8 || p[0] != '=' || p[1] != '?')
		return NULL;
	for (p += 2; p < end && !is_blank(*p) && *p != '"' && *p != '<'; p++) {
		if (*p != '?')
			continue;
		if (++marks == 3)
			return p + 1 < end && p[1] == '=' ? p + 2 : NULL;
	}
	return NULL;
}

static const char *
atom_end(const char *p, const char *end)
{
	const char *s = encoded_end(p, end);

	if (s)
		return s;
	for (s = p; s < end && !is_blank(*s) && !strchr("()<>[]:;,@.\"", *s ? *s : 1); s++)
		;
	return s > p ? s : p + 1;
}

static void
add_unfolded(struct str *out, const char *p, const char *end)
{
	for (; p < end; p++)
		if (*p != '\r' && *p != '\n')
			str_addc(out, *p);
}

static bool
joins(const struct str *s, char next)
{
	char last = s->len ? s->s[s->len - 1] : '@';

	return last == '.' || last == '@' || next == '.' || next == '@';
}

/* One word, dot or @ of an address at l->p. false: why is set. */
static bool
word_read(struct addrlist *l, struct item *it)
{
	const char *s = l->p, *e;

	if (*s == '"')
		e = quoted_end(s, l->end, '"');
	else if (*s == '[')
		e = quoted_end(s, l->end, ']');
	else
		e = atom_end(s, l->end);
	if (!e) {
		l->why = *s == '"' ? "a quoted string is not closed" : "a [ is not closed";
		return false;
	}
	if (it->any && it->gap && !joins(&l->addr, *s))
		it->words = true;
	it->any = true;
	it->gap = false;
	if (!l->addr.len)
		l->begin = s;
	add_unfolded(&l->addr, s, e);
	l->p = l->behind = e;
	return true;
}

/* Blanks and comments at l->p. false: why is set. */
static bool
skip_gap(struct addrlist *l, bool *gap)
{
	while (l->p < l->end && (is_blank(*l->p) || *l->p == '(')) {
		*gap = true;
		if (*l->p != '(') {
			l->p++;
			continue;
		}
		l->p = comment_end(l->p, l->end);
		if (!l->p) {
			l->p = l->end;
			l->why = "a comment is not closed";
			return false;
		}
	}
	return true;
}

/* <...> at l->p: what came before was a display name. */
static bool
angle_read(struct addrlist *l, struct item *it)
{
	struct item in = {0};

	str_reset(&l->addr);
	str_adds(&l->addr, "");
	l->behind = ++l->p;
	it->angle = true;
	for (;;) {
		if (!skip_gap(l, &in.gap))
			return false;
		if (l->p == l->end) {
			l->why = "a < is not closed";
			return false;
		}
		if (*l->p == '>') {
			l->p++;
			break;
		}
		if (*l->p == ':' && l->addr.len && *l->addr.s == '@') { /* the source route ends */
			str_reset(&l->addr);
			in = (struct item){0};
			l->behind = ++l->p;
		} else if (*l->p == ',' && l->addr.len && *l->addr.s == '@') {
			str_addc(&l->addr, *l->p++);
			in.gap = in.any = false;
		} else if (strchr("<,;:", *l->p ? *l->p : 1)) {
			l->why = "a < is not closed";
			return false;
		} else if (!word_read(l, &in))
			return false;
	}
	if (in.words)
		l->why = "space in the address";
	return !in.words;
}

static enum addrlist_got
item_end(struct addrlist *l, const struct item *it)
{
	if (it->angle || !it->words)
		return ADDRLIST_ITEM;
	l->why = "several words where an address should be";
	return ADDRLIST_BAD;
}

static void
item_reset(struct addrlist *l, struct item *it)
{
	*it = (struct item){0};
	str_reset(&l->addr);
}

enum addrlist_got
addrlist_next(struct addrlist *l)
{
	struct item it;

	item_reset(l, &it);
	for (;;) {
		if (!skip_gap(l, &it.gap))
			return ADDRLIST_BAD;
		if (l->p == l->end)
			return it.any || it.angle || l->addr.len ? item_end(l, &it) : ADDRLIST_END;
		switch (*l->p) {
		case ',':
			if (it.route && !it.angle) {
				str_addc(&l->addr, *l->p++);
				it.any = it.gap = false;
				break;
			}
			/* fall through */
		case ';': /* the end of a group; some people part addresses with it */
			l->p++;
			if (it.any || it.angle)
				return item_end(l, &it);
			break;
		case ':': /* what came before was a group's name, or a source route */
			l->p++;
			item_reset(l, &it);
			break;
		case '<':
			if (it.angle) {
				l->why = "two <> in one item";
				return ADDRLIST_BAD;
			}
			if (!angle_read(l, &it))
				return ADDRLIST_BAD;
			break;
		case '>': l->why = "a > without its <"; return ADDRLIST_BAD;
		default:
			if (it.angle) {
				l->why = "text behind >";
				return ADDRLIST_BAD;
			}
			it.route |= !it.any && *l->p == '@';
			if (!word_read(l, &it))
				return ADDRLIST_BAD;
		}
	}
}

void
addrlist_free(struct addrlist *l)
{
	str_free(&l->addr);
}
