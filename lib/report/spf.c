/* Evaluation (RFC 7208 4, 5, 6.1). A record is parsed whole before any of it counts: a broken term is an error, wherever it
 * stands. */
#include "base.h"

#include "spf_record.h"

#include <arpa/inet.h>

const char *const spf_words[] = {"none", "neutral", "pass", "fail", "softfail", "temperror", "permerror"};

struct check {
	const struct spf_question *q;
	struct spf_answer *a;
	struct spf_values v; /* v.domain: of the record at hand */
	struct str sender, local, validated;
	bool asked_validated;
};

/* Of a mechanism. */
enum matched { NO_MATCH, MATCH, MATCH_TEMP, MATCH_PERM };

static enum spf_result evaluate(struct check *c, const char *domain);

static void
say(struct check *c, const char *fmt, const char *one, const char *two)
{
	str_reset(&c->a->why);
	str_addf(&c->a->why, fmt, one, two);
}

/* ---- asking ---- */

static bool
has_data(const struct lookup *l)
{
	return l->status == LOOKUP_DATA && l->data.n;
}

static bool
failed(const struct lookup *l)
{
	return l->status == LOOKUP_FAIL || l->status == LOOKUP_BOGUS || l->status == LOOKUP_UNKNOWN;
}

/* A question of a term: NO_MATCH and *l, or why the term ends here. */
static enum matched
ask(struct check *c, const struct lookup **l, const char *type, const char *name)
{
	*l = c->q->ask(c->q->arg, type, name);
	if (failed(*l)) {
		say(c, "the %s record of %s cannot be looked up", type, name);
		return MATCH_TEMP;
	}
	if (!has_data(*l) && ++c->a->voids > SPF_VOID) {
		say(c, "more than two questions find nothing, the last for the %s record of %s", type, name);
		return MATCH_PERM;
	}
	return NO_MATCH;
}

static const char *
address_type(const struct check *c)
{
	return c->v.ip.family == AF_INET ? "A" : "AAAA";
}

static bool
is_among(const struct check *c, const struct lookup *l, unsigned bits)
{
	struct spf_ip ip;

	for (size_t i = 0; i < l->data.n; i++)
		if (spf_ip_parse(&ip, l->data.v[i]) && spf_ip_in(&c->v.ip, &ip, bits))
			return true;
	return false;
}

static unsigned
bits_of(const struct check *c, const struct spf_term *t)
{
	return c->v.ip.family == AF_INET ? t->bits4 : t->bits6;
}

/* ---- names of the address (RFC 7208 5.5) ---- */

static void
cut_dot(char *name)
{
	size_t n = strlen(name);

	if (n && name[n - 1] == '.')
		name[n - 1] = 0;
}

/* 2: is it, 1: lies below, 0 */
static int
lies_in(const char *name, const char *domain)
{
	size_t n = strlen(name), d = strlen(domain);

	if (str_ieq(name, domain))
		return 2;
	return n > d && name[n - d - 1] == '.' && str_ieq(name + n - d, domain);
}

/* The first validated name that is the domain, else one below it, else (any) any; NULL. */
static char *
validated_name(struct check *c, const char *domain, bool any)
{
	struct str reverse = {0};
	const struct lookup *l, *addresses;
	char *best = NULL;
	int best_rank = any ? -1 : 0;

	spf_ip_reverse(&reverse, &c->v.ip);
	str_adds(&reverse, c->v.ip.family == AF_INET ? ".in-addr.arpa" : ".ip6.arpa");
	l = c->q->ask(c->q->arg, "PTR", reverse.s);
	if (!failed(l) && !has_data(l))
		c->a->voids++;
	for (size_t i = 0; has_data(l) && i < l->data.n && i < SPF_HOSTS; i++) {
		char *name = mem_dup(l->data.v[i]);
		int rank;

		cut_dot(name);
		rank = lies_in(name, domain);
		addresses = rank > best_rank ? c->q->ask(c->q->arg, address_type(c), name) : NULL;
		if (addresses && has_data(addresses) &&
		    is_among(c, addresses, c->v.ip.family == AF_INET ? 32 : 128)) {
			best_rank = rank;
			free(best);
			best = name;
		} else {
			free(name);
		}
	}
	str_free(&reverse);
	return best;
}

static const char *
macro_p(void *arg)
{
	struct check *c = arg;
	char *name;

	if (!c->asked_validated) {
		c->asked_validated = true;
		name = validated_name(c, c->v.domain, true);
		str_adds(&c->validated, name ? name : "unknown");
		free(name);
	}
	return str_cstr(&c->validated);
}

