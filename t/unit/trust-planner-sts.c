/* What a recipient domain's MTA-STS policy makes of its plan. */
#include "base.h"

#include "planner-world.h"

#define WORLD                                                                                                \
	"d MX i 10 a.d | 20 b.e\na.d A i 192.0.2.1\nb.e A i 192.0.2.2\n"                                     \
	"_mta-sts.d TXT i v=STSv1; id=1;\n"
#define POLICY(mode, mx)                                                                                     \
	"d STS1 answer policy | mode " mode " | id 1 | max-age 604800 | " mx " | fetched 1 | ttl 600\n"
#define PLAN_STS(mode, mx, hops, ttl)                                                                        \
	"plan d\nsite a.d\ndnssec insecure\nsts " mode " domain=d id=1 max-age=604800 " mx "\n" hops         \
	"ttl " ttl "\nend\n"
#define HOP_TLS(host, pref, tls, addr)                                                                       \
	"hop " host " pref=" pref " port=25 dnssec=insecure tls=" tls "\nnames " host "\naddr " addr "\n"
#define STS(mode, mx) "sts " mode " domain=d id=1 max-age=604800 mx=" mx "\n"
#define RELAY(sts, tls, ttl)                                                                                 \
	"plan d\nsite d:25\ndnssec secure\n" sts "hop d pref=0 port=25 dnssec=insecure tls=" tls             \
	"\nnames d\naddr 192.0.2.1\nttl " ttl "\nend\n"
#define HOPS_MAY                                                                                             \
	HOP("a.d", "10", "insecure", "a.d", "192.0.2.1") HOP("b.e", "20", "insecure", "b.e", "192.0.2.2")
#define UNKNOWN "unable\\x20to\\x20find\\x20out\\x20whether\\x20d\\x20has\\x20an\\x20MTA-STS\\x20policy:\\x20"
#define COUNT(result, why) "tls sts d " result " reason=" why "\n"

