#include "base.h"

#include "target.h"

#include <arpa/inet.h>

static bool
is_ours(int family, const unsigned char *b)
{
	static const unsigned char zero[15], mapped[12] = {[10] = 255, [11] = 255};

	if (family == AF_INET)
		return b[0] == 127 || b[0] == 0;
	if (!memcmp(b, mapped, sizeof mapped))
		return is_ours(AF_INET, b + sizeof mapped);
	return !memcmp(b, zero, sizeof zero) && b[15] <= 1;
}

static bool
is_many(int family, const unsigned char *b)
{
	return family == AF_INET ? b[0] >= 224 : b[0] == 255;
}

bool
target_allowed(int family, const unsigned char *b, bool loopback)
{
	return !is_many(family, b) && (loopback || !is_ours(family, b));
}

bool
target_text_allowed(const char *s, bool loopback)
{
	int family = strchr(s, ':') ? AF_INET6 : AF_INET;
	unsigned char b[16];

	return inet_pton(family, s, b) == 1 && target_allowed(family, b, loopback);
}

static bool
is_private(int family, const unsigned char *b)
{
	static const unsigned char mapped[12] = {[10] = 255, [11] = 255};

	if (family == AF_INET)
		return b[0] == 10 || (b[0] == 172 && b[1] >> 4 == 1) || (b[0] == 192 && b[1] == 168) ||
		       (b[0] == 100 && b[1] >> 6 == 1) || (b[0] == 169 && b[1] == 254);
	if (!memcmp(b, mapped, sizeof mapped))
		return is_private(AF_INET, b + sizeof mapped);
	return (b[0] & 0xfe) == 0xfc || (b[0] == 0xfe && (b[1] & 0x80));
}

bool
target_text_private(const char *s)
{
	int family = strchr(s, ':') ? AF_INET6 : AF_INET;
	unsigned char b[16];

	return inet_pton(family, s, b) == 1 && is_private(family, b);
}
