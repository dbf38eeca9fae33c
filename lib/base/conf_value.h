/* The kinds of values a configuration key can have: what is one, and what to say was expected when it is not.
 * Pure. */
#ifndef CONF_VALUE_H
#define CONF_VALUE_H

#include "base.h"
#include "str.h"

#include <stdbool.h>
#include <stdint.h>

enum conf_kind {
	VALUE_TEXT,     /* not empty */
	VALUE_PATH,     /* absolute, or one of words */
	VALUE_NAME,     /* domain name, ASCII; with words: or empty */
	VALUE_IP,       /* IP address of family min to max (4, 6) */
	VALUE_SOCKET,   /* address:port, [address]:port */
	VALUE_FIELD,    /* header field and a pattern: "Name: pattern" */
	VALUE_WHO,      /* name, name@domain, @domain, @.domain, or * */
	VALUE_MASK,     /* mail address, or @domain */
	VALUE_ADDRESS,  /* mail address local@domain; the last of one text */
	VALUE_NUMBER,   /* from min to max */
	VALUE_SIZE,     /* bytes, from min to max */
	VALUE_DURATION, /* from min to max microseconds */
	VALUE_BOOL,     /* true or false, yes or no */
	VALUE_WORD,     /* one of words, parted by spaces; its index is the value */
	/* lists from here on */
	VALUE_TEXTS,         /* list of texts, none empty */
	VALUE_WORDS,         /* list of some of words */
	VALUE_HOSTS,         /* list of domain names and IP addresses */
	VALUE_IPS,           /* list of VALUE_IP */
	VALUE_NAMES,         /* list of domain names */
	VALUE_PATTERNS,      /* list of domain names, each perhaps with a leading dot */
	VALUE_HOST_PATTERNS, /* list of host names, or *.NAME */
	VALUE_SERVERS,       /* list of IP addresses, each perhaps with @port */
	VALUE_NETWORKS,      /* list of networks (network.h) */
	VALUE_DURATIONS,     /* list of durations above 0, not empty */
};

struct conf_rule {
	enum conf_kind kind;
	uint64_t min, max;
	const char *words;
};

bool conf_kind_is_list(enum conf_kind k);
/* One value (of a list: one element). *n receives what a number, size, duration, bool or word comes to. */
bool conf_value_ok(const struct conf_rule *r, const char *v, uint64_t *n) MUST_USE;
/* "a number from 1 to 65535" */
void conf_value_expected(struct str *out, const struct conf_rule *r);
/* Domain name of letters, digits, - and _, labels of 1 to 63, at most 253 bytes; one dot at the end is let
 * pass. */
bool conf_name_ok(const char *s) MUST_USE;
/* "192.0.2.1:1080", "[2001:db8::1]:1080"; both parts may be NULL. */
bool conf_socket_parse(const char *s, char ip[64], uint16_t *port) MUST_USE;

#endif
