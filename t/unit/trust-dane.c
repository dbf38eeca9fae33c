/* DANE by a table: certificates made here, records about them, what must come out. With a directory as its
 * argument the table is written there as well, for a referee to judge (t/3200-dane-referee.t). */
#include "base.h"

#include "dane.h"
#include "unit.h"

#include <errno.h>
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/x509-ext.h>
#include <gnutls/x509.h>
#include <sys/stat.h>
#include <time.h>

#define DAY 86400

struct cert {
	const char *name, *issuer; /* by name */
	const char *dns;           /* subject alternative name; "ip": an address instead */
	const char *key;           /* of which certificate; NULL: its own */
	const char *subject;       /* NULL: its name */
	int from, until;           /* days from now; both 0: a month around it */
	bool leaf;                 /* no CA */
	int path;                  /* length + 1 */
	const char *purpose, *permit;
	gnutls_digest_algorithm_t digest;
	gnutls_x509_crt_t crt;
	gnutls_x509_privkey_t priv;
	gnutls_datum_t der;
};

static struct cert certs[] = {
    {"root", "root", .leaf = false},
    {"root2", "root2", .leaf = false},
    {"inter", "root", .leaf = false},
    {"leaf", "inter", "mx.example.com", .leaf = true},
    {"plain", "root", "mx.example.com", .leaf = true},
    {"wild", "inter", "*.example.com", .leaf = true},
    {"upper", "inter", "MX.Example.COM", .leaf = true},
    {"part", "inter", "m*.example.com", .leaf = true},
    {"middle", "inter", "mx.*.com", .leaf = true},
    {"dotted", "inter", "mx.example.com.", .leaf = true},
    {"tld", "inter", "*.com", .leaf = true},
    {"other", "inter", "mx.example.net", .leaf = true},
    {"ip", "inter", "ip", .leaf = true},
    {"cn", "inter", .subject = "mx.example.com", .leaf = true},
    {"cnsan", "inter", "mx.example.net", .subject = "mx.example.com", .leaf = true},
    {"client", "inter", "mx.example.com", .leaf = true, .purpose = GNUTLS_KP_TLS_WWW_CLIENT},
    {"server", "inter", "mx.example.com", .leaf = true, .purpose = GNUTLS_KP_TLS_WWW_SERVER},
    {"old", "inter", "mx.example.com", .leaf = true, .from = -20, .until = -10},
    {"soon", "inter", "mx.example.com", .leaf = true, .from = 10, .until = 20},
    {"self", "self", "mx.example.com", .leaf = true},
    {"selfca", "selfca", "mx.example.com", .leaf = false},
    {"selfold", "selfold", "mx.example.net", .leaf = true, .from = -20, .until = -10},
    {"oldinter", "root", .from = -20, .until = -10},
    {"underold", "oldinter", "mx.example.com", .leaf = true},
    {"oldroot", "oldroot", .from = -20, .until = -10},
    {"underoldroot", "oldroot", "mx.example.com", .leaf = true},
    {"noca", "root", .leaf = true},
    {"undernoca", "noca", "mx.example.com", .leaf = true},
    {"short", "short", .path = 1},
    {"shortinter", "short", .leaf = false},
    {"undershort", "shortinter", "mx.example.com", .leaf = true},
    {"netonly", "root", .permit = "example.net"},
    {"undernet", "netonly", "mx.example.com", .leaf = true},
    {"cross", "root2", .key = "inter", .subject = "inter"},
    {"fakeroot", "fakeroot", .subject = "root"},
    {"fakeinter", "fakeroot", .subject = "inter"},
    {"weakinter", "root", .digest = GNUTLS_DIG_SHA1},
    {"underweak", "weakinter", "mx.example.com", .leaf = true},
};

static struct cert *
cert(const char *name, size_t n)
{
	for (size_t i = 0; i < ARRAY_LEN(certs); i++)
		if (!strncmp(certs[i].name, name, n) && !certs[i].name[n])
			return &certs[i];
	printf("Bail out! no certificate %.*s\n", (int)n, name);
	exit(1);
}

static void
good(int r)
{
	if (r < 0) {
		printf("Bail out! %s\n", gnutls_strerror(r));
		exit(1);
	}
}

