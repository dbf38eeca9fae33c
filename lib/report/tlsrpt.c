/* Rows become policies and details. */
#include "base.h"

#include "rec.h"
#include "tlsrpt.h"

#include <arpa/inet.h>

#define REASON_MAX 300 /* bytes of a cause */
#define WORD_MAX 300   /* of what else a server says */
#define STRINGS_MAX 64 /* of a policy */
#define POLICIES_MAX 100

/* ---- one row ---- */

/* What a row says, decoded into memory of the report. */
struct said {
	const struct tlsrpt_row *row;
	struct tlsrpt_detail detail;
	const char *key; /* of its policy: type, domain and all its strings */
	const char *mx[STRINGS_MAX], *string[STRINGS_MAX];
	size_t nmx, nstring;
};

static char *
keep(struct tlsrpt_report *r, char *text)
{
	if (!(r->ntext & (r->ntext - 1)))
		r->text = mem_grow(r->text, r->ntext ? 2 * r->ntext : 1, sizeof *r->text);
	return r->text[r->ntext++] = text;
}

/* Fit for JSON and for people: ASCII controls and broken UTF-8 as \xHH. */
static const char *
keep_visible(struct tlsrpt_report *r, const char *s, size_t max)
{
	char out[2 * WORD_MAX + 1];
	size_t n = text_visible(out, max < sizeof out - 1 ? max : sizeof out - 1, s, strlen(s));

	return keep(r, mem_dupn(out, n));
}

static bool
is_address(const char *s)
{
	unsigned char b[16];

	return inet_pton(strchr(s, ':') ? AF_INET6 : AF_INET, s, b) == 1;
}

static void
said_option(struct tlsrpt_report *r, struct said *s, char *field)
{
	const char *v;

	if ((v = rec_option(field, "mx")))
		s->detail.mx = keep_visible(r, v, WORD_MAX);
	else if ((v = rec_option(field, "helo")))
		s->detail.helo = keep_visible(r, v, WORD_MAX);
	else if ((v = rec_option(field, "from")) && is_address(v))
		s->detail.from = keep(r, mem_dup(v));
	else if ((v = rec_option(field, "to")) && is_address(v))
		s->detail.to = keep(r, mem_dup(v));
	else if ((v = rec_option(field, "reason")))
		s->detail.reason = keep_visible(r, v, REASON_MAX);
	else if ((v = rec_option(field, "mxp")) && s->nmx < STRINGS_MAX)
		s->mx[s->nmx++] = keep_visible(r, v, WORD_MAX);
	else if ((v = rec_option(field, "policy")) && s->nstring < STRINGS_MAX)
		s->string[s->nstring++] = keep_visible(r, v, 2 * WORD_MAX);
}

static void
said_read(struct tlsrpt_report *r, struct said *s, const struct tlsrpt_row *row)
{
	char *copy = row->rest ? mem_dup(row->rest) : NULL, *p = copy, *field;
	struct str key = {0};

	*s = (struct said){.row = row, .detail = {.result = row->result, .count = row->count}};
	while ((field = rec_field(&p)))
		said_option(r, s, field);
	free(copy);
	str_addf(&key, "%s %s", tlsrpt_type_word(row->type), row->domain);
	for (size_t i = 0; i < s->nmx; i++)
		str_addf(&key, "\nmx %s", s->mx[i]);
	for (size_t i = 0; i < s->nstring; i++)
		str_addf(&key, "\n%s", s->string[i]);
	s->key = keep(r, str_take(&key));
}

/* ---- policies ---- */

static int
text_order(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) : (a != NULL) - (b != NULL);
}

static int
detail_order(const struct tlsrpt_detail *x, const struct tlsrpt_detail *y)
{
	const char *const a[] = {x->result, x->mx, x->to, x->from, x->helo, x->reason};
	const char *const b[] = {y->result, y->mx, y->to, y->from, y->helo, y->reason};
	int c = 0;

	for (size_t i = 0; !c && i < ARRAY_LEN(a); i++)
		c = text_order(a[i], b[i]);
	return c;
}

static int
by_policy(const void *a, const void *b)
{
	const struct said *const *x = a, *const *y = b;
	int c = strcmp((*x)->key, (*y)->key);

	if (!c)
		c = detail_order(&(*x)->detail, &(*y)->detail);
	return c ? c : text_order((*x)->row->rcpt, (*y)->row->rcpt);
}

static int
by_count(const void *a, const void *b)
{
	const struct tlsrpt_detail *x = a, *y = b;

	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return detail_order(x, y);
}

static int
by_failures(const void *a, const void *b)
{
	const struct tlsrpt_policy *x = a, *y = b;

	if (x->failed != y->failed)
		return x->failed < y->failed ? 1 : -1;
	if (x->ok != y->ok)
		return x->ok < y->ok ? 1 : -1;
	if (x->type != y->type)
		return x->type < y->type ? -1 : 1;
	return strcmp(x->domain, y->domain);
}

static void
rcpt_add(struct tlsrpt_detail *d, const char *rcpt)
{
	if (d->last_rcpt && !strcmp(d->last_rcpt, rcpt))
		return;
	d->last_rcpt = rcpt;
	if (d->nrcpt < TLSRPT_NAMED_MAX)
		d->rcpt[d->nrcpt] = rcpt;
	d->nrcpt++;
}

