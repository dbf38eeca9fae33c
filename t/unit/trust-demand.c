#include "base.h"

#include "demand.h"
#include "unit.h"

/* All that can be found of a host, as words: need, configured, DANE, policy, MX; then what is wanted. `*`: any word. */
static const struct {
	const char *need, *configured, *dane, *sts, *mx, *want, *what;
} rows[] = {
    {"ordinary", "may", "none", "none", "*", "may", "nothing known: opportunistic"},
    {"ordinary", "may", "usable", "none", "*", "dane", "T8 usable TLSA records, whatever the MX answer"},
    {"ordinary", "may", "unusable", "none", "*", "dane-unusable", "T16 TLSA records, none usable"},
    {"ordinary", "may", "failed", "*", "*", "failed", "T1 T43 TLSA lookup failed: no policy mends it"},
    {"ordinary", "may", "none", "enforce", "*", "sts", "T35 policy enforced"},
    {"ordinary", "may", "usable", "enforce", "*", "dane+sts", "T43 both"},
    {"ordinary", "may", "unusable", "enforce", "*", "sts", "T43 the policy, where TLSA records prove nobody"},
    {"ordinary", "may", "none", "stranger", "*", "stranger", "T34 a host the policy does not name"},
    {"ordinary", "may", "usable", "stranger", "*", "stranger", "T43 though DANE would do"},
    {"ordinary", "may", "unusable", "stranger", "*", "stranger", "T34 with unusable records"},
    {"ordinary", "may", "none", "testing", "*", "may", "T36 a policy under test"},
    {"ordinary", "may", "usable", "testing", "*", "dane", "T36 leaves DANE alone"},
    {"ordinary", "may", "unusable", "testing", "*", "dane-unusable", "T36 and what unusable records demand"},
    {"ordinary", "may", "none", "testing-stranger", "*", "may sts=no",
	"T36 a host it does not name is counted"},
    {"ordinary", "may", "usable", "testing-stranger", "*", "dane sts=no", "T36 with DANE too"},
    {"ordinary", "may", "unusable", "testing-stranger", "*", "dane-unusable sts=no",
	"T36 with unusable records"},

    {"secure", "may", "none", "none", "*", "insecure", "T62 neither"},
    {"secure", "may", "usable", "none", "secure", "dane", "T62 DANE"},
    {"secure", "may", "usable", "none", "insecure", "insecure", "T8 T62 DANE behind an insecure MX answer"},
    {"secure", "may", "unusable", "none", "*", "insecure", "T63 unusable records"},
    {"secure", "may", "failed", "*", "*", "failed", "T62 TLSA lookup failed"},
    {"secure", "may", "none", "enforce", "*", "sts", "T62 policy enforced"},
    {"secure", "may", "unusable", "enforce", "*", "sts", "T62 policy enforced, records unusable"},
    {"secure", "may", "usable", "enforce", "*", "dane+sts", "T62 both: the policy vouches for the MX"},
    {"secure", "may", "none", "stranger", "*", "stranger", "T62 a host the policy does not name"},
    {"secure", "may", "usable", "stranger", "*", "stranger", "T62 with DANE"},
    {"secure", "may", "unusable", "stranger", "*", "stranger", "T62 with unusable records"},
    {"secure", "may", "none", "testing", "*", "insecure", "T63 a policy under test"},
    {"secure", "may", "none", "testing-stranger", "*", "insecure", "T63 and its strangers"},
    {"secure", "may", "unusable", "testing", "*", "insecure", "T63 a policy under test and unusable records"},
    {"secure", "may", "unusable", "testing-stranger", "*", "insecure", "T63 and its strangers"},
    {"secure", "may", "usable", "testing", "secure", "dane", "T63 does not take away from DANE"},
    {"secure", "may", "usable", "testing", "insecure", "insecure", "T8 T63 nor add to it"},
    {"secure", "may", "usable", "testing-stranger", "secure", "dane sts=no",
	"T63 though it does not name the host"},
    {"secure", "may", "usable", "testing-stranger", "insecure", "insecure", "T8 T63 insecure MX answer"},
    {"secure", "must", "*", "*", "*", "insecure", "T62 T68 TLS with anybody by configuration"},
    {"secure", "none", "*", "*", "*", "insecure", "T62 T68 no TLS by configuration"},

    {"lenient", "may", "*", "none", "*", "may", "T66 DANE is not enforced, failed lookups do not matter"},
    {"lenient", "may", "*", "testing", "*", "may", "T66 a policy under test"},
    {"lenient", "may", "*", "enforce", "*", "may", "T66 the policy is not enforced"},
    {"lenient", "may", "*", "stranger", "*", "may sts=no", "T66 a host it does not name is counted"},
    {"lenient", "may", "*", "testing-stranger", "*", "may sts=no", "T66 under test too"},

    {"ordinary", "none", "*", "*", "*", "none", "configuration: never"},
    {"ordinary", "must", "*", "*", "*", "must", "configuration: must"},
    {"*", "pkix", "*", "*", "*", "pkix", "T62 T117 configuration: pkix, whatever else is known or wished"},
    {"*", "dane", "usable", "*", "*", "dane", "T21 configuration: dane"},
    {"*", "dane", "failed", "*", "*", "failed", "T21 with a lookup that failed"},
    {"*", "dane", "none", "*", "*", "unproved", "T21 without records"},
    {"*", "dane", "unusable", "*", "*", "unproved", "T21 with records that cannot be used"},
    {"lenient", "none", "*", "*", "*", "none", "T66 configuration: never"},
    {"lenient", "must", "*", "*", "*", "must", "T66 configuration: must"},
};

