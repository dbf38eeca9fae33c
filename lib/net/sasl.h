/* SASL, client side (RFC 4422): which mechanism, and what it says. No I/O.
 *
 * sasl_choose, then sasl_start, then sasl_step for each challenge; sasl_free. One mechanism is tried and no other after it:
 * PLAIN behind a SCRAM that failed would hand the password to whoever made it fail (T119). Order of strength:
 *
 *   SCRAM-SHA-256-PLUS, SCRAM-SHA-256, SCRAM-SHA-1-PLUS, SCRAM-SHA-1, CRAM-MD5      with a password
 *   OAUTHBEARER, XOAUTH2                                                            with a token
 *   EXTERNAL                                                                        with a certificate alone
 *
 * PLAIN and LOGIN, which hand the password itself over, only when they are named. */
#ifndef SASL_H
#define SASL_H

#include "base.h"
#include "scram.h"

#include <stdbool.h>
#include <stdint.h>

enum sasl_mechanism {
	SASL_SCRAM_SHA256_PLUS,
	SASL_SCRAM_SHA256,
	SASL_SCRAM_SHA1_PLUS,
	SASL_SCRAM_SHA1,
	SASL_OAUTHBEARER,
	SASL_XOAUTH2,
	SASL_CRAM_MD5,
	SASL_PLAIN,
	SASL_LOGIN,
	SASL_EXTERNAL,
	SASL_MECHANISMS
};
#define SASL_BIT(m) (1u << (m))

const char *sasl_name(enum sasl_mechanism m);
/* The bit of a mechanism's name, in any case; 0: not known here. */
unsigned sasl_bit(const char *name, size_t n);

struct sasl_who {
	const char *username; /* NULL: none */
	const char *secret;   /* password or token; NULL: none */
	bool token, certificate;
	unsigned named; /* bits; 0: by strength */
	bool plain;     /* PLAIN is the last of those with a password, though none is named */
	const char *host;
	uint16_t port; /* for OAUTHBEARER */
};

struct sasl_peer {
	unsigned offered; /* bits */
	struct sasl_binding binding;
};

/* What can be used, whatever is offered. */
unsigned sasl_usable(const struct sasl_who *who, const struct sasl_binding *b);
/* The strongest of those offered that can be used; SASL_MECHANISMS: none. */
enum sasl_mechanism sasl_choose(const struct sasl_who *who, const struct sasl_peer *peer);

/* Why there was none: half a sentence. */
const char *sasl_lacks(const struct sasl_who *who, const struct sasl_peer *peer);

struct sasl {
	enum sasl_mechanism mechanism;
	const struct sasl_who *who;
	struct scram scram;
	unsigned steps;
	bool refused; /* OAuth: the server has said why not, and will say no when it is asked to */
};

/* The first message into out, *first whether there is one before the server speaks. NULL, or half a sentence. who is
 * borrowed until sasl_free; *s is {0}. */
const char *sasl_start(struct sasl *s, enum sasl_mechanism m, const struct sasl_who *who,
    const struct sasl_peer *peer, struct str *out, bool *first) MUST_USE;
/* A challenge, decoded; the answer into out, which may stay empty. NULL, or half a sentence. */
const char *sasl_step(struct sasl *s, const char *p, size_t n, struct str *out) MUST_USE;
/* The server may say yes now: all it owes us was said. */
bool sasl_is_complete(const struct sasl *s);
void sasl_free(struct sasl *s);

#endif
