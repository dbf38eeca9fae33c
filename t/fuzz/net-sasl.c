#include "base.h"

#include "fuzz.h"
#include "sasl.h"

/* Many iterations are allowed, and slow. */
static bool
is_slow(const char *s)
{
	const char *i = strstr(s, "i=");

	return i && strspn(i + 2, "0123456789") > 5;
}

/* The first byte is the mechanism; then challenges, each led by its length. The first one repeats our nonce, or nobody would get
 * past it. Nobody proves by chance that he knows the password. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const struct sasl_who who = {
	    .username = "us,er", .secret = "pencil", .host = "h.test", .port = 587};
	static const struct sasl_peer peer = {~0u, {"tls-exporter", {1}, 1}};
	struct sasl s = {0};
	struct str out = {0};
	bool first;
	const char *why = NULL;

	if (!n)
		return 0;
	MUST_HOLD(
	    !sasl_start(&s, (enum sasl_mechanism)(data[0] % SASL_MECHANISMS), &who, &peer, &out, &first));
	for (size_t at = 1, steps = 0; at < n && !why && steps < 4; steps++) {
		size_t len = data[at++];
		struct str in = {0};
		char *p;

		if (len > n - at)
			len = n - at;
		if (!steps && *s.scram.nonce)
			str_addf(&in, "r=%s", s.scram.nonce);
		str_add(&in, data + at, len);
		at += len;
		str_reset(&out);
		p = fuzz_copy((const uint8_t *)str_cstr(&in), in.len);
		if (is_slow(str_cstr(&in)))
			why = "slow";
		else
			why = sasl_step(&s, p, in.len, &out);
		MUST_HOLD(s.mechanism > SASL_SCRAM_SHA1 || !sasl_is_complete(&s));
		free(p);
		str_free(&in);
	}
	sasl_free(&s);
	str_free(&out);
	return 0;
}
