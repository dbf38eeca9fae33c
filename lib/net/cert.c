#include "base.h"

#include "cert.h"
#include "clock.h"
#include "rec.h"

#include <arpa/inet.h>
#include <gnutls/crypto.h>

/* The i-th DNS name of the certificate; 1 one, 0 another kind of name or none that is text, -1 no more. */
static int
dns_name(gnutls_x509_crt_t c, unsigned i, char out[256])
{
	size_t n = 255;
	int type = gnutls_x509_crt_get_subject_alt_name(c, i, out, &n, NULL);

	if (type == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE || type == GNUTLS_E_X509_UNKNOWN_SAN)
		return type == GNUTLS_E_X509_UNKNOWN_SAN ? 0 : -1;
	if (type == GNUTLS_E_SHORT_MEMORY_BUFFER)
		return 0;
	if (type < 0)
		return -1;
	out[n] = 0;
	if (type != GNUTLS_SAN_DNSNAME || !n || strlen(out) != n)
		return 0;
	if (out[n - 1] == '.')
		out[n - 1] = 0;
	return 1;
}

static bool
name_fits(const char *pattern, const char *host)
{
	const char *rest = strchr(host, '.');

	if (strncmp(pattern, "*.", 2) != 0)
		return str_ieq(pattern, host);
	return rest && rest > host && strchr(rest + 1, '.') && str_ieq(pattern + 1, rest);
}

/* The certificate names the address itself (RFC 5280 4.2.1.6). */
static bool
is_for_address(gnutls_x509_crt_t c, const unsigned char *address, size_t len)
{
	unsigned char b[256];
	int type;

	for (unsigned i = 0;; i++) {
		size_t n = sizeof b;

		type = gnutls_x509_crt_get_subject_alt_name(c, i, b, &n, NULL);
		if (type == GNUTLS_SAN_IPADDRESS && n == len && !memcmp(b, address, len))
			return true;
		if (type < 0 && type != GNUTLS_E_X509_UNKNOWN_SAN && type != GNUTLS_E_SHORT_MEMORY_BUFFER)
			return false;
	}
}

static bool
is_for(gnutls_x509_crt_t c, const char *host)
{
	unsigned char address[16];
	char name[256];
	int got;

	if (inet_pton(AF_INET, host, address) == 1)
		return is_for_address(c, address, 4);
	if (inet_pton(AF_INET6, host, address) == 1)
		return is_for_address(c, address, 16);
	for (unsigned i = 0; (got = dns_name(c, i, name)) >= 0; i++)
		if (got && name_fits(name, host))
			return true;
	return false;
}