/* Rows come sorted: equal ones and those of one recipient domain behind one another. */
static void
policy_add(const struct tlsrpt_report *r, struct tlsrpt_policy *p, const struct said *s)
{
	struct tlsrpt_detail *last = p->ndetail ? &p->detail[p->ndetail - 1] : NULL;
	uint64_t count = tlsrpt_day_count(r->name, s->row);

	if (s->row->ok) {
		p->ok += count;
		return;
	}
	p->failed += count;
	if (!last || detail_order(last, &s->detail) != 0) {
		if (!(p->ndetail & (p->ndetail - 1)))
			p->detail = mem_grow(p->detail, p->ndetail ? 2 * p->ndetail : 1, sizeof *p->detail);
		last = &p->detail[p->ndetail++];
		*last = s->detail;
		last->count = 0;
	}
	last->count += count;
	if (r->for_host && s->row->rcpt)
		rcpt_add(last, s->row->rcpt);
}

static const char **
strings_dup(const char *const *s, size_t n)
{
	const char **v = mem_zalloc((n + 1) * sizeof *v);

	for (size_t i = 0; i < n; i++)
		v[i] = s[i];
	return v;
}

static struct tlsrpt_policy *
policy_new(struct tlsrpt_report *r, const struct said *s)
{
	struct tlsrpt_policy *p;

	r->policy = mem_grow(r->policy, r->npolicy + 1, sizeof *r->policy);
	p = &r->policy[r->npolicy++];
	*p = (struct tlsrpt_policy){.type = s->row->type,
	    .domain = s->row->domain,
	    .mx = strings_dup(s->mx, s->nmx),
	    .nmx = s->nmx,
	    .string = strings_dup(s->string, s->nstring),
	    .nstring = s->nstring};
	return p;
}

static void
policy_free(struct tlsrpt_policy *p)
{
	free(p->mx);
	free(p->string);
	free(p->detail);
}

/* A row whose options were cut for want of room belongs to whichever policy of its name was met most. */
static struct tlsrpt_policy *
policy_of_cut(struct tlsrpt_report *r, const struct said *s)
{
	struct tlsrpt_policy *best = NULL;

	for (size_t i = 0; i < r->npolicy; i++) {
		struct tlsrpt_policy *p = &r->policy[i];

		if (p->type == s->row->type && !strcmp(p->domain, s->row->domain) &&
		    (!best || p->ok + p->failed > best->ok + best->failed))
			best = p;
	}
	return best ? best : policy_new(r, s);
}

static void
policies_make(struct tlsrpt_report *r, const struct said *const *said, size_t n)
{
	const struct said *last = NULL;

	for (size_t i = 0; i < n; i++) {
		if (!said[i]->row->rest)
			continue;
		if (!last || strcmp(last->key, said[i]->key) != 0)
			policy_new(r, said[i]);
		last = said[i];
		policy_add(r, &r->policy[r->npolicy - 1], last);
	}
	for (size_t i = 0; i < n; i++)
		if (!said[i]->row->rest)
			policy_add(r, policy_of_cut(r, said[i]), said[i]);
}

/* Details with a session of their own, the most frequent first; policies likewise. */
static void
policies_sort(struct tlsrpt_report *r)
{
	for (size_t i = 0; i < r->npolicy; i++) {
		struct tlsrpt_policy *p = &r->policy[i];
		size_t n = 0;

		if (p->ndetail)
			qsort(p->detail, p->ndetail, sizeof *p->detail, by_count);
		while (n < p->ndetail && p->detail[n].count)
			n++;
		p->ndetail = n;
		r->ok += p->ok;
		r->failed += p->failed;
	}
	if (r->npolicy)
		qsort(r->policy, r->npolicy, sizeof *r->policy, by_failures);
	for (; r->npolicy > POLICIES_MAX; r->nleft_out++)
		policy_free(&r->policy[--r->npolicy]);
}

/* ---- the report ---- */

static int
by_text(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

static void
concerned_find(struct tlsrpt_report *r, const struct said *const *said, size_t n)
{
	size_t kept = 0;

	r->rcpt = mem_zalloc((n + 1) * sizeof *r->rcpt);
	for (size_t i = 0; i < n; i++)
		if (said[i]->row->rcpt)
			r->rcpt[r->nrcpt++] = said[i]->row->rcpt;
	if (r->nrcpt)
		qsort(r->rcpt, r->nrcpt, sizeof *r->rcpt, by_text);
	for (size_t i = 0; i < r->nrcpt; i++)
		if (!kept || strcmp(r->rcpt[kept - 1], r->rcpt[i]) != 0)
			r->rcpt[kept++] = r->rcpt[i];
	r->nrcpt = kept;
}

void
tlsrpt_build(struct tlsrpt_report *r, const struct tlsrpt_day *d, const struct tlsrpt_name *name,
    tlsrpt_told *told, void *arg)
{
	struct said *said = mem_zalloc((name->n + 1) * sizeof *said);
	const struct said **sorted = mem_zalloc((name->n + 1) * sizeof *sorted);
	size_t n = 0;

	*r = (struct tlsrpt_report){.name = name->name, .for_host = !name->recipient};
	memcpy(r->day, d->day, sizeof r->day);
	for (size_t i = 0; i < name->n; i++) {
		if (r->for_host && told && told(arg, name->row[i]))
			continue;
		said_read(r, &said[n], name->row[i]);
		sorted[n] = &said[n];
		n++;
	}
	if (n)
		qsort(sorted, n, sizeof *sorted, by_policy);
	policies_make(r, sorted, n);
	policies_sort(r);
	if (r->for_host)
		concerned_find(r, sorted, n);
	free(sorted);
	free(said);
}

void
tlsrpt_report_free(struct tlsrpt_report *r)
{
	for (size_t i = 0; i < r->npolicy; i++)
		policy_free(&r->policy[i]);
	for (size_t i = 0; i < r->ntext; i++)
		free(r->text[i]);
	free(r->policy);
	free(r->rcpt);
	free(r->text);
	*r = (struct tlsrpt_report){0};
}
