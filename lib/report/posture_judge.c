/* What is said about a posture. A problem is what its owner, or the owner of this machine, would want to mend; a note
 * explains. */
#include "base.h"

#include "clock.h"
#include "mtasts.h"
#include "posture.h"
#include "tlsa.h"

#include <inttypes.h>
#include <stdarg.h>

#define SHORT_AGE 86400      /* seconds of max_age below which a policy protects little */
#define ENDS_SOON (14 * DAY) /* of a certificate */

static void PRINTF(4, 5)
    say(struct posture *p, enum remark_weight weight, const char *about, const char *fmt, ...)
{
	char text[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	p->remark = mem_grow(p->remark, p->nremark + 1, sizeof *p->remark);
	p->remark[p->nremark++] =
	    (struct remark){.weight = weight, .about = mem_dup(about), .text = mem_dup(text)};
}

static bool
said_about(const struct posture *p, const char *about)
{
	for (size_t i = 0; i < p->nremark; i++)
		if (!strcmp(p->remark[i].about, about))
			return true;
	return false;
}

static const struct posture_host *
host_of(const struct posture *p, const char *name)
{
	for (size_t i = 0; i < p->nhost; i++)
		if (!strcmp(p->host[i].name, name))
			return &p->host[i];
	return NULL;
}

static const char *
why_of(const struct lookup *l)
{
	return l->why ? l->why : l->status == LOOKUP_BOGUS ? "its signatures are wrong" : "no answer";
}

static bool
lookup_failed(const struct lookup *l)
{
	return l->status == LOOKUP_BOGUS || l->status == LOOKUP_FAIL;
}

/* ---- MX and addresses ---- */

static bool
is_dane(enum plan_tls t)
{
	return t == PLAN_TLS_DANE || t == PLAN_TLS_DANE_STS;
}

static void
judge_mx(struct posture *p)
{
	bool dane = false;

	if (p->plan.nhop && (p->mx.status == LOOKUP_NODATA || p->mx.status == LOOKUP_NXDOMAIN))
		say(p, REMARK_NOTE, "mx",
		    "There are no MX records: mail goes to the address of the domain itself.");
	for (size_t i = 0; i < p->plan.nhop; i++)
		dane |= is_dane(p->plan.hop[i].tls);
	/* T8 */
	if (dane && !p->plan.secure)
		say(p, REMARK_PROBLEM, "mx",
		    "The MX records are not signed: who forges them chooses the servers. The servers prove "
		    "only that they are "
		    "the ones named, which is not enough for REQUIRETLS.");
}

static bool
no_address(const struct posture_host *h)
{
	return (h->a.status == LOOKUP_NODATA || h->a.status == LOOKUP_NXDOMAIN) &&
	       (h->aaaa.status == LOOKUP_NODATA || h->aaaa.status == LOOKUP_NXDOMAIN);
}

static void
judge_addresses(struct posture *p, const struct posture_host *h)
{
	const char *canon = h->a.canon ? h->a.canon : h->aaaa.canon;

	if (no_address(h))
		say(p, REMARK_PROBLEM, h->name,
		    h->a.status == LOOKUP_NXDOMAIN ? "This name does not exist."
						   : "This name has no address.");
	else if (lookup_failed(&h->a) || lookup_failed(&h->aaaa))
		say(p, REMARK_PROBLEM, h->name, "Its addresses cannot be looked up: %s.",
		    why_of(lookup_failed(&h->a) ? &h->a : &h->aaaa));
	if (h->in_mx && canon && strcmp(canon, h->name))
		say(p, REMARK_NOTE, h->name,
		    "It is an alias of %s: MX records must name hosts (RFC 2181 10.3), and some senders "
		    "insist.",
		    canon);
}

/* "HOST is left out: WHY" and other notes of the plan; those about its hops say what we say better. */
static void
judge_left_out(struct posture *p)
{
	static const char out[] = " is left out: ";

	for (size_t i = 0; i < p->plan.note.n; i++) {
		const char *note = p->plan.note.v[i], *at = strstr(note, out), *colon = strstr(note, ": ");
		char *host = mem_dupn(note, at ? (size_t)(at - note) : colon ? (size_t)(colon - note) : 0);

		if (at && !host_of(p, host))
			say(p, REMARK_PROBLEM, "mx", "%s.", note);
		else if (at && !said_about(p, host))
			say(p, REMARK_PROBLEM, host, "No mail is sent to it: %s.", at + strlen(out));
		else if (!at && !strchr(host, '.'))
			say(p, REMARK_NOTE, "mx", "%s.", note);
		free(host);
	}
	for (size_t i = 0; i < p->nhost; i++)
		if (p->planned && p->plan.kind == PLAN_HOPS && p->host[i].hop < 0 &&
		    !said_about(p, p->host[i].name))
			say(p, REMARK_NOTE, p->host[i].name,
			    "No mail is sent to it from here: it is this machine itself, or no better than "
			    "it.");
}

/* ---- TLSA ---- */

static bool
taints(const struct lookup *l)
{
	return lookup_failed(l) || (l->status != LOOKUP_UNKNOWN && !l->secure);
}

bool
posture_addresses_secure(const struct posture_host *h)
{
	return !taints(&h->a) && !taints(&h->aaaa) &&
	       (h->a.status == LOOKUP_DATA || h->aaaa.status == LOOKUP_DATA);
}

const struct lookup *
posture_tlsa(const struct posture_host *h)
{
	return h->tlsa_canon.status == LOOKUP_DATA && h->tlsa_canon.secure               ? &h->tlsa_canon
	       : h->tlsa.status == LOOKUP_DATA || h->tlsa_canon.status == LOOKUP_UNKNOWN ? &h->tlsa
	                                                                                 : &h->tlsa_canon;
}

/* The records of a hop, each by what it is worth. */
static void
judge_records(struct posture *p, const struct posture_host *h, const struct plan_list *records)
{
	struct tlsa_set set = {0};
	struct str which = {0};

	tlsa_add_list(&set, records);
	if (!tlsa_usable(&set))
		say(p, REMARK_PROBLEM, h->name,
		    "None of its TLSA records can be used: TLS is demanded, but nobody checks with whom.");
	for (size_t i = 0; i < set.n; i++) {
		if (set.v[i].counts)
			continue;
		str_reset(&which);
		tlsa_text(&which, &set.v[i]);
		str_cut(&which, which.len < 14 ? which.len : 14);
		say(p, REMARK_NOTE, h->name, "The TLSA record %s... does not count: %s.", which.s,
		    set.v[i].why ? set.v[i].why : "it is not for mail");
	}
	str_free(&which);
	tlsa_free(&set);
}

static void
judge_tlsa(struct posture *p, const struct posture_host *h)
{
	const struct plan_hop *hop = h->hop >= 0 ? &p->plan.hop[h->hop] : NULL;
	const struct lookup *l = posture_tlsa(h);
	bool addresses = posture_addresses_secure(h);

	if (hop && hop->tlsa.n)
		judge_records(p, h, &hop->tlsa);
	else if (l->status == LOOKUP_DATA && !l->secure)
		say(p, REMARK_PROBLEM, h->name,
		    "Its TLSA records do not count: they are not signed, so anybody could have written "
		    "them.");
	else if (l->status == LOOKUP_DATA && !addresses)
		say(p, REMARK_PROBLEM, h->name,
		    "Its TLSA records do not count: they are signed, but its addresses are not (RFC 7672 "
		    "2.2.2).");
	else if (l->status == LOOKUP_DATA && hop && hop->tls != PLAN_TLS_MAY)
		say(p, REMARK_NOTE, h->name,
		    "Its TLSA records do not count here: the configuration decides about TLS.");
	else if (lookup_failed(l) && addresses)
		say(p, REMARK_PROBLEM, h->name,
		    "Its TLSA records cannot be looked up: %s. Nobody can tell what it demands, so no mail "
		    "is sent to it.",
		    why_of(l));
}

/* ---- MTA-STS ---- */

static void
judge_sts_record(struct posture *p)
{
	const char *bad = NULL;
	size_t good = 0, meant = 0;
	char id[STS_ID_MAX + 1], keep[STS_ID_MAX + 1] = "";

	if (lookup_failed(&p->sts_txt) && !lookup_failed(&p->mx))
		say(p, REMARK_PROBLEM, "sts",
		    "The MTA-STS record cannot be looked up: %s. Without a policy known from before, mail "
		    "waits for it at "
		    "first.",
		    why_of(&p->sts_txt));
	for (size_t i = 0; i < p->sts_txt.data.n; i++) {
		struct str text = {0};
		const char *wrong;

		if (txt_join(&text, p->sts_txt.data.v[i]) && str_istarts(str_cstr(&text), "v=STSv1")) {
			meant++;
			if (!(wrong = sts_txt_parse(text.s, text.len, id))) {
				good++;
				snprintf(keep, sizeof keep, "%s", id);
			} else
				bad = wrong;
		}
		str_free(&text);
	}
	if (meant > 1)
		say(p, REMARK_PROBLEM, "sts",
		    "There are %zu MTA-STS records where one is allowed, so none of them counts (RFC 8461 "
		    "3.1).",
		    meant);
	else if (bad)
		say(p, REMARK_PROBLEM, "sts", "The MTA-STS record does not count: %s.", bad);
	else if (good)
		p->sts_id = mem_dup(keep);
}

static void
judge_sts_hosts(struct posture *p)
{
	const struct posture_policy *y = &p->policy;
	bool enforce = !strcmp(y->mode, "enforce");

	for (size_t i = 0; i < p->nhost; i++)
		if (p->host[i].in_mx && !sts_mx_match(&y->mx, p->host[i].name))
			say(p, REMARK_PROBLEM, p->host[i].name,
			    enforce ? "The MTA-STS policy does not name it: no mail is sent to it."
				    : "The MTA-STS policy does not name it: once enforced, no mail will be "
				      "sent to it.");
	for (size_t k = 0; k < y->mx.n; k++) {
		const struct plan_list one = {&y->mx.v[k], 1};
		bool matches = !p->nhost;

		for (size_t i = 0; i < p->nhost; i++)
			matches |= sts_mx_match(&one, p->host[i].name);
		if (!matches)
			say(p, REMARK_NOTE, "sts", "No mail server matches the pattern %.255s of the policy.",
			    y->mx.v[k]);
	}
}

static void
judge_sts(struct posture *p)
{
	const struct posture_policy *y = &p->policy;

	judge_sts_record(p);
	if (y->result && (p->sts_id || y->mode))
		say(p, REMARK_PROBLEM, "sts", "The policy cannot be fetched: %s (%s).",
		    y->why ? y->why : "no reason known", y->result);
	if (!y->mode)
		return;
	if (!p->sts_id && !p->sts_txt.data.n && p->sts_txt.status != LOOKUP_UNKNOWN &&
	    !lookup_failed(&p->sts_txt))
		say(p, REMARK_NOTE, "sts",
		    "The record is gone: the policy seen before counts until it is too old.");
	if (!strcmp(y->mode, "none")) {
		say(p, REMARK_NOTE, "sts", "The policy asks for nothing: its owner is taking MTA-STS back.");
		return;
	}
	if (!strcmp(y->mode, "testing"))
		say(p, REMARK_NOTE, "sts",
		    "The policy is being tested: what fails it is reported, and mail goes all the same.");
	if (y->max_age < SHORT_AGE)
		say(p, REMARK_NOTE, "sts",
		    "The policy is kept for %" PRIu64
		    " seconds only: it protects little mail (RFC 8461 recommends weeks).",
		    y->max_age);
	judge_sts_hosts(p);
}

/* ---- TLSRPT ---- */

/* RFC 8460 3: v=TLSRPTv1; rua=URI,URI */
static const char *
rua_read(struct plan_list *out, const char *s)
{
	const char *bad = "it has no rua";

	for (s += strcspn(s, ";"); *s; s += strcspn(s, ";")) {
		s += strspn(s, "; \t");
		if (!str_istarts(s, "rua="))
			continue;
		bad = NULL;
		for (s += 4; *s && *s != ';'; s += *s == ',') {
			size_t n;

			s += strspn(s, " \t");
			n = strcspn(s, ",; \t");
			if (str_istarts(s, "mailto:") || str_istarts(s, "https:")) {
				char *uri = mem_dupn(s, n);

				plan_list_add(out, uri);
				free(uri);
			} else
				bad = "a report goes to mailto: or https:";
			s += n;
			s += strspn(s, " \t");
			if (*s && *s != ',' && *s != ';')
				return "its rua is no list of addresses";
		}
	}
	return bad;
}

static void
judge_tlsrpt(struct posture *p)
{
	const struct lookup *l = &p->tlsrpt_txt;
	const char *bad = NULL;
	size_t meant = 0;
	bool asks = p->policy.mode != NULL;

	for (size_t i = 0; i < l->data.n; i++) {
		struct str text = {0};

		if (txt_join(&text, l->data.v[i]) && str_istarts(str_cstr(&text), "v=TLSRPTv1")) {
			meant++;
			bad = rua_read(&p->rua, str_cstr(&text));
		}
		str_free(&text);
	}
	for (size_t i = 0; i < p->plan.nhop; i++)
		asks |= p->plan.hop[i].tlsa.n > 0;
	if (meant > 1)
		say(p, REMARK_PROBLEM, "tlsrpt",
		    "There are %zu TLSRPT records where one is allowed, so none of them counts (RFC 8460 3).",
		    meant);
	else if (bad)
		say(p, REMARK_PROBLEM, "tlsrpt", "The TLSRPT record does not count: %s.", bad);
	else if (!meant && asks && (l->data.n || l->status == LOOKUP_NODATA || l->status == LOOKUP_NXDOMAIN))
		say(p, REMARK_NOTE, "tlsrpt",
		    "Nobody is told when TLS fails: there is no TLSRPT record (RFC 8460).");
}

/* ---- connections ---- */

static void
judge_certificate(struct posture *p, const struct posture_probe *b, int64_t now)
{
	bool dane = b->verified && !strcmp(b->verified, "dane");
	int64_t until;

	if (!b->ncert || !b->cert[0].not_after || !clock_parse(b->cert[0].not_after, &until))
		return;
	if (until < now)
		say(p, dane ? REMARK_NOTE : REMARK_PROBLEM, b->host, "Its certificate ran out on %s%s.",
		    b->cert[0].not_after, dane ? ", which DANE does not mind" : "");
	else if (until < now + ENDS_SOON && !dane)
		say(p, REMARK_NOTE, b->host, "Its certificate runs out on %s.", b->cert[0].not_after);
}

/* "RESULT why" as "why (RESULT)"; the caller frees. */
static char *
opinion(const char *s)
{
	const char *why = strchr(s, ' ');
	struct str out = {0};

	if (why)
		str_addf(&out, "%s (%.*s)", why + 1, (int)(why - s), s);
	else
		str_adds(&out, s);
	return str_take(&out);
}

static bool
wrong(const char *s)
{
	return s && strcmp(s, "ok");
}

static void
judge_opinions(struct posture *p, const struct posture_probe *b, enum plan_tls tls)
{
	char *starttls = opinion(b->starttls ? b->starttls : ""), *tlsa = opinion(b->tlsa ? b->tlsa : ""),
	     *sts = opinion(b->sts ? b->sts : "");

	if (wrong(b->starttls) && tls == PLAN_TLS_MAY)
		say(p, REMARK_PROBLEM, b->host, "Mail goes in the clear: %s.", starttls);
	/* Under a demand that it fails there is an error. */
	if (wrong(b->tlsa) && tls != PLAN_TLS_DANE_UNUSABLE)
		say(p, REMARK_PROBLEM, b->host, "It does not prove itself by its TLSA records: %s.", tlsa);
	if (wrong(b->sts))
		say(p, is_dane(tls) ? REMARK_NOTE : REMARK_PROBLEM, b->host,
		    "It does not prove itself as the MTA-STS policy wants it%s: %s.",
		    is_dane(tls) ? ", but DANE decides" : "", sts);
	free(starttls);
	free(tlsa);
	free(sts);
}

static void
judge_probe(struct posture *p, const struct posture_probe *b, int64_t now)
{
	const struct posture_host *h = host_of(p, b->host);
	enum plan_tls tls = h && h->hop >= 0 ? p->plan.hop[h->hop].tls : PLAN_TLS_MAY;

	if (b->error) {
		say(p, REMARK_PROBLEM, h ? b->host : "probe", "It cannot be used now: %s.", b->error);
		return;
	}
	if (!b->tls && !b->starttls && tls == PLAN_TLS_MAY)
		say(p, REMARK_PROBLEM, b->host, "It offers no TLS: mail goes in the clear.");
	judge_opinions(p, b, tls);
	judge_certificate(p, b, now);
}

/* What the host showed of REQUIRETLS when it was tried. */
static enum yes_no
offered(const struct posture *p, const char *host)
{
	for (size_t i = 0; i < p->nprobe; i++)
		if (!p->probe[i].error && !strcmp(p->probe[i].host, host))
			return p->probe[i].requiretls;
	return NOT_KNOWN;
}

static void
judge_requiretls(struct posture *p)
{
	size_t no = 0;

	if (!p->strict_planned || p->strict.kind == PLAN_LATER)
		return;
	if (p->strict.kind == PLAN_NEVER) {
		p->requiretls_fit = KNOWN_NO;
		p->requiretls_why = mem_dup(p->strict.text ? p->strict.text : "there is no way to it");
		return;
	}
	p->requiretls_fit = p->requiretls;
	for (size_t i = 0; i < p->strict.nhop; i++)
		switch (offered(p, p->strict.hop[i].host)) {
		case KNOWN_YES: p->requiretls_fit = KNOWN_YES; return;
		case KNOWN_NO: no++; break;
		case NOT_KNOWN: break;
		}
	if (no == p->strict.nhop || p->requiretls_fit == KNOWN_NO) {
		p->requiretls_fit = KNOWN_NO;
		p->requiretls_why = mem_dup("the servers that prove themselves do not offer REQUIRETLS");
	}
}

/* ---- the verdict ---- */

static enum protection
protection_of(const struct posture *p, size_t *proved)
{
	size_t dane = 0, sts = 0, pkix = 0, tls = 0, none = 0, n = p->plan.nhop;

	for (size_t i = 0; i < n; i++)
		switch (p->plan.hop[i].tls) {
		case PLAN_TLS_DANE:
		case PLAN_TLS_DANE_STS: dane++; break;
		case PLAN_TLS_STS: sts++; break;
		case PLAN_TLS_PKIX: pkix++; break;
		case PLAN_TLS_DANE_UNUSABLE:
		case PLAN_TLS_MUST: tls++; break;
		case PLAN_TLS_NONE: none++; break;
		case PLAN_TLS_MAY: break;
		}
	*proved = dane + sts;
	return dane == n         ? PROTECTED_DANE
	       : sts == n        ? PROTECTED_STS
	       : dane + sts == n ? PROTECTED_MIXED
	       : dane + sts      ? PROTECTED_SOME
	       : pkix == n       ? PROTECTED_PKIX
	       : tls == n        ? ENCRYPTED
	       : none == n       ? CLEAR
	                         : OPPORTUNISTIC;
}

static void
judge_fate(struct posture *p, struct str *out)
{
	static const char *const words[] = {
	    [PROTECTED_DANE] =
		"is sent with DANE: over TLS, to servers that prove themselves by keys signed in DNS",
	    [PROTECTED_MIXED] = "is sent with DANE to some of its servers, with MTA-STS to the others",
	    [PROTECTED_STS] =
		"is sent with MTA-STS: over TLS, to servers whose certificate is good for their name",
	    [PROTECTED_SOME] = "is protected",
	    [PROTECTED_PKIX] =
		("is sent over TLS, to servers whose certificate is good for their name, as the "
		 "configuration says"),
	    [ENCRYPTED] = "is always encrypted, but nobody checks for whom",
	    [OPPORTUNISTIC] = "is encrypted when the server offers it, and nobody checks for whom",
	    [CLEAR] = "is sent in the clear, as the configuration says",
	};
	size_t proved, failed = 0;
	const char *first = NULL;

	p->fate = p->planned ? p->plan.kind : PLAN_LATER;
	for (size_t i = 0; i < p->nprobe; i++)
		if (p->probe[i].error) {
			failed++;
			first = first ? first : p->probe[i].error;
		}
	if (!p->planned) {
		str_addf(out, "has to wait: %s", p->plan_why ? p->plan_why : "nothing is known of it");
	} else if (p->fate != PLAN_HOPS) {
		str_addf(out, "%s: %s (%s)", p->fate == PLAN_NEVER ? "can never be delivered" : "has to wait",
		    p->plan.text ? p->plan.text : "no reason given", p->plan.code ? p->plan.code : "-");
	} else if (failed && failed == p->nprobe) {
		p->fate = PLAN_LATER;
		str_addf(out, "has to wait: no server can be used now: %s", first);
	} else {
		p->protection = protection_of(p, &proved);
		str_adds(out, words[p->protection]);
		if (p->protection == PROTECTED_SOME)
			str_addf(out,
			    " on %zu of its %zu servers: who blocks these gets it on the way to the others",
			    proved, p->plan.nhop);
	}
}

/* ---- */

void
posture_judge(struct posture *p, int64_t now)
{
	struct str verdict = {0};

	if (p->validation == KNOWN_NO)
		say(p, REMARK_PROBLEM, "resolver",
		    "DNSSEC is not validated on this machine (%s): nothing counts as signed, and DANE is "
		    "never used.",
		    p->validation_why ? p->validation_why : "the self-test failed");
	judge_mx(p);
	for (size_t i = 0; i < p->nhost; i++) {
		judge_addresses(p, &p->host[i]);
		judge_tlsa(p, &p->host[i]);
	}
	judge_sts(p);
	judge_tlsrpt(p);
	for (size_t i = 0; i < p->nprobe; i++)
		judge_probe(p, &p->probe[i], now);
	if (p->probe_why)
		say(p, REMARK_PROBLEM, "probe", "The connections could not be tried: %s.", p->probe_why);
	judge_left_out(p);
	judge_requiretls(p);
	str_addf(&verdict, p->relay ? "mail by the transport %s " : "mail to %s ", p->domain);
	judge_fate(p, &verdict);
	p->verdict = str_take(&verdict);
}

int
posture_code(const struct posture *p)
{
	return p->fate == PLAN_HOPS ? 0 : p->fate == PLAN_NEVER ? 100 : 111;
}
