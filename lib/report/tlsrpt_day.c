#include "base.h"

#include "clock.h"
#include "die.h"
#include "rec.h"
#include "tlsrpt_day.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define BUFFER (256 * 1024) /* much more than a line */

static const char *const types[] = {
    [TLSRPT_TLSA] = "tlsa", [TLSRPT_STS] = "sts", [TLSRPT_NO_POLICY] = "no-policy-found"};

const char *
tlsrpt_type_word(enum tlsrpt_type type)
{
	return types[type];
}

/* ---- days ---- */

int64_t
tlsrpt_day_begin(const char *day)
{
	char iso[CLOCK_ISO_SIZE];
	int64_t when;

	snprintf(iso, sizeof iso, "%.4s-%.2s-%.2sT00:00:00Z", day, day + 4, day + 6);
	return clock_parse(iso, &when) ? when : -1;
}

bool
tlsrpt_day_parse(char out[CLOCK_DAY_SIZE], const char *s)
{
	static const char form[] = "dddd-dd-dd";
	char digits[CLOCK_DAY_SIZE] = "", back[CLOCK_DAY_SIZE];
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
	clock_day(back, begin);
	memcpy(out, digits, CLOCK_DAY_SIZE);
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

/* FNV-1a */
static uint32_t
word_hash(const char *s, size_t n)
{
	uint32_t h = 2166136261;

	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)s[i]) * 16777619;
	return h ^ h >> 15;
}

static size_t
word_slot(char *const *words, size_t room, const char *s, size_t n)
{
	size_t i = word_hash(s, n) & (room - 1);

	while (words[i] && (strncmp(words[i], s, n) != 0 || words[i][n]))
		i = (i + 1) & (room - 1);
	return i;
}

static void
words_grow(struct tlsrpt_day *d)
{
	size_t room = d->words_room ? 2 * d->words_room : 256;
	char **words = mem_zalloc(room * sizeof *words);

	for (size_t i = 0; i < d->words_room; i++)
		if (d->word[i])
			words[word_slot(words, room, d->word[i], strlen(d->word[i]))] = d->word[i];
	free(d->word);
	d->word = words;
	d->words_room = room;
}

/* The same string for the same bytes. */
static const char *
word_keep(struct tlsrpt_day *d, const char *s, size_t n)
{
	size_t i;

	if (2 * d->nword >= d->words_room)
		words_grow(d);
	i = word_slot(d->word, d->words_room, s, n);
	if (!d->word[i]) {
		d->word[i] = mem_dupn(s, n);
		d->nword++;
	}
	return d->word[i];
}

/* COUNT TYPE DOMAIN RESULT [options]; `at` is where value stands in the file. */
static bool
row_parse(struct tlsrpt_day *d, struct tlsrpt_row *r, char *value, size_t at)
{
	const char *begin = value, *count = word(&value), *type = word(&value), *domain = word(&value),
		   *result = word(&value), *rcpt;
	uint64_t sessions;
	size_t i = 0, n;

	*r = (struct tlsrpt_row){0};
	if (!result || !str_number(count, UINT32_MAX, &sessions) || !sessions ||
	    !is_name(domain, 253, NAME) || !is_name(result, 60, "abcdefghijklmnopqrstuvwxyz-"))
		return false;
	while (i < ARRAY_LEN(types) && strcmp(type, types[i]) != 0)
		i++;
	if (i == ARRAY_LEN(types))
		return false;
	r->type = (enum tlsrpt_type)i;
	r->count = (uint32_t)sessions;
	r->domain = word_keep(d, domain, strlen(domain));
	r->result = word_keep(d, result, strlen(result));
	r->ok = !strcmp(result, "ok");
	if (!value || !*value)
		return true;
	r->at = (uint32_t)(at + (size_t)(value - begin));
	r->len = (uint32_t)strlen(value);
	if (r->type != TLSRPT_TLSA)
		return true;
	r->also = option(value, "also=yes", &n) != NULL;
	if ((rcpt = option(value, "for=", &n)) && n && n <= 253 && strspn(rcpt, NAME) >= n)
		r->rcpt = word_keep(d, rcpt, n);
	return true;
}

