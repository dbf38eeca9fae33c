#include "base.h"

#include "fdio.h"
#include "submitkey.h"
#include "tls.h"

#include <gnutls/x509.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#define SEED 32
#define DAY_SECONDS (24 * 3600)

/* base64 in the URL's alphabet (RFC 4648 5), with or without padding, into at most cap bytes; 0: it is none. */
static size_t
decode(const char *s, unsigned char *out, size_t cap)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	uint32_t bits = 0;
	unsigned have = 0;
	size_t n = 0;

	for (; *s && *s != '='; s++) {
		const char *d = strchr(digits, *s);

		if (!d)
			return 0;
		bits = (bits << 6 | (uint32_t)(d - digits)) & 0xffffff;
		if ((have += 6) < 8)
			continue;
		have -= 8;
		if (n == cap)
			return 0;
		out[n++] = (unsigned char)(bits >> have);
	}
	return s[strspn(s, "=")] ? 0 : n;
}

/* Version 3, serial 1, ours for ten years: what the TLS layer wants to see around a public key. */
static int
certify(gnutls_x509_crt_t crt, gnutls_x509_privkey_t key)
{
	static const unsigned char serial = 1;
	time_t now = time(NULL);
	int err = gnutls_x509_crt_set_version(crt, 3);

	if (!err)
		err = gnutls_x509_crt_set_serial(crt, &serial, 1);
	if (!err)
		err = gnutls_x509_crt_set_dn(crt, "CN=mox-submit", NULL);
	if (!err)
		err = gnutls_x509_crt_set_activation_time(crt, now - DAY_SECONDS);
	if (!err)
		err = gnutls_x509_crt_set_expiration_time(crt, now + 3650 * (time_t)DAY_SECONDS);
	if (!err)
		err = gnutls_x509_crt_set_key(crt, key);
	return err ? err : gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_UNKNOWN, 0);
}

/* Both as PEM, in a file in memory. */
static int
put_pem(int fd, gnutls_x509_crt_t crt, gnutls_x509_privkey_t key)
{
	gnutls_datum_t pem = {0};
	int err = gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, &pem);

	if (!err && fd_write_all(fd, pem.data, pem.size))
		err = GNUTLS_E_MEMORY_ERROR;
	if (pem.data)
		explicit_bzero(pem.data, pem.size);
	gnutls_free(pem.data);
	pem = (gnutls_datum_t){0};
	if (!err)
		err = gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &pem);
	if (!err && fd_write_all(fd, pem.data, pem.size))
		err = GNUTLS_E_MEMORY_ERROR;
	gnutls_free(pem.data);
	return err;
}

/* RFC 8410 7: the seed as PKCS#8, from which GnuTLS finds the public key. */
static int
import(gnutls_x509_privkey_t key, const unsigned char seed[SEED])
{
	static const unsigned char head[] = {
	    0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20};
	unsigned char der[sizeof head + SEED];
	gnutls_datum_t all = {der, sizeof der};
	int err;

	memcpy(der, head, sizeof head);
	memcpy(der + sizeof head, seed, SEED);
	err = gnutls_x509_privkey_import_pkcs8(key, &all, GNUTLS_X509_FMT_DER, NULL, GNUTLS_PKCS_PLAIN);
	explicit_bzero(der, sizeof der);
	return err;
}

static int
make(int fd, const unsigned char seed[SEED])
{
	gnutls_x509_privkey_t key = NULL;
	gnutls_x509_crt_t crt = NULL;
	int err = gnutls_x509_privkey_init(&key);

	if (!err)
		err = gnutls_x509_crt_init(&crt);
	if (!err)
		err = import(key, seed);
	if (!err)
		err = certify(crt, key);
	if (!err)
		err = put_pem(fd, crt, key);
	gnutls_x509_crt_deinit(crt);
	gnutls_x509_privkey_deinit(key);
	return err;
}

const char *
submitkey_use(const struct submitconf *c)
{
	unsigned char key[2 * SEED]; /* Go writes the public key behind the seed */
	const char *why = NULL;
	char path[40];
	size_t n;
	int fd, err;

	if (*c->client_file)
		return tls_identity(c->client_file, c->client_file, &why) ? why : NULL;
	if (!*c->client_key)
		return NULL;
	n = decode(c->client_key, key, sizeof key);
	if (n != SEED && n != 2 * SEED)
		return "ClientAuthEd25519PrivateKey is no Ed25519 key in base64";
	fd = memfd_create("key", MFD_CLOEXEC);
	if (fd < 0)
		return "there is no memory for it";
	err = make(fd, key);
	explicit_bzero(key, sizeof key);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (err)
		why = gnutls_strerror(err);
	else if (!tls_identity(path, path, &why))
		why = NULL;
	close(fd);
	return why;
}
