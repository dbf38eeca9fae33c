#include "base.h"

#include "clock.h"
#include "die.h"
#include "dkim.h"
#include "dmarc.h"
#include "spf.h"
#include "standing.h"

#define KEY_TIME (20 * SECOND)

/* ---- SPF ---- */

/* The terms that let all addresses pass. */
static void
terms(struct str *out, const struct standing *s)
{
	for (size_t i = 0; i < s->addresses->n; i++) {
		const struct sending *a = &s->addresses->v[i];

		if (!a->not_seen)
			str_addf(out, " %s:%s", strchr(a->ip, ':') ? "ip6" : "ip4", a->ip);
	}
}

static void
judge_spf(const struct standing *s, const struct sending *from, const struct spf_answer *a)
{
	static const enum weight weights[] = {[SPF_NONE] = FINDING_WARNING,
	    [SPF_NEUTRAL] = FINDING_WARNING,
	    [SPF_PASS] = FINDING_OK,
	    [SPF_FAIL] = FINDING_CRITICAL,
	    [SPF_SOFTFAIL] = FINDING_WARNING,
	    [SPF_TEMPERROR] = FINDING_UNKNOWN,
	    [SPF_PERMERROR] = FINDING_CRITICAL};
	struct findings *f = s->found;

	finding_add(f, weights[a->result], "spf", "%s from %s (%s): %s, by %u of %d lookups: %s", s->domain,
	    from->ip, from->how, spf_words[a->result], a->lookups, SPF_LOOKUPS, a->why.s);
	if (a->result == SPF_FAIL || a->result == SPF_SOFTFAIL || a->result == SPF_NEUTRAL)
		finding_todo(f, "put %s:%s into the SPF record of %s", strchr(from->ip, ':') ? "ip6" : "ip4",
		    from->ip, s->domain);
	else if (a->result == SPF_PERMERROR)
		finding_todo(f, "mend the SPF record: receivers take it for none, or refuse the mail");
}

static bool
is_first_with_name(const struct sendings *l, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (!l->v[i].not_seen && !strcmp(l->v[i].ip, l->v[at].ip))
			return false;
	return true;
}

/* Mail without a sender, such as notices, is judged by the EHLO name (RFC 7208 2.4). */
static void
look_ehlo(const struct standing *s, const struct sending *from)
{
	struct spf_question q = {.ip = from->ip, .domain = from->ehlo, .ask = asker_ask, .arg = s->asker};
	struct spf_answer a;

	if (str_ieq(from->ehlo, s->domain))
		return;
	spf_check(&a, &q);
	if (a.result == SPF_NONE) {
		finding_add(
		    s->found, FINDING_OK, "spf-ehlo", "%s says nothing of who may use its name", from->ehlo);
		finding_todo(
		    s->found, "notices are judged by it; publish %s. TXT \"v=spf1 a -all\"", from->ehlo);
	} else {
		finding_add(s->found,
		    a.result == SPF_PASS        ? FINDING_OK
		    : a.result == SPF_TEMPERROR ? FINDING_UNKNOWN
						: FINDING_WARNING,
		    "spf-ehlo", "%s from %s: %s: %s", from->ehlo, from->ip, spf_words[a.result], a.why.s);
		if (a.result != SPF_PASS && a.result != SPF_TEMPERROR)
			finding_todo(
			    s->found, "notices are judged by it; mend the SPF record of %s", from->ehlo);
	}
	str_free(&a.why);
}

