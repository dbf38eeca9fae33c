#include "base.h"

#include "dkim.h"
#include "header.h"

#include <gnutls/x509.h>

/* RFC 6376 5.4.1, and what changes how a message reads or is answered. */
const char *const dkim_fields_default[] = {"From", "To", "Cc", "Reply-To", "Subject", "Date", "Message-ID",
    "In-Reply-To", "References", "Sender", "MIME-Version", "Content-Type", "Content-Transfer-Encoding", NULL};

const char dkim_cannot[] = "the signature cannot be made";

/* RFC 8460 5.3: signed where they stand, whatever else is; receivers of reports on TLS look for them. */
static const char *const fields_report[] = {"TLS-Report-Domain", "TLS-Report-Submitter"};

#define LIST_MAX 2000       /* bytes of h=: ten times what mail has */
#define RSA_BITS_LEAST 1024 /* of keys that are believed (RFC 8301 3.2) */
#define RSA_BITS_SIGN 2048
#define RSA_BITS_MOST 8192

/* ---- keys ---- */

const char *
dkim_key_load(struct dkim_key *k, const char *pem, size_t n)
{
	gnutls_datum_t d = {(unsigned char *)(uintptr_t)pem, (unsigned)n};
	const char *why = NULL;
	int algo;

	*k = (struct dkim_key){0};
	if (n > 65536 || gnutls_privkey_init(&k->key))
		return "too long for a key";
	if (gnutls_privkey_import_x509_raw(k->key, &d, GNUTLS_X509_FMT_PEM, NULL, 0)) {
		dkim_key_free(k);
		return "not a private key in PEM without a password";
	}
	algo = gnutls_privkey_get_pk_algorithm(k->key, &k->bits);
	if (algo == GNUTLS_PK_EDDSA_ED25519)
		k->algo = DKIM_ED25519;
	else if (algo != GNUTLS_PK_RSA)
		why = "neither RSA nor Ed25519";
	else if (k->bits < RSA_BITS_SIGN)
		why = "RSA of less than 2048 bits";
	else if (k->bits > RSA_BITS_MOST)
		why = "RSA of more than 8192 bits";
	if (why)
		dkim_key_free(k);
	return why;
}

void
dkim_key_free(struct dkim_key *k)
{
	if (k->key)
		gnutls_privkey_deinit(k->key);
	*k = (struct dkim_key){0};
}

static bool
base64_add(struct str *out, const void *p, size_t n)
{
	gnutls_datum_t in = {(unsigned char *)(uintptr_t)p, (unsigned)n}, text;

	if (gnutls_base64_encode2(&in, &text))
		return false;
	str_add(out, text.data, text.size);
	gnutls_free(text.data);
	return true;
}

const char *
dkim_key_record(struct str *out, const struct dkim_key *k)
{
	gnutls_pubkey_t pub;
	gnutls_datum_t p = {0};
	bool good = false;

	if (gnutls_pubkey_init(&pub))
		return "out of memory";
	if (!gnutls_pubkey_import_privkey(pub, k->key, 0, 0))
		good = k->algo == DKIM_RSA ? !gnutls_pubkey_export2(pub, GNUTLS_X509_FMT_DER, &p)
		                           : !gnutls_pubkey_export_ecc_raw2(pub, NULL, &p, NULL, 0);
	if (good) {
		str_addf(out, "v=DKIM1; k=%s; p=", k->algo == DKIM_RSA ? "rsa" : "ed25519");
		good = base64_add(out, p.data, p.size);
		gnutls_free(p.data);
	}
	gnutls_pubkey_deinit(pub);
	return good ? NULL : "the public half cannot be made";
}

/* ---- choosing fields ---- */

/* Appends the canonical form of each field that the list names, each further mention the next from the bottom (5.4.2);
 * names without a field stand for nothing. */
static void
fields_canon(struct str *out, enum dkim_canon c, const char *list, const char *header, size_t n)
{
	struct header_field *f = NULL, one;
	const char *p = header;
	size_t count = 0;
	bool *taken;

	while (header_next(&p, header + n, &one)) {
		f = mem_grow(f, count + 1, sizeof *f);
		f[count++] = one;
	}
	taken = mem_zalloc(count + 1);
	while (*list) {
		size_t len = strcspn(list, ":");
		char *name = mem_dupn(list, len);

		for (size_t i = count; i-- > 0;)
			if (!taken[i] && header_is(&f[i], name)) {
				taken[i] = true;
				dkim_field_canon(out, c, f[i].start, (size_t)(f[i].end - f[i].start));
				break;
			}
		free(name);
		list += len + (list[len] == ':');
	}
	free(taken);
	free(f);
}

static size_t
field_count(const char *header, size_t n, const char *name)
{
	const char *p = header;
	struct header_field f;
	size_t count = 0;

	while (header_next(&p, header + n, &f))
		count += header_is(&f, name);
	return count;
}

static void
list_add(struct str *list, const char *name, size_t times)
{
	while (times--)
		str_addf(list, "%s%s", list->len ? ":" : "", name);
}

