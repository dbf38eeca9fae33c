#include "base.h"

#include "attempt.h"
#include "clock.h"
#include "report.h"

#define HOURS 24

const char *const report_tls_names[REPORT_TLS] = {"dane", "pkix", "opportunistic", "none"};
const int64_t report_spans[REPORT_SPANS] = {SECOND, 2 * SECOND, 5 * SECOND, 10 * SECOND, 30 * SECOND, MINUTE,
    5 * MINUTE, 15 * MINUTE, HOUR, 4 * HOUR, 12 * HOUR, DAY, 2 * DAY, 5 * DAY};

static const char *
text_of(const char *s)
{
	return s ? s : "";
}

/* As much as fits, no half of a character at its end. */
static void
copy(char *to, size_t size, const char *from)
{
	size_t n = strnlen(from, size - 1);

	if (from[n])
		while (n && ((unsigned char)from[n] & 0xc0) == 0x80)
			n--;
	memcpy(to, from, n);
	to[n] = 0;
}

static void
earliest(int64_t *t, int64_t other)
{
	if (other && (!*t || other < *t))
		*t = other;
}

static void
latest(int64_t *t, int64_t other)
{
	if (other > *t)
		*t = other;
}

/* domain and others: whose mail it is that was counted. */
static void
note_domain(char domain[REPORT_DOMAIN], bool *others, const struct row *row)
{
	if (!*domain)
		copy(domain, REPORT_DOMAIN, text_of(row->domain));
	else if (strncmp(domain, text_of(row->domain), REPORT_DOMAIN - 1))
		*others = true;
}

static const char *
place_name(const struct row *row)
{
	if (row->site && *row->site)
		return row->site;
	return row->domain && *row->domain ? row->domain : "no domain";
}

/* ---- the first few messages ---- */

static void
mail_free(struct report_mail *m)
{
	free(m->sender);
	free(m->rcpt);
	free(m->error);
	free(m->result);
}

static void
mail_set(struct report_mail *m, const struct row *row, int64_t at)
{
	*m = (struct report_mail){.id = row->id,
	    .n = row->n,
	    .at = at,
	    .next = row->next,
	    .attempts = row->attempts,
	    .code = row->code,
	    .state = row->state,
	    .hold = row->hold,
	    .sender = mem_dup(text_of(row->sender)),
	    .rcpt = mem_dup(text_of(row->rcpt)),
	    .error = mem_dup(text_of(row->error)),
	    .result = mem_dup(text_of(row->result))};
}

/* v has room for max, in order: the lowest `at` first, or the highest when `newest`. */
static void
mail_keep(
    struct report_mail *v, size_t *n, const struct report *r, const struct row *row, int64_t at, bool newest)
{
	size_t i = *n;

	while (i && (newest ? v[i - 1].at < at : v[i - 1].at > at))
		i--;
	if (i == r->lines)
		return;
	if (*n == r->lines)
		mail_free(&v[--*n]);
	memmove(v + i + 1, v + i, (*n - i) * sizeof *v);
	mail_set(&v[i], row, at);
	++*n;
}

static void
keep_old(struct report *r, const struct row *row)
{
	/* A message stands there once. */
	if (r->nold < r->lines || row->queued <= r->old[r->nold - 1].at)
		for (size_t i = 0; i < r->nold; i++)
			if (r->old[i].id == row->id) {
				r->old[i].more++;
				return;
			}
	mail_keep(r->old, &r->nold, r, row, row->queued, false);
}

/* ---- what waits ---- */

static void
say(struct report_place *p, const struct row *row)
{
	if (!row->error || !*row->error || (p->at && row->last < p->at))
		return;
	p->at = row->last ? row->last : 1;
	p->code = row->code;
	copy(p->error, sizeof p->error, row->error);
}