void
standing_spf(const struct standing *s)
{
	unsigned pass = 0, all = 0;
	bool none = false;

	for (size_t i = 0; i < s->addresses->n; i++) {
		const struct sending *from = &s->addresses->v[i];
		struct spf_question q = {.ip = from->ip,
		    .domain = s->domain,
		    .helo = from->ehlo,
		    .ask = asker_ask,
		    .arg = s->asker};
		struct spf_answer a;

		if (from->not_seen)
			continue;
		if (is_first_with_name(s->addresses, i)) {
			spf_check(&a, &q);
			all++;
			pass += a.result == SPF_PASS;
			if (a.result != SPF_NONE)
				judge_spf(s, from, &a);
			none = none || a.result == SPF_NONE;
			str_free(&a.why);
		}
		look_ehlo(s, from);
	}
	finding_figure(s->found, "addresses", "%u", all);
	finding_figure(s->found, "spf_pass", "%u", pass);
	if (none) {
		struct str text = {0};

		terms(&text, s);
		finding_add(s->found, FINDING_WARNING, "spf", "%s has no SPF record", s->domain);
		finding_todo(s->found, "publish %s. TXT \"v=spf1%s -all\"", s->domain, str_cstr(&text));
		str_free(&text);
	}
}

/* ---- DKIM ---- */

const struct conf_domain *
standing_section(const struct conf *c, const char *domain)
{
	for (const char *p = domain; p; p = strchr(p, '.') ? strchr(p, '.') + 1 : NULL) {
		const struct conf_domain *d = conf_domain(c, p);

		if (d)
			return d;
	}
	return NULL;
}

/* What mox-dkim txt prints, "( "..." "..." )" perhaps behind a name: the strings as a TXT answer has them. */
static const char *
strings(struct str *line)
{
	char *begin = strchr(str_cstr(line), '('), *end = begin ? strrchr(begin, ')') : NULL;

	if (!end)
		return "";
	while (end > begin && (end[-1] == ' ' || end[-1] == ')'))
		end--;
	*end = 0;
	return begin + 1 + strspn(begin + 1, " ");
}

/* p= without blanks, and k=, appended; false: it is no key record. */
static bool
key_of(struct str *out, const char *text)
{
	struct dkim_tags t;
	const char *p, *k;
	bool good;

	if (!dkim_tags_parse(&t, text, strlen(text)))
		return false;
	p = dkim_tag(&t, "p");
	k = dkim_tag(&t, "k");
	good = p != NULL;
	str_addf(out, "%s ", k ? k : "rsa");
	for (; good && *p; p++)
		if (!strchr(" \t\r\n", *p))
			str_addc(out, *p);
	dkim_tags_free(&t);
	return good;
}

/* A tag that is a list parted by colons, with that word or * in it; or that is not there. */
static bool
allows(const struct dkim_tags *t, const char *name, const char *word)
{
	const char *v = dkim_tag(t, name);
	size_t n = strlen(word);

	if (!v)
		return true;
	for (; *v; v += strcspn(v, ":"), v += *v == ':') {
		v += strspn(v, " \t");
		if (*v == '*' || (!strncasecmp(v, word, n) && !(v[n] && !strchr(": \t", v[n]))))
			return true;
	}
	return false;
}

/* What else the record says; NULL: nothing that is in the way. */
static const char *
in_the_way(const char *text)
{
	struct dkim_tags t;
	const char *why = NULL;

	if (!dkim_tags_parse(&t, text, strlen(text)))
		return "it is no list of tags";
	if (!allows(&t, "h", "sha256"))
		why = "its h= leaves out sha256";
	else if (!allows(&t, "s", "email"))
		why = "its s= leaves out email";
	else if (dkim_tag(&t, "t") && allows(&t, "t", "y"))
		why = "t=y says that this is a test, and not to be relied on";
	dkim_tags_free(&t);
	return why;
}

