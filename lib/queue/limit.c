/* How much an account may send: recipients in a day, and recipients in a day that it has never written to before.
 * What is over a limit is accepted and held, so that a script gone wild, or a stolen password, harms nobody, and
 * nothing is lost either.
 *
 * INDEX_LIMIT: "c" account -> what it sent, by hours, and what the postmaster is to be told; "a" account NUL address ->
 * when it last wrote there. Counts change in the transaction of the rows: a message that is taken in again after
 * a crash has rows and is not counted again. */
#include "base.h"

#include "clock.h"
#include "limit.h"
#include "local.h"
#include "log.h"
#include "notice.h"
#include "rec.h"

#include <inttypes.h>
#include <unistd.h>

#define COUNTS 'c'
#define ADDRESS 'a'
#define ADDRESS_LIFE (400 * 24) /* hours that an address is remembered */
#define ADDRESSES_MAX 1000000   /* of all accounts; beyond, what is new stays new */
#define REFRESH 24              /* hours after which a remembered address is written anew */

static struct limit_account *
account_of(struct hnode *n)
{
	return (struct limit_account *)(void *)((char *)n - offsetof(struct limit_account, node));
}

static struct limit_account *
account_find(struct runq *q, const char *name)
{
	uint64_t h = hash_text(name);

	for (struct hnode *n = hash_find(&q->limit->accounts, h, NULL); n;
	     n = hash_find(&q->limit->accounts, h, n))
		if (!strcmp(account_of(n)->name, name))
			return account_of(n);
	return NULL;
}

static struct limit_account *
account_get(struct runq *q, const char *name)
{
	struct limit_account *a = account_find(q, name);

	if (a)
		return a;
	a = mem_zalloc(sizeof *a);
	a->name = mem_dup(name);
	hash_add(&q->limit->accounts, &a->node, hash_text(name));
	return a;
}

static struct index_key
key_of(char kind, const char *account, const char *address)
{
	static struct str key;

	str_reset(&key);
	str_addc(&key, kind);
	str_add(&key, account, strlen(account) + (address != NULL));
	if (address) {
		size_t at = key.len;

		str_adds(&key, address);
		str_lower(key.s + at);
	}
	return (struct index_key){key.s, key.len};
}

/* ---- counts ---- */

static int64_t
hour_of(const struct runq *q)
{
	return q->now / HOUR;
}

/* A clock that was set back must not forget what it has counted. */
static bool
is_recent(const struct limit_hour *h, int64_t now)
{
	return h->hour > now - LIMIT_HOURS && h->hour < now + LIMIT_HOURS;
}

static struct limit_hour
sum_up(const struct runq *q, const struct limit_account *a)
{
	struct limit_hour sum = {0};

	for (size_t i = 0; i < LIMIT_HOURS; i++)
		if (is_recent(&a->hour[i], hour_of(q))) {
			sum.messages += a->hour[i].messages;
			sum.first += a->hour[i].first;
		}
	return sum;
}

static struct limit_hour *
this_hour(struct runq *q, struct limit_account *a)
{
	int64_t now = hour_of(q);
	struct limit_hour *h = &a->hour[now % LIMIT_HOURS];

	if (h->hour != now)
		*h = (struct limit_hour){.hour = now};
	return h;
}

void
limit_store(struct runq *q, const struct limit_account *a)
{
	static struct str out;

	str_reset(&out);
	rec_addi(&out, "told", a->told);
	for (size_t i = 0; i < LIMIT_HOURS; i++)
		if (is_recent(&a->hour[i], hour_of(q)))
			rec_addf(&out, "hour", "%" PRId64 " %u %u", a->hour[i].hour, a->hour[i].messages,
			    a->hour[i].first);
	if (a->owed)
		rec_add(&out, "owed", a->owed);
	rec_end(&out);
	index_set(q->index, INDEX_LIMIT, key_of(COUNTS, a->name, NULL), &out);
}

static void
read_hour(struct limit_account *a, const char *value)
{
	struct limit_hour h = {0};

	if (sscanf(value, "%19" SCNd64 " %9u %9u", &h.hour, &h.messages, &h.first) == 3 && h.hour >= 0)
		a->hour[h.hour % LIMIT_HOURS] = h;
}

static bool
load_account(struct index_key key, char *rec, size_t len, void *arg)
{
	struct runq *q = arg;
	struct rec_in in = {rec, rec + len};
	char *name, *k, *value;
	struct limit_account *a;

	if (!key.n || *(const char *)key.p != COUNTS)
		return false;
	name = mem_dupn((const char *)key.p + 1, key.n - 1);
	a = account_get(q, name);
	free(name);
	while (rec_next(&in, &k, &value) == REC_LINE) {
		if (!(value = rec_text(value)))
			continue;
		if (!strcmp(k, "told"))
			a->told = strtoll(value, NULL, 10);
		else if (!strcmp(k, "hour"))
			read_hour(a, value);
		else if (!strcmp(k, "owed") && !a->owed)
			a->owed = mem_dup(value);
	}
	q->limit->owing += a->owed != NULL;
	return true;
}

/* Accounts are as many as the machine has users: all of them are kept in memory. */
void
limit_start(struct runq *q)
{
	q->limit = mem_zalloc(sizeof *q->limit);
	index_walk(q->index, INDEX_LIMIT, (struct index_key){(char[]){COUNTS}, 1}, SIZE_MAX, load_account, q);
}

/* ---- addresses ---- */

