#include "base.h"

#include "envelope.h"
#include "id.h"
#include "rec.h"

#include <inttypes.h>
#include <zlib.h>

static const char *const mark_values[] = {
    [MARK_STATE] = "TDFC",
    [MARK_HOLD] = "-uorlf",
    [MARK_REQUIRETLS] = ".yn",
    [MARK_NOTICE] = "-d",
};
static const char mark_new[4] = {STATE_TODO, HOLD_NONE, '.', '-'};

static const struct {
	unsigned flag;
	const char *name;
} flag_names[] = {
    {FLAG_8BIT, "8bit"}, {FLAG_SMTPUTF8, "smtputf8"}, {FLAG_LONGLINE, "longline"}, {FLAG_DOT, "dot"}};

void
envelope_free(struct envelope *e)
{
	char *const all[] = {e->account, e->origin, e->sender, e->message_id, e->subject, e->ret, e->envid,
	    e->requiretls, e->transport};

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		free(all[i]);
	for (size_t i = 0; i < e->nextra; i++) {
		free(e->extra[i].key);
		free(e->extra[i].value);
	}
	for (size_t i = 0; i < e->nrcpt; i++) {
		free(e->rcpt[i].address);
		free(e->rcpt[i].notify);
		free(e->rcpt[i].orcpt);
	}
	free(e->extra);
	free(e->rcpt);
	*e = (struct envelope){0};
}

/* Arrays grow when their count reaches a power of two. */
static bool
is_full(size_t n)
{
	return !(n & (n - 1));
}

struct envelope_rcpt *
envelope_add_rcpt(struct envelope *e, const char *address)
{
	struct envelope_rcpt *r;

	if (is_full(e->nrcpt))
		e->rcpt = mem_grow(e->rcpt, e->nrcpt ? 2 * e->nrcpt : 1, sizeof *e->rcpt);
	r = &e->rcpt[e->nrcpt++];
	*r = (struct envelope_rcpt){.address = mem_dup(address), .at = -1};
	memcpy(r->mark, mark_new, sizeof mark_new);
	return r;
}

void
envelope_mark_requiretls(struct envelope *e)
{
	char mark = !e->requiretls ? '.' : !strcmp(e->requiretls, "yes") ? 'y' : 'n';

	for (size_t i = 0; i < e->nrcpt; i++)
		e->rcpt[i].mark[MARK_REQUIRETLS] = mark;
}

void
envelope_extra_item(struct str *out, const char *key_value)
{
	for (const unsigned char *p = (const unsigned char *)key_value; *p; p++)
		if (*p <= ' ' || *p == 127 || *p == '%' || *p == '\\')
			str_addf(out, "%%%02X", *p);
		else
			str_addc(out, (char)*p);
}

void
envelope_extra_text(struct str *out, const struct envelope *e)
{
	struct str pair = {0}, item = {0};
	size_t begun = out->len;

	for (size_t i = 0; i < e->nextra; i++) {
		str_reset(&pair);
		str_reset(&item);
		str_addf(&pair, "%s=%s", e->extra[i].key, e->extra[i].value);
		envelope_extra_item(&item, pair.s);
		if (out->len - begun + item.len > ENVELOPE_EXTRA_TEXT)
			break;
		str_addf(out, "%s%s", out->len == begun ? "" : " ", item.s);
	}
	str_free(&pair);
	str_free(&item);
}

struct envelope_extra *
envelope_add_extra(struct envelope *e, const char *key, const char *value)
{
	struct envelope_extra *x;

	if (is_full(e->nextra))
		e->extra = mem_grow(e->extra, e->nextra ? 2 * e->nextra : 1, sizeof *e->extra);
	x = &e->extra[e->nextra++];
	*x = (struct envelope_extra){mem_dup(key), mem_dup(value)};
	return x;
}

/* ---- writing ---- */

