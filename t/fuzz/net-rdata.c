#include "base.h"

#include "fuzz.h"
#include "rdata.h"

/* The first byte is the type. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char name[DNS_NAME_SIZE], addr[INET6_ADDRSTRLEN], *p;
	struct str s = {0};
	const unsigned char *u;
	unsigned type, pref;

	if (!n)
		return 0;
	type = *data++;
	p = fuzz_copy(data, --n);
	u = (unsigned char *)p;
	if (rdata_name(name, u, n))
		MUST_HOLD(strlen(name) < DNS_NAME_SIZE - 1);
	if (rdata_mx(&pref, name, u, n))
		MUST_HOLD(pref <= 65535 && strlen(name) < DNS_NAME_SIZE - 1);
	if (rdata_addr(addr, type, u, n))
		MUST_HOLD(*addr && strlen(addr) < sizeof addr);
	rdata_text(&s, type, u, n);
	for (size_t i = 0; i < s.len; i++)
		MUST_HOLD((unsigned char)s.s[i] >= ' ' && s.s[i] != 127);
	str_free(&s);
	p = (free(p), mem_dupn(data, n));
	dns_type_parse(p);
	free(p);
	return 0;
}
