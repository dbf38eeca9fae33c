/* DKIM signatures (RFC 6376, 8301, 8463): canonical forms, hashes, signing, checking. No DNS, no files.
 *
 * Messages are in wire form: CRLF line ends only. The header section is in memory, without the blank line; the body
 * passes through struct dkim_body in pieces of any size. Text of a tag list is hostile until dkim_tags_parse. */
#ifndef DKIM_H
#define DKIM_H

#include "base.h"
#include "str.h"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <stdbool.h>
#include <stdint.h>

enum dkim_canon { DKIM_SIMPLE, DKIM_RELAXED };
enum dkim_algo { DKIM_RSA, DKIM_ED25519 }; /* both with SHA-256; SHA-1 is dead (RFC 8301) */

#define DKIM_HASH_SIZE 32

/* ---- canonical forms (RFC 6376 3.4) ---- */

/* One whole field, with its last CRLF. */
void dkim_field_canon(struct str *out, enum dkim_canon c, const char *field, size_t n);

struct dkim_body {
	enum dkim_canon canon;
	gnutls_hash_hd_t hash;
	uint64_t blank;        /* empty lines not put yet: at the end they do not count */
	bool begun;            /* the open line has put something */
	bool space;            /* relaxed: blanks not put yet */
	uint64_t total, limit; /* bytes of the canonical body; of those that are hashed at most */
	size_t len;
	char buf[4096];
};

/* limit: l= (3.5), UINT64_MAX for none. false: no memory, or no SHA-256. */
bool dkim_body_start(struct dkim_body *b, enum dkim_canon c, uint64_t limit) MUST_USE;
void dkim_body_add(struct dkim_body *b, const char *p, size_t n);
/* Ends it; its other end, when nobody wants the digest: digest NULL. */
void dkim_body_end(struct dkim_body *b, unsigned char digest[DKIM_HASH_SIZE]);

/* ---- keys ---- */

struct dkim_key {
	enum dkim_algo algo;
	unsigned bits; /* RSA */
	gnutls_privkey_t key;
};

/* A private key, PEM. NULL, or what is wrong with it; then *k needs no end. RSA of 1024 bits and less is refused
 * (RFC 8301 3.2 wants 2048 of signers). */
const char *dkim_key_load(struct dkim_key *k, const char *pem, size_t n) MUST_USE;
void dkim_key_free(struct dkim_key *k);
/* The value of the TXT record at SELECTOR._domainkey.DOMAIN that belongs to it. NULL, or what went wrong. */
const char *dkim_key_record(struct str *out, const struct dkim_key *k) MUST_USE;

/* ---- signing ---- */

struct dkim_signer {
	const struct dkim_key *key;
	const char *domain, *selector; /* A-labels */
	enum dkim_canon header, body;
	const char *const
	    *fields; /* names to sign where they stand, NULL-terminated; NULL: dkim_fields_default */
	const char *const
	    *sealed;  /* these once more than they stand, so that none can be added; NULL: the same */
	int64_t time; /* seconds since 1970 */
};

extern const char *const dkim_fields_default[];

/* Appends a whole DKIM-Signature field, folded, with CRLF, of at most DKIM_FIELD_MAX bytes. NULL, or why not: no From:,
 * or several (5.4, 8.15), or more fields than anybody signs; dkim_cannot: it is no fault of the message. */
#define DKIM_FIELD_MAX 4500
extern const char dkim_cannot[];
const char *dkim_sign(struct str *out, const struct dkim_signer *s, const char *header, size_t n,
    const unsigned char body_hash[DKIM_HASH_SIZE]) MUST_USE;

/* ---- checking ---- */

struct dkim_sig {
	enum dkim_algo algo;
	enum dkim_canon header, body;
	bool has_length;
	uint64_t length;      /* l= */
	int64_t time, expiry; /* seconds; 0: not given */
	char *domain, *selector, *identity;
	char *fields;         /* h=, lower-case, parted by colons, without blanks */
	struct str signature; /* b= */
	unsigned char body_hash[DKIM_HASH_SIZE];
	struct str bare; /* the whole field with its b= emptied */
};

/* A DKIM-Signature field, whole. NULL, or what is wrong with it (static); *s is the caller's to free either way. */
const char *dkim_sig_parse(struct dkim_sig *s, const char *field, size_t n) MUST_USE;
void dkim_sig_free(struct dkim_sig *s);

enum dkim_result { DKIM_PASS, DKIM_FAIL, DKIM_PERMERROR };

/* Whether the signature fits header and body hash under the key of that TXT record, at the time now (seconds). *why:
 * half a sentence (static) unless it passes. */
enum dkim_result dkim_verify(const struct dkim_sig *s, const struct str *header,
    const unsigned char body_hash[DKIM_HASH_SIZE], const char *record, int64_t now,
    const char **why) MUST_USE;

/* ---- tag lists (3.2) ---- */

struct dkim_tag {
	const char *name, *value; /* into the list's own copy; outer blanks cut, folding left in */
};
struct dkim_tags {
	char *text;
	struct dkim_tag *v;
	size_t n;
};

/* false: not a tag list, or a tag twice; then *t needs no end. */
bool dkim_tags_parse(struct dkim_tags *t, const char *s, size_t n) MUST_USE;
void dkim_tags_free(struct dkim_tags *t);
const char *dkim_tag(const struct dkim_tags *t, const char *name); /* NULL: not there */
/* base64 with blanks anywhere. */
bool dkim_base64(struct str *out, const char *s) MUST_USE;

#endif