/* ours: of the key file, as key_of has it. record: to publish. */
static void
judge_key(const struct standing *s, const char *name, const char *ours, const char *record)
{
	const struct lookup *l = asker_ask(s->asker, "TXT", name);
	struct str text = {0}, theirs = {0};
	struct findings *f = s->found;
	const char *why;

	if (lookup_failed(l)) {
		finding_add(f, FINDING_UNKNOWN, "dkim", "%s cannot be looked up: %s", name,
		    l->why ? l->why : "no answer");
	} else if (!lookup_has(l) || !txt_join(&text, l->data.v[0])) {
		finding_add(
		    f, FINDING_CRITICAL, "dkim", "%s is not published: no signature by it passes", name);
		finding_todo(f, "publish %s. TXT %s", name, record);
	} else if (l->data.n > 1) {
		finding_add(f, FINDING_CRITICAL, "dkim", "%s has %zu TXT records where one is allowed", name,
		    l->data.n);
		finding_todo(f, "leave this one: TXT %s", record);
	} else if (!key_of(&theirs, str_cstr(&text))) {
		finding_add(f, FINDING_CRITICAL, "dkim", "%s is no record of a key", name);
		finding_todo(f, "publish %s. TXT %s", name, record);
	} else if (!str_ieq(theirs.s, ours) || strcmp(strchr(theirs.s, ' '), strchr(ours, ' ')) != 0) {
		finding_add(f, FINDING_CRITICAL, "dkim", "%s %s", name,
		    strchr(theirs.s, ' ')[1] ? "is not the key that signs here"
					     : "is revoked, and still signs here");
		finding_todo(f, "publish %s. TXT %s", name, record);
	} else if ((why = in_the_way(text.s))) {
		finding_add(f, FINDING_WARNING, "dkim", "%s is the key that signs here, but %s", name, why);
		finding_todo(f, "publish %s. TXT %s", name, record);
	} else {
		finding_add(f, FINDING_OK, "dkim", "%s is the key that signs here", name);
	}
	str_free(&theirs);
	str_free(&text);
}

static void
look_key(const struct standing *s, const char *domain, const struct conf_dkim *k)
{
	struct str name = {0}, value = {0}, ours = {0};
	struct gather g;
	const char *record;

	str_addf(&name, "%s._domainkey.%s", k->selector, domain);
	/* Keys are read by mox-dkim alone; this verb of it reads no configuration. */
	gather_make(&g, KEY_TIME, (const char *const[]){"mox-dkim", "txt", k->key, NULL});
	gather_run(&g, 1, 1);
	record = strings(&g.out);
	if (g.code || !txt_join(&value, record) || !key_of(&ours, str_cstr(&value))) {
		finding_add(
		    s->found, FINDING_UNKNOWN, "dkim", "%s cannot be compared: %s", name.s, doctor_why(&g));
		finding_todo(s->found, "run this as root, or as the owner of the key");
	} else {
		judge_key(s, name.s, ours.s, record);
	}
	gather_free(&g);
	str_free(&ours);
	str_free(&value);
	str_free(&name);
}

void
standing_dkim(const struct standing *s)
{
	const struct conf_domain *d = standing_section(s->conf, s->domain);

	for (size_t i = 0; d && i < d->ndkim; i++)
		look_key(s, d->name, &d->dkim[i]);
	if (d && d->ndkim)
		return;
	finding_add(s->found, FINDING_WARNING, "dkim", "mail from %s is not signed here", s->domain);
	finding_todo(s->found, "mox-dkim genkey, and domain \"%s\" { dkim \"SELECTOR\" { key = ... } } in %s",
	    s->domain, s->conf->file);
}

/* ---- DMARC ---- */

/* Who is to get reports about another's domain must say so (RFC 7489 7.1). */
static void
judge_reports(const struct standing *s, const char *at, const struct plan_list *uris)
{
	for (size_t i = 0; i < uris->n; i++) {
		struct str host = {0}, name = {0}, text = {0};
		const struct lookup *l;

		if (!dmarc_uri_host(&host, uris->v[i]) || !dmarc_is_elsewhere(host.s, at)) {
			str_free(&host);
			continue;
		}
		str_addf(&name, "%s._report._dmarc.%s", at, host.s);
		l = asker_ask(s->asker, "TXT", name.s);
		if (lookup_failed(l)) {
			finding_add(s->found, FINDING_UNKNOWN, "dmarc", "%s cannot be looked up: %s", name.s,
			    l->why ? l->why : "no answer");
		} else if (!lookup_text(&text, l, "v=DMARC1", 0)) {
			finding_add(s->found, FINDING_WARNING, "dmarc",
			    "reports to %s are sent by nobody: %s does not say that it takes them",
			    uris->v[i], host.s);
			finding_todo(s->found, "have %s publish %s. TXT \"v=DMARC1\"", host.s, name.s);
		}
		str_free(&text);
		str_free(&name);
		str_free(&host);
	}
}

