#include "base.h"

#include "fuzz.h"
#include "plan.h"
#include "tlsa.h"

/* A plan that was read is written and read again as the same text, and its TLSA records are judged. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *buf = fuzz_copy(data, n), *text;
	struct str first = {0}, second = {0};
	struct plan p = {0}, again = {0};

	if (plan_parse(&p, buf, n))
		goto done;
	for (size_t i = 0; i < p.nhop; i++) {
		struct tlsa_set set = {0};

		tlsa_add_list(&set, &p.hop[i].tlsa);
		MUST_HOLD(set.n <= p.hop[i].tlsa.n);
		MUST_HOLD(!tlsa_usable(&set) || set.n);
		tlsa_free(&set);
	}
	plan_write(&first, &p);
	if (!fuzz_lines_fit(&first))
		goto done;
	text = fuzz_copy((const uint8_t *)first.s, first.len);
	MUST_HOLD(!plan_parse(&again, text, first.len));
	plan_write(&second, &again);
	MUST_HOLD(first.len == second.len && !memcmp(first.s, second.s, first.len));
	free(text);
	free(plan_fit(&p));
	plan_shuffle(&p, n);
done:
	plan_free(&p);
	plan_free(&again);
	str_free(&first);
	str_free(&second);
	free(buf);
	return 0;
}