/* ---- mechanisms ---- */

static enum matched
match_a(struct check *c, const struct spf_term *t, const char *name)
{
	const struct lookup *l;
	enum matched m = ask(c, &l, address_type(c), name);

	return m != NO_MATCH ? m : is_among(c, l, bits_of(c, t)) ? MATCH : NO_MATCH;
}

static enum matched
match_mx(struct check *c, const struct spf_term *t, const char *name)
{
	const struct lookup *mx;
	enum matched m = ask(c, &mx, "MX", name);

	if (m != NO_MATCH)
		return m;
	if (mx->data.n > SPF_HOSTS) {
		say(c, "%s has more than ten MX records%s", name, "");
		return MATCH_PERM;
	}
	for (size_t i = 0; m == NO_MATCH && i < mx->data.n; i++) {
		const char *space = strchr(mx->data.v[i], ' ');
		char *host = mem_dup(space ? space + 1 : "");

		cut_dot(host);
		if (*host)
			m = match_a(c, t, host);
		free(host);
	}
	return m;
}

static enum matched
match_include(struct check *c, const char *name)
{
	char *outer = mem_dup(name);
	const char *domain = c->v.domain;
	enum spf_result r = evaluate(c, outer);

	c->v.domain = domain;
	if (r == SPF_NONE)
		say(c, "%s includes %s, which has no SPF record", domain, outer);
	free(outer);
	switch (r) {
	case SPF_PASS: return MATCH;
	case SPF_TEMPERROR: return MATCH_TEMP;
	case SPF_PERMERROR:
	case SPF_NONE: return MATCH_PERM;
	default: return NO_MATCH;
	}
}

static bool
asks_dns(enum spf_kind kind)
{
	return kind != SPF_ALL && kind != SPF_IP4 && kind != SPF_IP6 && kind < SPF_EXP;
}

/* A term that asks DNS is one of ten. */
static bool
may_ask(struct check *c, const struct spf_term *t)
{
	if (!asks_dns(t->kind) || ++c->a->lookups <= SPF_LOOKUPS)
		return true;
	say(c, "more than ten terms ask DNS, the last of them \"%s\" of %s", t->text, c->v.domain);
	return false;
}

static enum matched
match(struct check *c, const struct spf_term *t)
{
	struct str name = {0};
	const struct lookup *l;
	enum matched m = NO_MATCH;
	char *validated;

	if (!may_ask(c, t))
		return MATCH_PERM;
	if (t->spec)
		spf_expand(&name, t->spec, &c->v);
	else
		str_adds(&name, c->v.domain);
	switch (t->kind) {
	case SPF_ALL: m = MATCH; break;
	case SPF_IP4:
	case SPF_IP6: m = spf_ip_in(&c->v.ip, &t->net, t->bits4) ? MATCH : NO_MATCH; break;
	case SPF_A: m = match_a(c, t, name.s); break;
	case SPF_MX: m = match_mx(c, t, name.s); break;
	case SPF_INCLUDE: m = match_include(c, name.s); break;
	case SPF_PTR:
		validated = validated_name(c, name.s, false);
		m = validated ? MATCH : NO_MATCH;
		if (m == NO_MATCH && c->a->voids > SPF_VOID) {
			say(c,
			    "more than two questions find nothing, the last for the names of the address%s%s",
			    "", "");
			m = MATCH_PERM;
		}
		free(validated);
		break;
	case SPF_EXISTS: /* of an IPv6 address, too */
		m = ask(c, &l, "A", name.s);
		m = m != NO_MATCH ? m : has_data(l) ? MATCH : NO_MATCH;
		break;
	default: break;
	}
	str_free(&name);
	return m;
}

/* ---- records ---- */

static const struct spf_term *
find(const struct spf_record *r, enum spf_kind kind)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->term[i].kind == kind)
			return &r->term[i];
	return NULL;
}

static enum spf_result
redirect(struct check *c, const struct spf_term *t)
{
	struct str name = {0};
	enum spf_result r;

	if (!may_ask(c, t))
		return SPF_PERMERROR;
	spf_expand(&name, t->spec, &c->v);
	r = evaluate(c, name.s);
	if (r == SPF_NONE) {
		say(c, "%s leads on to %s, which has no SPF record", c->v.domain, name.s);
		r = SPF_PERMERROR;
	}
	str_free(&name);
	return r;
}