static void
extensions(struct cert *c, const struct cert *by)
{
	static const unsigned char ip[4] = {192, 0, 2, 1};
	gnutls_x509_name_constraints_t nc;
	unsigned char id[64];
	size_t n = sizeof id;

	good(gnutls_x509_crt_set_basic_constraints(c->crt, !c->leaf, c->path - 1));
	good(gnutls_x509_crt_set_key_usage(
	    c->crt, c->leaf ? GNUTLS_KEY_DIGITAL_SIGNATURE : GNUTLS_KEY_KEY_CERT_SIGN));
	good(gnutls_x509_crt_get_key_id(c->crt, 0, id, &n));
	good(gnutls_x509_crt_set_subject_key_id(c->crt, id, n));
	n = sizeof id;
	good(gnutls_x509_crt_get_key_id(by->crt, 0, id, &n));
	good(gnutls_x509_crt_set_authority_key_id(c->crt, id, n));
	if (c->dns && !strcmp(c->dns, "ip"))
		good(gnutls_x509_crt_set_subject_alt_name(c->crt, GNUTLS_SAN_IPADDRESS, ip, sizeof ip, 0));
	else if (c->dns)
		good(gnutls_x509_crt_set_subject_alt_name(
		    c->crt, GNUTLS_SAN_DNSNAME, c->dns, (unsigned)strlen(c->dns), 0));
	if (c->purpose)
		good(gnutls_x509_crt_set_key_purpose_oid(c->crt, c->purpose, 0));
	if (c->permit) {
		gnutls_datum_t name = {(unsigned char *)mem_dup(c->permit), (unsigned)strlen(c->permit)};

		good(gnutls_x509_name_constraints_init(&nc));
		good(gnutls_x509_name_constraints_add_permitted(nc, GNUTLS_SAN_DNSNAME, &name));
		good(gnutls_x509_crt_set_name_constraints(c->crt, nc, 1));
		gnutls_x509_name_constraints_deinit(nc);
		free(name.data);
	}
}

static void
cert_make(struct cert *c, time_t now)
{
	const char *subject = c->subject ? c->subject : c->name;
	struct cert *by = cert(c->issuer, strlen(c->issuer));
	static unsigned char serial;

	good(gnutls_x509_privkey_init(&c->priv));
	if (c->key)
		good(gnutls_x509_privkey_cpy(c->priv, cert(c->key, strlen(c->key))->priv));
	else
		good(gnutls_x509_privkey_generate(
		    c->priv, GNUTLS_PK_EC, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0));
	good(gnutls_x509_crt_init(&c->crt));
	good(gnutls_x509_crt_set_version(c->crt, 3));
	serial++;
	good(gnutls_x509_crt_set_serial(c->crt, &serial, 1));
	good(gnutls_x509_crt_set_activation_time(c->crt, now + DAY * (c->from ? c->from : -15)));
	good(gnutls_x509_crt_set_expiration_time(c->crt, now + DAY * (c->until ? c->until : 15)));
	good(gnutls_x509_crt_set_dn_by_oid(
	    c->crt, GNUTLS_OID_X520_COMMON_NAME, 0, subject, (unsigned)strlen(subject)));
	good(gnutls_x509_crt_set_key(c->crt, c->priv));
	extensions(c, by);
	good(gnutls_x509_crt_sign2(c->crt, by->crt, by->priv, c->digest ? c->digest : GNUTLS_DIG_SHA256, 0));
	good(gnutls_x509_crt_export2(c->crt, GNUTLS_X509_FMT_DER, &c->der));
}

/* ---- the table ---- */

/* Records: usage, selector, matching type and the certificate they are about; ~ has one bit wrong; a literal
 * record stands behind =. */
