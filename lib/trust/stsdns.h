/* DNS for mox-mtasts, which resolves nothing itself: each question is a run of `mox-nexthop -q`, several at once.
 *
 *	struct sts_dns q;
 *	sts_dns_start(&q, conf, DNS_TXT, "_mta-sts.example.com");
 *	struct dns_answer *a = sts_dns_finish(&q);
 */
#ifndef STSDNS_H
#define STSDNS_H

#include "answer.h"
#include "base.h"

#include <sys/types.h>

struct sts_dns {
	unsigned type;
	pid_t pid;
	int fd;
};

/* type: DNS_TXT, DNS_A or DNS_AAAA. conf: for -C, or NULL. Ends the program when nothing can be run. */
void sts_dns_start(struct sts_dns *q, const char *conf, unsigned type, const char *name);
/* Waits for it. The caller frees. */
struct dns_answer *sts_dns_finish(struct sts_dns *q) MUST_USE;

/* What mox-nexthop -q printed, destructively. */
struct dns_answer *sts_dns_parse(unsigned type, char *buf, size_t n) MUST_USE;

#endif
