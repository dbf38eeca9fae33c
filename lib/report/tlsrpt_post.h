/* A report over HTTPS (RFC 8460 5.4): one POST by libcurl, in a process of its own that has neither files nor any
 * socket but TCP, since the server is whoever some domain names. In mox-tlsrpt-send alone.
 *
 * It goes to the addresses that mox-nexthop gives and nowhere else: no resolver, no proxy, no redirect, no
 * credentials. This machine and private networks are refused unless the configuration allows them. The certificate
 * must lead to ca-file and name the host. All in all it takes a minute at most. */
#ifndef TLSRPT_POST_H
#define TLSRPT_POST_H

#include "base.h"
#include "conf.h"
#include "str.h"

#include <stdbool.h>

struct tlsrpt_poster;
/* Reads the authorities once. conf_file: for mox-nexthop, or NULL. Both are borrows. */
struct tlsrpt_poster *tlsrpt_poster_open(const struct conf *c, const char *conf_file);
void tlsrpt_poster_close(struct tlsrpt_poster *p);

/* gzip: the report. true: the server took it (2xx). *said: how it went, visible, for people. */
bool tlsrpt_post(struct tlsrpt_poster *p, const char *url, const struct str *gzip, struct str *said) MUST_USE;

#endif
