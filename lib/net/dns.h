/* DNS questions, many at once, validated here with DNSSEC by libunbound: no resolver's AD bit is believed
 * (T23).
 *
 * One struct dns a process. dns_open reads the configuration, resolv.conf, /etc/hosts and the trust anchor;
 * dns_ask puts a question; wait until dns_fd is readable or dns_deadline has passed, then call dns_process,
 * which calls back. Every question is answered once, 20 s after it went out at the latest, and never from
 * within dns_ask. One that failed among many others goes out once more, when the name servers are there at all: they may
 * have been too many. Identical questions under way go out once (libunbound). A thread of libunbound's does the
 * work: whatever confines this process must come before the first dns_ask. */
#ifndef DNS_H
#define DNS_H

#include "base.h"

#include "answer.h"
#include "conf.h"

#include <stdbool.h>
#include <stdint.h>

struct dns;

/* Ends the program when configuration or trust anchor are no good. */
struct dns *dns_open(const struct conf *c);
void dns_close(struct dns *d); /* what is outstanding is never answered */
/* Shuts the file system to this process for good, but for what the resolver reads after dns_open. Before the first dns_ask. */
void dns_confine(const struct dns *d);

/* The callback owns *a (dns_answer_free). */
typedef void dns_done(void *arg, struct dns_answer *a);
/* name: A-labels without trailing dot. hosts: A and AAAA of a name that /etc/hosts has come from there, and no TXT of it at
 * _mta-sts is asked for.
 * localhost and names below it are always 127.0.0.1 and ::1 (RFC 6761 6.3). */
void dns_ask(struct dns *d, const char *name, unsigned type, bool hosts, dns_done *done, void *arg);
size_t dns_outstanding(const struct dns *d);
int dns_fd(const struct dns *d);
int64_t dns_deadline(const struct dns *d); /* monotonic; INT64_MAX: none; 0: answers are waiting */
void dns_process(struct dns *d);

/* resolv.conf changed, or the machine slept: what is known of the network is worth nothing. Finish, and begin
 * with a fresh process. */
bool dns_stale(struct dns *d);

#endif