/* The rest of a rcpt line. */
static void
add_wishes(struct str *out, const struct envelope_rcpt *r)
{
	rec_put(out, r->address);
	if (r->notify)
		rec_putf(out, "notify=%s", r->notify);
	if (r->orcpt)
		rec_putf(out, "orcpt=%s", r->orcpt);
	if (r->exact)
		rec_put(out, "exact=yes");
	rec_close(out);
}

/* What its submitter asked for. */
static void
add_asked(struct str *out, const struct envelope *e)
{
	rec_add_if(out, "ret", e->ret);
	rec_add_if(out, "envid", e->envid);
	rec_add_if(out, "requiretls", e->requiretls);
	if (e->hold_until)
		rec_addi(out, "hold-until", e->hold_until);
	rec_add_if(out, "transport", e->transport);
	for (size_t i = 0; i < e->nextra; i++) {
		rec_open(out, "extra");
		rec_put(out, e->extra[i].key);
		rec_put(out, e->extra[i].value);
		rec_close(out);
	}
}

static void
add_rcpt(struct str *out, struct envelope_rcpt *r, off_t start)
{
	rec_open(out, "rcpt");
	r->at = start + (off_t)out->len + 1;
	rec_putn(out, r->mark, sizeof r->mark);
	add_wishes(out, r);
}

uint32_t
envelope_crc(const char *rec, size_t n)
{
	static const unsigned char dots[4] = "....";
	const char *p = rec, *from = rec, *end = rec + n, *nl;
	uLong crc = crc32(0, NULL, 0);

	for (; p < end && (nl = memchr(p, '\n', (size_t)(end - p))); p = nl + 1) {
		if (nl - p < 9 || memcmp(p, "rcpt ", 5))
			continue;
		crc = crc32_z(crc, (const unsigned char *)from, (size_t)(p + 5 - from));
		crc = crc32_z(crc, dots, 4);
		from = p + 9;
	}
	return (uint32_t)crc32_z(crc, (const unsigned char *)from, (size_t)(end - from));
}

void
envelope_format(struct str *out, struct envelope *e)
{
	char id[ID_SIZE];
	size_t begin = out->len;
	off_t start = (off_t)e->size - (off_t)begin; /* file offset of out->s[0] */

	id_format(id, e->id);
	rec_add(out, "id", id);
	rec_addi(out, "queued", e->queued);
	rec_add_if(out, "account", e->account);
	rec_addi(out, "uid", e->uid);
	if (e->origin && *e->origin)
		rec_add(out, "origin", e->origin);
	rec_add(out, "sender", e->sender ? e->sender : "");
	rec_addi(out, "size", e->size);
	rec_addf(out, "crc32", "%08" PRIx32, e->crc);
	if (e->flags) {
		rec_open(out, "flags");
		for (size_t i = 0; i < ARRAY_LEN(flag_names); i++)
			if (e->flags & flag_names[i].flag)
				rec_put(out, flag_names[i].name);
		rec_close(out);
	}
	rec_add_if(out, "message-id", e->message_id);
	rec_add_if(out, "subject", e->subject);
	add_asked(out, e);
	for (size_t i = 0; i < e->nrcpt; i++)
		add_rcpt(out, &e->rcpt[i], start);
	rec_end(out);
	str_addf(out, FOOTER_MAGIC "%016" PRIx64 " %08" PRIx32 "\n", e->size,
	    envelope_crc(out->s + begin, out->len - begin));
}

void
envelope_ask(struct str *out, const struct envelope *e)
{
	rec_add(out, "sender", e->sender ? e->sender : "");
	rec_add_if(out, "account", e->account);
	rec_add_if(out, "origin", e->origin);
	add_asked(out, e);
	for (size_t i = 0; i < e->nrcpt; i++) {
		rec_open(out, "rcpt");
		add_wishes(out, &e->rcpt[i]);
	}
}

/* ---- reading ---- */

