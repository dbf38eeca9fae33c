#include "base.h"

#include "fuzz.h"
#include "reply.h"

/* Replies one behind the other, as far as they are good; what must be the same however the bytes come. */
static uint64_t
replies(const uint8_t *data, size_t n, size_t step)
{
	static struct reply r;
	uint64_t sum = 14695981039346656037u;
	size_t at = 0;

	reply_start(&r);
	while (at < n) {
		size_t len = step < n - at ? step : n - at, used = 0;
		char *p = fuzz_copy(data + at, len);
		enum reply_got got = reply_feed(&r, p, len, &used);

		free(p);
		MUST_HOLD(used <= len && (got != REPLY_MORE || used == len));
		at += used;
		if (got == REPLY_MORE)
			continue;
		if (got == REPLY_BAD) {
			MUST_HOLD(r.bad);
			return sum + 1;
		}
		MUST_HOLD(r.code >= 200 && r.code <= 599 && r.len <= REPLY_TEXT && strlen(r.text) == r.len);
		MUST_HOLD(!*r.enhanced || r.enhanced[0] == '0' + r.code / 100);
		for (size_t i = 0; i < r.len; i++)
			sum = (sum ^ (unsigned char)r.text[i]) * 1099511628211u;
		sum = (sum ^ (unsigned)r.code) * 1099511628211u + at;
		reply_start(&r);
	}
	return sum;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	uint64_t whole = replies(data, n, n ? n : 1);

	MUST_HOLD(replies(data, n, 1) == whole);
	MUST_HOLD(replies(data, n, 7) == whole);
	return 0;
}