static const struct row {
	const char *what, *chain, *records, *names,
	    *want; /* ! before it: OpenSSL judges otherwise (man/mox-deviations.7) */
} rows[] = {
#define MX "mx.example.com"
    /* DANE-EE */
    {"T11 3 1 1", "leaf inter", "3 1 1 leaf", MX, "leaf"},
    {"T11 3 0 1", "leaf inter", "3 0 1 leaf", MX, "leaf"},
    {"T11 3 1 2", "leaf inter", "3 1 2 leaf", MX, "leaf"},
    {"T11 3 0 2", "leaf inter", "3 0 2 leaf", MX, "leaf"},
    {"T17 3 1 0", "leaf inter", "3 1 0 leaf", MX, "leaf"},
    {"T17 3 0 0", "leaf inter", "3 0 0 leaf", MX, "leaf"},
    {"T11 expired, self-signed, for another name", "selfold", "3 1 1 selfold", MX, "leaf"},
    {"T11 not valid yet", "soon inter", "3 0 1 soon", MX, "leaf"},
    {"T11 only for clients", "client inter", "3 1 1 client", MX, "leaf"},
    {"T11 no chain, no name asked", "leaf", "3 1 1 leaf", "none.example", "leaf"},
    {"3 1 1 of another", "leaf inter", "3 1 1 other", MX, "no-match"},
    {"3 1 1, a bit wrong", "leaf inter", "3 1 1 ~leaf", MX, "no-match"},
    {"3 1 0, a bit wrong", "leaf inter", "3 1 0 ~leaf", MX, "no-match"},
    {"usage 3 matches the leaf alone", "leaf inter root", "3 1 1 inter,3 1 1 root", MX, "no-match"},
    {"T17 one of several", "leaf inter", "3 1 1 other,3 1 1 ~leaf,3 1 1 leaf", MX, "leaf"},
    {"T18 a wrong SHA-512 beside a right SHA-256", "leaf inter", "3 1 2 other,3 1 1 leaf", MX, "no-match"},
    {"T18 a right SHA-512 beside a wrong SHA-256", "leaf inter", "3 1 1 other,3 1 2 leaf", MX, "leaf"},
    {"T18 agility is for each selector", "leaf inter", "3 0 2 other,3 1 1 leaf", MX, "leaf"},
    {"T18 and for each usage", "leaf inter root", "3 1 2 other,2 1 1 root", MX, "anchor 2"},
    {"T18 full data is none", "leaf inter", "3 1 2 other,3 1 0 leaf", MX, "leaf"},
    {"T17 a short SHA-512 is nothing", "leaf inter", "=3 1 2 00,3 1 1 leaf", MX, "leaf"},
    {"T15 usages 0 and 1 beside it", "leaf inter root", "0 1 1 other,1 1 1 other,3 1 1 leaf", MX, "leaf"},
    {"T15 usages 0 and 1 are nothing", "leaf inter root", "1 1 1 leaf,0 1 1 root", MX, "unusable"},
    {"T15 nor do they help", "leaf inter root", "1 1 1 leaf,3 1 1 other", MX, "no-match"},
    {"T16 nothing usable", "leaf inter", "=3 9 1 00,=3 1 9 00", MX, "unusable"},
    {"no record", "leaf inter", "", MX, "unusable"},
    /* DANE-TA: where the anchor stands */
    {"T13 2 1 1 root", "leaf inter root", "2 1 1 root", MX, "anchor 2"},
    {"T13 2 0 1 root", "leaf inter root", "2 0 1 root", MX, "anchor 2"},
    {"T13 2 0 2 root", "leaf inter root", "2 0 2 root", MX, "anchor 2"},
    {"T13 2 1 1 intermediate", "leaf inter root", "2 1 1 inter", MX, "anchor 1"},
    {"T13 2 0 1 intermediate, no root shown", "leaf inter", "2 0 1 inter", MX, "anchor 1"},
    {"T13 2 0 0 intermediate shown", "leaf inter", "2 0 0 inter", MX, "anchor 1"},
    {"T17 2 1 0 intermediate shown", "leaf inter", "2 1 0 inter", MX, "anchor 1"},
    {"root signs the leaf", "plain root", "2 1 1 root", MX, "anchor 1"},
    {"2 1 1 of a root that is not shown", "leaf inter", "2 1 1 root", MX, "no-match"},
    {"2 0 1 of an intermediate that is not shown", "leaf root", "2 0 1 inter", MX, "no-match"},
    {"2 1 1 root, the intermediate is missing", "leaf root", "2 1 1 root", MX, "not-trusted"},
    {"an anchor that has nothing to do with the leaf", "leaf inter root2", "2 1 1 root2", MX, "not-trusted"},
    {"T14 2 0 0 root not shown", "leaf inter", "2 0 0 root", MX, "anchor 2"},
    {"T14 2 0 0 intermediate not shown", "leaf", "2 0 0 inter", MX, "anchor 1"},
    {"T14 2 0 0 root, the intermediate is missing", "leaf", "2 0 0 root", MX, "not-trusted"},
    {"T14 2 0 0 of a stranger", "leaf inter", "2 0 0 root2", MX, "not-trusted"},
    {"T14 2 1 0 root not shown: its signature is", "leaf inter", "2 1 0 root", MX, "anchor 2"},
    {"T14 2 1 0 intermediate not shown", "leaf", "2 1 0 inter", MX, "anchor 1"},
    {"T14 2 1 0 has signed nothing here", "leaf inter", "2 1 0 root2", MX, "no-match"},
    {"T14 2 1 0 has signed nothing here, alone", "leaf", "2 1 0 root", MX, "no-match"},
    {"T14 2 1 0, for another name", "other inter", "2 1 0 root", MX, "host-mismatch"},
    {"T14 2 1 0, expired", "old inter", "2 1 0 root", MX, "expired"},
    {"usage 2 on a self-signed leaf", "self", "2 1 1 self", MX, "!anchor 0"},
    {"usage 2 on a self-signed leaf that is a CA", "selfca", "2 0 1 selfca", MX, "!anchor 0"},
    {"usage 2 on a leaf others have signed", "leaf inter", "2 1 1 leaf", MX, "!anchor 0"},
    {"usage 2 on a leaf for another name", "other inter", "2 1 1 other", MX, "host-mismatch"},
    {"usage 2 on an expired leaf", "old inter", "2 1 1 old", MX, "expired"},
    {"both usages", "leaf inter root", "3 1 1 other,2 1 1 inter", MX, "anchor 1"},
    {"T18 a wrong SHA-512 anchor beside a right SHA-256", "leaf inter", "2 1 2 root2,2 1 1 inter", MX,
	"no-match"},
    /* the chain */
    {"out of order", "leaf root inter", "2 1 1 root", MX, "anchor 2"},
    {"strangers between", "leaf other root2 self inter plain root", "2 1 1 root", MX, "anchor 2"},
    {"everything twice", "leaf leaf inter inter root root", "2 1 1 root", MX, "anchor 2"},
    {"cross-signed, the old way", "leaf inter cross root2 root", "2 1 1 root", MX, "anchor 2"},
    {"cross-signed, the new way", "leaf inter cross root2 root", "2 0 1 root2", MX, "!anchor 2"},
    {"cross-signed, the dead end first", "leaf cross inter root", "2 1 1 root", MX, "!anchor 2"},
    {"names alone are no signatures", "leaf fakeinter fakeroot", "2 1 1 fakeroot", MX, "not-trusted"},
    {"names alone, beside the right ones", "leaf fakeinter inter root", "2 1 1 root", MX, "anchor 2"},
    {"signed by what may not sign", "undernoca noca root", "2 1 1 root", MX, "not-trusted"},
    {"an anchor that may not sign", "undernoca noca", "2 1 1 noca", MX, "not-trusted"},
    {"more intermediates than allowed", "undershort shortinter short", "2 1 1 short", MX, "not-trusted"},
    {"an anchor below that", "undershort shortinter short", "2 1 1 shortinter", MX, "anchor 1"},
    {"a name that the issuer may not give", "undernet netonly root", "2 1 1 root", MX, "not-trusted"},
    {"an anchor that may not give it", "undernet netonly", "2 1 1 netonly", MX, "not-trusted"},
    {"nor out of the record", "undernet", "2 0 0 netonly", MX, "not-trusted"},
    {"an insecure signature", "underweak weakinter root", "2 1 1 root", MX, "not-trusted"},
    {"T12 not for servers", "client inter root", "2 1 1 root", MX, "not-trusted"},
    {"for servers", "server inter root", "2 1 1 root", MX, "anchor 2"},
    /* dates */
    {"T12 expired leaf", "old inter root", "2 1 1 root", MX, "expired"},
    {"T12 leaf not valid yet", "soon inter root", "2 1 1 root", MX, "not-trusted"},
    {"T12 expired intermediate", "underold oldinter root", "2 1 1 root", MX, "expired"},
    {"T12 expired anchor", "underoldroot oldroot", "2 1 1 oldroot", MX, "expired"},
    {"T12 expired anchor out of the record", "underoldroot", "2 0 0 oldroot", MX, "expired"},
    {"expired anchor as a key alone", "underoldroot", "2 1 0 oldroot", MX, "anchor 1"},
    /* names */
    {"T12 same CA, other name", "other inter root", "2 1 1 root", MX, "host-mismatch"},
    {"T12 the second reference name", "other inter root", "2 1 1 root", MX " mx.example.net", "anchor 2"},
    {"T12 no reference name", "leaf inter root", "2 1 1 root", "", "host-mismatch"},
    {"T12 a wildcard", "wild inter root", "2 1 1 root", MX, "anchor 2"},
    {"T12 a wildcard is one label", "wild inter root", "2 1 1 root", "a.mx.example.com", "host-mismatch"},
    {"T12 a wildcard is not none", "wild inter root", "2 1 1 root", "example.com", "host-mismatch"},
    {"T12 case does not matter", "upper inter root", "2 1 1 root", MX, "anchor 2"},
    {"T12 a wildcard is no part of a label", "part inter root", "2 1 1 root", MX, "!host-mismatch"},
    {"T12 a wildcard stands in front", "middle inter root", "2 1 1 root", MX, "host-mismatch"},
    {"T12 a wildcard below a top level domain", "tld inter root", "2 1 1 root", "example.com",
	"host-mismatch"},
    {"T12 a dot at the end", "dotted inter root", "2 1 1 root", MX, "host-mismatch"},
    {"T12 an address is no name", "ip inter root", "2 1 1 root", MX, "host-mismatch"},
    {"T12 nor is a name an address", "ip inter root", "2 1 1 root", "192.0.2.1", "host-mismatch"},
    {"T12 the common name, where there is no other", "cn inter root", "2 1 1 root", MX, "anchor 2"},
    {"T12 the common name is nothing beside others", "cnsan inter root", "2 1 1 root", MX, "host-mismatch"},
    {"T12 a parent's name is not enough", "leaf inter root", "2 1 1 root", "example.com", "host-mismatch"},
};