static const char *
set_text(char **to, char *value, bool (*valid)(const char *))
{
	if (*to)
		return "a key stands twice in the envelope";
	value = rec_text(value);
	if (!value || (valid && !valid(value)))
		return "a value of the envelope is malformed";
	*to = mem_dup(value);
	return NULL;
}

static const char *
set_number(char *value, uint64_t max, uint64_t *to)
{
	return str_number(value, max, to) ? NULL : "a number of the envelope is malformed";
}

static bool
is_ret(const char *s)
{
	return !strcmp(s, "full") || !strcmp(s, "hdrs");
}

static bool
is_requiretls(const char *s)
{
	return !strcmp(s, "yes") || !strcmp(s, "no");
}

static bool
is_origin(const char *s)
{
	return !*s || !strcmp(s, "local");
}

/* "never", or some of success, failure, delay, each once. */
bool
envelope_notify_valid(const char *s)
{
	static const char *const words[] = {"success", "failure", "delay"};
	unsigned seen = 0;

	if (!strcmp(s, "never"))
		return true;
	for (;;) {
		size_t n = strcspn(s, ","), i;

		for (i = 0; i < ARRAY_LEN(words); i++)
			if (strlen(words[i]) == n && !memcmp(words[i], s, n))
				break;
		if (i == ARRAY_LEN(words) || seen & 1U << i)
			return false;
		seen |= 1U << i;
		if (!s[n])
			return true;
		s += n + 1;
	}
}

/* RFC 3461 4: printable ASCII but space, + and =, which stand as +HH. */
bool
envelope_xtext_valid(const char *s, size_t max)
{
	size_t n = strlen(s);

	if (!n || n > max)
		return false;
	for (; *s; s++) {
		if (*s == '+') {
			if (!s[1] || !strchr("0123456789ABCDEF", s[1]) || !s[2] ||
			    !strchr("0123456789ABCDEF", s[2]))
				return false;
			s += 2;
		} else if (*s <= ' ' || *s >= 127 || *s == '=')
			return false;
	}
	return true;
}

static bool
is_envid(const char *s)
{
	return envelope_xtext_valid(s, 100);
}

/* "addr-type;xtext" (RFC 3461 4.2), where the text may be UTF-8 (RFC 6533 3). */
bool
envelope_orcpt_valid(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-");

	if (!n || s[n] != ';' || !s[n + 1] || strlen(s) > 1500)
		return false;
	for (s += n + 1; *s; s++)
		if ((unsigned char)*s <= ' ' || *s == 127)
			return false;
	return true;
}

bool
envelope_account_valid(const char *s)
{
	size_t n = strlen(s);

	return n && n <= 64 && *s != '-' &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-$") == n;
}

bool
envelope_mark_valid(enum mark which, char value)
{
	return value && strchr(mark_values[which], value);
}

bool
envelope_marks_valid(const char m[4])
{
	for (int i = 0; i < 4; i++)
		if (!envelope_mark_valid((enum mark)i, m[i]))
			return false;
	return true;
}

static const char *
set_rcpt(struct envelope *e, char *value, off_t at)
{
	char mark[4] = {0}, *f;
	struct envelope_rcpt *r;

	if (at >= 0) {
		if (strlen(value) < 5 || value[4] != ' ' || !envelope_marks_valid(value))
			return "a recipient's marks are malformed";
		memcpy(mark, value, 4);
		value += 5;
	}
	if (!(f = rec_field(&value)))
		return "a recipient is malformed";
	r = envelope_add_rcpt(e, f);
	if (at >= 0) {
		memcpy(r->mark, mark, 4);
		r->at = at;
	}
	while (value) {
		char *v;

		if (!(f = rec_field(&value)))
			return "a recipient is malformed";
		if ((v = rec_option(f, "notify"))) {
			if (r->notify || !envelope_notify_valid(v))
				return "a recipient's notify is malformed";
			r->notify = mem_dup(v);
		} else if ((v = rec_option(f, "orcpt"))) {
			if (r->orcpt || !envelope_orcpt_valid(v))
				return "a recipient's orcpt is malformed";
			r->orcpt = mem_dup(v);
		} else if ((v = rec_option(f, "exact"))) {
			r->exact = !strcmp(v, "yes");
		}
	}
	return NULL;
}

