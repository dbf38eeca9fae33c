#include "base.h"

#include "plan.h"
#include "unit.h"

static const char whole[] =
    "ask 7\n"
    "plan example.com\n"
    "site mx1.example.com,mx2.example.com\n"
    "dnssec secure\n"
    "partial yes\n"
    "sts testing domain=example.com id=2026 max-age=86400 mx=*.example.com mx=mx.example.net\n"
    "fit 0123456789abcdef\n"
    "hop mx1.example.com pref=10 port=25 dnssec=secure tls=may\n"
    "names mx1.example.com example.com\n"
    "addr 2001:db8::25\n"
    "addr 192.0.2.25\n"
    "hop [192.0.2.1] pref=20 port=2525 dnssec=insecure tls=none\n"
    "addr 192.0.2.1\n"
    "hop mx3.example.com pref=30 port=25 dnssec=secure tls=dane+sts base=mx.example.net sts=no\n"
    "names mx3.example.com mx.example.net\n"
    "tlsa 3 1 1 9f86d081\n"
    "tlsa 2 0 1 00ff\n"
    "addr 192.0.2.3\n"
    "tls sts example.com sts-policy-fetch-error reason=no\\x20answer\n"
    "ttl 300\n"
    "end\n";

static void
round_trip(void)
{
	static const char *const t[] = {
	    whole,
	    "later 4.4.3 unable\\x20to\\x20look\\x20up\\x20MX\nttl 60\nend\n",
	    "ask 1\nlater 4.4.3 no\\x20network\nnetwork no\nttl 60\nend\n",
	    "never 5.1.2 no\\x20such\\x20domain\nttl 60\nend\n",
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct plan p = {0};
		struct str out = {0};
		char *in = mem_dup(t[i]);

		STR_EQ(plan_parse(&p, in, strlen(t[i])), NULL, "a plan record is read");
		plan_write(&out, &p);
		STR_EQ(str_cstr(&out), t[i], "and written the same");
		str_free(&out);
		plan_free(&p);
		free(in);
	}
}

static void
refused(void)
{
	static const struct {
		const char *text, *what;
	} t[] = {
	    {"plan a\nsite a\nhop a pref=1 port=25 tls=may\naddr 192.0.2.1\n", "no end line"},
	    {"plan a\nsite a\nend\n", "no hop"},
	    {"plan a\nsite a\nhop a pref=1 port=25 tls=may\nend\n", "a hop without an address"},
	    {"plan a\nsite a\nhop a pref=1 port=25 tls=dane9\naddr 192.0.2.1\nend\n",
		"an unknown TLS demand is never taken for may"},
	    {"plan a\nsite a\nhop a pref=1 port=25\naddr 192.0.2.1\nend\n", "no TLS demand"},
	    {"plan a\nsite a\nhop a pref=1 port=65536 tls=may\naddr 192.0.2.1\nend\n", "port out of range"},
	    {"plan a\nsite a\nhop a pref=1 port=0 tls=may\naddr 192.0.2.1\nend\n", "port zero"},
	    {"plan a\nsite a\nhop a pref=1 port=25 tls=may\naddr 192.0.2\nend\n", "not an address"},
	    {"plan a\nsite a\nhop a\\x0a pref=1 port=25 tls=may\naddr 192.0.2.1\nend\n",
		"control character in a host"},
	    {"plan a\nsite a\nhop a pref=1 port=25 dnssec=perhaps tls=may\naddr 192.0.2.1\nend\n",
		"unknown dnssec word"},
	    {"addr 192.0.2.1\nend\n", "address without a hop"},
	    {"tlsa 3 1 1 00\nend\n", "TLSA record without a hop"},
	    {"hop a pref=1 port=25 tls=dane\ntlsa 3 1 00\naddr 192.0.2.1\nend\n",
		"TLSA record of three fields"},
	    {"hop a pref=1 port=25 tls=dane\ntlsa 3 1 1 0G\naddr 192.0.2.1\nend\n",
		"TLSA data that is not hexadecimal"},
	    {"hop a pref=1 port=25 tls=dane\ntlsa 3 1 1 0\naddr 192.0.2.1\nend\n",
		"half a byte of TLSA data"},
	    {"sts perhaps domain=a id=1\nend\n", "an unknown policy mode is never taken for none"},
	    {"sts enforce id=1\nend\n", "a policy of no domain"},
	    {"never 5.1.2\nend\n", "refusal without a reason"},
	    {"plan a\nsite a\nhop a pref=1 port=25 tls=may\naddr 192.0.2.1\nnever 5.1.2 x\nend\n",
		"both plan and refusal"},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct plan p = {0};
		char *in = mem_dup(t[i].text);

		OK(plan_parse(&p, in, strlen(t[i].text)) != NULL, t[i].what);
		plan_free(&p);
		free(in);
	}
}

