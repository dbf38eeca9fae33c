#include "base.h"

#include "file.h"
#include "rec.h"
#include "tlsrpt_in.h"

#include <errno.h>
#include <fcntl.h>

const char *const tlsrpt_in_types[TLSRPT_IN_TYPES] = {"tlsa", "sts", "no-policy-found", "other"};

/* RFC 8460 4.3; failed: of which only the number was told. */
const char *const tlsrpt_in_results[TLSRPT_IN_RESULTS] = {"ok", "starttls-not-supported",
    "certificate-host-mismatch", "certificate-expired", "certificate-not-trusted", "validation-failure",
    "tlsa-invalid", "dnssec-invalid", "dane-required", "sts-policy-fetch-error", "sts-policy-invalid",
    "sts-webpki-invalid", "failed", "other"};

static unsigned
place_of(const char *const *words, unsigned n, const char *word)
{
	unsigned i = 0;

	while (i < n - 1 && strcmp(words[i], word) != 0)
		i++;
	return i;
}

unsigned
tlsrpt_in_type(const char *word)
{
	return place_of(tlsrpt_in_types, TLSRPT_IN_TYPES, word);
}

unsigned
tlsrpt_in_result(const char *word)
{
	return place_of(tlsrpt_in_results, TLSRPT_IN_RESULTS, word);
}

/* ---- reading ---- */

int
tlsrpt_in_open(const char *spool)
{
	struct str path = {0};
	int fd, err;

	str_addf(&path, "%s/tlsrpt-in", spool);
	fd = open(path.s, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	err = errno;
	str_free(&path);
	errno = err;
	return fd;
}

/* COUNT TYPE DOMAIN RESULT */
static void
row_read(struct tlsrpt_in *in, const char *reporter, char *value)
{
	char *count, *type, *domain, *result;
	uint64_t n;

	if (!(count = rec_field(&value)) || !(type = rec_field(&value)) || !(domain = rec_field(&value)) ||
	    !(result = rec_field(&value)) || !str_number(count, TLSRPT_IN_SESSIONS, &n) || !n)
		return;
	if (in->nrow == in->room)
		in->row = mem_grow(in->row, in->room = in->room ? 2 * in->room : 256, sizeof *in->row);
	in->row[in->nrow++] =
	    (struct tlsrpt_in_row){reporter, domain, tlsrpt_in_type(type), tlsrpt_in_result(result), n};
}

/* A record that a power failure cut has no `end`: the next one begins all the same. */
static void
records_read(struct tlsrpt_in *in, struct str *text)
{
	struct rec_in r = {text->s, text->s + text->len};
	const char *reporter = NULL;
	char *key, *value;
	enum rec_got got;

	while (text->s) {
		char *line = r.p;

		if ((got = rec_next(&r, &key, &value)) == REC_MORE)
			break;
		if (got == REC_BAD && r.p == line) {
			char *nl = memchr(line, '\n', (size_t)(r.end - line));

			if (!nl)
				break;
			r.p = nl + 1;
		}
		if (got != REC_LINE || !strcmp(key, "report")) {
			reporter = NULL;
		} else if (!strcmp(key, "from")) {
			reporter = rec_field(&value);
			in->reports += reporter != NULL;
		} else if (!strcmp(key, "tls") && reporter) {
			row_read(in, reporter, value);
		}
	}
}

int
tlsrpt_in_read(struct tlsrpt_in *in, int dir, const char *day)
{
	struct str text = {0};

	if (file_read(dir, day, &text, TLSRPT_IN_FILE_MAX)) {
		int err = errno;

		str_free(&text);
		errno = err;
		return -1;
	}
	in->text = mem_grow(in->text, in->ntext + 1, sizeof *in->text);
	in->text[in->ntext++] = text;
	records_read(in, &in->text[in->ntext - 1]);
	return 0;
}

void
tlsrpt_in_free(struct tlsrpt_in *in)
{
	for (size_t i = 0; i < in->ntext; i++)
		str_free(&in->text[i]);
	free(in->text);
	free(in->row);
	free(in->sum);
	*in = (struct tlsrpt_in){0};
}

/* ---- sums ---- */

static int
by_name(const void *a, const void *b)
{
	const struct tlsrpt_in_row *x = a, *y = b;
	int c = strcmp(x->reporter, y->reporter);

	if (!c)
		c = strcmp(x->domain, y->domain);
	return c ? c : (int)x->type - (int)y->type;
}

static void
sum_add(struct tlsrpt_in_sum *s, const struct tlsrpt_in_row *r)
{
	*(r->result ? &s->failed : &s->ok) += r->sessions;
	s->by[r->result] += r->sessions;
	if (r->result && (!s->most || s->by[r->result] > s->by[s->most]))
		s->most = r->result;
}

void
tlsrpt_in_add_up(struct tlsrpt_in *in, bool types)
{
	const struct tlsrpt_in_row *last = NULL;
	size_t room = 0;

	free(in->sum);
	in->sum = NULL;
	in->nsum = 0;
	if (in->nrow)
		qsort(in->row, in->nrow, sizeof *in->row, by_name);
	for (size_t i = 0; i < in->nrow; i++) {
		const struct tlsrpt_in_row *r = &in->row[i];

		if (!last || strcmp(last->reporter, r->reporter) != 0 ||
		    strcmp(last->domain, r->domain) != 0 || (types && last->type != r->type)) {
			if (in->nsum == room)
				in->sum = mem_grow(in->sum, room = room ? 2 * room : 64, sizeof *in->sum);
			in->sum[in->nsum++] = (struct tlsrpt_in_sum){
			    .reporter = r->reporter, .domain = r->domain, .type = r->type};
		}
		sum_add(&in->sum[in->nsum - 1], last = r);
	}
}
