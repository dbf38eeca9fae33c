/* What recipient domains were last seen to support: a cache in one file of fixed size, spool/support, written by mox-runq,
 * read by mox-nexthop -v. Nothing depends on it: a damaged, short or missing file only means that less is known. Its
 * format: spool-layout.txt. */
#ifndef SUPPORT_H
#define SUPPORT_H

#include "base.h"

#include <stdbool.h>
#include <stdint.h>

#define SUPPORT_FILE "support" /* in the spool */

struct support {
	bool starttls, requiretls; /* offered by a host of the domain; requiretls: inside TLS */
	int64_t seen;              /* microseconds since 1970, kept to the minute */
};

/* The file in the directory spool, made when write and missing; -1 with errno set. */
int support_open(const char *spool, bool write) MUST_USE;
/* domain: lower-case A-labels, as in plans. A domain that has no place of its own takes that of the one not seen
 * longest. One writer at a time. false: not written, errno set. */
bool support_put(int fd, const char *domain, const struct support *s);
/* false: not known. */
bool support_get(int fd, const char *domain, struct support *s) MUST_USE;

#endif