static void
count_place(struct report *r, const struct row *row, size_t age)
{
	struct report_place *p = top_get(&r->places, place_name(row));

	p->top.count++;
	p->held += row->state == ROW_HELD;
	p->age[age]++;
	earliest(&p->oldest, row->queued);
	if (row->state != ROW_HELD)
		earliest(&p->next, row->next);
	note_domain(p->domain, &p->domains, row);
	say(p, row);
	if (row->attempts && row->state != ROW_HELD && p->nprobe < REPORT_TRIES) {
		p->probe[p->nprobe].id = row->id;
		p->probe[p->nprobe++].n = row->n;
	}
}

static void
count_reply(struct report *r, const struct row *row)
{
	struct report_reply *reply;

	if (!row->error || !*row->error)
		return;
	summary_error(&r->buf, row);
	reply = top_get(&r->replies, str_cstr(&r->buf));
	reply->top.count++;
	note_domain(reply->domain, &reply->domains, row);
}

static void
count_hold(struct report *r, const struct row *row)
{
	const char *which = row->hold ? strchr(REPORT_HOLDS, row->hold) : NULL;
	struct report_account *a;

	if (!which)
		return;
	r->hold[which - REPORT_HOLDS]++;
	earliest(&r->hold_oldest[which - REPORT_HOLDS], row->queued);
	if (row->hold != 'l')
		return;
	a = top_get(&r->accounts, text_of(row->account));
	a->top.count++;
	earliest(&a->oldest, row->queued);
}

void
report_waits(struct report *r, const struct row *row)
{
	size_t age = summary_age(r->now - row->queued);

	r->recipients++;
	if (row->id != r->last_id) {
		r->messages++;
		r->bytes += row->size;
	}
	r->last_id = row->id;
	r->state[row->state]++;
	r->age[age]++;
	r->tried += row->attempts > 0;
	earliest(&r->oldest, row->queued);
	latest(&r->tried_at, row->last);
	if (row->state == ROW_DUE)
		earliest(&r->overdue, row->next);
	count_place(r, row, age);
	count_reply(r, row);
	if (row->state == ROW_HELD)
		count_hold(r, row);
	keep_old(r, row);
}

/* ---- the history ---- */

enum fate { SENT, FAILED, OTHER };

static enum fate
fate_of(const char *result)
{
	static const struct {
		const char *word;
		enum fate fate;
	} words[] = {{"delivered", SENT}, {"relayed", SENT}, {"expanded", SENT}, {"failed", FAILED},
	    {"suppressed", FAILED}};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (!strcmp(result, words[i].word))
			return words[i].fate;
	return OTHER;
}

static void
bin_add(struct report_bin *b, enum fate fate)
{
	b->sent += fate == SENT;
	b->failed += fate == FAILED;
	b->other += fate == OTHER;
}

static void
flow_add(struct report_flow *f, int64_t at, enum fate fate)
{
	int64_t i = f->n && at >= f->start ? (at - f->start) / f->width : -1;

	if (i < 0 || i >= (int64_t)f->n)
		return;
	bin_add(&f->bin[i], fate);
	bin_add(&f->sum, fate);
}

static void
count_tls(struct report *r, struct report_route *route, const struct row *row)
{
	struct top_entry *host;
	size_t i = 0;

	if (!row->tls) {
		r->here++;
		return;
	}
	while (i < REPORT_TLS && strcmp(row->tls, report_tls_names[i]))
		i++;
	if (i == REPORT_TLS)
		return;
	r->tls[i]++;
	if (i != REPORT_PLAIN)
		return;
	route->plain++;
	str_reset(&r->buf);
	str_add(&r->buf, text_of(row->host), strcspn(text_of(row->host), "["));
	host = top_get(&r->plain, str_cstr(&r->buf));
	host->count++;
}

static void
count_span(struct report *r, int64_t took)
{
	size_t i = 0;

	while (i < REPORT_SPANS && took >= report_spans[i])
		i++;
	r->took[i]++;
}

static void
note_taken(struct report *r, const struct row *row)
{
	struct report_taker *t = top_get(&r->takers, text_of(row->domain));

	t->top.count++;
	latest(&t->taken, row->retired);
}

