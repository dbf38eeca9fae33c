/* SCRAM, client side (RFC 5802, 7677), with channel binding (RFC 5929, 9266).
 *
 * The messages are made and read here, since libgsasl 2.2.0 cannot send the gs2 flag `y`, which is what shows a stripped
 * -PLUS (T114), and asks nobody how many iterations are too many (T115); its SASLprep is used. scram_start, then
 * scram_first's message goes out, scram_step reads what the server says and makes the next, and only when scram_is_proved is
 * the server one that knows the password, whatever it says else. Nothing of the secret is left behind scram_free. */
#ifndef SCRAM_H
#define SCRAM_H

#include "base.h"
#include "str.h"

#include <stdbool.h>
#include <stddef.h>

#define SCRAM_ITERATIONS_MIN 4096 /* RFC 7677 4 */
#define SCRAM_ITERATIONS_MAX 10000000
#define SCRAM_HASH_MAX 32

enum scram_hash { SCRAM_SHA1, SCRAM_SHA256 };

struct sasl_binding {
	const char *type; /* "tls-exporter", "tls-unique"; NULL: none can be had */
	unsigned char data[64];
	size_t n;
};

enum scram_flag {
	SCRAM_CANNOT, /* n: no binding on our side, or none is wanted */
	SCRAM_THINKS, /* y: we could, and the server offers none */
	SCRAM_BINDS,  /* p */
};

struct scram {
	enum scram_hash hash;
	char *password;
	struct str gs2, bound; /* gs2 header; with the binding's bytes behind it */
	struct str bare;       /* client-first-message-bare, then AuthMessage */
	char nonce[32];
	unsigned char signature[SCRAM_HASH_MAX]; /* of the server */
	enum { SCRAM_FIRST, SCRAM_CHALLENGED, SCRAM_PROVED } state;
};

/* nonce: NULL, or one for tests. NULL, or half a sentence: name or password cannot be used, no binding data. *s is {0}. */
const char *scram_start(struct scram *s, enum scram_hash hash, enum scram_flag flag,
    const struct sasl_binding *binding, const char *nonce) MUST_USE;
const char *scram_first(
    struct scram *s, const char *username, const char *password, struct str *out) MUST_USE;
/* A message of the server's, decoded. NULL and the answer (empty behind the last message) in out, or half a sentence. */
const char *scram_step(struct scram *s, const char *p, size_t n, struct str *out) MUST_USE;
bool scram_is_proved(const struct scram *s);
void scram_free(struct scram *s);

/* Wiped before it is freed. */
void secret_free(char *s);
void secret_str_free(struct str *s);

#endif
