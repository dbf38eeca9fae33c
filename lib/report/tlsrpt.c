/* Rows become policies and details. Of rows there may be hundreds of thousands, of policies and details only as many are kept
 * as a report can hold, and some: the others are sums. */
#include "base.h"

#include "rec.h"
#include "tlsrpt.h"

#include <arpa/inet.h>

#define REASON_MAX 300 /* bytes of a cause */
#define WORD_MAX 300   /* of what else a server says */
#define STRINGS_MAX 64 /* of a policy */
#define POLICIES_MAX 100
#define POLICIES_KNOWN 4096
#define DETAILS_KNOWN 8192 /* several times what TLSRPT_JSON_MAX has room for */
#define SLOTS 4096         /* a power of two */

/* ---- one row ---- */

/* What a row says, decoded: into memory that the next row takes. */
struct said {
	const struct tlsrpt_row *row;
	bool cut; /* it had options, and they were cut for want of room */
	struct tlsrpt_detail detail;
	struct str key; /* of its policy: type, domain and all its strings */
	const char *mx[STRINGS_MAX], *string[STRINGS_MAX];
	size_t nmx, nstring;
	struct str options;
	char **text;
	size_t ntext;
};

static char *
text_keep(char ***v, size_t *n, char *text)
{
	if (!(*n & (*n - 1)))
		*v = mem_grow(*v, *n ? 2 * *n : 1, sizeof **v);
	return (*v)[(*n)++] = text;
}

static void
texts_free(char **v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(v[i]);
}

/* Fit for JSON and for people: ASCII controls and broken UTF-8 as \xHH. */
static const char *
said_visible(struct said *s, const char *v, size_t max)
{
	char out[2 * WORD_MAX + 1];
	size_t n = text_visible(out, max < sizeof out - 1 ? max : sizeof out - 1, v, strlen(v));

	return text_keep(&s->text, &s->ntext, mem_dupn(out, n));
}

static const char *
said_address(struct said *s, const char *v)
{
	unsigned char b[16];

	if (inet_pton(strchr(v, ':') ? AF_INET6 : AF_INET, v, b) != 1)
		return NULL;
	return text_keep(&s->text, &s->ntext, mem_dup(v));
}

static void
said_option(struct said *s, char *field)
{
	const char *v;

	if ((v = rec_option(field, "mx")))
		s->detail.mx = said_visible(s, v, WORD_MAX);
	else if ((v = rec_option(field, "helo")))
		s->detail.helo = said_visible(s, v, WORD_MAX);
	else if ((v = rec_option(field, "from")))
		s->detail.from = said_address(s, v);
	else if ((v = rec_option(field, "to")))
		s->detail.to = said_address(s, v);
	else if ((v = rec_option(field, "reason")))
		s->detail.reason = said_visible(s, v, REASON_MAX);
	else if ((v = rec_option(field, "mxp")) && s->nmx < STRINGS_MAX)
		s->mx[s->nmx++] = said_visible(s, v, WORD_MAX);
	else if ((v = rec_option(field, "policy")) && s->nstring < STRINGS_MAX)
		s->string[s->nstring++] = said_visible(s, v, 2 * WORD_MAX);
}

static void
said_read(struct said *s, const struct tlsrpt_day *d, const struct tlsrpt_row *row)
{
	char *p, *field;

	texts_free(s->text, s->ntext);
	s->ntext = s->nmx = s->nstring = 0;
	s->row = row;
	s->cut = !row->len;
	s->detail = (struct tlsrpt_detail){.result = row->result};
	tlsrpt_day_options(d, row, &s->options);
	for (p = s->options.len ? s->options.s : NULL; (field = rec_field(&p));)
		said_option(s, field);
	str_reset(&s->key);
	str_addf(&s->key, "%s %s", tlsrpt_type_word(row->type), row->domain);
	for (size_t i = 0; i < s->nmx; i++)
		str_addf(&s->key, "\nmx %s", s->mx[i]);
	for (size_t i = 0; i < s->nstring; i++)
		str_addf(&s->key, "\n%s", s->string[i]);
}

static void
said_free(struct said *s)
{
	texts_free(s->text, s->ntext);
	free(s->text);
	str_free(&s->key);
	str_free(&s->options);
}

/* ---- orders ---- */

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

/* By policy; those without a session of their own behind, and those that sum others behind these. */
static int
by_weight(const void *a, const void *b)
{
	const struct tlsrpt_detail *x = a, *y = b;

	if (x->policy != y->policy)
		return x->policy < y->policy ? -1 : 1;
	if (!x->count != !y->count)
		return !x->count ? 1 : -1;
	if (x->others != y->others)
		return x->others ? 1 : -1;
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
	return strcmp(x->key, y->key);
}

