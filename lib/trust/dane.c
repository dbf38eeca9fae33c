#include "base.h"

#include "dane.h"
#include "der.h"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <time.h>

/* Certificates that may stand on a way: the chain's, then those of full records. */
#define NODE_MAX (DANE_CHAIN_MAX + PLAN_TLSA_MAX)
/* What a tangled chain may cost. An honest one needs a step and a try for each certificate. */
#define STEP_MAX 1024
#define TRY_MAX 64

struct node {
	gnutls_x509_crt_t crt;
	struct der_cert parts;
	gnutls_datum_t der;
	bool anchor;
	size_t record; /* that makes it an anchor */
};

struct search {
	struct dane_verdict *out;
	const struct tlsa_set *set;
	const struct plan_list *names;
	time_t now;
	struct node node[NODE_MAX];
	unsigned nodes;
	unsigned way[NODE_MAX]; /* indexes of nodes, leaf first */
	unsigned steps, tries;
};

static const struct {
	const char *type, *why;
} results[] = {
    [DANE_UNUSABLE] = {"tlsa-invalid", "none of the TLSA records can be used"},
    [DANE_NO_MATCH] = {"validation-failure", "no TLSA record matches a certificate of the server"},
    [DANE_NOT_TRUSTED] = {"certificate-not-trusted", "no chain leads to the trust anchor of the TLSA record"},
    [DANE_EXPIRED] = {"certificate-expired", "a certificate has expired"},
    [DANE_HOST_MISMATCH] = {"certificate-host-mismatch", "the certificate is for another name"},
    [DANE_ANCHOR] = {NULL, NULL},
    [DANE_LEAF] = {NULL, NULL},
};

/* The furthest result stays. why NULL: the usual one. */
static void
verdict(struct dane_verdict *out, enum dane_result r, const char *why)
{
	if (r < out->result || (r == out->result && out->why))
		return;
	out->result = r;
	out->type = results[r].type;
	out->why = why ? why : results[r].why;
}

static bool
matches(const struct tlsa *t, const gnutls_datum_t *der, const struct der_cert *parts)
{
	const unsigned char *p = t->selector == TLSA_CERT ? der->data : parts->key.p;
	size_t n = t->selector == TLSA_CERT ? der->size : parts->key.n;
	unsigned char digest[64];

	if (t->matching == TLSA_FULL)
		return t->len == n && !memcmp(t->data, p, n);
	if (gnutls_hash_fast(
		t->matching == TLSA_SHA512 ? GNUTLS_DIG_SHA512 : GNUTLS_DIG_SHA256, p, n, digest))
		return false;
	return !memcmp(t->data, digest, t->len);
}

static bool
match_any(const struct tlsa_set *set, unsigned usage, const struct node *c, size_t *record)
{
	for (size_t i = 0; i < set->n; i++)
		if (set->v[i].counts && set->v[i].usage == usage && matches(&set->v[i], &c->der, &c->parts)) {
			*record = i;
			return true;
		}
	return false;
}

static bool
has_usage(const struct tlsa_set *set, unsigned usage)
{
	for (size_t i = 0; i < set->n; i++)
		if (set->v[i].counts && set->v[i].usage == usage)
			return true;
	return false;
}

/* ---- the certificates that may stand on a way ---- */

static bool
node_add(struct search *s, const gnutls_datum_t *der)
{
	struct node *c = &s->node[s->nodes];

	*c = (struct node){.der = *der};
	if (der->size > DANE_CERT_MAX || !der_cert(&c->parts, der->data, der->size) ||
	    gnutls_x509_crt_init(&c->crt))
		return false;
	if (gnutls_x509_crt_import(c->crt, der, GNUTLS_X509_FMT_DER)) {
		gnutls_x509_crt_deinit(c->crt);
		return false;
	}
	c->anchor = match_any(s->set, TLSA_DANE_TA, c, &c->record);
	s->nodes++;
	return true;
}

static bool
known(const struct search *s, const struct tlsa *t)
{
	for (unsigned i = 0; i < s->nodes; i++)
		if (s->node[i].der.size == t->len && !memcmp(s->node[i].der.data, t->data, t->len))
			return true;
	return false;
}