static enum spf_result
evaluate_record(struct check *c, const struct spf_record *r)
{
	const struct spf_term *t;

	for (size_t i = 0; i < r->n; i++) {
		t = &r->term[i];
		if (t->kind >= SPF_REDIRECT)
			continue;
		switch (match(c, t)) {
		case MATCH: say(c, "\"%s\" of %s", t->text, c->v.domain); return t->match;
		case MATCH_TEMP: return SPF_TEMPERROR;
		case MATCH_PERM: return SPF_PERMERROR;
		default: break;
		}
	}
	if ((t = find(r, SPF_REDIRECT)))
		return redirect(c, t);
	say(c, "no term of %s is about it%s", c->v.domain, "");
	return SPF_NEUTRAL;
}

/* RFC 7208 4.3. */
static bool
domain_fits(const char *domain)
{
	bool dots = false;
	size_t n;

	if (strlen(domain) > 253)
		return false;
	for (const char *p = domain;; p += n + 1) {
		n = strcspn(p, ".");
		if (!n || n > 63)
			return dots && !*p && p > domain; /* a dot at the end */
		if (!p[n])
			return dots;
		dots = true;
	}
}

/* The one record among the TXT records, in out; else a result. */
static enum spf_result
select_record(struct check *c, const struct lookup *l, const char *domain, struct str *out)
{
	struct str text = {0};
	unsigned found = 0;

	for (size_t i = 0; has_data(l) && i < l->data.n; i++) {
		str_reset(&text);
		if (!txt_join(&text, l->data.v[i]) || !spf_is_record(str_cstr(&text)))
			continue;
		if (!found++)
			str_adds(out, text.s);
	}
	str_free(&text);
	if (found > 1)
		say(c, "%s has more than one SPF record%s", domain, "");
	else if (!found)
		say(c, "%s has no SPF record%s", domain, "");
	return found > 1 ? SPF_PERMERROR : found ? SPF_PASS : SPF_NONE;
}

static enum spf_result
evaluate(struct check *c, const char *domain)
{
	struct spf_record *r;
	struct str text = {0}, why = {0};
	const struct lookup *l;
	enum spf_result result;

	if (!domain_fits(domain)) {
		say(c, "%s is no domain name of several parts%s", domain, "");
		return SPF_NONE;
	}
	l = c->q->ask(c->q->arg, "TXT", domain);
	if (failed(l)) {
		say(c, "the TXT record of %s cannot be looked up%s", domain, "");
		return SPF_TEMPERROR;
	}
	result = select_record(c, l, domain, &text);
	if (result != SPF_PASS) {
		str_free(&text);
		return result;
	}
	c->v.domain = domain;
	r = mem_zalloc(sizeof *r);
	if (spf_record_parse(r, text.s, &why)) {
		result = evaluate_record(c, r);
	} else {
		say(c, "the SPF record of %s %s", domain, str_cstr(&why));
		result = SPF_PERMERROR;
	}
	spf_record_free(r);
	free(r);
	str_free(&why);
	str_free(&text);
	return result;
}

static bool
check_start(struct check *c, const struct spf_question *q, struct spf_answer *a)
{
	const char *at = q->sender ? strrchr(q->sender, '@') : NULL;

	*c = (struct check){.q = q, .a = a};
	if (at && at > q->sender)
		str_add(&c->local, q->sender, (size_t)(at - q->sender));
	else
		str_adds(&c->local, "postmaster");
	str_addf(&c->sender, "%s@%s", c->local.s, at ? at + 1 : q->domain);
	c->v = (struct spf_values){.sender = c->sender.s,
	    .local = c->local.s,
	    .sender_domain = strrchr(c->sender.s, '@') + 1,
	    .domain = q->domain,
	    .helo = q->helo ? q->helo : q->domain,
	    .validated = q->ask ? macro_p : NULL,
	    .arg = c};
	return spf_ip_parse(&c->v.ip, q->ip);
}

static void
check_end(struct check *c)
{
	str_free(&c->sender);
	str_free(&c->local);
	str_free(&c->validated);
}

void
spf_check(struct spf_answer *a, const struct spf_question *q)
{
	struct check c;

	*a = (struct spf_answer){0};
	if (check_start(&c, q, a))
		a->result = evaluate(&c, q->domain);
	else
		say(&c, "%s is no address%s", q->ip, "");
	str_adds(&a->why, "");
	check_end(&c);
}

bool
spf_expand_text(struct str *out, const char *spec, const struct spf_question *q)
{
	struct spf_answer a = {0};
	struct check c;
	bool good = check_start(&c, q, &a) && spf_spec_ok(spec);

	if (good)
		spf_expand(out, spec, &c.v);
	check_end(&c);
	return good;
}