/* Rows of one recipient domain stand behind one another, else as in the file. */
static int
by_rcpt(const void *a, const void *b)
{
	const struct tlsrpt_row *const *x = a, *const *y = b;
	int c = text_order((*x)->rcpt, (*y)->rcpt);

	return c ? c : (*x > *y) - (*x < *y);
}

/* ---- policies and details ---- */

struct building {
	struct tlsrpt_report *r;
	struct said said;
	uint32_t policy[SLOTS], detail[SLOTS]; /* number of the first of the slot, from 1; 0: none */
};

static uint32_t
hash_text(uint32_t h, const char *s)
{
	for (; s && *s; s++)
		h = (h ^ (unsigned char)*s) * 16777619;
	return (h ^ 0xff) * 16777619;
}

static const char *
keep(struct tlsrpt_report *r, const char *s)
{
	return s ? text_keep(&r->text, &r->ntext, mem_dup(s)) : NULL;
}

static const char **
strings_keep(struct tlsrpt_report *r, const char *const *s, size_t n)
{
	const char **v = mem_zalloc((n + 1) * sizeof *v);

	for (size_t i = 0; i < n; i++)
		v[i] = keep(r, s[i]);
	return v;
}

/* One of its type and domain that was met most: for a row whose own policy is not known. NULL: none. */
static struct tlsrpt_policy *
policy_most(const struct tlsrpt_report *r, const struct tlsrpt_row *row)
{
	struct tlsrpt_policy *best = NULL;

	for (size_t i = 0; i < r->npolicy; i++) {
		struct tlsrpt_policy *p = &r->policy[i];

		if (p->type == row->type && !strcmp(p->domain, row->domain) &&
		    (!best || p->ok + p->failed > best->ok + best->failed))
			best = p;
	}
	return best;
}

/* The number of the row's policy, from 1; 0: there are too many. */
static uint32_t
policy_find(struct building *b)
{
	struct tlsrpt_report *r = b->r;
	const struct said *s = &b->said;
	uint32_t *slot = &b->policy[hash_text(2166136261, s->key.s) & (SLOTS - 1)];
	struct tlsrpt_policy *p;

	for (uint32_t i = *slot; i; i = r->policy[i - 1].next)
		if (!strcmp(r->policy[i - 1].key, s->key.s))
			return i;
	if ((s->cut || r->npolicy >= POLICIES_KNOWN) && (p = policy_most(r, s->row)))
		return (uint32_t)(p - r->policy) + 1;
	if (r->npolicy >= POLICIES_KNOWN)
		return 0;
	if (!(r->npolicy & (r->npolicy - 1)))
		r->policy = mem_grow(r->policy, r->npolicy ? 2 * r->npolicy : 1, sizeof *r->policy);
	p = &r->policy[r->npolicy++];
	*p = (struct tlsrpt_policy){.type = s->row->type,
	    .domain = s->row->domain,
	    .mx = strings_keep(r, s->mx, s->nmx),
	    .nmx = s->nmx,
	    .string = strings_keep(r, s->string, s->nstring),
	    .nstring = s->nstring,
	    .key = keep(r, s->key.s),
	    .next = *slot};
	return *slot = (uint32_t)r->npolicy;
}

static uint32_t *
detail_slot(struct building *b, uint32_t policy, const struct tlsrpt_detail *d)
{
	const char *const words[] = {d->result, d->mx, d->to, d->from, d->helo, d->reason};
	uint32_t h = 2166136261 ^ policy;

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		h = hash_text(h, words[i]);
	return &b->detail[(h ^ h >> 16) & (SLOTS - 1)];
}

static struct tlsrpt_detail *
detail_look(struct building *b, uint32_t policy, const struct tlsrpt_detail *like)
{
	struct tlsrpt_report *r = b->r;

	for (uint32_t i = *detail_slot(b, policy, like); i; i = r->detail[i - 1].next)
		if (r->detail[i - 1].policy == policy && !detail_order(&r->detail[i - 1], like))
			return &r->detail[i - 1];
	return NULL;
}

static struct tlsrpt_detail *
detail_new(struct building *b, uint32_t policy, const struct tlsrpt_detail *like)
{
	struct tlsrpt_report *r = b->r;
	uint32_t *slot = detail_slot(b, policy, like);
	struct tlsrpt_detail *d;

	if (!(r->ndetail & (r->ndetail - 1)))
		r->detail = mem_grow(r->detail, r->ndetail ? 2 * r->ndetail : 1, sizeof *r->detail);
	d = &r->detail[r->ndetail++];
	*d = (struct tlsrpt_detail){.result = like->result,
	    .mx = keep(r, like->mx),
	    .to = keep(r, like->to),
	    .from = keep(r, like->from),
	    .helo = keep(r, like->helo),
	    .reason = keep(r, like->reason),
	    .others = like->others,
	    .policy = policy,
	    .next = *slot};
	*slot = (uint32_t)r->ndetail;
	return d;
}

