#include "base.h"

#include "clock.h"
#include "file.h"
#include "rec.h"
#include "tlsrpt_day.h"

#include <errno.h>

static const char *const types[] = {
    [TLSRPT_TLSA] = "tlsa", [TLSRPT_STS] = "sts", [TLSRPT_NO_POLICY] = "no-policy-found"};

const char *
tlsrpt_type_word(enum tlsrpt_type type)
{
	return types[type];
}

/* ---- days ---- */

void
tlsrpt_day_of(char out[TLSRPT_DAY_SIZE], int64_t when)
{
	char iso[CLOCK_ISO_SIZE];

	clock_iso(iso, when, 0);
	snprintf(out, TLSRPT_DAY_SIZE, "%.4s%.2s%.2s", iso, iso + 5, iso + 8);
}

int64_t
tlsrpt_day_begin(const char *day)
{
	char iso[CLOCK_ISO_SIZE];
	int64_t when;

	snprintf(iso, sizeof iso, "%.4s-%.2s-%.2sT00:00:00Z", day, day + 4, day + 6);
	return clock_parse(iso, &when) ? when : -1;
}

bool
tlsrpt_day_parse(char out[TLSRPT_DAY_SIZE], const char *s)
{
	static const char form[] = "dddd-dd-dd";
	char digits[TLSRPT_DAY_SIZE] = "", back[TLSRPT_DAY_SIZE];
	bool dashes = strchr(s, '-') != NULL;
	size_t n = 0;
	int64_t begin;

	for (const char *f = form; *f; f++) {
		if (*f == '-' && !dashes)
			continue;
		if (*f == '-' ? *s != '-' : *s < '0' || *s > '9')
			return false;
		if (*f == 'd')
			digits[n++] = *s;
		s++;
	}
	if (*s || (begin = tlsrpt_day_begin(digits)) < 0)
		return false;
	tlsrpt_day_of(back, begin);
	memcpy(out, digits, TLSRPT_DAY_SIZE);
	return !strcmp(back, digits);
}

/* ---- reading ---- */

static bool
is_name(const char *s, size_t max, const char *of)
{
	size_t n = strspn(s, of);

	return n && n <= max && !s[n];
}

/* A field as it stands, without decoding: what is looked for holds no escapes. */
static const char *
word(char **p)
{
	char *s = *p, *sp;

	if (!s)
		return NULL;
	if ((sp = strchr(s, ' ')))
		*sp++ = 0;
	*p = sp;
	return s;
}

/* The value of the option at the beginning or behind a space of rest; ends at a space. */
static const char *
option(const char *rest, const char *name, size_t *n)
{
	size_t len = strlen(name);

	for (const char *s = rest; s; s = strchr(s, ' ')) {
		s += *s == ' ';
		if (strncmp(s, name, len) != 0)
			continue;
		*n = strcspn(s + len, " ");
		return s + len;
	}
	return NULL;
}

#define NAME "abcdefghijklmnopqrstuvwxyz0123456789-_."

/* COUNT TYPE DOMAIN RESULT [options]; the recipient's name gets a place of its own behind the row's text, where its
 * option stood: the row is ours to write in. */
static bool
row_parse(struct tlsrpt_row *r, char *value)
{
	const char *count = word(&value), *type = word(&value), *rcpt;
	size_t i = 0, n;

	*r = (struct tlsrpt_row){0};
	r->domain = word(&value);
	r->result = word(&value);
	if (!r->result || !str_number(count, UINT32_MAX, &r->count) || !r->count ||
	    !is_name(r->domain, 253, NAME) || !is_name(r->result, 60, "abcdefghijklmnopqrstuvwxyz-"))
		return false;
	while (i < ARRAY_LEN(types) && strcmp(type, types[i]) != 0)
		i++;
	if (i == ARRAY_LEN(types))
		return false;
	r->type = (enum tlsrpt_type)i;
	r->ok = !strcmp(r->result, "ok");
	r->rest = value && *value ? value : NULL;
	if (r->type != TLSRPT_TLSA || !r->rest)
		return true;
	r->also = option(r->rest, "also=yes", &n) != NULL;
	if ((rcpt = option(r->rest, "for=", &n)) && n && n <= 253 && strspn(rcpt, NAME) >= n)
		r->rcpt = mem_dupn(rcpt, n);
	return true;
}