static bool
is_named(const char *const *names, const char *name)
{
	for (; names && *names; names++)
		if (str_ieq(*names, name))
			return true;
	return false;
}

/* h=: each name as often as it stands, and those that are sealed once more. */
static void
list_make(struct str *list, const struct dkim_signer *s, const char *header, size_t n)
{
	const char *const *fields = s->fields ? s->fields : dkim_fields_default;
	const char *const *sealed = s->sealed ? s->sealed : fields;

	for (; *fields; fields++)
		list_add(list, *fields, field_count(header, n, *fields));
	for (; *sealed; sealed++)
		list_add(list, *sealed, 1);
	for (size_t i = 0; i < ARRAY_LEN(fields_report); i++) {
		size_t times = field_count(header, n, fields_report[i]);

		if (times && !is_named(s->fields, fields_report[i]))
			list_add(list, fields_report[i], times + 1);
	}
}

/* ---- signing ---- */

#define FOLD_AT 74

/* Text that may be folded behind each of its bytes (base64) or, with a mark, behind those. */
static void
fold(struct str *out, const char *s, char mark)
{
	const char *nl = memrchr(out->s, '\n', out->len);
	size_t column = out->len - (size_t)(nl ? nl + 1 - out->s : 0);

	while (*s) {
		size_t n = mark ? strcspn(s, (char[]){mark, 0}) + 1 : 1;

		n = n > strlen(s) ? strlen(s) : n;
		if (column + n > FOLD_AT) {
			str_adds(out, "\r\n\t ");
			column = 9;
		}
		str_add(out, s, n);
		column += n;
		s += n;
	}
}

static bool
hash_text(unsigned char digest[DKIM_HASH_SIZE], const struct str *text)
{
	return gnutls_hash_fast(GNUTLS_DIG_SHA256, str_cstr(text), text->len, digest) == 0;
}

/* Ed25519 signs the digest, RSA the text (RFC 8463 3). */
static bool
text_sign(struct str *out, const struct dkim_key *k, const struct str *text)
{
	unsigned char digest[DKIM_HASH_SIZE];
	gnutls_datum_t data = {(unsigned char *)text->s, (unsigned)text->len}, sig;
	bool good;

	if (k->algo == DKIM_ED25519) {
		if (!hash_text(digest, text))
			return false;
		data = (gnutls_datum_t){digest, sizeof digest};
	}
	if (gnutls_privkey_sign_data2(k->key,
		k->algo == DKIM_RSA ? GNUTLS_SIGN_RSA_SHA256 : GNUTLS_SIGN_EDDSA_ED25519, 0, &data, &sig))
		return false;
	good = base64_add(out, sig.data, sig.size);
	gnutls_free(sig.data);
	return good;
}

static void
text_make(struct str *out, enum dkim_canon c, const char *list, const char *header, size_t n,
    const struct str *bare)
{
	fields_canon(out, c, list, header, n);
	dkim_field_canon(out, c, bare->s, bare->len);
	str_cut(out, out->len - 2); /* without its CRLF (3.7) */
}

const char *
dkim_sign(struct str *out, const struct dkim_signer *s, const char *header, size_t n,
    const unsigned char body_hash[DKIM_HASH_SIZE])
{
	static const char *const words[] = {[DKIM_SIMPLE] = "simple", [DKIM_RELAXED] = "relaxed"};
	size_t from = field_count(header, n, "From");
	struct str list = {0}, field = {0}, text = {0}, hash = {0}, sig = {0};
	const char *why = from == 0  ? "there is no From: field"
	                  : from > 1 ? "there are several From: fields"
	                             : NULL;

	if (why)
		return why;
	list_make(&list, s, header, n);
	if (list.len > LIST_MAX) {
		str_free(&list);
		return "it has too many header fields of one name";
	}
	str_addf(&field, "DKIM-Signature: v=1; a=%s-sha256; c=%s/%s; d=%s;\r\n\ts=%s; t=%jd;\r\n\th=",
	    s->key->algo == DKIM_RSA ? "rsa" : "ed25519", words[s->header], words[s->body], s->domain,
	    s->selector, (intmax_t)s->time);
	fold(&field, list.s, ':');
	str_adds(&field, ";\r\n\tbh=");
	if (base64_add(&hash, body_hash, DKIM_HASH_SIZE))
		str_add(&field, hash.s, hash.len);
	str_adds(&field, ";\r\n\tb=\r\n");
	text_make(&text, s->header, list.s, header, n, &field);
	if (hash.len && text_sign(&sig, s->key, &text)) {
		str_cut(&field, field.len - 2);
		fold(&field, sig.s, 0);
		str_adds(&field, "\r\n");
		str_add(out, field.s, field.len);
	} else {
		why = dkim_cannot;
	}
	str_free(&list);
	str_free(&field);
	str_free(&text);
	str_free(&hash);
	str_free(&sig);
	return why;
}

/* ---- checking ---- */

