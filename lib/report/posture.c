#include "base.h"

#include "clock.h"
#include "die.h"
#include "posture.h"
#include "rec.h"

void
posture_start(struct posture *p, const char *domain)
{
	*p = (struct posture){.domain = mem_dup(domain)};
}

void
lookup_free(struct lookup *l)
{
	free(l->name);
	free(l->canon);
	free(l->why);
	plan_list_free(&l->data);
}

static void
probe_free(struct posture_probe *b)
{
	char *text[] = {b->host, b->ip, b->port, b->greeting, b->offers, b->offers_in_tls, b->tls,
	    b->verified, b->login, b->error, b->starttls, b->pkix, b->sts, b->tlsa};

	for (size_t i = 0; i < ARRAY_LEN(text); i++)
		free(text[i]);
	for (size_t i = 0; i < b->ncert; i++) {
		struct posture_cert *c = &b->cert[i];

		free(c->subject);
		free(c->issuer);
		free(c->names);
		free(c->not_before);
		free(c->not_after);
		free(c->spki);
	}
	free(b->cert);
}

static void
policy_free(struct posture_policy *y)
{
	free(y->mode);
	free(y->id);
	free(y->result);
	free(y->why);
	plan_list_free(&y->mx);
	*y = (struct posture_policy){0};
}

void
posture_free(struct posture *p)
{
	char *text[] = {p->domain, p->plan_why, p->probe_why, p->validation_why, p->validation_word,
	    p->verdict, p->sts_id, p->requiretls_why, p->proxy};

	for (size_t i = 0; i < ARRAY_LEN(text); i++)
		free(text[i]);
	plan_free(&p->plan);
	plan_free(&p->strict);
	lookup_free(&p->mx);
	lookup_free(&p->sts_txt);
	lookup_free(&p->tlsrpt_txt);
	policy_free(&p->policy);
	plan_list_free(&p->rua);
	plan_list_free(&p->seen_as);
	for (size_t i = 0; i < p->nhost; i++) {
		free(p->host[i].name);
		lookup_free(&p->host[i].a);
		lookup_free(&p->host[i].aaaa);
		lookup_free(&p->host[i].tlsa);
		lookup_free(&p->host[i].tlsa_canon);
	}
	for (size_t i = 0; i < p->nprobe; i++)
		probe_free(&p->probe[i]);
	free(p->probe);
	for (size_t i = 0; i < p->nremark; i++) {
		free(p->remark[i].about);
		free(p->remark[i].text);
	}
	free(p->remark);
	*p = (struct posture){0};
}

/* ---- records ---- */

/* Calls take for each line. A line that take does not want, or a record without end, is a fault. */
static const char *
record_read(char *buf, size_t n, bool (*take)(void *, const char *key, char *value), void *arg)
{
	struct rec_in in = {buf, buf + n};
	char *key, *value;
	enum rec_got got;

	while ((got = rec_next(&in, &key, &value)) == REC_LINE)
		if (!take(arg, key, value))
			return "a line in it is broken";
	return got == REC_END ? NULL : "it is no whole record";
}

static bool
set(char **to, const char *value)
{
	if (!value)
		return false;
	free(*to);
	*to = mem_dup(value);
	return true;
}

static enum yes_no
known_word(const char *s)
{
	return !s ? NOT_KNOWN : !strcmp(s, "yes") ? KNOWN_YES : !strcmp(s, "no") ? KNOWN_NO : NOT_KNOWN;
}

static bool
take_lookup(void *arg, const char *key, char *value)
{
	static const char *const words[] = {"", "data", "nodata", "nxdomain", "bogus", "fail"};
	struct lookup *l = arg;

	if (!(value = rec_text(value)))
		return false;
	if (!strcmp(key, "answer")) {
		for (size_t i = 1; i < ARRAY_LEN(words); i++)
			if (!strcmp(value, words[i]))
				l->status = (enum lookup_status)i;
		return l->status != LOOKUP_UNKNOWN;
	}
	if (!strcmp(key, "dnssec"))
		l->secure = !strcmp(value, "secure");
	else if (!strcmp(key, "name"))
		set(&l->name, value);
	else if (!strcmp(key, "canon"))
		set(&l->canon, value);
	else if (!strcmp(key, "why"))
		set(&l->why, value);
	else if (!strcmp(key, "data"))
		plan_list_add(&l->data, value);
	return true;
}

const char *
lookup_read(struct lookup *l, struct str *rec)
{
	return rec->len ? record_read(rec->s, rec->len, take_lookup, l) : NULL;
}