/* Records are a matter of who writes; a line is a result whatever became of its record's end. */
static void
rows_read(struct tlsrpt_day *d)
{
	struct rec_in in = {d->text.s, d->text.s + d->text.len};
	char *key, *value;
	enum rec_got got;
	size_t room = 0;

	while (d->text.s) {
		char *line = in.p;

		if ((got = rec_next(&in, &key, &value)) == REC_MORE)
			break;
		if (got == REC_BAD && in.p == line) {
			char *nl = memchr(line, '\n', (size_t)(in.end - line));

			if (!nl)
				break;
			in.p = nl + 1;
		}
		if (got != REC_LINE || strcmp(key, "tls") != 0)
			continue;
		if (d->nrow == room)
			d->row = mem_grow(d->row, room = room ? 2 * room : 256, sizeof *d->row);
		d->nrow += row_parse(&d->row[d->nrow], value);
	}
}

/* ---- by name ---- */

struct ref {
	const char *name;
	struct tlsrpt_row *row;
};

static int
by_name(const void *a, const void *b)
{
	const struct ref *x = a, *y = b;
	int c = strcmp(x->name, y->name);

	/* In the order of the file. */
	return c ? c : (x->row > y->row) - (x->row < y->row);
}

static int
by_kind(const void *a, const void *b)
{
	const struct tlsrpt_name *x = a, *y = b;

	return x->recipient != y->recipient ? y->recipient - x->recipient : strcmp(x->name, y->name);
}

static void
names_make(struct tlsrpt_day *d, const struct ref *ref, size_t n)
{
	for (size_t i = 0, next; i < n; i = next) {
		struct tlsrpt_name *name;

		for (next = i + 1; next < n && !strcmp(ref[next].name, ref[i].name);)
			next++;
		d->name = mem_grow(d->name, d->nname + 1, sizeof *d->name);
		name = &d->name[d->nname++];
		*name = (struct tlsrpt_name){.name = ref[i].name, .row = d->by_name + i, .n = next - i};
		for (size_t j = i; j < next; j++) {
			const struct tlsrpt_row *r = ref[j].row;

			name->host |= r->type == TLSRPT_TLSA && !strcmp(r->domain, name->name);
			name->recipient |=
			    r->type != TLSRPT_TLSA || (r->rcpt && !strcmp(r->rcpt, name->name));
		}
	}
	if (d->nname)
		qsort(d->name, d->nname, sizeof *d->name, by_kind);
}

static void
names_find(struct tlsrpt_day *d)
{
	struct ref *ref = mem_zalloc((2 * d->nrow + 1) * sizeof *ref);
	size_t n = 0;

	for (size_t i = 0; i < d->nrow; i++) {
		struct tlsrpt_row *r = &d->row[i];

		ref[n++] = (struct ref){r->domain, r};
		if (r->rcpt && strcmp(r->rcpt, r->domain) != 0)
			ref[n++] = (struct ref){r->rcpt, r};
	}
	if (n)
		qsort(ref, n, sizeof *ref, by_name);
	d->by_name = mem_zalloc((n + 1) * sizeof *d->by_name);
	for (size_t i = 0; i < n; i++)
		d->by_name[i] = ref[i].row;
	names_make(d, ref, n);
	free(ref);
}

void
tlsrpt_day_take(struct tlsrpt_day *d, struct str *text)
{
	*d = (struct tlsrpt_day){.text = *text};
	*text = (struct str){0};
	rows_read(d);
	names_find(d);
}

int
tlsrpt_day_read(struct tlsrpt_day *d, int dir, const char *day)
{
	struct str text = {0};

	*d = (struct tlsrpt_day){0};
	if (file_read(dir, day, &text, TLSRPT_DAY_FILE_MAX)) {
		int err = errno;

		str_free(&text);
		errno = err;
		return -1;
	}
	tlsrpt_day_take(d, &text);
	snprintf(d->day, sizeof d->day, "%s", day);
	return 0;
}

void
tlsrpt_day_free(struct tlsrpt_day *d)
{
	for (size_t i = 0; i < d->nrow; i++)
		free((char *)(uintptr_t)d->row[i].rcpt);
	free(d->row);
	free(d->by_name);
	free(d->name);
	str_free(&d->text);
	*d = (struct tlsrpt_day){0};
}

const struct tlsrpt_name *
tlsrpt_day_name(const struct tlsrpt_day *d, const char *name)
{
	for (size_t i = 0; i < d->nname; i++)
		if (!strcmp(d->name[i].name, name))
			return &d->name[i];
	return NULL;
}

uint64_t
tlsrpt_day_count(const char *name, const struct tlsrpt_row *row)
{
	return row->also && row->rcpt && strcmp(row->rcpt, name) != 0 ? 0 : row->count;
}