static void
equal_preference(void)
{
	unsigned first[3] = {0}, six = 0, family = 0;
	bool last = true;

	for (uint64_t seed = 1; seed <= 300; seed++) {
		struct plan p = {0};

		for (int i = 0; i < 4; i++) {
			struct plan_hop *h = plan_hop_add(&p, (const char *[]){"a", "b", "c", "z"}[i]);

			h->pref = i == 3 ? 20 : 10;
			plan_list_add(&h->addr, "2001:db8::1");
			plan_list_add(&h->addr, "2001:db8::2");
			plan_list_add(&h->addr, "192.0.2.1");
		}
		plan_shuffle(&p, seed);
		first[p.hop[0].host[0] - 'a']++;
		last = last && p.hop[3].host[0] == 'z';
		six += !strcmp(p.hop[0].addr.v[0], "2001:db8::1");
		family += !strcmp(p.hop[0].addr.v[2], "192.0.2.1");
		plan_free(&p);
	}
	OK(first[0] > 60 && first[1] > 60 && first[2] > 60,
	    "T96 each host of the best preference comes first about as often");
	OK(last, "T96 a lesser preference stays behind");
	OK(six > 100 && six < 200, "addresses of a family take turns");
	INT_EQ(family, 300, "and families stay apart");
}

static void
fit_is(const char *text, bool equal, const char *than, const char *what)
{
	char *in[2] = {mem_dup(text), mem_dup(than)}, *fit[2] = {NULL, NULL};

	for (int i = 0; i < 2; i++) {
		struct plan p = {0};
		if (!plan_parse(&p, in[i], strlen(in[i])))
			fit[i] = plan_fit(&p);
		plan_free(&p);
	}
	OK(fit[0] && fit[1] && !strcmp(fit[0], fit[1]) == equal, what);
	for (int i = 0; i < 2; i++) {
		free(in[i]);
		free(fit[i]);
	}
}

#define HEAD "plan a.example\nsite m\n"
#define HOP(host, tls) "hop " host " pref=1 port=25 tls=" tls "\naddr 192.0.2.1\n"
#define STS(domain) "sts testing domain=" domain " id=1 max-age=5 mx=m\n"

static void
fitting(void)
{
	fit_is(HEAD HOP("m", "may") "end\n", true, "plan b.example\nsite m\n" HOP("m", "may") "end\n",
	    "domains with the same servers and demands fit");
	fit_is(HEAD HOP("m", "may") HOP("n", "must") "end\n", true,
	    HEAD HOP("n", "must") HOP("m", "may") "end\n", "the order of hops does not matter");
	fit_is(HEAD HOP("m", "may") HOP("n", "must") "end\n", false,
	    HEAD HOP("n", "may") HOP("m", "must") "end\n", "whose demand it is does");
	fit_is(HEAD HOP("m", "may") "end\n", false, HEAD HOP("m", "may") HOP("n", "may") "end\n",
	    "one more server does");
	fit_is(HEAD HOP("m", "may") "end\n", false, HEAD "partial yes\n" HOP("m", "may") "end\n",
	    "whether hosts are missing does");
	fit_is(HEAD HOP("m", "dane") "tlsa 3 1 1 00\nend\n", false,
	    HEAD HOP("m", "dane") "tlsa 3 1 1 01\nend\n", "TLSA records do");
	fit_is(HEAD STS("a.example") HOP("m", "may") "end\n", false,
	    HEAD STS("b.example") HOP("m", "may") "end\n", "whose policy it is does");
}

int
main(void)
{
	fitting();
	round_trip();
	refused();
	equal_preference();
	DONE();
}
