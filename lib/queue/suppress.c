/* Recipients that an account is not to write to any more: put there by people, or by failures that speak of the
 * address (lib/fate/suppress.h). The index alone has them; what is answered to people is durable before.
 *
 * INDEX_SUPPRESS: "s" account NUL base address -> an entry, "f" account NUL base address -> failures in a row. While there is
 * none of either kind nothing is looked up. */
#include "base.h"

#include "clock.h"
#include "id.h"
#include "local.h"
#include "log.h"
#include "queue.h"
#include "rec.h"
#include "suppress.h"
#include "suppression.h"

#define ENTRY 's'
#define FAILURES 'f'
#define REASON_MAX 300        /* bytes of a reply that an entry keeps */
#define COUNT_LIFE (90 * DAY) /* of a row of failures, where entries stand for ever */

/* Mail to it fails without an attempt. RFC 3463 has no word of its own for this; 5.1.1 would say that we know the
 * mailbox is none, and 5.7.1 that it is policy. */
#define STATUS "5.1.0"

static struct index_key
key_of(char kind, const char *account, const char *address)
{
	static struct str key;

	str_reset(&key);
	str_addc(&key, kind);
	str_add(&key, account, strlen(account) + 1);
	suppress_base(&key, address);
	return (struct index_key){key.s, key.len};
}

static bool
note_kind(struct index_key key, char *value, size_t len, void *arg)
{
	(void)value;
	(void)len;
	*(char *)arg = key.n ? *(const char *)key.p : 0;
	return false;
}

static bool
has_any(struct runq *q, char kind)
{
	char found = 0;

	index_walk(q->index, INDEX_SUPPRESS, (struct index_key){&kind, 1}, 1, note_kind, &found);
	return found == kind;
}

void
suppress_start(struct runq *q)
{
	q->suppress.listed = has_any(q, ENTRY);
	q->suppress.failing = has_any(q, FAILURES);
}

/* ---- entries ---- */

bool
suppress_read(struct suppression *s, char *rec, size_t len)
{
	struct rec_in in = {rec, rec + len};
	char *key, *value;
	enum rec_got got;
	uint64_t v;

	*s = (struct suppression){.reason = ""};
	while ((got = rec_next(&in, &key, &value)) == REC_LINE) {
		if (!(value = rec_text(value)))
			return false;
		if (!strcmp(key, "account"))
			s->account = value;
		else if (!strcmp(key, "address"))
			s->address = value;
		else if (!strcmp(key, "how"))
			s->manual = !strcmp(value, "manual");
		else if (!strcmp(key, "reason"))
			s->reason = value;
		else if (!strcmp(key, "until") && str_number(value, INT64_MAX, &v))
			s->until = (int64_t)v;
		else if (!strcmp(key, "when") && str_number(value, INT64_MAX, &v))
			s->when = (int64_t)v;
	}
	return got == REC_END && s->account && s->address;
}

static void
write_entry(struct str *out, const struct suppression *s)
{
	rec_add(out, "account", s->account);
	rec_add(out, "address", s->address);
	rec_add(out, "how", s->manual ? "manual" : "automatic");
	rec_addi(out, "until", s->until);
	rec_addi(out, "when", s->when);
	rec_add(out, "reason", s->reason);
}

void
suppress_write(struct str *out, const struct suppression *s)
{
	struct str base = {0};

	suppress_base(&base, s->address);
	write_entry(out, s);
	rec_add(out, "base", str_cstr(&base));
	rec_end(out);
	str_free(&base);
}

bool
suppress_is_entry(struct index_key key)
{
	return key.n && *(const char *)key.p == ENTRY;
}

size_t
suppress_first(char *key, size_t size, const char *account)
{
	int n = snprintf(key, size, "%c%s", ENTRY, account);

	return (size_t)n + (*account != 0);
}

bool
suppress_is_over(const struct runq *q, const struct suppression *s)
{
	return s->until && s->until <= q->now;
}

bool
suppress_find(struct runq *q, const char *account, const char *address, struct suppression *s)
{
	static struct str value;

	return q->suppress.listed &&
	       index_look(q->index, INDEX_SUPPRESS, key_of(ENTRY, account, address), &value) &&
	       suppress_read(s, value.s, value.len) && !suppress_is_over(q, s);
}

void
suppress_put(struct runq *q, const struct suppression *s)
{
	static struct str value;

	str_reset(&value);
	write_entry(&value, s);
	rec_end(&value);
	index_set(q->index, INDEX_SUPPRESS, key_of(ENTRY, s->account, s->address), &value);
	index_unset(q->index, INDEX_SUPPRESS, key_of(FAILURES, s->account, s->address));
	q->suppress.listed = true;
	log_open(LOG_INFO, "suppress-added");
	log_s("account", s->account);
	log_s("address", s->address);
	log_s("how", s->manual ? "manual" : "automatic");
	if (s->until)
		log_i("seconds", (s->until - q->now) / SECOND);
	log_s("reason", s->reason);
	log_close();
}

void
suppress_remove(struct runq *q, const struct suppression *s)
{
	index_unset(q->index, INDEX_SUPPRESS, key_of(ENTRY, s->account, s->address));
	log_open(LOG_INFO, "suppress-removed");
	log_s("account", s->account);
	log_s("address", s->address);
	log_close();
}

/* ---- who is not written to ---- */

static void
say_why(struct str *out, const struct suppression *s)
{
	char when[CLOCK_ISO_SIZE];

	clock_iso(when, s->when, 0);
	str_addf(out, "account %s does not write to this address since %.10s", s->account, when);
	if (s->until) {
		clock_iso(when, s->until, 0);
		str_addf(out, ", until %.10s", when);
	}
	if (*s->reason)
		str_addf(out, ": %s", s->reason);
	str_addf(out, "; mox-suppress remove -account %s %s takes it off the list", s->account, s->address);
}