/* The whole lines of n bytes, the first of which is byte `at` of the file; answers how many bytes those are. Records are a
 * matter of who writes; a line is a result whatever became of its record's end. */
static size_t
lines_read(struct tlsrpt_day *d, char *text, size_t n, size_t at)
{
	struct rec_in in = {text, text + n};
	char *key, *value;
	enum rec_got got;

	for (;;) {
		char *line = in.p;

		if ((got = rec_next(&in, &key, &value)) == REC_MORE)
			return (size_t)(line - text);
		if (got == REC_BAD && in.p == line) {
			char *nl = memchr(line, '\n', (size_t)(in.end - line));

			if (!nl)
				return (size_t)(line - text);
			in.p = nl + 1;
		}
		if (got != REC_LINE || strcmp(key, "tls") != 0)
			continue;
		if (!(d->nrow & (d->nrow - 1)))
			d->row = mem_grow(d->row, d->nrow ? 2 * d->nrow : 1, sizeof *d->row);
		d->nrow += row_parse(d, &d->row[d->nrow], value, at + (size_t)(value - text));
	}
}

/* 0, or -1 with errno. What is longer than any line is passed over as one. */
static int
file_lines(struct tlsrpt_day *d)
{
	char *buf = mem_alloc(BUFFER);
	size_t have = 0, at = 0;
	ssize_t got;
	int err;

	while ((got = read(d->fd, buf + have, BUFFER - have)) > 0 || (got < 0 && errno == EINTR)) {
		size_t used;

		if (got < 0)
			continue;
		have += (size_t)got;
		used = lines_read(d, buf, have, at);
		if (!used && have == BUFFER)
			used = have;
		memmove(buf, buf + used, have - used);
		at += used;
		have -= used;
		if (at > TLSRPT_DAY_FILE_MAX) {
			errno = EFBIG;
			got = -1;
			break;
		}
	}
	err = errno;
	free(buf);
	errno = err;
	return got < 0 ? -1 : 0;
}

void
tlsrpt_day_options(const struct tlsrpt_day *d, const struct tlsrpt_row *row, struct str *out)
{
	str_reset(out);
	if (d->fd < 0) {
		str_add(out, d->text.s + row->at, row->len);
		return;
	}
	str_reserve(out, row->len);
	if (pread(d->fd, out->s, row->len, row->at) != (ssize_t)row->len)
		die_temp("unable to read tlsrpt/%s: it has changed meanwhile", d->day);
	out->len = row->len;
	out->s[out->len] = 0;
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
	int c = x->name == y->name ? 0 : strcmp(x->name, y->name);

	/* In the order of the file. */
	return c ? c : (x->row > y->row) - (x->row < y->row);
}

static int
by_kind(const void *a, const void *b)
{
	const struct tlsrpt_name *x = a, *y = b;

	if (x->host != y->host)
		return x->host - y->host;
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
	*d = (struct tlsrpt_day){.fd = -1, .text = *text};
	*text = (struct str){0};
	if (d->text.s)
		(void)lines_read(d, d->text.s, d->text.len, 0);
	names_find(d);
}

int
tlsrpt_day_read(struct tlsrpt_day *d, int dir, const char *day)
{
	*d = (struct tlsrpt_day){.fd = openat(dir, day, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)};
	snprintf(d->day, sizeof d->day, "%s", day);
	if (d->fd < 0 || file_lines(d)) {
		int err = errno;

		tlsrpt_day_free(d);
		errno = err;
		return -1;
	}
	names_find(d);
	return 0;
}

void
tlsrpt_day_free(struct tlsrpt_day *d)
{
	for (size_t i = 0; i < d->words_room; i++)
		free(d->word[i]);
	free(d->word);
	free(d->row);
	free(d->by_name);
	free(d->name);
	str_free(&d->text);
	if (d->fd >= 0)
		close(d->fd);
	*d = (struct tlsrpt_day){.fd = -1};
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