static bool
list_has(const char *list, const char *word)
{
	size_t n = strlen(word);

	while (list) {
		list += strspn(list, " \t\r\n:");
		if (!strncmp(list, word, n) && strspn(list + n, " \t\r\n") + n <= strlen(list) &&
		    (!list[n + strspn(list + n, " \t\r\n")] || list[n + strspn(list + n, " \t\r\n")] == ':'))
			return true;
		list = strchr(list, ':');
	}
	return false;
}

static bool
same_domain(const struct dkim_sig *s)
{
	return !s->identity || str_ieq(strrchr(s->identity, '@') + 1, s->domain);
}

static const char *
pub_import(gnutls_pubkey_t pub, enum dkim_algo algo, const struct str *p)
{
	gnutls_datum_t d = {(unsigned char *)p->s, (unsigned)p->len};
	unsigned bits = 0;

	if (algo == DKIM_ED25519)
		return p->len == 32 && !gnutls_pubkey_import_ecc_raw(pub, GNUTLS_ECC_CURVE_ED25519, &d, NULL)
		           ? NULL
		           : "the key in DNS is no Ed25519 key";
	if (gnutls_pubkey_import(pub, &d, GNUTLS_X509_FMT_DER) ||
	    gnutls_pubkey_get_pk_algorithm(pub, &bits) != GNUTLS_PK_RSA)
		return "the key in DNS is no RSA key";
	return bits < RSA_BITS_LEAST ? "the key in DNS is too short" : NULL;
}

/* NULL, or what is wrong with the record as a key for this signature (3.6.1). */
static const char *
record_read(gnutls_pubkey_t pub, const struct dkim_sig *s, const char *record)
{
	const char *v, *k, *h, *svc, *p, *flags, *why = NULL;
	struct dkim_tags t;
	struct str key = {0};

	if (!dkim_tags_parse(&t, record, strlen(record)))
		return "the key record is no tag list";
	v = dkim_tag(&t, "v");
	k = dkim_tag(&t, "k");
	h = dkim_tag(&t, "h");
	svc = dkim_tag(&t, "s");
	p = dkim_tag(&t, "p");
	flags = dkim_tag(&t, "t");
	if (v && (strcmp(v, "DKIM1") || strcmp(t.v[0].name, "v")))
		why = "the key record has another version";
	else if (!p)
		why = "the key record has no key";
	else if (!*p)
		why = "the key was revoked";
	else if (strcmp(k ? k : "rsa", s->algo == DKIM_RSA ? "rsa" : "ed25519"))
		why = "the key is for another algorithm";
	else if (h && !list_has(h, "sha256"))
		why = "the key is not for SHA-256";
	else if (svc && !list_has(svc, "*") && !list_has(svc, "email"))
		why = "the key is not for mail";
	else if (flags && list_has(flags, "s") && !same_domain(s))
		why = "the key is not for subdomains";
	else if (!dkim_base64(&key, p))
		why = "the key is not base64";
	else
		why = pub_import(pub, s->algo, &key);
	str_free(&key);
	dkim_tags_free(&t);
	return why;
}

static bool
text_check(gnutls_pubkey_t pub, const struct dkim_sig *s, const struct str *text)
{
	unsigned char digest[DKIM_HASH_SIZE];
	gnutls_datum_t data = {(unsigned char *)text->s, (unsigned)text->len};
	gnutls_datum_t sig = {(unsigned char *)s->signature.s, (unsigned)s->signature.len};

	if (s->algo == DKIM_ED25519) {
		if (!hash_text(digest, text))
			return false;
		data = (gnutls_datum_t){digest, sizeof digest};
	}
	return gnutls_pubkey_verify_data2(pub,
		   s->algo == DKIM_RSA ? GNUTLS_SIGN_RSA_SHA256 : GNUTLS_SIGN_EDDSA_ED25519, 0, &data,
		   &sig) >= 0;
}

enum dkim_result
dkim_verify(const struct dkim_sig *s, const struct str *header, const unsigned char body_hash[DKIM_HASH_SIZE],
    const char *record, int64_t now, const char **why)
{
	struct str text = {0};
	gnutls_pubkey_t pub;
	bool good;

	*why = NULL;
	if (gnutls_pubkey_init(&pub)) {
		*why = "out of memory";
		return DKIM_PERMERROR;
	}
	*why = record_read(pub, s, record);
	if (*why) {
		gnutls_pubkey_deinit(pub);
		return DKIM_PERMERROR;
	}
	text_make(&text, s->header, s->fields, str_cstr(header), header->len, &s->bare);
	good = text_check(pub, s, &text);
	str_free(&text);
	gnutls_pubkey_deinit(pub);
	if (memcmp(body_hash, s->body_hash, DKIM_HASH_SIZE))
		*why = "the body was changed";
	else if (!good)
		*why = "the signature does not fit the header";
	else if (s->expiry && now > s->expiry)
		*why = "it has expired";
	return *why ? DKIM_FAIL : DKIM_PASS;
}
