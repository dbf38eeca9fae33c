#include "base.h"

#include "base64.h"
#include "encoded_read.h"

#include <errno.h>
#include <iconv.h>
#include <stdbool.h>

#define CHARSET_MAX 40 /* bytes of a name */
#define UNKNOWN "\xef\xbf\xbd"

/* Names as they stand in mail, and libc's where it differs. UTF-8 and what it includes need nobody's help. */
static struct charset {
	const char *name, *libc;
	bool utf8, tried;
	iconv_t cd; /* when it was tried; (iconv_t)-1: libc does not know it */
} charsets[] = {{"utf-8", NULL, true, false, NULL}, {"us-ascii", NULL, true, false, NULL},
    {"utf8", NULL, true, false, NULL}, {"ascii", NULL, true, false, NULL},
    {"iso-8859-1", NULL, false, false, NULL}, {"iso-8859-2", NULL, false, false, NULL},
    {"iso-8859-3", NULL, false, false, NULL}, {"iso-8859-4", NULL, false, false, NULL},
    {"iso-8859-5", NULL, false, false, NULL}, {"iso-8859-6", NULL, false, false, NULL},
    {"iso-8859-7", NULL, false, false, NULL}, {"iso-8859-8", NULL, false, false, NULL},
    {"iso-8859-9", NULL, false, false, NULL}, {"iso-8859-10", NULL, false, false, NULL},
    {"iso-8859-13", NULL, false, false, NULL}, {"iso-8859-15", NULL, false, false, NULL},
    {"windows-1250", "CP1250", false, false, NULL}, {"windows-1251", "CP1251", false, false, NULL},
    {"windows-1252", "CP1252", false, false, NULL}, {"windows-1253", "CP1253", false, false, NULL},
    {"windows-1254", "CP1254", false, false, NULL}, {"windows-1255", "CP1255", false, false, NULL},
    {"windows-1256", "CP1256", false, false, NULL}, {"windows-1257", "CP1257", false, false, NULL},
    {"koi8-r", NULL, false, false, NULL}, {"koi8-u", NULL, false, false, NULL},
    {"gb2312", "GB18030", false, false, NULL}, {"gbk", "GB18030", false, false, NULL},
    {"gb18030", NULL, false, false, NULL}, {"big5", NULL, false, false, NULL},
    {"shift_jis", NULL, false, false, NULL}, {"iso-2022-jp", NULL, false, false, NULL},
    {"euc-jp", NULL, false, false, NULL}, {"euc-kr", NULL, false, false, NULL},
    {"ks_c_5601-1987", "CP949", false, false, NULL}};

static void
charset_open(struct charset *c)
{
	if (c->utf8 || c->tried)
		return;
	c->tried = true;
	c->cd = iconv_open("UTF-8", c->libc ? c->libc : c->name);
}

void
encoded_read_prepare(void)
{
	for (size_t i = 0; i < ARRAY_LEN(charsets); i++)
		charset_open(&charsets[i]);
}

static struct charset *
charset_find(const char *s, size_t n)
{
	char name[CHARSET_MAX];
	const char *lang = memchr(s, '*', n); /* RFC 2231 5 */

	if (lang)
		n = (size_t)(lang - s);
	if (!n || n >= sizeof name)
		return NULL;
	memcpy(name, s, n);
	name[n] = 0;
	for (size_t i = 0; i < ARRAY_LEN(charsets); i++) {
		struct charset *c = &charsets[i];

		if (!str_ieq(name, c->name))
			continue;
		charset_open(c);
		return c->utf8 || c->cd != (iconv_t)-1 ? c : NULL;
	}
	return NULL;
}

/* ---- one word ---- */

struct word {
	struct charset *charset;
	bool base64;
	const char *text;
	size_t len;
	const char *end; /* behind it */
};

/* =?charset?B?text?= at s. */
static bool
word_find(struct word *w, const char *s, const char *end)
{
	const char *charset = s + 2, *coding, *text, *stop;

	if (end - s < 8 || s[0] != '=' || s[1] != '?')
		return false;
	if (!(coding = memchr(charset, '?', (size_t)(end - charset))) || end - coding < 5 || coding[2] != '?')
		return false;
	text = coding + 3;
	if ((coding[1] | 32) != 'q' && (coding[1] | 32) != 'b')
		return false;
	for (stop = text; stop < end && *stop != '?' && *stop != ' ' && *stop != '\t'; stop++)
		;
	if (end - stop < 2 || stop[0] != '?' || stop[1] != '=')
		return false;
	*w = (struct word){charset_find(charset, (size_t)(coding - charset)), (coding[1] | 32) == 'b', text,
	    (size_t)(stop - text), stop + 2};
	return w->charset != NULL;
}

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 32;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void
add_q(struct str *raw, const struct word *w)
{
	for (size_t i = 0; i < w->len; i++) {
		int a = i + 2 < w->len ? hex_value(w->text[i + 1]) : -1;
		int b = a >= 0 ? hex_value(w->text[i + 2]) : -1;

		if (w->text[i] == '=' && b >= 0) {
			str_addc(raw, (char)(a * 16 + b));
			i += 2;
		} else {
			str_addc(raw, w->text[i] == '_' ? ' ' : w->text[i]);
		}
	}
}

/* ---- a run of words in one charset ---- */

static void
add_bytes(struct str *out, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i])
			str_addc(out, s[i]);
		else
			str_adds(out, UNKNOWN);
}

static void
convert(struct str *out, const struct charset *c, struct str *raw)
{
	char *from = raw->s, room[256];
	size_t left = raw->len;

	iconv(c->cd, NULL, NULL, NULL, NULL);
	while (left) {
		char *to = room;
		size_t free_room = sizeof room, before = left;
		bool bad = iconv(c->cd, &from, &left, &to, &free_room) == (size_t)-1;
		int err = errno;

		add_bytes(out, room, (size_t)(to - room));
		if (bad && err != E2BIG) {
			str_adds(out, UNKNOWN);
			from++;
			left--;
		} else if (left == before && to == room) {
			break; /* it neither takes nor gives: no way on */
		}
	}
}

static void
run_end(struct str *out, struct charset **c, struct str *raw)
{
	if (*c && (*c)->utf8)
		add_bytes(out, str_cstr(raw), raw->len);
	else if (*c)
		convert(out, *c, raw);
	*c = NULL;
	str_reset(raw);
}

void
encoded_read(struct str *out, const char *s, size_t n)
{
	const char *end = s + (n < ENCODED_READ_MAX ? n : ENCODED_READ_MAX);
	struct charset *run = NULL; /* of the words in raw */
	struct str raw = {0};
	struct word w;

	while (s < end) {
		const char *p = s;

		while (run && p < end && (*p == ' ' || *p == '\t'))
			p++;
		if (word_find(&w, p, end)) {
			if (run != w.charset)
				run_end(out, &run, &raw);
			run = w.charset;
			if (w.base64)
				base64_scan(&raw, w.text, w.len);
			else
				add_q(&raw, &w);
			s = w.end;
			continue;
		}
		run_end(out, &run, &raw);
		add_bytes(out, s, 1);
		s++;
	}
	run_end(out, &run, &raw);
	str_free(&raw);
}
