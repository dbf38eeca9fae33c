#include "base.h"

#include "der.h"
#include "fuzz.h"
#include "tlsa.h"

/* Record data on the wire: one length byte and a record each. */
static void
wire(const uint8_t *data, size_t n)
{
	struct tlsa_set set = {0}, again = {0};
	struct str s = {0};

	while (n && (size_t)*data + 1 <= n) {
		size_t len = *data;
		char *p = fuzz_copy(data + 1, len);

		if (tlsa_add_rdata(&set, (unsigned char *)p, len)) {
			const struct tlsa *t = &set.v[set.n - 1];

			str_reset(&s);
			tlsa_text(&s, t);
			MUST_HOLD(t->len == len - 3 && (t->counts || t->why));
			MUST_HOLD(tlsa_add_text(&again, str_cstr(&s)));
		}
		free(p);
		data += len + 1;
		n -= len + 1;
	}
	MUST_HOLD(set.n == again.n && tlsa_usable(&set) == tlsa_usable(&again));
	for (size_t i = 0; i < set.n; i++) {
		MUST_HOLD(set.v[i].counts == again.v[i].counts && set.v[i].len == again.v[i].len);
		MUST_HOLD(
		    !set.v[i].counts || set.v[i].usage == TLSA_DANE_TA || set.v[i].usage == TLSA_DANE_EE);
	}
	tlsa_free(&set);
	tlsa_free(&again);
	str_free(&s);
}

static void
text(const uint8_t *data, size_t n)
{
	char *p = mem_dupn(data, n);
	struct tlsa_set set = {0};

	if (tlsa_add_text(&set, p)) {
		struct str s = {0};

		tlsa_text(&s, &set.v[0]);
		MUST_HOLD(set.n == 1 && tlsa_add_text(&set, str_cstr(&s)));
		MUST_HOLD(set.v[0].len == set.v[1].len && set.v[0].usage == set.v[1].usage);
		str_free(&s);
	}
	tlsa_free(&set);
	free(p);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *p = fuzz_copy(data, n);
	const unsigned char *u = (unsigned char *)p;
	struct der_cert c;

	if (der_cert(&c, u, n))
		MUST_HOLD(c.tbs.p > u && c.tbs.p + c.tbs.n < u + n && c.key.p > c.tbs.p &&
			  c.key.p + c.key.n <= c.tbs.p + c.tbs.n && der_key(c.key.p, c.key.n));
	free(p);
	wire(data, n);
	text(data, n);
	return 0;
}
