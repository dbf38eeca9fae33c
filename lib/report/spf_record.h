/* The terms of an SPF record (RFC 7208 4.6.1, 5, 6, 7.1), the macros in them, and addresses. */
#ifndef SPF_RECORD_H
#define SPF_RECORD_H

#include "base.h"
#include "spf.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#define SPF_TERMS 200 /* of one record; more are refused as broken */

struct spf_ip {
	int family;
	unsigned char b[16];
};

enum spf_kind {
	SPF_ALL,
	SPF_INCLUDE,
	SPF_A,
	SPF_MX,
	SPF_PTR,
	SPF_IP4,
	SPF_IP6,
	SPF_EXISTS,
	SPF_REDIRECT, /* modifiers from here on */
	SPF_EXP,
	SPF_OTHER
};

struct spf_term {
	enum spf_kind kind;
	enum spf_result match; /* of mechanisms: by the qualifier */
	char *spec;            /* domain-spec; NULL: none */
	struct spf_ip net;     /* ip4, ip6 */
	unsigned bits4, bits6; /* of the prefix */
	char *text;            /* as it stands */
};

struct spf_record {
	struct spf_term term[SPF_TERMS];
	size_t n;
};

/* "v=spf1", then a space or the end. */
bool spf_is_record(const char *text);
/* false: *why says what is broken. spf_record_free in either case. */
bool spf_record_parse(struct spf_record *r, const char *text, struct str *why) MUST_USE;
void spf_record_free(struct spf_record *r);

bool spf_ip_parse(struct spf_ip *ip, const char *s) MUST_USE;
/* Do the first `bits` agree? Of different families never. */
bool spf_ip_in(const struct spf_ip *ip, const struct spf_ip *net, unsigned bits);

/* "1.2.0.192", or the 32 nibbles of an IPv6 address: what stands before in-addr.arpa, or a list's name. Appended. */
void spf_ip_reverse(struct str *out, const struct spf_ip *ip);

/* What macros stand for. */
struct spf_values {
	const char *sender, *local, *sender_domain, *domain, *helo;
	struct spf_ip ip;
	const char *(*validated)(void *arg); /* %{p}, asked when it is needed; NULL: "unknown" */
	void *arg;
};
/* A domain-spec. */
bool spf_spec_ok(const char *spec) MUST_USE;
/* spec must be ok. */
void spf_expand(struct str *out, const char *spec, const struct spf_values *v);
/* Any macro-string. */
bool spf_macro_string_ok(const char *s) MUST_USE;

#endif
