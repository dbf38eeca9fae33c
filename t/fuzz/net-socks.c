#include "base.h"

#include "fuzz.h"
#include "socks.h"

#include <arpa/inet.h>

/* What a proxy says, in pieces as the first byte cuts them: it comes to the same as byte after byte, and an open connection has an
 * address or none. */
static enum socks_got
play(struct socks *s, const uint8_t *data, size_t n, size_t piece)
{
	unsigned char out[SOCKS_MESSAGE_MAX];
	size_t used, len = socks_start(s, out), from = 0, to = 0;
	enum socks_got got = SOCKS_MORE;

	MUST_HOLD(len);
	while (got == SOCKS_MORE || got == SOCKS_SAY) {
		char *p = fuzz_copy(data + from, to - from);

		got = socks_step(s, (const unsigned char *)p, to - from, &used, out, &len);
		free(p);
		MUST_HOLD(used <= to - from && len <= sizeof out);
		from += used;
		if (got == SOCKS_MORE && to == n)
			break;
		if (got == SOCKS_MORE)
			to = to + piece < n ? to + piece : n;
	}
	return got;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct socks a = {.ip = "192.0.2.1", .port = 25}, b;
	unsigned char bin[16];

	if (!n)
		return 0;
	if (data[0] & 1) {
		a.username = "me";
		a.password = "pw";
	}
	b = a;
	MUST_HOLD(play(&a, data + 1, n - 1, (size_t)data[0] + 1) == play(&b, data + 1, n - 1, 1));
	MUST_HOLD(!*a.from || inet_pton(AF_INET, a.from, bin) == 1 || inet_pton(AF_INET6, a.from, bin) == 1);
	MUST_HOLD(!strcmp(a.from, b.from) && !a.why == !b.why);
	return 0;
}