/* The record's text. The key is encoded by GnuTLS, not cut out of the certificate as lib/trust does. */
static void
record_text(struct str *out, const char *spec, size_t n)
{
	gnutls_digest_algorithm_t algo = spec[4] == '1' ? GNUTLS_DIG_SHA256 : GNUTLS_DIG_SHA512;
	bool wrong = n > 6 && spec[6] == '~';
	unsigned char buf[8192], digest[64], *p = buf;
	const struct cert *c;
	size_t len = sizeof buf;
	gnutls_pubkey_t pub;

	str_reset(out);
	if (*spec == '=') {
		str_add(out, spec + 1, n - 1);
		return;
	}
	c = cert(spec + 6 + wrong, n - 6 - wrong);
	good(gnutls_pubkey_init(&pub));
	good(gnutls_pubkey_import_x509(pub, c->crt, 0));
	if (spec[2] == '1')
		good(gnutls_pubkey_export(pub, GNUTLS_X509_FMT_DER, buf, &len));
	else
		memcpy(buf, c->der.data, len = c->der.size);
	gnutls_pubkey_deinit(pub);
	if (spec[4] != '0') {
		good(gnutls_hash_fast(algo, buf, len, digest));
		p = digest;
		len = algo == GNUTLS_DIG_SHA256 ? 32 : 64;
	}
	p[len - 1] ^= wrong;
	str_add(out, spec, 6);
	for (size_t i = 0; i < len; i++)
		str_addf(out, "%02x", p[i]);
}