void
report_past(struct report *r, const struct row *row)
{
	enum fate fate = fate_of(text_of(row->result));
	struct report_route *route;

	latest(&r->tried_at, row->last);
	if (row->retired < r->now - r->since)
		return;
	flow_add(&r->day, row->retired, fate);
	flow_add(&r->span, row->retired, fate);
	if (fate == FAILED)
		mail_keep(r->failed, &r->nfailed, r, row, row->retired, true);
	if (fate == OTHER)
		return;
	route = top_get(&r->routes, place_name(row));
	route->top.count++;
	note_domain(route->domain, &route->domains, row);
	if (fate == FAILED) {
		route->failed++;
		return;
	}
	route->sent++;
	latest(&route->taken, row->retired);
	note_taken(r, row);
	count_tls(r, route, row);
	count_span(r, row->retired - row->queued);
}

/* ---- begin and end ---- */

/* Days of the time zone of midnight, of four bins or fewer. */
static void
span_start(struct report_flow *f, const struct report *r, int64_t midnight)
{
	int64_t days = (r->since + DAY - 1) / DAY, bins = days <= 10 ? 4 : days <= 30 ? 2 : 1;

	if (days <= 1)
		return;
	f->width = DAY / bins;
	f->n = (size_t)(days * bins);
	f->start = midnight - (days - 1) * DAY;
}

void
report_start(struct report *r, int64_t day_end, int64_t midnight)
{
	r->places.size = sizeof(struct report_place);
	r->replies.size = sizeof(struct report_reply);
	r->accounts.size = sizeof(struct report_account);
	r->routes.size = sizeof(struct report_route);
	r->takers.size = sizeof(struct report_taker);
	r->plain.size = r->tls_faults.size = sizeof(struct top_entry);
	r->old = mem_zalloc((r->lines + 1) * sizeof *r->old);
	r->failed = mem_zalloc((r->lines + 1) * sizeof *r->failed);
	r->day = (struct report_flow){.start = day_end - DAY, .width = HOUR, .n = HOURS};
	span_start(&r->span, r, midnight);
}

void
report_sort(struct report *r)
{
	top_sort(&r->places);
	top_sort(&r->replies);
	top_sort(&r->accounts);
	top_sort(&r->routes);
	top_sort(&r->plain);
	top_sort(&r->tls_faults);
	for (size_t i = 0; i < r->places.n; i++) {
		struct report_place *p = (struct report_place *)(void *)r->places.v[i];
		const struct report_route *route = top_find(&r->routes, p->top.name);
		const struct report_taker *taker = top_find(&r->takers, p->top.name);

		p->taken = route ? route->taken : taker ? taker->taken : 0;
	}
}

/* How long its last attempts have ended with the code the place says now. */
void
report_tries(struct report_place *p, struct row *row)
{
	struct attempt a;
	int64_t since = 0;

	for (unsigned i = row->nattempt; i-- > 0 && attempt_read(&a, row->attempt[i]);) {
		if (a.code != p->code || strcmp(a.outcome, "later"))
			break;
		since = a.start;
	}
	/* It has taken something in between: not since then. */
	if (since > p->taken)
		earliest(&p->since, since);
}

int64_t
report_took(const struct report *r, unsigned percent)
{
	uint64_t all = 0, below = 0;

	for (size_t i = 0; i <= REPORT_SPANS; i++)
		all += r->took[i];
	if (!all)
		return 0;
	for (size_t i = 0; i < REPORT_SPANS; i++)
		if ((below += r->took[i]) * 100 >= all * percent)
			return report_spans[i];
	return INT64_MAX;
}

void
report_free(struct report *r)
{
	for (size_t i = 0; i < r->nold; i++)
		mail_free(&r->old[i]);
	for (size_t i = 0; i < r->nfailed; i++)
		mail_free(&r->failed[i]);
	free(r->old);
	free(r->failed);
	top_free(&r->places);
	top_free(&r->replies);
	top_free(&r->accounts);
	top_free(&r->routes);
	top_free(&r->takers);
	top_free(&r->plain);
	top_free(&r->tls_faults);
	tlsrpt_in_free(&r->told);
	str_free(&r->only);
	str_free(&r->listed);
	str_free(&r->buf);
}
