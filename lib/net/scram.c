#include "base.h"

#include "base64.h"
#include "scram.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <gsasl.h>
#include <sys/random.h>

#define NONCE_BYTES 18 /* 24 characters of base64 */
#define SALT_MAX 1024

static gnutls_mac_algorithm_t
mac_of(enum scram_hash h)
{
	return h == SCRAM_SHA1 ? GNUTLS_MAC_SHA1 : GNUTLS_MAC_SHA256;
}

static size_t
size_of(enum scram_hash h)
{
	return h == SCRAM_SHA1 ? 20 : 32;
}

/* ---- secrets ---- */

void
secret_free(char *s)
{
	if (s)
		explicit_bzero(s, strlen(s));
	free(s);
}

void
secret_str_free(struct str *s)
{
	if (s->s)
		explicit_bzero(s->s, s->cap);
	str_free(s);
}

/* ---- what we say ---- */

const char *
scram_start(struct scram *s, enum scram_hash hash, enum scram_flag flag, const struct sasl_binding *binding,
    const char *nonce)
{
	unsigned char random[NONCE_BYTES];
	struct str text = {0};

	s->hash = hash;
	if (flag == SCRAM_BINDS) {
		/* T113: an empty string would be hashed in as well as any. */
		if (!binding->type || !binding->n)
			return "there is no channel binding for this connection";
		str_addf(&s->gs2, "p=%s,,", binding->type);
	} else {
		str_adds(&s->gs2, flag == SCRAM_THINKS ? "y,," : "n,,");
	}
	str_add(&s->bound, s->gs2.s, s->gs2.len);
	if (flag == SCRAM_BINDS)
		str_add(&s->bound, binding->data, binding->n);
	if (!nonce && getrandom(random, sizeof random, 0) != sizeof random)
		return "no random bytes can be had";
	if (!nonce)
		base64_add(&text, random, sizeof random);
	snprintf(s->nonce, sizeof s->nonce, "%s", nonce ? nonce : str_cstr(&text));
	str_free(&text);
	return NULL;
}

/* SASLprep (RFC 4013), as the server will (T116); NULL: it cannot be. */
static char *
prepared(const char *s)
{
	char *out = NULL, *own;

	if (gsasl_saslprep(s, GSASL_ALLOW_UNASSIGNED, &out, NULL) || !out)
		return NULL;
	own = mem_dup(out);
	explicit_bzero(out, strlen(out));
	gsasl_free(out);
	return own;
}

const char *
scram_first(struct scram *s, const char *username, const char *password, struct str *out)
{
	char *name = prepared(username);

	s->password = prepared(password);
	if (!name || !s->password || !*name || !*s->password) {
		secret_free(name);
		return "username or password has characters that SASL does not allow";
	}
	str_adds(&s->bare, "n=");
	for (const char *p = name; *p; p++)
		if (*p == '=' || *p == ',')
			str_adds(&s->bare, *p == '=' ? "=3D" : "=2C");
		else
			str_addc(&s->bare, *p);
	str_addf(&s->bare, ",r=%s", s->nonce);
	str_add(out, s->gs2.s, s->gs2.len);
	str_add(out, s->bare.s, s->bare.len);
	free(name);
	return NULL;
}

/* ---- what the server says ---- */

/* The value of the attribute `key` at *p, which moves on behind it and its comma; NULL: another one stands there. */
static const char *
attribute(const char **p, const char *end, char key, size_t *n)
{
	const char *v = *p + 2, *comma;

	if (end - *p < 2 || **p != key || (*p)[1] != '=')
		return NULL;
	comma = memchr(v, ',', (size_t)(end - v));
	*n = (size_t)((comma ? comma : end) - v);
	*p = comma ? comma + 1 : end;
	return v;
}

/* "e=..." (RFC 5802 7): one of its words, or what stands there. */
static const char *
server_error(const char *v, size_t n)
{
	static char text[120];
	size_t k = text_visible(text, 60, v, n);

	memmove(text + strlen("the server says: "), text, k);
	memcpy(text, "the server says: ", strlen("the server says: "));
	text[strlen("the server says: ") + k] = 0;
	return text;
}

struct challenge {
	const char *nonce;
	size_t nonce_len;
	struct str salt;
	unsigned iterations;
};

