#include "base.h"

#include "envelope.h"
#include "fuzz.h"

/* An envelope that was read is written and read again as the same record. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *buf = fuzz_copy(data, n), *text;
	struct str first = {0}, second = {0};
	struct envelope e, again;

	if (!envelope_parse(&e, buf, n, 0)) {
		for (size_t i = 0; i < e.nrcpt; i++)
			MUST_HOLD(e.rcpt[i].at > 0 && e.rcpt[i].at + 4 <= (off_t)n &&
				  !memcmp(data + e.rcpt[i].at, e.rcpt[i].mark, 4) &&
				  envelope_marks_valid(e.rcpt[i].mark));
		envelope_format(&first, &e);
	}
	if (first.len && fuzz_lines_fit(&first)) {
		text = fuzz_copy((const uint8_t *)first.s, first.len - FOOTER_SIZE);
		MUST_HOLD(!envelope_parse(&again, text, first.len - FOOTER_SIZE, 0));
		envelope_format(&second, &again);
		MUST_HOLD(first.len == second.len && !memcmp(first.s, second.s, first.len));
		envelope_free(&again);
		free(text);
	}
	envelope_free(&e);
	str_free(&first);
	str_free(&second);
	free(buf);
	buf = fuzz_copy(data, n);
	if (!envelope_parse(&e, buf, n, -1))
		envelope_free(&e);
	free(buf);
	return 0;
}
