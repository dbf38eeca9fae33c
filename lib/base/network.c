#include "base.h"

#include "network.h"
#include "str.h"

#include <arpa/inet.h>
#include <netinet/in.h>

/* 4 or 16 bytes. */
struct address {
	unsigned char b[16];
	size_t n;
};

static bool
parse(const char *s, struct address *a, unsigned *bits)
{
	const char *slash = strchrnul(s, '/');
	char text[INET6_ADDRSTRLEN];
	uint64_t n;

	if ((size_t)(slash - s) >= sizeof text)
		return false;
	memcpy(text, s, (size_t)(slash - s));
	text[slash - s] = 0;
	if (inet_pton(AF_INET, text, a->b) == 1)
		a->n = 4;
	else if (inet_pton(AF_INET6, text, a->b) == 1)
		a->n = 16;
	else
		return false;
	*bits = (unsigned)a->n * 8;
	if (!*slash)
		return true;
	if (!str_number(slash + 1, *bits, &n))
		return false;
	*bits = (unsigned)n;
	return true;
}

static unsigned
bit(const struct address *a, unsigned i)
{
	return a->b[i / 8] >> (7 - i % 8) & 1;
}

bool
network_ok(const char *s)
{
	struct address a;
	unsigned bits;

	if (!parse(s, &a, &bits))
		return false;
	for (unsigned i = bits; i < a.n * 8; i++)
		if (bit(&a, i))
			return false;
	return true;
}

static bool
address_of(struct address *a, const struct sockaddr_storage *ss)
{
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)(const void *)ss;

	if (ss->ss_family == AF_INET) {
		a->n = 4;
		memcpy(a->b, &((const struct sockaddr_in *)(const void *)ss)->sin_addr, 4);
	} else if (ss->ss_family != AF_INET6) {
		return false;
	} else if (IN6_IS_ADDR_V4MAPPED(&six->sin6_addr)) {
		a->n = 4;
		memcpy(a->b, &six->sin6_addr.s6_addr[12], 4);
	} else {
		a->n = 16;
		memcpy(a->b, &six->sin6_addr, 16);
	}
	return true;
}

bool
network_has(const char *s, const struct sockaddr_storage *ss)
{
	struct address net, a;
	unsigned bits;

	if (!parse(s, &net, &bits) || !address_of(&a, ss) || net.n != a.n)
		return false;
	for (unsigned i = 0; i < bits; i++)
		if (bit(&net, i) != bit(&a, i))
			return false;
	return true;
}