static const char *const needs[] = {"ordinary", "secure", "lenient"};
static const char *const tls[] = {"may", "none", "must", "dane", "dane-unusable", "sts", "dane+sts", "pkix"};
static const char *const danes[] = {"none", "usable", "unusable", "failed"};
static const char *const stss[] = {"none", "testing", "testing-stranger", "enforce", "stranger"};
static const char *const fates[] = {"", "failed", "stranger", "insecure", "unproved"};
static const enum plan_tls configured[] = {
    PLAN_TLS_MAY, PLAN_TLS_NONE, PLAN_TLS_MUST, PLAN_TLS_PKIX, PLAN_TLS_DANE};

static bool
is(const char *pattern, const char *word)
{
	return *pattern == '*' || !strcmp(pattern, word);
}

static const char *
got(const struct finding *f)
{
	static char buf[64];
	struct demand d = demand_of(f);

	if (d.fate != HOP_KEPT)
		return fates[d.fate];
	snprintf(buf, sizeof buf, "%s%s", tls[d.tls], d.stranger ? " sts=no" : "");
	return buf;
}

/* Each row against every finding it is about; each finding must be some row's. */
int
main(void)
{
	const char *bad[ARRAY_LEN(rows)] = {NULL};
	bool used[ARRAY_LEN(rows)] = {false};
	int homeless = 0;

	for (unsigned i = 0; i < 3 * 5 * 4 * 5 * 2; i++) {
		struct finding f = {.need = (enum plan_need)(i % 3),
		    .configured = configured[i / 3 % 5],
		    .dane = (enum dane_found)(i / 15 % 4),
		    .sts = (enum sts_verdict)(i / 60 % 5),
		    .mx_secure = i / 300};
		const char *g = got(&f);
		bool home = false;

		for (size_t r = 0; r < ARRAY_LEN(rows); r++) {
			if (!is(rows[r].need, needs[f.need]) || !is(rows[r].configured, tls[f.configured]) ||
			    !is(rows[r].dane, danes[f.dane]) || !is(rows[r].sts, stss[f.sts]) ||
			    !is(rows[r].mx, f.mx_secure ? "secure" : "insecure"))
				continue;
			used[r] = home = true;
			if (strcmp(g, rows[r].want))
				bad[r] = mem_dup(g);
		}
		homeless += !home;
	}
	for (size_t r = 0; r < ARRAY_LEN(rows); r++)
		STR_EQ(bad[r] ? bad[r] : used[r] ? rows[r].want : "no finding", rows[r].want, rows[r].what);
	INT_EQ(homeless, 0, "every finding is in the table");
	DONE();
}