static const char *
challenge_parse(const struct scram *s, const char *p, size_t n, struct challenge *c)
{
	const char *end = p + n, *v;
	size_t len, own = strlen(s->nonce);
	char number[16];
	uint64_t iterations;

	if ((v = attribute(&p, end, 'e', &len)))
		return server_error(v, len);
	if (attribute(&p, end, 'm', &len))
		return "the server demands an extension of SCRAM that nobody here knows";
	c->nonce = attribute(&p, end, 'r', &c->nonce_len);
	v = c->nonce ? attribute(&p, end, 's', &len) : NULL;
	if (!v || !len || len > SALT_MAX || !base64_read(&c->salt, v, len))
		return "the server's first message is not SCRAM's";
	/* T115: else it might be somebody's old answer. */
	if (c->nonce_len <= own || memcmp(c->nonce, s->nonce, own) != 0)
		return "the server's nonce does not begin with ours";
	for (size_t i = 0; i < c->nonce_len; i++)
		if (c->nonce[i] < 33 || c->nonce[i] > 126)
			return "the server's nonce is not one";
	v = attribute(&p, end, 'i', &len);
	if (!v || !len || len >= sizeof number)
		return "the server's first message is not SCRAM's";
	memcpy(number, v, len);
	number[len] = 0;
	if (!str_number(number, UINT32_MAX, &iterations))
		return "the server's first message is not SCRAM's";
	if (iterations < SCRAM_ITERATIONS_MIN)
		return "the server asks for fewer than 4096 iterations: who hears us could guess the "
		       "password";
	if (iterations > SCRAM_ITERATIONS_MAX)
		return "the server asks for more than 10000000 iterations";
	c->iterations = (unsigned)iterations;
	return NULL;
}

/* RFC 5802 3: the proof, and what the server's signature must be. */
static bool
proof_make(struct scram *s, const struct challenge *c, unsigned char proof[SCRAM_HASH_MAX])
{
	unsigned char salted[SCRAM_HASH_MAX], client[SCRAM_HASH_MAX], stored[SCRAM_HASH_MAX],
	    server[SCRAM_HASH_MAX], signature[SCRAM_HASH_MAX];
	gnutls_datum_t password = {(unsigned char *)s->password, (unsigned)strlen(s->password)};
	gnutls_datum_t salt = {(unsigned char *)c->salt.s, (unsigned)c->salt.len};
	gnutls_mac_algorithm_t mac = mac_of(s->hash);
	size_t n = size_of(s->hash);
	bool good = !gnutls_pbkdf2(mac, &password, &salt, c->iterations, salted, n) &&
	            !gnutls_hmac_fast(mac, salted, n, "Client Key", 10, client) &&
	            !gnutls_hash_fast((gnutls_digest_algorithm_t)mac, client, n, stored) &&
	            !gnutls_hmac_fast(mac, stored, n, s->bare.s, s->bare.len, signature) &&
	            !gnutls_hmac_fast(mac, salted, n, "Server Key", 10, server) &&
	            !gnutls_hmac_fast(mac, server, n, s->bare.s, s->bare.len, s->signature);

	for (size_t i = 0; good && i < n; i++)
		proof[i] = client[i] ^ signature[i];
	explicit_bzero(salted, sizeof salted);
	explicit_bzero(client, sizeof client);
	explicit_bzero(stored, sizeof stored);
	explicit_bzero(server, sizeof server);
	return good;
}

static const char *
challenged(struct scram *s, const char *p, size_t n, struct str *out)
{
	struct challenge c = {0};
	unsigned char proof[SCRAM_HASH_MAX];
	const char *why = challenge_parse(s, p, n, &c);

	if (!why) {
		str_adds(out, "c=");
		base64_add(out, s->bound.s, s->bound.len);
		str_adds(out, ",r=");
		str_add(out, c.nonce, c.nonce_len);
		str_addc(&s->bare, ',');
		str_add(&s->bare, p, n);
		str_addc(&s->bare, ',');
		str_add(&s->bare, out->s, out->len);
		if (!proof_make(s, &c, proof))
			why = "the proof of the password cannot be computed";
	}
	if (!why) {
		str_adds(out, ",p=");
		base64_add(out, proof, size_of(s->hash));
		s->state = SCRAM_CHALLENGED;
	}
	secret_free(s->password);
	s->password = NULL;
	str_free(&c.salt);
	return why;
}

static const char *
final(struct scram *s, const char *p, size_t n)
{
	const char *end = p + n, *v;
	struct str got = {0};
	size_t len, size = size_of(s->hash);
	bool same;

	if ((v = attribute(&p, end, 'e', &len)))
		return server_error(v, len);
	v = attribute(&p, end, 'v', &len);
	same = v && base64_read(&got, v, len) && got.len == size && !gnutls_memcmp(got.s, s->signature, size);
	str_free(&got);
	if (!same)
		return "the server does not know the password itself";
	s->state = SCRAM_PROVED;
	return NULL;
}

const char *
scram_step(struct scram *s, const char *p, size_t n, struct str *out)
{
	switch (s->state) {
	case SCRAM_FIRST: return challenged(s, p, n, out);
	case SCRAM_CHALLENGED: return final(s, p, n);
	case SCRAM_PROVED: break;
	}
	return "the server goes on where SCRAM has ended";
}

bool
scram_is_proved(const struct scram *s)
{
	return s->state == SCRAM_PROVED;
}

void
scram_free(struct scram *s)
{
	secret_free(s->password);
	str_free(&s->gs2);
	str_free(&s->bound);
	str_free(&s->bare);
	*s = (struct scram){0};
}