/* The next of a list, or NULL. */
static const char *
item(const char **list, char sep, size_t *n)
{
	const char *s = *list;

	if (!*s)
		return NULL;
	*n = strcspn(s, (char[]){sep, 0});
	*list = s + *n + (s[*n] != 0);
	return s;
}

static unsigned
chain_make(gnutls_datum_t *out, const char *list)
{
	unsigned count = 0;
	const char *s;
	size_t n;

	while ((s = item(&list, ' ', &n)))
		out[count++] = cert(s, n)->der;
	return count;
}

static void
records_make(struct plan_list *out, const char *list)
{
	struct str text = {0};
	const char *s;
	size_t n;

	while ((s = item(&list, ',', &n))) {
		record_text(&text, s, n);
		plan_list_add(out, str_cstr(&text));
	}
	str_free(&text);
}

static void
names_make(struct plan_list *out, const char *list)
{
	const char *s;
	size_t n;

	while ((s = item(&list, ' ', &n))) {
		char *name = mem_dupn(s, n);

		plan_list_add(out, name);
		free(name);
	}
}

static void
list_end(struct plan_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i]);
	free(l->v);
}

static const char *
verdict_show(const struct dane_verdict *v)
{
	static const char *const words[] = {[DANE_UNUSABLE] = "unusable",
	    [DANE_NO_MATCH] = "no-match",
	    [DANE_NOT_TRUSTED] = "not-trusted",
	    [DANE_EXPIRED] = "expired",
	    [DANE_HOST_MISMATCH] = "host-mismatch",
	    [DANE_ANCHOR] = "anchor",
	    [DANE_LEAF] = "leaf"};
	static char out[64];

	snprintf(out, sizeof out, v->result == DANE_ANCHOR ? "%s %u" : "%s", words[v->result], v->depth);
	return out;
}