static const char *
complaint(unsigned status)
{
	static const struct {
		unsigned bit;
		const char *why;
	} table[] = {
	    {GNUTLS_CERT_REVOKED, "the certificate is revoked"},
	    {GNUTLS_CERT_NOT_ACTIVATED, "the certificate is not valid yet"},
	    {GNUTLS_CERT_SIGNATURE_FAILURE, "a signature in the chain of certificates is wrong"},
	    {GNUTLS_CERT_SIGNER_NOT_FOUND, "no authority that is trusted here has signed the certificate"},
	    {GNUTLS_CERT_SIGNER_NOT_CA, "who signed the certificate is no authority"},
	    {GNUTLS_CERT_INSECURE_ALGORITHM, "the certificate is signed in a way that is no longer secure"},
	    {GNUTLS_CERT_PURPOSE_MISMATCH, "the certificate is not meant for servers"},
	    {GNUTLS_CERT_SIGNER_CONSTRAINTS_FAILURE, "an authority has signed what it may not sign"},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (status & table[i].bit)
			return table[i].why;
	return "the chain of certificates is not valid";
}

static bool
fail(struct cert_fault *f, const char *result, const char *why)
{
	*f = (struct cert_fault){result, why};
	return false;
}

static bool
judge(gnutls_x509_trust_list_t trusted, gnutls_x509_crt_t *c, unsigned n, const char *host,
    struct cert_fault *f)
{
	static unsigned char purpose[] = GNUTLS_KP_TLS_WWW_SERVER;
	gnutls_typed_vdata_st server = {GNUTLS_DT_KEY_PURPOSE_OID, purpose, 0};
	/* GnuTLS sorts the list it is given: the leaf stays the first all the same. */
	gnutls_x509_crt_t leaf = c[0];
	time_t now = (time_t)(clock_now() / SECOND);
	unsigned status = 0;
	int r = gnutls_x509_trust_list_verify_crt2(trusted, c, n, &server, 1, 0, &status, NULL);

	if (r < 0)
		return fail(f, "validation-failure", "the chain of certificates cannot be checked");
	if (gnutls_x509_crt_get_expiration_time(leaf) < now)
		return fail(f, "certificate-expired", "the certificate has expired");
	if (status & GNUTLS_CERT_EXPIRED)
		return fail(f, "certificate-expired", "an authority's certificate has expired");
	if (status)
		return fail(f, "certificate-not-trusted", complaint(status));
	if (!is_for(leaf, host))
		return fail(f, "certificate-host-mismatch", "the certificate is for another name");
	return true;
}

bool
cert_check(gnutls_x509_trust_list_t trusted, const gnutls_datum_t *chain, unsigned n, const char *host,
    struct cert_fault *fault)
{
	gnutls_x509_crt_t c[CERT_CHAIN_MAX] = {0}, all[CERT_CHAIN_MAX];
	unsigned got = 0;
	bool good = false;

	if (n > CERT_CHAIN_MAX)
		n = CERT_CHAIN_MAX;
	fail(fault, "validation-failure",
	    n ? "a certificate of the server cannot be read" : "the server has shown no certificate");
	while (got < n && !gnutls_x509_crt_init(&c[got]) &&
	       !gnutls_x509_crt_import(c[got], &chain[got], GNUTLS_X509_FMT_DER))
		got++;
	memcpy(all, c, sizeof all);
	if (got && got == n)
		good = judge(trusted, c, n, host, fault);
	for (unsigned i = 0; i < n; i++)
		gnutls_x509_crt_deinit(all[i]);
	return good;
}

static void
names_put(struct str *out, gnutls_x509_crt_t c)
{
	struct str all = {0};
	char name[256];
	int got;

	for (unsigned i = 0; all.len < 2048 && (got = dns_name(c, i, name)) >= 0; i++)
		if (got)
			str_addf(&all, "%s%s", all.len ? "," : "", name);
	rec_putf(out, "names=%s", str_cstr(&all));
	str_free(&all);
}

static void
digest_put(struct str *out, gnutls_x509_crt_t c)
{
	unsigned char id[32];
	char hex[65] = "";
	size_t n = sizeof id;

	if (gnutls_x509_crt_get_key_id(c, GNUTLS_KEYID_USE_SHA256, id, &n))
		return;
	for (size_t i = 0; i < n; i++)
		snprintf(hex + 2 * i, 3, "%02x", id[i]);
	rec_putf(out, "spki-sha256=%s", hex);
}

void
cert_write(struct str *out, const gnutls_datum_t *der)
{
	char subject[512] = "", issuer[512] = "", from[CLOCK_ISO_SIZE], to[CLOCK_ISO_SIZE];
	size_t ns = sizeof subject, ni = sizeof issuer;
	gnutls_x509_crt_t c;
	bool good;

	if (gnutls_x509_crt_init(&c))
		return;
	good = !gnutls_x509_crt_import(c, der, GNUTLS_X509_FMT_DER);
	rec_open(out, "cert");
	if (good) {
		gnutls_x509_crt_get_dn(c, subject, &ns);
		gnutls_x509_crt_get_issuer_dn(c, issuer, &ni);
		clock_iso(from, (int64_t)gnutls_x509_crt_get_activation_time(c) * SECOND, false);
		clock_iso(to, (int64_t)gnutls_x509_crt_get_expiration_time(c) * SECOND, false);
		rec_put(out, subject);
		rec_putf(out, "issuer=%s", issuer);
		names_put(out, c);
		rec_putf(out, "not-before=%s", from);
		rec_putf(out, "not-after=%s", to);
		digest_put(out, c);
	} else {
		rec_put(out, "unreadable");
	}
	rec_close(out);
	gnutls_x509_crt_deinit(c);
}
