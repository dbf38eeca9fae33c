#include "base.h"

#include "network.h"
#include "sending.h"

#include <arpa/inet.h>
#include <unistd.h>

/* Somewhere far away: how the kernel would go there is all that is looked at. */
#define FAR4 "198.41.0.4"
#define FAR6 "2001:503:ba3e::2:30"

static const char *const not_seen[] = {"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8",
    "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16", "::/127", "fc00::/7", "fe80::/10"};

static bool
parse(struct sockaddr_storage *a, const char *ip)
{
	struct sockaddr_in *in = (struct sockaddr_in *)(void *)a;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)a;

	*a = (struct sockaddr_storage){0};
	if (inet_pton(AF_INET, ip, &in->sin_addr) == 1)
		a->ss_family = AF_INET;
	else if (inet_pton(AF_INET6, ip, &in6->sin6_addr) == 1)
		a->ss_family = AF_INET6;
	return a->ss_family != 0;
}

static bool
add(struct sendings *s, const char *ip, const char *ehlo, const char *how)
{
	struct sockaddr_storage a;
	struct sending *e;

	if (!parse(&a, ip))
		return false;
	for (size_t i = 0; i < s->n; i++)
		if (!strcmp(s->v[i].ip, ip) && str_ieq(s->v[i].ehlo, ehlo))
			return true;
	s->v = mem_grow(s->v, s->n + 1, sizeof *s->v);
	e = &s->v[s->n++];
	*e = (struct sending){mem_dup(ip), mem_dup(ehlo), mem_dup(how), false};
	for (size_t i = 0; i < ARRAY_LEN(not_seen); i++)
		e->not_seen = e->not_seen || network_has(not_seen[i], &a);
	return true;
}

bool
sendings_add(struct sendings *s, const struct conf *c, const char *ip, const char *how)
{
	return add(s, ip, c->hostname, how);
}

/* The address the kernel would send from; false: it has no way. */
static bool
find_local(char out[INET6_ADDRSTRLEN], const char *far)
{
	struct sockaddr_storage a;
	socklen_t len = sizeof a;
	const void *from;
	int fd;
	bool good;

	if (!parse(&a, far) || (fd = socket(a.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0)) < 0)
		return false;
	/* The port stands at the same place for both. */
	((struct sockaddr_in *)(void *)&a)->sin_port = htons(25);
	good = !connect(fd, (const struct sockaddr *)&a,
		   a.ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6)) &&
	       !getsockname(fd, (struct sockaddr *)&a, &len);
	close(fd);
	from = a.ss_family == AF_INET
	           ? (const void *)&((const struct sockaddr_in *)(const void *)&a)->sin_addr
	           : (const void *)&((const struct sockaddr_in6 *)(const void *)&a)->sin6_addr;
	return good && inet_ntop(a.ss_family, from, out, INET6_ADDRSTRLEN);
}

static void
add_direct(struct sendings *s, const struct conf_transport *t, const char *ehlo, const char *how)
{
	char local[INET6_ADDRSTRLEN];

	if (!t || t->ipv4) {
		if (t && t->source_ipv4)
			(void)!add(s, t->source_ipv4, ehlo, how);
		else if (find_local(local, FAR4))
			(void)!add(s, local, ehlo, "as the kernel chooses it");
	}
	if (!t || t->ipv6) {
		if (t && t->source_ipv6)
			(void)!add(s, t->source_ipv6, ehlo, how);
		else if (find_local(local, FAR6))
			(void)!add(s, local, ehlo, "as the kernel chooses it");
	}
}

/* Whether a route without conditions takes all mail away from delivery without a transport. */
static bool
all_is_routed(const struct conf *c)
{
	for (size_t i = 0; i < c->nroute; i++) {
		const struct conf_route *r = &c->route[i];

		if (!r->from.n && !r->to.n && !r->to_mx.n && !r->header && !r->minimum_attempts)
			return true;
	}
	return false;
}

void
sendings_find(struct sendings *s, const struct conf *c)
{
	struct str how = {0};

	for (size_t i = 0; i < c->dnsbl.addresses.n; i++)
		(void)!add(s, c->dnsbl.addresses.v[i], c->hostname, "as the configuration has it");
	for (size_t i = 0; i < c->ntransport && !c->dnsbl.addresses.n; i++) {
		const struct conf_transport *t = &c->transport[i];
		const char *ehlo = t->hostname ? t->hostname : c->hostname;

		str_reset(&how);
		str_addf(&how, "of transport %s", t->name);
		if (t->type == TRANSPORT_DIRECT)
			add_direct(s, t, ehlo, how.s);
		for (size_t k = 0; k < t->remote_ips.n; k++)
			(void)!add(s, t->remote_ips.v[k], ehlo, how.s);
	}
	if (!c->dnsbl.addresses.n && !all_is_routed(c))
		add_direct(s, NULL, c->hostname, NULL);
	str_free(&how);
}

void
sendings_free(struct sendings *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->v[i].ip);
		free(s->v[i].ehlo);
		free(s->v[i].how);
	}
	free(s->v);
	*s = (struct sendings){0};
}