/* The domain's own record, or of the nearest above it that has one: *at is its name. NULL: the lookup failed. */
static const struct lookup *
find_dmarc(const struct standing *s, const char **at)
{
	const struct lookup *l = NULL;
	struct str name = {0}, text = {0};
	bool found = false;

	for (const char *p = s->domain; !found && p && strchr(p, '.'); p = strchr(p, '.') + 1) {
		str_reset(&name);
		str_addf(&name, "_dmarc.%s", p);
		l = asker_ask(s->asker, "TXT", name.s);
		*at = p;
		found = lookup_failed(l) || lookup_text(&text, l, "v=DMARC1", 0);
	}
	str_free(&name);
	str_free(&text);
	if (!found)
		*at = NULL;
	return l;
}

static void
judge_dmarc(const struct standing *s, const char *at, const char *text)
{
	const struct conf_domain *signs = standing_section(s->conf, s->domain);
	struct findings *f = s->found;
	struct dmarc r;
	const char *bad = dmarc_parse(&r, text);
	const char *policy = strcmp(at, s->domain) != 0 ? r.subdomains : r.policy;

	if (bad) {
		finding_add(
		    f, FINDING_WARNING, "dmarc", "the record at _dmarc.%s does not count: %s", at, bad);
		finding_todo(f, "mend it: %s", text);
	} else {
		finding_add(f, FINDING_OK, "dmarc", "_dmarc.%s: what fails is %s%s%s", at,
		    !strcmp(policy, "none")     ? "taken all the same"
		    : !strcmp(policy, "reject") ? "refused"
						: "put aside",
		    r.percent < 100 ? ", not always" : "", r.rua.n ? "" : ", and nobody gets reports");
		if (r.strict_dkim && signs && signs->ndkim && !str_ieq(signs->name, s->domain)) {
			finding_add(f, FINDING_WARNING, "dmarc",
			    "adkim=s wants signatures of %s itself, and mail is signed for %s", s->domain,
			    signs->name);
			finding_todo(f, "make a domain section for %s, or publish adkim=r", s->domain);
		}
		judge_reports(s, at, &r.rua);
		judge_reports(s, at, &r.ruf);
	}
	dmarc_free(&r);
}

void
standing_dmarc(const struct standing *s)
{
	const char *at = NULL;
	const struct lookup *l = find_dmarc(s, &at);
	struct str text = {0}, more = {0};
	struct findings *f = s->found;

	if (!at) {
		finding_add(f, FINDING_WARNING, "dmarc", "%s has no DMARC record", s->domain);
		finding_todo(f, "publish _dmarc.%s. TXT \"v=DMARC1; p=none; rua=mailto:postmaster@%s\"",
		    s->domain, s->domain);
	} else if (lookup_failed(l)) {
		finding_add(f, FINDING_UNKNOWN, "dmarc", "_dmarc.%s cannot be looked up: %s", at,
		    l->why ? l->why : "no answer");
	} else if (lookup_text(&more, l, "v=DMARC1", 1)) {
		finding_add(
		    f, FINDING_WARNING, "dmarc", "_dmarc.%s has several records, so that none counts", at);
		finding_todo(f, "leave one");
	} else if (lookup_text(&text, l, "v=DMARC1", 0)) {
		judge_dmarc(s, at, text.s);
	}
	str_free(&text);
	str_free(&more);
}
