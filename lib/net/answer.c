#include "base.h"

#include "answer.h"
#include "log.h"
#include "str.h"

#include <unbound.h>

struct dns_answer *
dns_answer_new(enum dns_status status, bool secure, unsigned ttl)
{
	struct dns_answer *a = mem_zalloc(sizeof *a);

	a->status = status;
	a->secure = secure;
	a->ttl = ttl;
	return a;
}

void
dns_answer_add(struct dns_answer *a, const void *rdata, size_t n)
{
	a->data = mem_grow(a->data, a->n + 1, sizeof *a->data);
	a->data[a->n++] = (struct dns_rdata){(unsigned char *)mem_dupn(rdata, n), n};
}

void
dns_answer_free(struct dns_answer *a)
{
	if (!a)
		return;
	for (size_t i = 0; i < a->n; i++)
		free(a->data[i].p);
	free(a->data);
	free(a->canon);
	free(a->why);
	free(a);
}

struct dns_answer *
dns_answer_fail(const char *why)
{
	struct dns_answer *a = dns_answer_new(DNS_FAIL, false, 0);

	a->why = mem_dup(why);
	return a;
}

bool
dns_answer_failed(const struct dns_answer *a)
{
	return a->status == DNS_FAIL || a->status == DNS_BOGUS;
}

/* In lower case, without the last dot; NULL: not made of what host names are. */
static char *
canon_name(const char *s)
{
	size_t n = strlen(s);
	char *name;

	if (strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") != n)
		return NULL;
	name = mem_dupn(s, n - (n && s[n - 1] == '.'));
	str_lower(name);
	return name;
}

static const char *
rcode_word(int rcode)
{
	static const char *const words[] = {
	    "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"};

	return (size_t)rcode < ARRAY_LEN(words) ? words[rcode] : "an unknown response code";
}

void
dns_broken_say(const char *why)
{
	static bool said;

	if (said)
		return;
	said = true;
	log_open(LOG_ALERT, "dnssec-broken");
	log_s("why", why);
	log_s("hint", "the name servers must hand on DNSSEC records; see Name servers in mox-nexthop(8)");
	log_close();
}

struct dns_answer *
dns_answer_from(const struct ub_result *r, const char *asked)
{
	struct dns_answer *a;

	if (r->bogus) {
		a = dns_answer_new(DNS_BOGUS, false, 0);
		a->why = mem_dup(r->why_bogus ? r->why_bogus : "DNSSEC validation failed");
		/* Name servers that strip signatures make all the world bogus. */
		if (strstr(a->why, "for trust anchor ."))
			dns_broken_say(a->why);
		return a;
	}
	if (r->rcode != 0 && r->rcode != 3)
		return dns_answer_fail(rcode_word(r->rcode));
	a = dns_answer_new(r->rcode == 3 ? DNS_NXDOMAIN
			   : r->havedata ? DNS_DATA
					 : DNS_NODATA,
	    r->secure, r->ttl > 0 ? (unsigned)r->ttl : 0);
	for (size_t i = 0; r->havedata && r->data[i]; i++)
		dns_answer_add(a, r->data[i], (size_t)r->len[i]);
	if (r->canonname && !(a->canon = canon_name(r->canonname))) {
		dns_answer_free(a);
		return dns_answer_fail("an alias for what is no host name");
	}
	if (a->canon && !strcmp(a->canon, asked)) {
		free(a->canon);
		a->canon = NULL;
	}
	return a;
}
