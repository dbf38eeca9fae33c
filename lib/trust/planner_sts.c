#include "base.h"

#include "log.h"
#include "planning.h"

/* Keyed on the recipient domain, or on the relay: neither what it is an alias for nor a domain above it has a say (T42). */

enum { FIRST = 1, WITH_ADDRESSES };

/* Seconds that a plan without a policy that may be there holds: mail that is new has its own patience (T46). */
#define DOUBT_TTL 60

static struct lookup *
question_find(const struct making *m, unsigned round)
{
	for (size_t i = 0; i < m->l->n; i++)
		if (m->l->v[i].kind == LOOKUP_STS && m->l->v[i].type == round)
			return &m->l->v[i];
	return NULL;
}

/* The answer, or NULL: it is to be waited for. Takes what q owns. */
static const struct sts_reply *
question_need(struct making *m, unsigned round, struct sts_question *q)
{
	struct lookup *found = question_find(m, round);
	struct lookups *l = m->l;

	if (!found) {
		l->v = mem_grow(l->v, l->n + 1, sizeof *l->v);
		found = &l->v[l->n++];
		*found = (struct lookup){.kind = LOOKUP_STS, .name = mem_dup(m->domain), .type = round};
		found->question = mem_alloc(sizeof *q);
		*found->question = *q;
	} else {
		sts_question_free(q);
	}
	m->waiting = m->waiting || !found->reply;
	return found->reply;
}

static const struct sts_reply *
reply_first(struct making *m, enum sts_txt txt, const char *id)
{
	struct sts_question q = {.domain = mem_dup(m->domain), .txt = txt};

	snprintf(q.id, sizeof q.id, "%s", id);
	return question_need(m, FIRST, &q);
}

static const struct sts_reply *
reply_with_addresses(struct making *m, enum sts_txt txt, const char *id)
{
	struct sts_question q = {.domain = mem_dup(m->domain), .txt = txt};
	char host[DNS_NAME_SIZE];
	const struct dns_answer *aaaa, *a;

	snprintf(host, sizeof host, "mta-sts.%.244s", m->domain);
	aaaa = making_need(m, host, DNS_AAAA);
	a = making_need(m, host, DNS_A);
	if (!aaaa || !a) {
		sts_question_free(&q);
		return NULL;
	}
	snprintf(q.id, sizeof q.id, "%s", id);
	sts_question_addresses(&q, aaaa, a);
	return question_need(m, WITH_ADDRESSES, &q);
}

static const struct sts_reply *
reply_last(const struct making *m)
{
	const struct lookup *l = question_find(m, WITH_ADDRESSES);

	l = l ? l : question_find(m, FIRST);
	return l ? l->reply : NULL;
}

/* ---- what is made of it ---- */

static void
policy_take(struct making *m, const struct sts_reply *r)
{
	struct plan_sts *s = &m->p->sts;

	if (r->policy.mode == STS_MODE_NONE)
		return;
	s->mode = mem_dup(sts_mode_word(r->policy.mode));
	s->domain = mem_dup(m->domain);
	s->id = mem_dup(r->id);
	s->max_age = r->policy.max_age;
	for (size_t i = 0; i < r->policy.mx.n && i < PLAN_STS_MX_MAX; i++)
		plan_list_add(&s->mx, r->policy.mx.v[i]);
}

static void
count_add(
    struct making *m, const char *result, const char *mx, const char *why, const struct sts_policy *policy)
{
	struct str s = {0};

	if (m->p->count.n == PLAN_COUNT_MAX)
		return;
	sts_count(&s, m->domain, result, mx, why);
	if (policy)
		sts_count_policy(&s, policy);
	plan_list_add(&m->p->count, str_cstr(&s));
	str_free(&s);
}

void
sts_count_strangers(struct making *m)
{
	const struct sts_reply *r = reply_last(m);

	count_add(
	    m, "validation-failure", NULL, "no mail host is named by the policy", r ? &r->policy : NULL);
}

/* Nobody knows whether there is a policy. false: the mail waits; with patience not for ever, but only when mox-mtasts has
 * said that none is kept: what it would have said is not to be outwaited (T38). A relay waits for none: all mail goes by
 * it, and where names stand in /etc/hosts there may be no DNS at all. */
static bool
doubt_settle(struct making *m, const char *why, const struct dns_answer *txt, bool patience)
{
	struct lookup *l = question_find(m, FIRST);

	m->policy_failed = why;
	making_ttl(m, DOUBT_TTL);
	if (m->r->need == NEED_LENIENT)
		return true;
	if (!patience || (!m->r->host && m->r->attempts < PLAN_STS_PATIENCE)) {
		making_refuse(m, PLAN_LATER, "4.4.3",
		    "unable to find out whether %s has an MTA-STS policy: %s", m->domain, why);
		m->p->network_down = txt->unreachable;
		return false;
	}
	if (l && !l->told) {
		l->told = true;
		log_open(LOG_WARN, "sts-given-up");
		log_s("domain", m->domain);
		log_s("error", why);
		log_close();
	}
	return true;
}

bool
sts_find(struct making *m)
{
	const struct dns_answer *txt;
	const struct sts_reply *r;
	char name[DNS_NAME_SIZE], id[STS_ID_MAX + 1];
	const char *why;
	enum sts_txt said;

	if (strlen(m->domain) > STS_DOMAIN_MAX)
		return true;
	snprintf(name, sizeof name, "_mta-sts.%.244s", m->domain);
	if (!(txt = making_need(m, name, DNS_TXT)))
		return false;
	said = sts_txt_read(txt, id, &why);
	r = reply_first(m, said, id);
	if (r && r->kind == STS_REPLY_ADDRESSES)
		r = reply_with_addresses(m, said, id);
	if (!r)
		return false;
	/* As a denial of TLSA records, one of the policy does not shorten the plan's life. */
	if (txt->status == DNS_DATA)
		making_ttl(m, txt->ttl);
	making_ttl(m, r->ttl);
	if (r->result) {
		count_add(m, r->result, NULL, r->why, r->kind == STS_REPLY_POLICY ? &r->policy : NULL);
		m->policy_failed = r->kind == STS_REPLY_NONE ? r->why : NULL;
	}
	switch (r->kind) {
	case STS_REPLY_POLICY: policy_take(m, r); return true;
	case STS_REPLY_NONE: return true;
	case STS_REPLY_UNDECIDED: return doubt_settle(m, why ? why : "no answer", txt, true);
	default: return doubt_settle(m, r->why ? r->why : "mox-mtasts gives no answer", txt, false);
	}
}

enum sts_verdict
sts_judge(struct making *m, const char *host)
{
	const struct sts_reply *r = reply_last(m);
	bool named = r && sts_mx_match(&r->policy.mx, host);

	if (!m->p->sts.mode)
		return STS_NONE;
	if (!strcmp(m->p->sts.mode, "enforce"))
		return named ? STS_ENFORCE : STS_ENFORCE_STRANGER;
	return named ? STS_TESTING : STS_TESTING_STRANGER;
}
