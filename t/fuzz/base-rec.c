#include "base.h"

#include "fuzz.h"
#include "rec.h"

/* Each value read is written again and read as the same bytes; as fields, too. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *buf = fuzz_copy(data, n), *again, *key, *value, *key2, *value2, *got, *f;
	size_t whole = rec_whole(buf, n), len, len2;
	struct rec_in in = {buf, buf + n}, in2;
	struct str out = {0};
	enum rec_got end;

	MUST_HOLD(whole <= n);
	while ((end = rec_next(&in, &key, &value)) == REC_LINE) {
		char *fields = mem_dup(value), *rest = fields;

		str_reset(&out);
		rec_open(&out, key);
		while ((f = rec_field(&rest))) {
			MUST_HOLD(strlen(f) <= strlen(value));
			rec_option(f, "mx");
			rec_put(&out, f);
		}
		rec_close(&out);
		free(fields);
		if (!(got = rec_bytes(value, &len)))
			continue;
		str_reset(&out);
		rec_addn(&out, key, got, len);
		again = fuzz_copy((const uint8_t *)out.s, out.len);
		in2 = (struct rec_in){again, again + out.len};
		if (out.len <= REC_LINE_MAX) {
			MUST_HOLD(rec_next(&in2, &key2, &value2) == REC_LINE && in2.p == in2.end);
			MUST_HOLD(!strcmp(key, key2) && (got = rec_bytes(value2, &len2)) && len == len2);
		}
		free(again);
	}
	if (end == REC_END)
		MUST_HOLD(in.p - buf == (ptrdiff_t)whole);
	str_free(&out);
	free(buf);
	return 0;
}
