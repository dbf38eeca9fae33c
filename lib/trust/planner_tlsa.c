#include "base.h"

#include "planning.h"
#include "tlsa.h"

#define HOP_DATA_MAX 16384 /* bytes of one hop's records */

static void
fail(struct tlsa_found *f, unsigned type, const char *name, const struct dns_answer *a)
{
	f->dane = DANE_FAILED;
	f->failed = a;
	f->failed_type = type;
	snprintf(f->failed_name, sizeof f->failed_name, "%.255s", name);
}

/* What does not fit is left out. When it could have matched, nobody knows what the rest demands: as good as a lookup
 * that failed. */
static void
records_take(const char *owner, const struct dns_answer *a, struct tlsa_found *f)
{
	struct tlsa_set set = {0};
	struct str text = {0};
	size_t size = 0;
	bool lost = false;

	for (size_t i = 0; i < a->n; i++) {
		if (size + a->data[i].n > HOP_DATA_MAX || !tlsa_add_rdata(&set, a->data[i].p, a->data[i].n)) {
			lost = lost || tlsa_rdata_usable(a->data[i].p, a->data[i].n);
			continue;
		}
		size += a->data[i].n;
		str_reset(&text);
		tlsa_text(&text, &set.v[set.n - 1]);
		plan_list_add(&f->text, str_cstr(&text));
	}
	f->dane = tlsa_usable(&set) ? DANE_USABLE : DANE_UNUSABLE;
	if (lost) {
		plan_list_free(&f->text);
		fail(f, DNS_TLSA, owner, a);
	}
	tlsa_free(&set);
	str_free(&text);
}

/* One TLSA base domain. Records that are not signed are none, however they were asked for (T7); a proved denial, and
 * one from a zone that is not signed, let the next base domain be tried (T5). false: waiting. */
static bool
base_try(struct making *m, const char *base, struct tlsa_found *f)
{
	const struct dns_answer *a;
	char owner[DNS_NAME_SIZE + 16];

	snprintf(owner, sizeof owner, "_%u._tcp.%s", m->port, base);
	if (strlen(owner) > 253)
		return true;
	snprintf(f->base, sizeof f->base, "%.255s", base);
	if (!(a = making_need(m, owner, DNS_TLSA)))
		return false;
	if (dns_answer_failed(a)) {
		fail(f, DNS_TLSA, owner, a);
	} else if (a->status == DNS_DATA && a->secure) {
		making_ttl(m, a->ttl);
		records_take(owner, a, f);
	}
	return true;
}

/* The chain of aliases leads out of what is signed, but its first link may be signed: whoever answers for the host's
 * own name has bound it to that link then. false: waiting. */
static bool
first_link(struct making *m, const char *host, struct tlsa_found *f)
{
	const struct dns_answer *a = making_need(m, host, DNS_CNAME);

	if (!a)
		return false;
	if (dns_answer_failed(a)) {
		snprintf(f->base, sizeof f->base, "%.255s", host);
		fail(f, DNS_CNAME, host, a);
		return true;
	}
	return a->status == DNS_DATA && a->secure ? base_try(m, host, f) : true;
}

/* An insecure denial of MX records may hide some: then the host is not proved to be the domain's (T9). Nor is one that
 * insecure SRV records name (RFC 7673 3.1). */
static bool
way_insecure(const struct making *m)
{
	if (m->r->srv)
		return !m->secure;
	return !m->r->host && !m->has_mx && !m->secure;
}

bool
tlsa_find(struct making *m, const struct tlsa_host *h, struct tlsa_found *f)
{
	const char *base[3] = {h->canon, h->name, NULL};

	if ((m->r->tls != PLAN_TLS_MAY && m->r->tls != PLAN_TLS_DANE) || way_insecure(m))
		return true;
	if (!h->secure)
		return h->canon ? first_link(m, h->name, f) : true;
	/* Without MX records the domain's own aliases count as the host's do. */
	if (!m->r->host && !m->has_mx && strcmp(m->domain, h->name))
		base[2] = m->domain;
	for (size_t i = 0; i < ARRAY_LEN(base) && f->dane == DANE_NONE; i++)
		if (base[i] && !base_try(m, base[i], f))
			return false;
	return true;
}
