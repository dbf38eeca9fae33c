#include "base.h"

#include "addrlist.h"
#include "fuzz.h"
#include "header.h"

static void
addresses(const char *s, size_t n)
{
	struct addrlist l = {.p = s, .end = s + n};

	for (size_t i = 0; i <= n; i++) {
		const char *before = l.p;

		switch (addrlist_next(&l)) {
		case ADDRLIST_ITEM:
			MUST_HOLD(l.p > before && l.p <= l.end && l.behind >= s && l.behind <= l.end);
			break;
		default: addrlist_free(&l); return;
		}
	}
	MUST_HOLD(!"more addresses than bytes");
}

/* Fields stand behind one another and inside the text; each is read as a list of addresses too. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *buf = fuzz_copy(data, n);
	const char *p = buf, *end = buf + n, *last = buf;
	struct header_field f;
	struct str s = {0};

	while (header_next(&p, end, &f)) {
		MUST_HOLD(f.start == last && f.end == p && f.end > f.start && f.namelen && f.name >= f.start);
		MUST_HOLD(f.value > f.name + f.namelen && f.value + f.len <= f.end);
		last = f.end;
		str_reset(&s);
		header_unfold(&s, &f);
		MUST_HOLD(s.len <= f.len && !memchr(str_cstr(&s), '\n', s.len));
		addresses(f.value, f.len);
	}
	header_tls_optional(buf, n);
	str_free(&s);
	free(buf);
	return 0;
}
