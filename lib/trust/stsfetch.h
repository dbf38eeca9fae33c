/* Policies over HTTPS (RFC 8461 3.3), many at once, by libcurl. In mox-mtasts alone.
 *
 * A fetch goes to https://mta-sts.DOMAIN:PORT/.well-known/mta-sts.txt at the addresses given and nowhere else: no
 * resolver, no proxy, no redirect, no connection and no TLS session kept. The certificate must lead to the one file
 * of authorities, read at the start, and name the policy host as a DNS-ID (cert.h, T29). All in all it takes no longer than the configured
 * time, however slowly it drips, and holds up no other. */
#ifndef STSFETCH_H
#define STSFETCH_H

#include "base.h"
#include "conf.h"
#include "mtasts.h"

#include <poll.h>
#include <stdbool.h>

#define STS_FETCHES_MAX 400 /* at once; more wait for their turn */

struct sts_fetches;
struct sts_fetches *sts_fetches_open(const struct conf_sts *c); /* c is borrowed */
void sts_fetches_close(struct sts_fetches *f);                  /* what is under way is abandoned, uncalled */

/* result NULL: *policy is it, and the callee's to empty. Else result and why say what failed. */
typedef void sts_fetched(void *arg, struct sts_policy *policy, const char *result, const char *why);
/* addr: not empty, copied. Never calls back from within. */
void sts_fetch(
    struct sts_fetches *f, const char *domain, const struct plan_list *addr, sts_fetched *done, void *arg);
/* A fetch from there would not begin now. */
bool sts_fetch_waits(const struct sts_fetches *f, const struct plan_list *addr);
/* Waits for these fetches, for what pfd asks for, and no longer than ms (-1: for ever); then calls back. At most 8
 * of pfd. */
void sts_fetches_wait(struct sts_fetches *f, struct pollfd *pfd, unsigned n, int ms);

#endif