static struct tlsrpt_detail *
detail_of(struct building *b, uint32_t policy)
{
	const struct tlsrpt_detail *said = &b->said.detail, sum = {.result = said->result, .others = true};
	struct tlsrpt_detail *d = detail_look(b, policy, said);

	if (d)
		return d;
	if (b->r->ndetail < DETAILS_KNOWN)
		return detail_new(b, policy, said);
	d = detail_look(b, policy, &sum);
	return d ? d : detail_new(b, policy, &sum);
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

/* The report's name is its mail host's, and it was for another's mail. */
static bool
is_of_another(const struct tlsrpt_report *r, const struct tlsrpt_row *row)
{
	return row->rcpt && strcmp(row->rcpt, r->name) != 0;
}

static void
row_add(struct building *b, const struct tlsrpt_day *d, const struct tlsrpt_row *row)
{
	struct tlsrpt_report *r = b->r;
	const uint64_t count = tlsrpt_day_count(r->name, row);
	struct tlsrpt_detail *detail;
	uint32_t policy;

	said_read(&b->said, d, row);
	*(row->ok ? &r->ok : &r->failed) += count;
	if (!(policy = policy_find(b))) {
		r->nleft_out = 1;
		return;
	}
	*(row->ok ? &r->policy[policy - 1].ok : &r->policy[policy - 1].failed) += count;
	if (row->ok)
		return;
	detail = detail_of(b, policy);
	detail->count += count;
	if (is_of_another(r, row))
		rcpt_add(detail, row->rcpt);
}

/* ---- the report ---- */

/* Details with a session of their own, the most frequent first; policies likewise. */
static void
policies_sort(struct tlsrpt_report *r)
{
	if (r->ndetail)
		qsort(r->detail, r->ndetail, sizeof *r->detail, by_weight);
	for (size_t i = 0; i < r->ndetail; i++) {
		struct tlsrpt_policy *p = &r->policy[r->detail[i].policy - 1];

		if (!p->detail)
			p->detail = &r->detail[i];
		p->ndetail += r->detail[i].count > 0;
	}
	if (r->npolicy)
		qsort(r->policy, r->npolicy, sizeof *r->policy, by_failures);
	for (; r->npolicy > POLICIES_MAX; r->nleft_out++) {
		free(r->policy[--r->npolicy].mx);
		free(r->policy[r->npolicy].string);
	}
}

static void
concerned_add(struct tlsrpt_report *r, const char *rcpt)
{
	if (r->nrcpt && !strcmp(r->rcpt[r->nrcpt - 1], rcpt))
		return;
	if (!(r->nrcpt & (r->nrcpt - 1)))
		r->rcpt = mem_grow(r->rcpt, r->nrcpt ? 2 * r->nrcpt : 1, sizeof *r->rcpt);
	r->rcpt[r->nrcpt++] = rcpt;
}

void
tlsrpt_build(struct tlsrpt_report *r, const struct tlsrpt_day *d, const struct tlsrpt_name *name,
    tlsrpt_told *told, void *arg)
{
	const struct tlsrpt_row **row = mem_zalloc((name->n + 1) * sizeof *row);
	struct building *b = mem_zalloc(sizeof *b);
	size_t n = 0;

	*r = (struct tlsrpt_report){.name = name->name};
	memcpy(r->day, d->day, sizeof r->day);
	b->r = r;
	for (size_t i = 0; i < name->n; i++)
		if (!told || !is_of_another(r, name->row[i]) || !told(arg, name->row[i]))
			row[n++] = name->row[i];
	if (n)
		qsort(row, n, sizeof *row, by_rcpt);
	for (size_t i = 0; i < n; i++) {
		if (row[i]->len)
			row_add(b, d, row[i]);
		if (is_of_another(r, row[i]))
			concerned_add(r, row[i]->rcpt);
	}
	/* Those whose options were cut for want of room belong to whichever policy of their name was met most. */
	for (size_t i = 0; i < n; i++)
		if (!row[i]->len)
			row_add(b, d, row[i]);
	policies_sort(r);
	said_free(&b->said);
	free(b);
	free(row);
}

void
tlsrpt_report_free(struct tlsrpt_report *r)
{
	for (size_t i = 0; i < r->npolicy; i++) {
		free(r->policy[i].mx);
		free(r->policy[i].string);
	}
	texts_free(r->text, r->ntext);
	free(r->text);
	free(r->policy);
	free(r->detail);
	free(r->rcpt);
	*r = (struct tlsrpt_report){0};
}
