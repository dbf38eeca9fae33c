#include "base.h"

#include "fuzz.h"
#include "mtasts.h"

static void
record(const uint8_t *data, size_t n)
{
	char *p = fuzz_copy(data, n), id[STS_ID_MAX + 1] = "";

	if (!sts_txt_parse(p, n, id))
		MUST_HOLD(sts_id_ok(id));
	free(p);
}

/* A policy that was read survives being kept. */
static void
policy(const uint8_t *data, size_t n)
{
	char *p = fuzz_copy(data, n), *kept;
	struct sts_entry e = {.domain = mem_dup("example.com"), .has_policy = true, .id = "1"}, again;
	struct str s = {0}, t = {0};
	size_t bytes = 0;

	if (!sts_policy_parse(&e.policy, p, n)) {
		MUST_HOLD(e.policy.max_age <= STS_MAX_AGE_MAX);
		MUST_HOLD(e.policy.mx.n || e.policy.mode == STS_MODE_NONE);
		for (size_t i = 0; i < e.policy.mx.n; i++) {
			bytes += strlen(e.policy.mx.v[i]);
			if (strncmp(e.policy.mx.v[i], "*.", 2))
				MUST_HOLD(sts_mx_match(&e.policy.mx, e.policy.mx.v[i]));
		}
		MUST_HOLD(bytes <= STS_MX_BYTES_MAX);
		MUST_HOLD(sts_mx_match(&e.policy.mx, "mx.example.com") ==
			  sts_mx_match(&e.policy.mx, "MX.Example.COM."));
		sts_entry_write(&s, &e);
		kept = fuzz_copy((const uint8_t *)s.s, s.len);
		MUST_HOLD(sts_entry_parse(&again, kept, s.len));
		sts_entry_write(&t, &again);
		MUST_HOLD(s.len == t.len && !memcmp(s.s, t.s, s.len));
		sts_entry_free(&again);
		free(kept);
	}
	sts_entry_free(&e);
	str_free(&s);
	str_free(&t);
	free(p);
}

static void
entry(const uint8_t *data, size_t n)
{
	char *p = fuzz_copy(data, n);
	struct sts_entry e;

	if (sts_entry_parse(&e, p, n)) {
		sts_entry_alive(&e, 0);
		sts_choose(&e, STS_TXT_GOOD, "1", 1);
		sts_refresh(&e, STS_TXT_NONE, INT64_MAX / 2);
		sts_entry_free(&e);
	}
	free(p);
}

/* The first byte chooses. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *s;

	if (!n)
		return 0;
	switch (*data) {
	case 't': record(data + 1, n - 1); break;
	case 'p': policy(data + 1, n - 1); break;
	case 'e': entry(data + 1, n - 1); break;
	default:
		s = mem_dupn(data + 1, n - 1);
		if (sts_media_type_ok(s))
			MUST_HOLD(strcasestr(s, "text/plain"));
		free(s);
	}
	return 0;
}