/* What mox-nexthop -v adds to a plan. */
static bool
take_support(void *arg, const char *key, char *value)
{
	struct posture *p = arg;
	char *field, *v;

	if (strcmp(key, "support"))
		return true;
	while ((field = rec_field(&value))) {
		if ((v = rec_option(field, "starttls")))
			p->starttls = known_word(v);
		else if ((v = rec_option(field, "requiretls")))
			p->requiretls = known_word(v);
		else if ((v = rec_option(field, "seen")) && !clock_parse(v, &p->seen))
			p->seen = 0;
	}
	return true;
}

const char *
posture_read_plan(struct posture *p, struct str *rec)
{
	struct str copy = {0};
	const char *bad;

	if (!rec->len)
		return NULL;
	str_add(&copy, rec->s, rec->len);
	if (!(bad = record_read(copy.s, copy.len, take_support, p)))
		bad = plan_parse(&p->plan, rec->s, rec->len);
	str_free(&copy);
	p->planned = !bad;
	return bad;
}

const char *
posture_read_strict(struct posture *p, struct str *rec)
{
	const char *bad = rec->len ? plan_parse(&p->strict, rec->s, rec->len) : NULL;

	p->strict_planned = rec->len && !bad;
	return bad;
}

static bool
take_policy(void *arg, const char *key, char *value)
{
	struct posture_policy *y = arg;

	if (!(value = rec_text(value)))
		return false;
	if (!strcmp(key, "mode"))
		return set(&y->mode, value);
	if (!strcmp(key, "id"))
		return set(&y->id, value);
	if (!strcmp(key, "result"))
		return set(&y->result, value);
	if (!strcmp(key, "why"))
		return set(&y->why, value);
	if (!strcmp(key, "state"))
		y->expired = !strcmp(value, "expired");
	if (!strcmp(key, "max-age"))
		return str_number(value, INT64_MAX, &y->max_age);
	if (!strcmp(key, "mx"))
		plan_list_add(&y->mx, value);
	return true;
}

const char *
posture_read_policy(struct posture *p, struct str *rec)
{
	struct posture_policy *y = &p->policy;
	const char *bad;

	if (!rec->len)
		return NULL;
	y->read = true;
	bad = record_read(rec->s, rec->len, take_policy, y);
	if (y->expired) {
		free(y->mode);
		y->mode = NULL;
	}
	return bad;
}

/* A fetch that failed says why, and leaves in force what is kept. */
const char *
posture_read_fetched(struct posture *p, struct str *rec)
{
	struct posture_policy y = {.read = true}, *kept = &p->policy;
	const char *bad = rec->len ? record_read(rec->s, rec->len, take_policy, &y) : NULL;

	if (y.mode) {
		policy_free(kept);
		*kept = y;
		return bad;
	}
	kept->read |= rec->len > 0;
	if (y.result) {
		set(&kept->result, y.result);
		set(&kept->why, y.why ? y.why : "");
	}
	policy_free(&y);
	return bad;
}

static bool
take_validation(void *arg, const char *key, char *value)
{
	struct posture *p = arg;

	if (!(value = rec_text(value)))
		return false;
	if (!strcmp(key, "validation")) {
		set(&p->validation_word, value);
		p->validation = !strcmp(value, "works")    ? KNOWN_YES
		                : !strcmp(value, "broken") ? KNOWN_NO
		                                           : NOT_KNOWN;
	} else if (!strcmp(key, "why"))
		set(&p->validation_why, value);
	return true;
}

const char *
posture_read_validation(struct posture *p, struct str *rec)
{
	return rec->len ? record_read(rec->s, rec->len, take_validation, p) : NULL;
}

/* ---- probes ---- */

static bool
take_cert(struct posture_probe *b, char *value)
{
	struct posture_cert *c;
	char *field = rec_field(&value), *v;

	if (!field)
		return false;
	b->cert = mem_grow(b->cert, b->ncert + 1, sizeof *b->cert);
	c = &b->cert[b->ncert++];
	*c = (struct posture_cert){.subject = mem_dup(field)};
	while ((field = rec_field(&value))) {
		if ((v = rec_option(field, "issuer")))
			set(&c->issuer, v);
		else if ((v = rec_option(field, "names")))
			set(&c->names, v);
		else if ((v = rec_option(field, "not-before")))
			set(&c->not_before, v);
		else if ((v = rec_option(field, "not-after")))
			set(&c->not_after, v);
		else if ((v = rec_option(field, "spki-sha256")))
			set(&c->spki, v);
	}
	return true;
}