static void
row_judge(const struct row *r, time_t now)
{
	gnutls_datum_t chain[DANE_CHAIN_MAX];
	unsigned n = chain_make(chain, r->chain);
	struct plan_list records = {0}, names = {0};
	struct tlsa_set set = {0};
	struct dane_verdict v;
	bool matched;

	records_make(&records, r->records);
	names_make(&names, r->names);
	tlsa_add_list(&set, &records);
	INT_EQ(set.n, records.n, "the records are read");
	matched = dane_judge(&v, &set, chain, n, &names, (int64_t)now * 1000000);
	STR_EQ(verdict_show(&v), r->want + (*r->want == '!'), r->what);
	OK(matched == (v.result >= DANE_ANCHOR) && !v.type == matched && !v.why == matched,
	    "a match, or type and reason why not");
	OK(!matched || (v.record < set.n && set.v[v.record].counts &&
			   set.v[v.record].usage == (v.result == DANE_LEAF ? TLSA_DANE_EE : TLSA_DANE_TA)),
	    "the record that matched counts");
	tlsa_free(&set);
	list_end(&records);
	list_end(&names);
}

/* ---- for the referee: one directory a row ---- */

static void
file_make(const char *dir, const char *name, struct str *s)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	f = fopen(path, "w");
	if (!f || fwrite(str_cstr(s), 1, s->len, f) != s->len || fclose(f)) {
		printf("Bail out! %s: %s\n", path, strerror(errno));
		exit(1);
	}
	str_reset(s);
}

static void
pem_add(struct str *out, const gnutls_datum_t *der, const char *what)
{
	gnutls_datum_t pem;

	good(gnutls_pem_base64_encode2(what, der, &pem));
	str_add(out, pem.data, pem.size);
	gnutls_free(pem.data);
}

/* Files of a row: leaf, rest and key in PEM, records one a line, chain by name, and row: what, chain, names, want. */
static void
row_write(const char *top, size_t i)
{
	const struct row *r = &rows[i];
	gnutls_datum_t chain[DANE_CHAIN_MAX], key;
	unsigned n = chain_make(chain, r->chain);
	struct plan_list records = {0};
	struct str s = {0};
	char dir[4096];

	snprintf(dir, sizeof dir, "%s/%02zu", top, i);
	if (mkdir(dir, 0700)) {
		printf("Bail out! %s: %s\n", dir, strerror(errno));
		exit(1);
	}
	pem_add(&s, &chain[0], "CERTIFICATE");
	file_make(dir, "leaf", &s);
	for (unsigned j = 1; j < n; j++)
		pem_add(&s, &chain[j], "CERTIFICATE");
	file_make(dir, "rest", &s);
	good(gnutls_x509_privkey_export2_pkcs8(cert(r->chain, strcspn(r->chain, " "))->priv,
	    GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, &key));
	str_add(&s, key.data, key.size);
	gnutls_free(key.data);
	file_make(dir, "key", &s);
	records_make(&records, r->records);
	for (size_t j = 0; j < records.n; j++)
		str_addf(&s, "%s\n", records.v[j]);
	file_make(dir, "records", &s);
	str_addf(&s, "%s\n", r->chain);
	file_make(dir, "chain", &s);
	str_addf(&s, "%s\n%s\n%s\n%s\n", r->what, r->chain, r->names, r->want);
	file_make(dir, "row", &s);
	str_free(&s);
	list_end(&records);
}