bool
suppress_fails(struct runq *q, const struct row *who)
{
	static struct str buf, text, error, fate;
	struct job_rcpt r = {.local = true};
	char status[] = STATUS, id[ROW_ID_SIZE];
	struct suppression s;
	struct row row;
	uint32_t uid;

	if (!who->account || !who->rcpt || !suppress_find(q, who->account, who->rcpt, &s))
		return false;
	/* What our own notices and postmasters have suffered before must not cut them off. */
	if (!s.manual && (!who->sender || !*who->sender || suppress_is_postmaster(who->rcpt)))
		return false;
	if (!row_load(q, &buf, &row, &uid, who->id, who->n))
		return false;
	str_reset(&text);
	say_why(&text, &s);
	str_reset(&error);
	str_addf(&error, STATUS " %s", text.s);
	r.status = status;
	r.text = text.s;
	notice_fate(&fate, "failed", &r, row.last);
	row.fate = fate.s;
	row.result = "suppressed";
	row.error = error.s;
	row.code = 0;
	row.hold = HOLD_NONE;
	row.next = q->now;
	row_store(q, &row, uid);
	q->count.never++;
	row_id(id, &row);
	log_open(LOG_WARN, "suppressed");
	log_s("id", id);
	log_s("rcpt", row.rcpt);
	log_s("account", s.account);
	log_s("how", s.manual ? "manual" : "automatic");
	log_s("reason", s.reason);
	log_close();
	notice_add(q, row.id, row.n, NOTICE_FAILED, NULL);
	return true;
}

/* ---- what deliveries say of addresses ---- */

static bool
is_judged(const struct row *row)
{
	return row->account && row->rcpt && row->sender && *row->sender && !suppress_is_postmaster(row->rcpt);
}

/* Failures in a row, this one included. */
static unsigned
count_failure(struct runq *q, const struct row *row)
{
	static struct str value;
	struct index_key key = key_of(FAILURES, row->account, row->rcpt);
	unsigned n = 0;

	if (q->suppress.failing && index_look(q->index, INDEX_SUPPRESS, key, &value))
		(void)sscanf(value.s, "failures %9u", &n);
	str_reset(&value);
	rec_addi(&value, "failures", ++n);
	rec_addi(&value, "when", q->now);
	rec_end(&value);
	index_set(q->index, INDEX_SUPPRESS, key, &value);
	q->suppress.failing = true;
	return n;
}

static void
list_it(struct runq *q, const struct row *row, const struct job_rcpt *r, unsigned failures)
{
	struct str reason = {0};
	bool status = r->status && strcmp(r->status, "-");
	struct suppression s = {.account = row->account,
	    .address = row->rcpt,
	    .until = q->conf->suppress.expire ? q->now + q->conf->suppress.expire : 0,
	    .when = q->now};

	if (failures)
		str_addf(&reason, "%u failures in a row, the last one: ", failures);
	if (r->code)
		str_addf(&reason, "%d ", r->code);
	if (status && strncmp(r->text, r->status, strlen(r->status)))
		str_addf(&reason, "%s ", r->status);
	str_add(&reason, r->text, strnlen(r->text, REASON_MAX));
	s.reason = str_cstr(&reason);
	suppress_put(q, &s);
	str_free(&reason);
}

void
suppress_failed(struct runq *q, const struct item *it, const struct job_rcpt *r)
{
	static struct str buf;
	const struct conf_transport *t = it->dest->transport;
	struct suppress_failure f = {.code = r->code,
	    .status = r->status,
	    .text = r->text,
	    .local = r->local || local_stays(t),
	    .relay = t && t->type != TRANSPORT_DIRECT};
	enum suppress_verdict verdict = suppress_judge(&f);
	struct suppression listed;
	struct row row;
	unsigned n = 0;
	uint32_t uid;

	if (!q->conf->suppress.automatic || verdict == SUPPRESS_PASS || !r->text ||
	    !row_load(q, &buf, &row, &uid, it->msg->id, it->n) || !is_judged(&row) ||
	    suppress_find(q, row.account, row.rcpt, &listed))
		return;
	if (verdict == SUPPRESS_COUNT && (n = count_failure(q, &row)) < q->conf->suppress.failures)
		return;
	list_it(q, &row, r, n);
}

void
suppress_sent(struct runq *q, const struct item *it)
{
	static struct str buf;
	struct row row;
	uint32_t uid;

	if (!q->suppress.failing || local_stays(it->dest->transport) ||
	    !row_load(q, &buf, &row, &uid, it->msg->id, it->n) || !is_judged(&row))
		return;
	index_unset(q->index, INDEX_SUPPRESS, key_of(FAILURES, row.account, row.rcpt));
}

/* ---- what grows old ---- */

static bool
is_old(struct runq *q, struct index_key key, char *value, size_t len)
{
	int64_t life = q->conf->suppress.expire ? q->conf->suppress.expire : COUNT_LIFE;
	struct suppression s;
	const char *when;

	if (suppress_is_entry(key))
		return !suppress_read(&s, value, len) || suppress_is_over(q, &s);
	when = memmem(value, len, "\nwhen ", 6);
	return !when || strtoll(when + 6, NULL, 10) + life <= q->now;
}

void
suppress_round(struct runq *q)
{
	q->suppress.expiry.table = INDEX_SUPPRESS;
	q->suppress.expiry.is_old = is_old;
	if ((q->suppress.listed || q->suppress.failing) && expire_round(q, &q->suppress.expiry))
		suppress_start(q);
}
