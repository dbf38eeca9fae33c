/* Record data of DNS answers, in wire form without compression (RFC 1035 3.3), into text and back out of a
 * stranger's hands: everything here is hostile until it was decoded by this file. */
#ifndef RDATA_H
#define RDATA_H

#include "base.h"
#include "str.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

enum dns_type {
	DNS_A = 1,
	DNS_NS = 2,
	DNS_CNAME = 5,
	DNS_PTR = 12,
	DNS_MX = 15,
	DNS_TXT = 16,
	DNS_AAAA = 28,
	DNS_SRV = 33,
	DNS_TLSA = 52
};

#define DNS_NAME_SIZE 256 /* text of a name with its NUL */

/* Type by name ("MX", "TYPE52") or 0, and back: a static buffer for TYPEn. */
unsigned dns_type_parse(const char *s);
const char *dns_type_name(unsigned type);

struct dns_rdata {
	unsigned char *p; /* wire form */
	size_t n;
};

/* The name that fills p..p+n, lower-case, without the last dot; "" is the root. false: malformed, or made of
 * anything but letters, digits, - and _, which no mail host is. */
bool rdata_name(char out[DNS_NAME_SIZE], const unsigned char *p, size_t n);
bool rdata_mx(unsigned *pref, char host[DNS_NAME_SIZE], const unsigned char *p, size_t n);
/* A server's name may be "", the root: there is no such service. */
bool rdata_srv(unsigned *priority, unsigned *weight, uint16_t *port, char host[DNS_NAME_SIZE],
    const struct dns_rdata *d);
/* A or AAAA. */
bool rdata_addr(char out[INET6_ADDRSTRLEN], unsigned type, const unsigned char *p, size_t n);
/* Presentation form for people, RFC 3597's generic one where the type is not known or the data malformed. */
void rdata_text(struct str *out, unsigned type, const unsigned char *p, size_t n);

#endif
