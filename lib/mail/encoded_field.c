#include "base.h"

#include "addrlist.h"
#include "encoded.h"
#include "encoded_field.h"
#include "wire.h"

#define FOLD_MIN 60 /* less is not worth a line of its own */

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool
field_has_addresses(const struct header_field *f)
{
	static const char *const names[] = {"From", "Sender", "Reply-To", "To", "Cc", "Resent-From",
	    "Resent-Sender", "Resent-Reply-To", "Resent-To", "Resent-Cc"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (header_is(f, names[i]))
			return true;
	return false;
}

/* RFC 2047 5 (1): text, and fields of nobody's standard. */
static bool
field_is_text(const struct header_field *f)
{
	static const char *const names[] = {"Subject", "Comments", "Content-Description", "Organization",
	    "Summary", "Thread-Topic", "User-Agent"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (header_is(f, names[i]))
			return true;
	return f->namelen > 2 && (f->name[0] | 32) == 'x' && f->name[1] == '-';
}

static bool
is_ascii(const char *s, const char *end)
{
	return text_is_ascii(s, (size_t)(end - s));
}

static bool
all_blank(const char *s, const char *end)
{
	while (s < end && is_blank(*s))
		s++;
	return s == end;
}

/* A header line over the limit is folded before a blank of its own (RFC 5322 2.2.3), if it has one. */
static void
copy_folded(struct str *out, const char *s, const char *end)
{
	while (s < end) {
		const char *nl = memchr(s, '\n', (size_t)(end - s)), *stop = nl ? nl + 1 : end, *cut = stop;

		if (stop - s > WIRE_LINE_MAX + 2) {
			for (cut = s + WIRE_LINE_MAX; cut > s && *cut != ' ' && *cut != '\t'; cut--)
				;
			if (cut - s < FOLD_MIN || all_blank(s, cut))
				cut = stop;
		}
		str_add(out, s, (size_t)(cut - s));
		if (cut < stop)
			str_addc(out, '\n');
		s = cut;
	}
}

/* The words of a text with 8-bit bytes, each run of them as one: blanks between encoded words are not shown (RFC 2047
 * 6.2), so those within a run are encoded with it. */
static void
encode_text(struct str *out, const char *s, const char *end)
{
	struct str run = {0};

	while (s < end) {
		const char *word, *stop;

		for (word = s; word < end && is_blank(*word); word++)
			;
		for (stop = word; stop < end && !is_blank(*stop); stop++)
			;
		if (run.len && (is_ascii(word, stop) || word == stop)) {
			encoded_add(out, run.s, run.len);
			str_reset(&run);
		}
		if (is_ascii(word, stop))
			str_add(out, s, (size_t)(stop - s));
		else {
			if (!run.len)
				str_add(out, s, (size_t)(word - s));
			else
				for (; s < word; s++)
					if (*s == ' ' || *s == '\t')
						str_addc(&run, ' ');
			str_add(&run, word, (size_t)(stop - word));
		}
		s = stop;
	}
	if (run.len)
		encoded_add(out, run.s, run.len);
	str_free(&run);
}

/* A phrase as it is gathered. */
struct words {
	const char *start, *end; /* in the field; NULL: none */
	struct str text;         /* without quotes */
};

static void
words_end(struct words *w, struct str *out, const char *next)
{
	if (!w->start)
		return;
	if (is_ascii(w->start, w->end))
		str_add(out, w->start, (size_t)(next - w->start));
	else {
		encoded_add(out, w->text.s, w->text.len);
		/* An encoded word ends before a blank (RFC 2047 5). */
		if (w->end == next)
			str_addc(out, ' ');
		str_add(out, w->end, (size_t)(next - w->end));
	}
	w->start = NULL;
	str_reset(&w->text);
}

/* Behind what begins at p and ends with close; comments nest. */
static const char *
enclosed_end(const char *p, const char *end, char open, char close)
{
	unsigned depth = 0;

	for (; p < end; p++)
		if (*p == '\\' && p + 1 < end)
			p++;
		else if (*p == open && (open != close || !depth))
			depth++;
		else if (*p == close && !--depth)
			return p + 1;
	return end;
}

static const char *
angle_end(const char *p, const char *end)
{
	while (p < end && *p != '>')
		p = *p == '"' ? enclosed_end(p, end, '"', '"') : p + 1;
	return p < end ? p + 1 : end;
}

/* The text inside quotes or parentheses. */
static void
add_inner(struct str *out, const char *p, const char *end)
{
	for (p++; p < end - 1; p++) {
		if (*p == '\\' && p + 1 < end - 1)
			p++;
		if (*p != '\r' && *p != '\n')
			str_addc(out, *p);
	}
}

static const char *
word_add(struct words *w, const char *p, const char *end)
{
	const char *stop = p;

	if (*p == '"')
		stop = enclosed_end(p, end, '"', '"');
	else
		while (stop < end && !is_blank(*stop) && !strchr("\"(<,;:", *stop ? *stop : 1))
			stop++;
	if (!w->start)
		w->start = p;
	else if (w->end < p)
		str_addc(&w->text, ' ');
	if (*p == '"')
		add_inner(&w->text, p, stop);
	else
		str_add(&w->text, p, (size_t)(stop - p));
	w->end = stop;
	return stop;
}

static void
encode_comment(struct str *out, const char *p, const char *end)
{
	struct str text = {0};

	if (is_ascii(p, end))
		str_add(out, p, (size_t)(end - p));
	else {
		add_inner(&text, p, end);
		str_addc(out, '(');
		encoded_add(out, text.s, text.len);
		str_addc(out, ')');
	}
	str_free(&text);
}

/* A list of addresses that are all ASCII: other bytes stand in names and comments. */
static void
encode_names(struct str *out, const char *p, const char *end)
{
	struct words w = {0};

	while (p < end) {
		const char *stop = p + 1;

		if (is_blank(*p)) {
			if (!w.start)
				str_addc(out, *p);
		} else if (*p == '(') {
			words_end(&w, out, p);
			stop = enclosed_end(p, end, '(', ')');
			encode_comment(out, p, stop);
		} else if (strchr("<,;:", *p)) {
			words_end(&w, out, p);
			if (*p == '<')
				stop = angle_end(p, end);
			str_add(out, p, (size_t)(stop - p));
		} else
			stop = word_add(&w, p, end);
		p = stop;
	}
	words_end(&w, out, end);
	str_free(&w.text);
}

enum addresses { ADDRESSES_ASCII, ADDRESSES_UTF8, ADDRESSES_UNREADABLE };

static enum addresses
addresses_of(const struct header_field *f)
{
	struct addrlist l = {.p = f->value, .end = f->value + f->len};
	enum addresses is = ADDRESSES_ASCII;
	enum addrlist_got got;

	while ((got = addrlist_next(&l)) == ADDRLIST_ITEM)
		if (!text_is_ascii(str_cstr(&l.addr), l.addr.len))
			is = ADDRESSES_UTF8;
	addrlist_free(&l);
	return got == ADDRLIST_BAD ? ADDRESSES_UNREADABLE : is;
}

bool
encoded_field_smtputf8(const char *header, size_t n)
{
	const char *end = header + n;
	struct header_field f;

	while (header_next(&header, end, &f))
		if (field_has_addresses(&f) && !is_ascii(f.start, f.end) &&
		    addresses_of(&f) == ADDRESSES_UTF8)
			return true;
	return false;
}

void
encoded_field_add(struct str *out, const struct header_field *f, bool smtputf8)
{
	const char *end = f->value + f->len;
	bool utf8 = utf8_valid(f->value, f->len);
	struct str new = {0};

	if (is_ascii(f->value, end) || memchr(f->value, 0, f->len) || (utf8 && smtputf8)) {
		copy_folded(out, f->start, f->end);
		return;
	}
	str_add(&new, f->start, (size_t)(f->value - f->start));
	if (field_is_text(f))
		encode_text(&new, f->value, end);
	else if (field_has_addresses(f) && addresses_of(f) == ADDRESSES_ASCII)
		encode_names(&new, f->value, end);
	else
		str_add(&new, f->value, f->len);
	str_add(&new, end, (size_t)(f->end - end));
	copy_folded(out, new.s, new.s + new.len);
	str_free(&new);
}
