#include "base.h"

#include "dane.h"
#include "fuzz.h"

#define TIME (INT64_C(1893456000) * 1000000)

/* Two bytes of length and a certificate, again and again; each is an anchor as a whole, and by its record alone. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char host[] = "mx.example.com", *host_list[] = {host}, *copy[DANE_CHAIN_MAX + 4];
	struct plan_list names = {host_list, 1};
	gnutls_datum_t chain[ARRAY_LEN(copy)];
	unsigned count = 0;
	struct tlsa_set set = {0};
	struct dane_verdict v;

	while (n > 2 && count < ARRAY_LEN(copy)) {
		size_t len = (size_t)(data[0] << 8 | data[1]);

		len = len < n - 2 ? len : n - 2;
		copy[count] = fuzz_copy(data + 2, len);
		chain[count] = (gnutls_datum_t){(unsigned char *)copy[count], (unsigned)len};
		count++;
		data += len + 2;
		n -= len + 2;
	}
	for (unsigned i = count; i-- > 0;) {
		unsigned char wire[3 + TLSA_DATA_MAX] = {2, 0, 0};
		size_t len = chain[i].size < TLSA_DATA_MAX ? chain[i].size : TLSA_DATA_MAX;

		memcpy(wire + 3, chain[i].data, len);
		if (!tlsa_add_rdata(&set, wire, len + 3))
			break;
		if (dane_judge(&v, &set, chain, i, &names, TIME))
			MUST_HOLD(v.result >= DANE_ANCHOR && v.record < set.n && !v.type && !v.why);
		else
			MUST_HOLD(v.result < DANE_ANCHOR && v.type && v.why);
	}
	while (count)
		free(copy[--count]);
	tlsa_free(&set);
	return 0;
}