static bool
take_probe(void *arg, const char *key, char *value)
{
	struct posture_probe *b = arg;
	const struct {
		const char *key;
		char **to;
	} texts[] = {{"greeting", &b->greeting}, {"offers", &b->offers}, {"offers-in-tls", &b->offers_in_tls},
	    {"tls", &b->tls}, {"verified", &b->verified}, {"starttls", &b->starttls}, {"pkix", &b->pkix},
	    {"sts", &b->sts}, {"tlsa", &b->tlsa}, {"login", &b->login}, {"error", &b->error}};

	if (!strcmp(key, "probe")) {
		char *host = rec_field(&value), *ip = host ? rec_field(&value) : NULL,
		     *port = ip ? rec_field(&value) : NULL;

		return host && set(&b->host, host) && (!ip || set(&b->ip, ip)) &&
		       (!port || set(&b->port, port));
	}
	if (!strcmp(key, "cert"))
		return take_cert(b, value);
	if (!(value = rec_text(value)))
		return false;
	if (!strcmp(key, "requiretls"))
		b->requiretls = known_word(value);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (!strcmp(key, texts[i].key))
			return set(texts[i].to, value);
	return true;
}

const char *
posture_read_probes(struct posture *p, struct str *recs)
{
	const char *bad = NULL;
	size_t n;

	for (size_t off = 0; !bad && off < recs->len; off += n) {
		struct posture_probe b = {0};

		if (!(n = rec_whole(recs->s + off, recs->len - off)))
			return "it is no whole record";
		bad = record_read(recs->s + off, n, take_probe, &b);
		if (!bad && b.host && p->nprobe < POSTURE_PROBE_MAX) {
			p->probe = mem_grow(p->probe, p->nprobe + 1, sizeof *p->probe);
			p->probe[p->nprobe++] = b;
		} else
			probe_free(&b);
	}
	return bad;
}

/* ---- hosts ---- */

static bool
before(unsigned pref, const char *name, const struct posture_host *h)
{
	return pref != h->pref ? pref < h->pref : strcmp(name, h->name) < 0;
}

static struct posture_host *
host_add(struct posture *p, const char *name, unsigned pref)
{
	size_t at;

	for (size_t i = 0; i < p->nhost; i++)
		if (!strcmp(p->host[i].name, name))
			return &p->host[i];
	if (p->nhost == POSTURE_HOST_MAX)
		return NULL;
	for (at = p->nhost++; at && before(pref, name, &p->host[at - 1]); at--)
		p->host[at] = p->host[at - 1];
	p->host[at] = (struct posture_host){.name = mem_dup(name), .pref = pref, .hop = -1};
	return &p->host[at];
}

/* "10 mx.example.com." */
static void
host_add_mx(struct posture *p, const char *data)
{
	size_t digits = strspn(data, "0123456789"), n = strlen(data);
	char *pref = mem_dupn(data, digits), *name;
	struct posture_host *h;
	uint64_t v;

	if (str_number(pref, 65535, &v) && data[digits] == ' ' && n > digits + 2 && data[n - 1] == '.') {
		name = mem_dupn(data + digits + 1, n - digits - 2);
		if ((h = host_add(p, name, (unsigned)v)))
			h->in_mx = true;
		free(name);
	}
	free(pref);
}

/* The plan's policy, where mox-mtasts said nothing. */
static void
policy_from_plan(struct posture *p)
{
	const struct plan_sts *s = &p->plan.sts;

	if (p->policy.mode || !s->mode)
		return;
	p->policy.mode = mem_dup(s->mode);
	p->policy.id = s->id ? mem_dup(s->id) : NULL;
	p->policy.max_age = s->max_age;
	for (size_t i = 0; i < s->mx.n; i++)
		plan_list_add(&p->policy.mx, s->mx.v[i]);
}

void
posture_hosts(struct posture *p)
{
	policy_from_plan(p);
	for (size_t i = 0; i < p->plan.nhop; i++)
		(void)host_add(p, p->plan.hop[i].host, p->plan.hop[i].pref);
	for (size_t i = 0; i < p->mx.data.n; i++)
		host_add_mx(p, p->mx.data.v[i]);
	for (size_t i = 0; i < p->nhost; i++)
		for (size_t k = 0; k < p->plan.nhop; k++)
			if (!strcmp(p->host[i].name, p->plan.hop[k].host))
				p->host[i].hop = (int)k;
}

bool
txt_join(struct str *out, const char *s)
{
	while (*s == '"') {
		for (s++; *s && *s != '"'; s++) {
			if (*s != '\\' || !s[1]) {
				str_addc(out, *s);
			} else if (strspn(s + 1, "0123456789") >= 3) {
				str_addc(out, (char)((s[1] - '0') * 100 + (s[2] - '0') * 10 + s[3] - '0'));
				s += 3;
			} else
				str_addc(out, *++s);
		}
		if (*s++ != '"')
			return false;
		while (*s == ' ')
			s++;
	}
	return !*s;
}