/* false: the leaf cannot be read. */
static bool
gather(struct search *s, const gnutls_datum_t *chain, unsigned n)
{
	for (unsigned i = 0; i < n && i < DANE_CHAIN_MAX; i++)
		if (!node_add(s, &chain[i]) && !i)
			return false;
	for (size_t i = 0; i < s->set->n; i++) {
		const struct tlsa *t = &s->set->v[i];
		gnutls_datum_t der = {t->data, (unsigned)t->len};

		if (t->counts && t->usage == TLSA_DANE_TA && t->selector == TLSA_CERT &&
		    t->matching == TLSA_FULL && !known(s, t) && node_add(s, &der)) {
			s->node[s->nodes - 1].anchor = true;
			s->node[s->nodes - 1].record = i;
		}
	}
	return true;
}

/* ---- one way, from the leaf to its last certificate ---- */

static const char *
complaint(unsigned status)
{
	static const struct {
		unsigned bit;
		const char *why;
	} t[] = {
	    {GNUTLS_CERT_SIGNATURE_FAILURE, "a signature in the chain is wrong"},
	    {GNUTLS_CERT_SIGNER_NOT_CA, "a certificate in the chain may not sign others"},
	    {GNUTLS_CERT_SIGNER_CONSTRAINTS_FAILURE,
		"a constraint of a certificate in the chain is violated"},
	    {GNUTLS_CERT_INSECURE_ALGORITHM, "a certificate in the chain has an insecure signature or key"},
	    {GNUTLS_CERT_UNKNOWN_CRIT_EXTENSIONS,
		"a certificate in the chain has a critical extension that is not known"},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		if (status & t[i].bit)
			return t[i].why;
	return NULL;
}

/* Signatures and constraints; the last certificate is taken as trusted. Dates are looked at by way_try, which
 * has a clock of its own. */
static bool
way_verify(struct search *s, unsigned len)
{
	unsigned flags = GNUTLS_VERIFY_DISABLE_TIME_CHECKS | GNUTLS_VERIFY_DISABLE_CRL_CHECKS |
	                 GNUTLS_PROFILE_TO_VFLAGS(GNUTLS_PROFILE_LOW);
	gnutls_x509_crt_t list[NODE_MAX];
	unsigned status = 0;

	for (unsigned i = 0; i < len; i++) {
		list[i] = s->node[s->way[i]].crt;
		if (!gnutls_x509_crt_check_key_purpose(list[i], GNUTLS_KP_TLS_WWW_SERVER, 0)) {
			verdict(
			    s->out, DANE_NOT_TRUSTED, "a certificate in the chain is not for TLS servers");
			return false;
		}
	}
	if (len == 1)
		return true;
	if (gnutls_x509_crt_list_verify(list, len, &list[len - 1], 1, NULL, 0, flags, &status)) {
		verdict(s->out, DANE_NOT_TRUSTED, NULL);
		return false;
	}
	if (status)
		verdict(s->out, DANE_NOT_TRUSTED, complaint(status));
	return !status;
}

static bool
way_dates(struct search *s, unsigned len)
{
	for (unsigned i = 0; i < len; i++) {
		gnutls_x509_crt_t crt = s->node[s->way[i]].crt;
		time_t from = gnutls_x509_crt_get_activation_time(crt);
		time_t until = gnutls_x509_crt_get_expiration_time(crt);

		if (from == (time_t)-1 || s->now < from) {
			verdict(s->out, DANE_NOT_TRUSTED, "a certificate is not valid yet");
			return false;
		}
		if (until == (time_t)-1 || s->now > until) {
			verdict(s->out, DANE_EXPIRED, NULL);
			return false;
		}
	}
	return true;
}

static bool
leaf_named(const struct search *s)
{
	for (size_t i = 0; i < s->names->n; i++)
		if (gnutls_x509_crt_check_hostname2(
			s->node[0].crt, s->names->v[i], GNUTLS_VERIFY_DO_NOT_ALLOW_IP_MATCHES))
			return true;
	return false;
}

static bool
way_try(struct search *s, unsigned len, size_t record)
{
	if (++s->tries > TRY_MAX || !way_verify(s, len) || !way_dates(s, len))
		return false;
	if (!leaf_named(s)) {
		verdict(s->out, DANE_HOST_MISMATCH, NULL);
		return false;
	}
	verdict(s->out, DANE_ANCHOR, NULL);
	s->out->record = record;
	s->out->depth = len - 1;
	return true;
}

/* ---- from the leaf upwards ---- */

static bool
signed_by(const struct node *c, const struct tlsa *key)
{
	gnutls_datum_t spki = {key->data, (unsigned)key->len}, sig;
	gnutls_datum_t tbs = {c->der.data + (c->parts.tbs.p - c->der.data), (unsigned)c->parts.tbs.n};
	int algo = gnutls_x509_crt_get_signature_algorithm(c->crt);
	char buf[4096];
	size_t n = sizeof buf;
	gnutls_pubkey_t pub;
	bool good = false;

	if (algo <= 0 || gnutls_x509_crt_get_signature(c->crt, buf, &n) || gnutls_pubkey_init(&pub))
		return false;
	sig = (gnutls_datum_t){(unsigned char *)buf, (unsigned)n};
	if (!gnutls_pubkey_import(pub, &spki, GNUTLS_X509_FMT_DER))
		good = gnutls_pubkey_verify_data2(pub, (gnutls_sign_algorithm_t)algo, 0, &tbs, &sig) >= 0;
	gnutls_pubkey_deinit(pub);
	return good;
}

/* A full key that has signed the last certificate of the way. */
static bool
key_try(struct search *s, unsigned len)
{
	const struct node *top = &s->node[s->way[len - 1]];

	for (size_t i = 0; i < s->set->n; i++) {
		const struct tlsa *t = &s->set->v[i];

		if (!t->counts || t->usage != TLSA_DANE_TA || t->selector != TLSA_KEY ||
		    t->matching != TLSA_FULL)
			continue;
		if (++s->tries > TRY_MAX)
			return false;
		if (signed_by(top, t) && way_try(s, len, i)) {
			s->out->depth = len;
			return true;
		}
	}
	return false;
}

static bool
climb(struct search *s, unsigned len)
{
	const struct node *top = &s->node[s->way[len - 1]];

	if (top->anchor && way_try(s, len, top->record))
		return true;
	if (key_try(s, len))
		return true;
	for (unsigned i = 1; i < s->nodes; i++) {
		bool stands = false;

		for (unsigned j = 0; j < len; j++)
			stands |= s->way[j] == i;
		if (stands || ++s->steps > STEP_MAX ||
		    !gnutls_x509_crt_check_issuer(top->crt, s->node[i].crt))
			continue;
		s->way[len] = i;
		if (climb(s, len + 1))
			return true;
	}
	return false;
}

static bool
judge_anchors(struct search *s, const gnutls_datum_t *chain, unsigned n)
{
	bool good = false;

	if (!gather(s, chain, n)) {
		verdict(s->out, DANE_NOT_TRUSTED, "the server's certificate cannot be read");
		return false;
	}
	good = climb(s, 1);
	for (unsigned i = 0; i < s->nodes; i++) {
		if (s->node[i].anchor)
			verdict(s->out, DANE_NOT_TRUSTED, NULL);
		gnutls_x509_crt_deinit(s->node[i].crt);
	}
	return good;
}

bool
dane_judge(struct dane_verdict *out, const struct tlsa_set *set, const gnutls_datum_t *chain, unsigned n,
    const struct plan_list *names, int64_t now)
{
	struct search s = {.out = out, .set = set, .names = names, .now = (time_t)(now / 1000000)};
	struct node leaf = {0};

	*out = (struct dane_verdict){0};
	verdict(out, tlsa_usable(set) ? DANE_NO_MATCH : DANE_UNUSABLE, NULL);
	if (out->result == DANE_UNUSABLE)
		return false;
	if (!n || chain[0].size > DANE_CERT_MAX || !der_cert(&leaf.parts, chain[0].data, chain[0].size)) {
		out->why = "the server has shown no certificate that can be read";
		return false;
	}
	leaf.der = chain[0];
	if (match_any(set, TLSA_DANE_EE, &leaf, &out->record)) {
		verdict(out, DANE_LEAF, NULL);
		return true;
	}
	return has_usage(set, TLSA_DANE_TA) && judge_anchors(&s, chain, n);
}
