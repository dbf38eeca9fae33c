#include "base.h"

#include "encoded_read.h"
#include "fuzz.h"

/* The result is bounded, and reading it twice gives the same; words within words are at most unpacked. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *buf = fuzz_copy(data, n);
	struct str a = {0}, b = {0};

	encoded_read(&a, buf, n);
	encoded_read(&b, buf, n);
	MUST_HOLD(a.len == b.len && !memcmp(str_cstr(&a), str_cstr(&b), a.len));
	MUST_HOLD(a.len <= 4 * (n < ENCODED_READ_MAX ? n : ENCODED_READ_MAX));
	MUST_HOLD(!memchr(str_cstr(&a), 0, a.len));
	str_free(&a);
	str_free(&b);
	free(buf);
	return 0;
}