/* ---- what no table says ---- */

static bool
judge_one(struct dane_verdict *v, const char *text, const gnutls_datum_t *chain, unsigned n)
{
	struct plan_list names = {0}, records = {0};
	struct tlsa_set set = {0};
	bool matched;

	names_make(&names, MX);
	records_make(&records, text);
	tlsa_add_list(&set, &records);
	matched = dane_judge(v, &set, chain, n, &names, (int64_t)time(NULL) * 1000000);
	tlsa_free(&set);
	list_end(&records);
	list_end(&names);
	return matched;
}

static void
hostile(void)
{
	gnutls_datum_t chain[200], junk = {(unsigned char *)mem_zalloc(100000), 100000};
	struct dane_verdict v;
	unsigned n;

	OK(!judge_one(&v, "3 1 1 leaf", NULL, 0) && v.type, "no certificate at all");
	chain[0] = junk;
	OK(!judge_one(&v, "3 1 1 leaf,2 1 1 root", chain, 1) && v.type, "a certificate of zeros");
	chain_make(chain, "leaf inter root");
	chain[1] = junk;
	chain[3] = cert("inter", 5)->der;
	OK(judge_one(&v, "2 1 1 root", chain, 4), "one of zeros in the chain harms nobody");
	for (unsigned i = 0; i < junk.size; i++) {
		gnutls_datum_t cut = {cert("leaf", 4)->der.data, i};

		if (i >= cert("leaf", 4)->der.size)
			break;
		chain[0] = cut;
		if (judge_one(&v, "3 1 1 leaf", chain, 1))
			OK(false, "a leaf cut short matches nothing");
	}
	chain_make(chain, "leaf");
	for (n = 1; n < 200; n++)
		chain[n] = cert(n % 2 ? "cross" : "fakeinter", n % 2 ? 5 : 9)->der;
	OK(!judge_one(&v, "2 1 1 root,2 0 0 fakeroot,2 1 0 other", chain, n) && v.type,
	    "200 certificates, all in vain");
	for (n = 1; n < 20; n++)
		chain[n] = cert("selfca", 6)->der;
	chain[0] = chain[1];
	OK(!judge_one(&v, "2 1 0 other,2 1 0 root,2 1 0 leaf,2 0 0 root", chain, n) && v.type,
	    "each of 16 has signed every other");
	chain[0] = cert("leaf", 4)->der;
	chain[DANE_CHAIN_MAX] = cert("inter", 5)->der;
	OK(!judge_one(&v, "2 1 1 inter", chain, n), "the 17th is not looked at");
	chain[DANE_CHAIN_MAX - 1] = cert("inter", 5)->der;
	OK(judge_one(&v, "2 1 1 inter", chain, n), "the 16th is");
	free(junk.data);
}

static void
clocks(time_t now)
{
	static const struct row t[] = {
	    {"before all dates", "leaf inter root", "2 1 1 root", MX, "not-trusted"},
	    {"T11 before all dates, DANE-EE", "leaf inter root", "3 1 1 leaf", MX, "leaf"},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		row_judge(&t[i], now - 16 * DAY);
	row_judge(&(struct row){"T12 the clock given counts", "old inter root", "2 1 1 root", MX, "anchor 2"},
	    now - 11 * DAY);
}

int
main(int argc, char **argv)
{
	time_t now = time(NULL);

	for (size_t i = 0; i < ARRAY_LEN(certs); i++)
		cert_make(&certs[i], now);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (argc > 1)
			row_write(argv[1], i);
		else
			row_judge(&rows[i], now);
	if (argc == 1) {
		clocks(now);
		hostile();
	}
	for (size_t i = 0; i < ARRAY_LEN(certs); i++) {
		gnutls_x509_crt_deinit(certs[i].crt);
		gnutls_x509_privkey_deinit(certs[i].priv);
		gnutls_free(certs[i].der.data);
	}
	if (argc == 1)
		DONE();
	return 0;
}
