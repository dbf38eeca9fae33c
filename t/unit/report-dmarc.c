/* RFC 7489: records, and whose word a report needs. */
#include "base.h"

#include "dmarc.h"
#include "unit.h"

static void
good(const char *text, const char *want)
{
	struct dmarc r;
	struct str got = {0};
	const char *bad = dmarc_parse(&r, text);

	str_addf(&got, "%s %s %u%s%s", r.policy, r.subdomains, r.percent, r.strict_dkim ? " dkim" : "",
	    r.strict_spf ? " spf" : "");
	for (size_t i = 0; i < r.rua.n; i++)
		str_addf(&got, " %s", r.rua.v[i]);
	for (size_t i = 0; i < r.ruf.n; i++)
		str_addf(&got, " f:%s", r.ruf.v[i]);
	STR_EQ(bad ? bad : got.s, want, text);
	str_free(&got);
	dmarc_free(&r);
}

static void
broken(const char *text, const char *want)
{
	struct dmarc r;

	STR_EQ(dmarc_parse(&r, text), want, text);
	dmarc_free(&r);
}

int
main(void)
{
	good("v=DMARC1; p=none", "none none 100");
	good("v=DMARC1;p=reject;", "reject reject 100");
	good("v=DMARC1; p=Quarantine; sp=reject; pct=20; adkim=s; aspf=s", "quarantine reject 20 dkim spf");
	good("v=DMARC1; p=none; rua=mailto:a@b.example!10m, https://c.example/x ; ruf=mailto:d@e.example",
	    "none none 100 mailto:a@b.example https://c.example/x f:mailto:d@e.example");
	good("v=DMARC1; p=none; fo=1:d; rf=afrf; ri=3600; new=thing", "none none 100");
	broken("v=DMARC1", "it has no p");
	broken("v=DMARC1; rua=mailto:a@b.example", "it has no p");
	broken("v=DMARC1; p=rejected", "its p is none of none, quarantine and reject");
	broken("v=DMARC1; p=none; sp=x", "its sp is none of none, quarantine and reject");
	broken("v=DMARC1; p=none; pct=101", "its pct is no number up to 100");
	broken("v=DMARC1; p=none; adkim=x", "an alignment is r or s");
	broken("v=DMARC1; p=none; rua=a@b.example", "its rua is no list of mailto: and https: addresses");
	broken("v=DMARC1; p=none; rua=mailto:a@b.example c",
	    "its rua is no list of mailto: and https: addresses");
	broken("v=DMARC1; p=none; p=reject", "it is no list of tags, or has a tag twice");
	broken("p=none; v=DMARC1", "it does not begin with v=DMARC1");
	broken("v=dmarc1; p=none", "it does not begin with v=DMARC1");
	OK(!dmarc_is_elsewhere("example.com", "EXAMPLE.com"), "itself");
	OK(!dmarc_is_elsewhere("reports.example.com", "example.com"), "below");
	OK(!dmarc_is_elsewhere("example.com", "a.example.com"), "above");
	OK(dmarc_is_elsewhere("badexample.com", "example.com"), "ends alike");
	OK(dmarc_is_elsewhere("other.example", "example.com"), "elsewhere");
	DONE();
}
