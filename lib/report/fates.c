#include "base.h"

#include "fates.h"
#include "rec.h"
#include "str.h"

static int
word(const char *const *words, size_t n, const char *s)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(words[i], s))
			return (int)i;
	return -1;
}

static bool
is_status(const char *s)
{
	size_t a, b;

	if ((*s != '2' && *s != '4' && *s != '5') || s[1] != '.')
		return false;
	s += 2;
	a = strspn(s, "0123456789");
	if (!a || a > 3 || s[a] != '.')
		return false;
	s += a + 1;
	b = strspn(s, "0123456789");
	return b && b <= 3 && !s[b];
}

/* Given up after 4xx, a failure keeps the reply's class (T74): the remote server never said 5. */
static void
set_status(struct fates_rcpt *r, const char *s)
{
	static const char class_of[] = {'5', '4', '2', '2', '2'};
	char class = class_of[r->outcome];
	bool given = is_status(s);

	if (r->outcome == OUTCOME_FAILED && r->code)
		class = (char)('0' + r->code / 100);
	else if (r->outcome == OUTCOME_FAILED && given && *s == '4')
		class = '4';
	if (r->outcome == OUTCOME_FAILED && class < '4')
		class = '5';
	if (given && *s == class)
		snprintf(r->status, sizeof r->status, "%s", s);
	else
		snprintf(r->status, sizeof r->status, "%c.0.0", class);
}

/* "name[address]", "name", "[address]" or "-". */
static void
set_host(struct fates_rcpt *r, char *s)
{
	size_t n = strlen(s);
	char *open = strrchr(s, '[');

	if (!strcmp(s, "-") || !n)
		return;
	r->host = s;
	if (open && s[n - 1] == ']' && open + 2 < s + n) {
		s[n - 1] = 0;
		*open = 0;
		r->ip = open + 1;
	}
}

static bool
read_time(const char *s, int64_t *to)
{
	uint64_t n;

	if (!str_number(s, INT64_MAX / 4, &n))
		return false;
	*to = (int64_t)n;
	return true;
}

static const char *
read_rcpt_option(struct fates_rcpt *r, char *field)
{
	const char *v;

	if ((v = rec_option(field, "orcpt")))
		r->orcpt = v;
	else if ((v = rec_option(field, "log")))
		r->log = v;
	else if ((v = rec_option(field, "local")))
		r->local = !strcmp(v, "yes");
	else if ((v = rec_option(field, "last")) && !read_time(v, &r->last))
		return "the time of a last attempt is no number";
	else if ((v = rec_option(field, "until")) && !read_time(v, &r->until))
		return "the time of a last retry is no number";
	return NULL;
}

/* rcpt ADDRESS OUTCOME CODE STATUS HOST TEXT [name=value...] */
static const char *
read_rcpt(struct fates *f, char *value)
{
	static const char *const outcomes[] = {"failed", "delayed", "delivered", "relayed", "expanded"};
	struct fates_rcpt r = {0};
	char *v[6], *field;
	const char *why;
	uint64_t code;
	int outcome;

	for (size_t i = 0; i < ARRAY_LEN(v); i++)
		if (!(v[i] = rec_field(&value)))
			return "a rcpt line lacks fields";
	if (!*v[0])
		return "a recipient without an address";
	r.address = v[0];
	outcome = word(outcomes, ARRAY_LEN(outcomes), v[1]);
	if (outcome < 0)
		return "an outcome is none of failed, delayed, delivered, relayed, expanded";
	r.outcome = (enum fates_outcome)outcome;
	if (!str_number(v[2], 599, &code) || (code && code < 200))
		return "a reply code is none";
	r.code = (int)code;
	r.local = !code;
	r.text = v[5];
	set_status(&r, v[3]);
	set_host(&r, v[4]);
	while (value) {
		if (!(field = rec_field(&value)))
			return "a rcpt line has a broken field";
		if ((why = read_rcpt_option(&r, field)))
			return why;
	}
	f->rcpt = mem_grow(f->rcpt, f->nrcpt + 1, sizeof *f->rcpt);
	f->rcpt[f->nrcpt++] = r;
	return NULL;
}

static const char *
read_word(struct fates *f, const char *key, const char *v)
{
	static const char *const kinds[] = {"failed", "delayed", "success", "digest"};
	int n;

	if (!strcmp(key, "kind")) {
		if ((n = word(kinds, ARRAY_LEN(kinds), v)) < 0)
			return "the kind is none of failed, delayed, success, digest";
		f->kind = (enum fates_kind)n;
	} else if (!strcmp(key, "ret")) {
		f->headers = !strcmp(v, "hdrs");
	} else if (!strcmp(key, "requiretls")) {
		f->secure = !strcmp(v, "yes");
		f->lenient = !strcmp(v, "no");
	} else if (!strcmp(key, "form")) {
		f->form = !strcmp(v, "ascii") ? FORM_ASCII : !strcmp(v, "utf8") ? FORM_UTF8 : FORM_AUTO;
	} else if (!strcmp(key, "queued") && !read_time(v, &f->queued)) {
		return "the time queued is no number";
	} else if (!strcmp(key, "hold-until") && !read_time(v, &f->hold_until)) {
		return "the time of hold-until is no number";
	} else if (!strcmp(key, "count") && !str_number(v, INT64_MAX, &f->count)) {
		return "the count is no number";
	} else if (!strcmp(key, "size") && !str_number(v, INT64_MAX, &f->size)) {
		return "the size is no number";
	}
	return NULL;
}

static const char *
read_line(struct fates *f, const char *key, char *value)
{
	const struct {
		const char *key, **to;
	} texts[] = {{"id", &f->id}, {"sender", &f->sender}, {"to", &f->to}, {"envid", &f->envid},
	    {"hostname", &f->hostname}, {"message-id", &f->message_id}, {"subject", &f->subject},
	    {"future-release", &f->future_release}};
	const char *v;

	if (!strcmp(key, "rcpt"))
		return read_rcpt(f, value);
	if (!(v = rec_text(value)))
		return "a value is broken";
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (!strcmp(key, texts[i].key)) {
			*texts[i].to = *v || texts[i].to == &f->sender ? v : NULL;
			return NULL;
		}
	return read_word(f, key, v);
}

const char *
fates_parse(struct fates *f, char *text, size_t n)
{
	struct rec_in in = {text, text + n};
	char *key, *value;
	const char *why = NULL;
	enum rec_got got;

	*f = (struct fates){.kind = (enum fates_kind) - 1, .size = UINT64_MAX};
	while ((got = rec_next(&in, &key, &value)) == REC_LINE)
		if ((why = read_line(f, key, value)))
			return why;
	if (got != REC_END)
		return got == REC_MORE ? "its end is missing" : "it has a broken line";
	if ((int)f->kind < 0)
		return "it names no kind";
	if (!f->sender)
		return "it names no sender";
	if (!f->nrcpt)
		return "it names no recipient";
	if (!f->to)
		f->to = f->sender;
	if (!f->id)
		f->id = "";
	return NULL;
}

void
fates_free(struct fates *f)
{
	free(f->rcpt);
	f->rcpt = NULL;
	f->nrcpt = 0;
}
