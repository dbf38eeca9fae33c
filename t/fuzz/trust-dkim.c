/* A message of strangers as mox-dkim sees it: From: of what is to be signed, signatures of what is checked. What we sign,
 * whatever stands in it, passes our own check, and is fit to go before the message (prepend in mox-rec.5). */
#include "base.h"

#include "dkim_author.h"
#include "dkim_message.h"
#include "fuzz.h"
#include "header.h"

#include <gnutls/x509.h>

static struct dkim_key key;
static struct str record;

static void
key_make(void)
{
	gnutls_x509_privkey_t x;
	gnutls_datum_t pem;

	MUST_HOLD(!gnutls_x509_privkey_init(&x) &&
		  !gnutls_x509_privkey_generate(x, GNUTLS_PK_EDDSA_ED25519, 256, 0) &&
		  !gnutls_x509_privkey_export2_pkcs8(x, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, &pem));
	MUST_HOLD(!dkim_key_load(&key, (const char *)pem.data, pem.size) && !dkim_key_record(&record, &key));
	gnutls_free(pem.data);
	gnutls_x509_privkey_deinit(x);
}

static void
header_done(struct dkim_message *m)
{
	dkim_message_hash(m, DKIM_SIMPLE, UINT64_MAX);
	dkim_message_hash(m, DKIM_RELAXED, UINT64_MAX);
}

static void
put(void *arg, const char *p, size_t n)
{
	dkim_message_add(arg, p, n);
}

static void
check_strangers(const struct str *header, const unsigned char digest[DKIM_HASH_SIZE])
{
	const char *p = header->s, *why;
	struct header_field f;

	while (p && header_next(&p, header->s + header->len, &f)) {
		struct dkim_sig s;

		if (!header_is(&f, "DKIM-Signature"))
			continue;
		if (!dkim_sig_parse(&s, f.start, (size_t)(f.end - f.start)))
			MUST_HOLD(dkim_verify(&s, header, digest, record.s, 1600000000, &why) != DKIM_PASS);
		dkim_sig_free(&s);
	}
}

static void
fit_to_prepend(const struct str *field)
{
	MUST_HOLD(field->len > 2 && field->len <= DKIM_FIELD_MAX && field->s[0] != '.');
	for (size_t i = 0; i < field->len; i++) {
		unsigned char c = (unsigned char)field->s[i];

		if (c == '\r')
			MUST_HOLD(
			    field->s[i + 1] == '\n' && field->s[i + 2] != '.' && field->s[i + 2] != '\r');
		else
			MUST_HOLD(
			    c == '\t' || (c == '\n' && i && field->s[i - 1] == '\r') || (c >= 32 && c < 127));
	}
}

static void
sign_ours(const struct str *header, enum dkim_canon c, const unsigned char digest[DKIM_HASH_SIZE])
{
	struct dkim_signer signer = {.key = &key,
	    .domain = "example.org",
	    .selector = "s",
	    .header = c,
	    .body = c,
	    .time = 1500000000};
	struct str field = {0};
	struct dkim_sig s;
	const char *why;

	if (!dkim_sign(&field, &signer, str_cstr(header), header->len, digest)) {
		fit_to_prepend(&field);
		MUST_HOLD(!dkim_sig_parse(&s, field.s, field.len));
		MUST_HOLD(dkim_verify(&s, header, digest, record.s, 1600000000, &why) == DKIM_PASS);
		dkim_sig_free(&s);
	}
	str_free(&field);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct dkim_message m;
	unsigned char digest[2][DKIM_HASH_SIZE];
	char *buf = fuzz_copy(data, n), *author;
	const char *why;

	if (!key.key)
		key_make();
	m.header_done = header_done;
	m.in_body = false;
	m.nbody = 0;
	str_reset(&m.header);
	wire_start(&m.wire, put, &m);
	wire_add(&m.wire, buf, n / 2);
	wire_add(&m.wire, buf + n / 2, n - n / 2);
	wire_end(&m.wire);
	dkim_message_end(&m);
	for (int c = DKIM_SIMPLE; c <= DKIM_RELAXED; c++)
		dkim_body_end(&m.body[c], digest[c]);
	if (!m.wire.bad) {
		author = dkim_author(str_cstr(&m.header), m.header.len, &why);
		MUST_HOLD(!author == !!why && (!author || (*author && !strpbrk(author, " ;@\r\n"))));
		free(author);
		check_strangers(&m.header, digest[DKIM_RELAXED]);
		for (int c = DKIM_SIMPLE; c <= DKIM_RELAXED; c++)
			sign_ours(&m.header, (enum dkim_canon)c, digest[c]);
	}
	wire_free(&m.wire);
	free(buf);
	return 0;
}