static const char *
set_extra(struct envelope *e, char *value)
{
	char *k = rec_field(&value), *v = rec_field(&value);

	if (!k || !v || value)
		return "an extra line of the envelope is malformed";
	envelope_add_extra(e, k, v);
	return NULL;
}

static const char *
set_flags(struct envelope *e, char *value)
{
	while (value) {
		char *f = rec_field(&value);

		if (!f)
			return "the flags are malformed";
		for (size_t i = 0; i < ARRAY_LEN(flag_names); i++)
			if (!strcmp(f, flag_names[i].name))
				e->flags |= flag_names[i].flag;
	}
	return NULL;
}

static const char *
set_crc(struct envelope *e, const char *value)
{
	if (strlen(value) != 8 || strspn(value, "0123456789abcdef") != 8)
		return "the crc32 is malformed";
	e->crc = (uint32_t)strtoul(value, NULL, 16);
	return NULL;
}

static const char *
set_key(struct envelope *e, const char *key, char *value, off_t at)
{
	const struct {
		const char *key;
		char **to;
		bool (*valid)(const char *);
	} texts[] = {
	    {"sender", &e->sender, NULL},
	    {"message-id", &e->message_id, NULL},
	    {"subject", &e->subject, NULL},
	    {"origin", &e->origin, is_origin},
	    {"account", &e->account, NULL},
	    {"ret", &e->ret, is_ret},
	    {"envid", &e->envid, is_envid},
	    {"requiretls", &e->requiretls, is_requiretls},
	    {"transport", &e->transport, NULL},
	};
	uint64_t v;
	const char *bad;

	if (!strcmp(key, "rcpt"))
		return set_rcpt(e, value, at);
	if (!strcmp(key, "extra"))
		return set_extra(e, value);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (!strcmp(key, texts[i].key))
			return set_text(texts[i].to, value, texts[i].valid);
	if (!strcmp(key, "id"))
		return id_parse(value, &e->id) ? NULL : "the id is malformed";
	if (!strcmp(key, "flags"))
		return set_flags(e, value);
	if (!strcmp(key, "crc32"))
		return set_crc(e, value);
	if (!strcmp(key, "size"))
		return set_number(value, INT64_MAX / 2, &e->size);
	if (!strcmp(key, "queued")) {
		bad = set_number(value, INT64_MAX / 2, &v);
		e->queued = bad ? 0 : (int64_t)v;
		return bad;
	}
	if (!strcmp(key, "hold-until")) {
		bad = set_number(value, INT64_MAX / 2, &v);
		e->hold_until = bad ? 0 : (int64_t)v;
		return bad;
	}
	if (!strcmp(key, "uid")) {
		bad = set_number(value, UINT32_MAX, &v);
		e->uid = bad ? 0 : (uint32_t)v;
		return bad;
	}
	return NULL;
}

const char *
envelope_parse(struct envelope *e, char *text, size_t n, off_t base)
{
	struct rec_in in = {text, text + n};

	*e = (struct envelope){0};
	for (;;) {
		char *key, *value;
		const char *bad = NULL;
		enum rec_got got = rec_next(&in, &key, &value);

		if (got == REC_END && in.p == in.end)
			return NULL;
		if (got != REC_LINE)
			bad = got == REC_MORE ? "the envelope is cut short" : "the envelope is not a record";
		else
			bad = set_key(e, key, value, base < 0 ? -1 : base + (value - text));
		if (bad) {
			envelope_free(e);
			return bad;
		}
	}
}