static const struct row rows[] = {
    {"T35 enforce: each host that is named must prove itself", {.name = "d"},
	WORLD POLICY("enforce", "mx a.d | mx *.e"),
	PLAN_STS("enforce", "mx=a.d mx=*.e",
	    HOP_TLS("a.d", "10", "sts", "192.0.2.1") HOP_TLS("b.e", "20", "sts", "192.0.2.2"), "300")},
    {"T34 enforce: a host that is not named is left out", {.name = "d"}, WORLD POLICY("enforce", "mx a.d"),
	PLAN_STS("enforce", "mx=a.d", HOP_TLS("a.d", "10", "sts", "192.0.2.1"), "300")},
    {"T34 enforce: none is named: later, and counted", {.name = "d"}, WORLD POLICY("enforce", "mx c.d"),
	"later 4.7.5 "
	"the\\x20MTA-STS\\x20policy\\x20of\\x20d\\x20names\\x20none\\x20of\\x20its\\x20mail\\x20hosts\n"
	"tls sts d validation-failure reason=no\\x20mail\\x20host\\x20is\\x20named\\x20by\\x20the\\x20policy "
	"mxp=c.d "
	"policy=version:\\x20STSv1 policy=mode:\\x20enforce policy=mx:\\x20c.d policy=max_age:\\x20604800\n"
	"ttl 60\nend\n"},
    {"T36 testing: all hosts stay, strangers are marked", {.name = "d"}, WORLD POLICY("testing", "mx a.d"),
	PLAN_STS("testing", "mx=a.d",
	    HOP_TLS("a.d", "10", "may", "192.0.2.1") HOP_TLS("b.e", "20", "may sts=no", "192.0.2.2"), "300")},
    {"T37 none: as no policy", {.name = "d"},
	WORLD "d STS1 answer policy | mode none | id 1 | max-age 604800 | fetched 1 | ttl 600\n",
	PLAN("d", "a.d", "insecure", HOPS_MAY, "300")},
    {"T38 no record, but a policy is kept", {.name = "d"},
	"d MX i 10 a.d\na.d A i 192.0.2.1\n" POLICY("enforce", "mx a.d"),
	PLAN_STS("enforce", "mx=a.d", HOP_TLS("a.d", "10", "sts", "192.0.2.1"), "300")},
    {"T38 DNS fails, but a policy is kept", {.name = "d"},
	"d MX i 10 a.d\na.d A i 192.0.2.1\n_mta-sts.d TXT f\n" POLICY("enforce", "mx a.d"),
	PLAN_STS("enforce", "mx=a.d", HOP_TLS("a.d", "10", "sts", "192.0.2.1"), "300")},
    {"what the answer's time is the plan's is at most", {.name = "d"},
	"d MX i 10 a.d\na.d A i 192.0.2.1\n"
	"d STS1 answer policy | mode enforce | id 1 | max-age 604800 | mx a.d | fetched 1 | ttl 100\n",
	PLAN_STS("enforce", "mx=a.d", HOP_TLS("a.d", "10", "sts", "192.0.2.1"), "100")},
    {"addresses are looked up when they are wanted, and only then", {.name = "d"},
	WORLD "mta-sts.d A i 192.0.2.9\nd STS1 answer addresses | ttl 1\n"
	      "d STS2 answer policy | mode enforce | id 1 | max-age 604800 | mx a.d | fetched 1 | ttl 600\n",
	PLAN_STS("enforce", "mx=a.d", HOP_TLS("a.d", "10", "sts", "192.0.2.1"), "300")},
    {"T47 no policy where one was announced: as none, and counted", {.name = "d"},
	WORLD "mta-sts.d A i 192.0.2.9\nd STS1 answer addresses | ttl 1\n"
	      "d STS2 answer none | result sts-policy-invalid | why no mode | ttl 299\n",
	"plan d\nsite a.d\ndnssec insecure\n" HOPS_MAY COUNT(
	    "sts-policy-invalid", "no\\x20mode") "ttl 299\nend\n"},
    {"T39 a new one cannot be fetched: the old one, and counted", {.name = "d"},
	WORLD "d STS1 answer policy | mode enforce | id 1 | max-age 604800 | mx a.d | fetched 1 | "
	      "result sts-webpki-invalid | why expired | ttl 299\n",
	"plan d\nsite a.d\ndnssec insecure\nsts enforce domain=d id=1 max-age=604800 mx=a.d\n" HOP_TLS("a.d",
	    "10", "sts", "192.0.2.1") "tls sts d sts-webpki-invalid reason=expired mxp=a.d "
				      "policy=version:\\x20STSv1 policy=mode:\\x20enforce policy=mx:\\x20a.d "
				      "policy=max_age:\\x20604800\nttl 299\nend\n"},
    {"T46 nobody knows: later", {.name = "d"},
	"d MX i 10 a.d\na.d A i 192.0.2.1\n_mta-sts.d TXT f\nd STS1 answer undecided | ttl 60\n",
	LATER("4.4.3", UNKNOWN "SERVFAIL")},
    {"T46 and so at the second attempt", {.name = "d", .attempts = 2},
	"d MX i 10 a.d\na.d A i 192.0.2.1\n_mta-sts.d TXT b x\nd STS1 answer undecided | ttl 60\n",
	LATER("4.4.3", UNKNOWN "bad\\x20signature")},
    {"T46 not for ever; but the plan is not kept for others that came later", {.name = "d", .attempts = 3},
	"d MX i 10 a.d\na.d A i 192.0.2.1\n_mta-sts.d TXT f\nd STS1 answer undecided | ttl 3600\n",
	PLAN("d", "a.d", "insecure", HOP("a.d", "10", "insecure", "a.d", "192.0.2.1"), "60")},
    {"T128 nobody to ask is no attempt", {.name = "d"},
	"d MX i 10 a.d\na.d A i 192.0.2.1\n_mta-sts.d TXT u\nd STS1 answer undecided | ttl 60\n",
	"later 4.4.3 " UNKNOWN "SERVFAIL\nnetwork no\nttl 60\nend\n"},
    {"mox-mtasts does not answer: later", {.name = "d"}, WORLD "d STS1 rubbish\n",
	LATER("4.4.3", UNKNOWN "mox-mtasts\\x20died")},
    {"T38 however often: it may keep a policy that is enforced", {.name = "d", .attempts = 4},
	WORLD "d STS1 rubbish\n", LATER("4.4.3", UNKNOWN "mox-mtasts\\x20died")},
    {"T66 TLS-Required: No waits for no policy", {.name = "d", .need = NEED_LENIENT},
	WORLD "d STS1 rubbish\n", PLAN("d", "a.d", "insecure", HOPS_MAY, "60")},
    {"T66 and for no host either", {.name = "d", .need = NEED_LENIENT}, WORLD POLICY("enforce", "mx a.d"),
	PLAN_STS("enforce", "mx=a.d",
	    HOP_TLS("a.d", "10", "may", "192.0.2.1") HOP_TLS("b.e", "20", "may sts=no", "192.0.2.2"), "300")},
    {"T62 REQUIRETLS: a policy that is enforced is enough", {.name = "d", .need = NEED_SECURE},
	WORLD POLICY("enforce", "mx a.d"),
	PLAN_STS("enforce", "mx=a.d", HOP_TLS("a.d", "10", "sts", "192.0.2.1"), "300")},
    {"REQUIRETLS: that the policy cannot be fetched is no proof that there is none",
	{.name = "d", .need = NEED_SECURE},
	WORLD "d STS1 answer none | result sts-policy-fetch-error | why status 500 | ttl 299\n",
	"later 4.4.3 unable\\x20to\\x20get\\x20the\\x20MTA-STS\\x20policy\\x20of\\x20d:\\x20status\\x20"
	"500\n" COUNT("sts-policy-fetch-error", "status\\x20"
						"500") "ttl 60\nend\n"},
    {"REQUIRETLS: nor is it when another host is proved: what that one lacks may be there",
	{.name = "d", .need = NEED_SECURE},
	"d MX s 10 a.d | 20 b.e\na.d A i 192.0.2.1\nb.e A s 192.0.2.2\n_25._tcp.b.e TLSA s 3 1 1 "
	"x32\n_mta-sts.d TXT i v=STSv1; id=1;\n"
	"d STS1 answer none | result sts-policy-fetch-error | why status 500 | ttl 299\n",
	"plan d\nsite b.e\ndnssec secure\npartial yes\nhop b.e pref=20 port=25 dnssec=secure tls=dane\nnames "
	"b.e d\n"
	"tlsa 3 1 1 1111111111111111111111111111111111111111111111111111111111111111\naddr 192.0.2.2\n" COUNT(
	    "sts-policy-fetch-error", "status\\x20500") "ttl 299\nend\n"},
    {"T42 the domain's own policy, not its alias's", {.name = "d"},
	"d MX i > e | 10 a.e\nd CNAME i e\ne MX i 10 a.e\na.e A i 192.0.2.1\n"
	"_mta-sts.e TXT i v=STSv1; id=1;\ne STS1 answer policy | mode enforce | id 1 | max-age 1 | mx x.e | "
	"ttl 1\n",
	PLAN("d", "a.e", "insecure", HOP("a.e", "10", "insecure", "a.e", "192.0.2.1"), "300")},
    {"T42 nor its parent's", {.name = "s.d"},
	"s.d MX i 10 a.d\na.d A i 192.0.2.1\n_mta-sts.d TXT i v=STSv1; id=1;\n" POLICY("enforce", "mx x.d"),
	PLAN("s.d", "a.d", "insecure", HOP("a.d", "10", "insecure", "a.d", "192.0.2.1"), "300")},
    {"T42 a relay's own, named as it is", {.name = "d", .host = true},
	"d A i 192.0.2.1\n_mta-sts.d TXT i v=STSv1; id=1;\n" POLICY("enforce", "mx d"),
	RELAY(STS("enforce", "d"), "sts", "300")},
    {"T42 in which it is not named", {.name = "d", .host = true},
	"d A i 192.0.2.1\n_mta-sts.d TXT i v=STSv1; id=1;\n" POLICY("enforce", "mx x.d"),
	"later 4.7.5 "
	"the\\x20MTA-STS\\x20policy\\x20of\\x20d\\x20names\\x20none\\x20of\\x20its\\x20mail\\x20hosts\n"
	"tls sts d validation-failure reason=no\\x20mail\\x20host\\x20is\\x20named\\x20by\\x20the\\x20policy "
	"mxp=x.d "
	"policy=version:\\x20STSv1 policy=mode:\\x20enforce policy=mx:\\x20x.d policy=max_age:\\x20604800\n"
	"ttl 60\nend\n"},
    {"T42 of a relay only tested", {.name = "d", .host = true},
	"d A i 192.0.2.1\n_mta-sts.d TXT i v=STSv1; id=1;\n" POLICY("testing", "mx x.d"),
	RELAY(STS("testing", "x.d"), "may sts=no", "300")},
    {"T42 with several hosts none", {.name = "d e", .host = true},
	"d A i 192.0.2.1\ne A i !\n_mta-sts.d TXT i v=STSv1; id=1;\n" POLICY("enforce", "mx x.d"),
	"plan d e\nsite d:25,e:25\ndnssec secure\nhop d pref=0 port=25 dnssec=insecure tls=may\nnames "
	"d\naddr "
	"192.0.2.1\n"
	"ttl 300\nend\n"},
    {"T42 nor where the configuration says what TLS is wanted",
	{.name = "d", .host = true, .tls = PLAN_TLS_PKIX},
	"d A i 192.0.2.1\n_mta-sts.d TXT i v=STSv1; id=1;\n" POLICY("enforce", "mx x.d"),
	RELAY("", "pkix", "300")},
    {"T46 a relay's mail does not wait for a zone that does not answer", {.name = "d", .host = true},
	"d A i 192.0.2.1\n_mta-sts.d TXT f\nd STS1 answer undecided | ttl 60\n", RELAY("", "may", "60")},
    {"T38 but a policy that is kept holds", {.name = "d", .host = true},
	"d A i 192.0.2.1\n_mta-sts.d TXT f\n" POLICY("enforce", "mx d"),
	RELAY(STS("enforce", "d"), "sts", "300")},
    {"T62 REQUIRETLS by a relay that its policy proves", {.name = "d", .host = true, .need = NEED_SECURE},
	"d A i 192.0.2.1\n_mta-sts.d TXT i v=STSv1; id=1;\n" POLICY("enforce", "mx d"),
	RELAY(STS("enforce", "d"), "sts", "300")},
    {"explicit configuration wins", {.name = "d", .tls = PLAN_TLS_MUST}, WORLD POLICY("enforce", "mx x.d"),
	"plan d\nsite a.d\ndnssec insecure\n" HOP_TLS("a.d", "10", "must", "192.0.2.1")
	    HOP_TLS("b.e", "20", "must", "192.0.2.2") "ttl 300\nend\n"},
    {"T33 host names are compared whatever their case, patterns too", {.name = "d"},
	"d MX i 10 A.D.\na.d A i 192.0.2.1\n"
	"d STS1 answer policy | mode enforce | id 1 | max-age 604800 | mx *.D | fetched 1 | ttl 600\n",
	PLAN_STS("enforce", "mx=*.D", HOP_TLS("a.d", "10", "sts", "192.0.2.1"), "300")},
};

int
main(void)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		world_run(&rows[i]);
	DONE();
}