static bool
is_forgotten(const struct runq *q, const char *value)
{
	return strncmp(value, "sent ", 5) || strtoll(value + 5, NULL, 10) + ADDRESS_LIFE < hour_of(q);
}

/* When it last wrote there, in hours; 0: never. */
static int64_t
last_sent(struct runq *q, const char *account, const char *address)
{
	static struct str value;

	if (!index_look(q->index, INDEX_LIMIT, key_of(ADDRESS, account, address), &value) ||
	    is_forgotten(q, value.s))
		return 0;
	return strtoll(value.s + 5, NULL, 10);
}

static void
remember(struct runq *q, const char *account, const char *address, int64_t last)
{
	static struct str value;

	if (hour_of(q) < last + REFRESH || (!last && q->limit->expiry.left >= ADDRESSES_MAX))
		return;
	str_reset(&value);
	rec_addi(&value, "sent", hour_of(q));
	rec_end(&value);
	index_set(q->index, INDEX_LIMIT, key_of(ADDRESS, account, address), &value);
	q->limit->expiry.left += !last;
}

void
limit_released(struct runq *q, const struct row *row)
{
	if (row->account && row->rcpt)
		remember(q, row->account, row->rcpt, last_sent(q, row->account, row->rcpt));
}

/* ---- what comes in ---- */

/* Mail leaves the machine; what stays here bothers nobody else. */
static bool
leaves(const struct runq *q, const struct envelope *e, size_t i)
{
	char domain[DOMAIN_NAME_MAX];

	if (e->rcpt[i].mark[MARK_STATE] != STATE_TODO)
		return false;
	domain_of(domain, e->rcpt[i].address);
	return !local_transport(q->conf, domain);
}

/* Our own notices and reports. Anybody can take the null sender, or call his mail a report, but not our uid. */
static bool
is_ours(const struct envelope *e)
{
	return e->uid == geteuid() && (!*e->sender || tell_is_report(e));
}

static bool
was_taken(struct runq *q, const struct envelope *e)
{
	static struct str row;

	for (uint32_t n = 1; n <= e->nrcpt; n++)
		if (e->rcpt[n - 1].mark[MARK_HOLD] == HOLD_LIMIT || index_get(q->index, e->id, n, &row))
			return true;
	return false;
}

static void
hold(struct runq *q, struct limit_account *a, const struct envelope *e, struct str *why)
{
	char id[ID_SIZE];

	id_format(id, e->id);
	log_open(LOG_WARN, "limit-held");
	log_s("id", id);
	log_s("account", a->name);
	log_s("why", why->s);
	log_close();
	if (a->told == q->now / DAY || a->owed)
		return;
	a->owed = mem_dup(why->s);
	q->limit->owing++;
	limit_store(q, a);
}

const char *
limit_take(struct runq *q, const struct envelope *e)
{
	static struct str why;
	const char *name = intake_account(e);
	const struct conf_account *own = conf_account(q->conf, name);
	unsigned max = own ? own->max_messages : q->conf->max_messages;
	unsigned max_first = own ? own->max_first_recipients : q->conf->max_first_recipients;
	uint64_t messages = 0, first = 0;
	struct limit_account *a;
	struct limit_hour sum;

	if ((!max && !max_first) || is_ours(e) || was_taken(q, e))
		return NULL;
	a = account_get(q, name);
	sum = sum_up(q, a);
	for (size_t i = 0; i < e->nrcpt; i++)
		if (leaves(q, e, i)) {
			messages++;
			first += max_first && !last_sent(q, name, e->rcpt[i].address);
		}
	str_reset(&why);
	if (max && messages && sum.messages + messages > max)
		str_addf(&why, "over %u messages in 24 h for account %s: max-messages-per-day", max, name);
	else if (max_first && first && sum.first + first > max_first)
		str_addf(&why,
		    "over %u first-time recipients in 24 h for account %s: max-first-recipients-per-day",
		    max_first, name);
	if (why.len) {
		hold(q, a, e, &why);
		return why.s;
	}
	if (!messages)
		return NULL;
	for (size_t i = 0; i < e->nrcpt && max_first; i++)
		if (leaves(q, e, i))
			remember(q, name, e->rcpt[i].address, last_sent(q, name, e->rcpt[i].address));
	this_hour(q, a)->messages += (unsigned)messages;
	this_hour(q, a)->first += (unsigned)first;
	a->dirty = true;
	q->limit->dirty = true;
	return NULL;
}

bool
limit_holds(const struct runq *q, const struct envelope *e, unsigned n)
{
	return leaves(q, e, n - 1) && e->rcpt[n - 1].mark[MARK_HOLD] == HOLD_NONE;
}

static void
store_dirty(struct hnode *n, void *arg)
{
	struct limit_account *a = account_of(n);

	if (a->dirty)
		limit_store(arg, a);
	a->dirty = false;
}

void
limit_commit(struct runq *q)
{
	if (q->limit->dirty)
		hash_each(&q->limit->accounts, store_dirty, q);
	q->limit->dirty = false;
}

/* ---- what grows old ---- */

static bool
is_old(struct runq *q, struct index_key key, char *value, size_t len)
{
	(void)len;
	return *(const char *)key.p == ADDRESS && is_forgotten(q, value);
}

void
limit_round(struct runq *q)
{
	q->limit->expiry.table = INDEX_LIMIT;
	q->limit->expiry.is_old = is_old;
	expire_round(q, &q->limit->expiry);
	letter_round(q);
}
