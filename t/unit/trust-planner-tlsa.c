#include "base.h"

#include "planner-world.h"

/* DANE in plans: which TLSA records are looked for, and what comes of them (RFC 7672 2). */

#define X32 "1111111111111111111111111111111111111111111111111111111111111111"
#define X64 X32 X32
#define EE "tlsa 3 1 1 " X32 "\n"
#define TA "tlsa 2 1 1 " X32 "\n"
/* The usual domain: MX and address signed. */
#define SIGNED "d MX s 10 a.d\na.d A s 192.0.2.1\n"
/* opt: what follows tls=; mid: between the hop line and its addresses */
#define DHOP(host, pref, sec, opt, mid, addr)                                                                \
	"hop " host " pref=" pref " port=25 dnssec=" sec " tls=" opt "\n" mid "addr " addr "\n"
#define FAILED(name, why)                                                                                    \
	LATER("4.4.3", "unable\\x20to\\x20look\\x20up\\x20TLSA\\x20of\\x20_25._tcp." name ":\\x20" why)
#define LATER_COUNT(text, count)                                                                             \
	"later 4.4.3 unable\\x20to\\x20look\\x20up\\x20" text "\ntls " count "\nttl 60\nend\n"
#define NO_TLSA(name, host, why, word)                                                                       \
	LATER_COUNT("TLSA\\x20of\\x20_25._tcp." name ":\\x20" why,                                           \
	    "tlsa " name " dnssec-invalid for=d mx=" host " reason=" word)

static const struct row rows[] = {
    {"T11 usable records: DANE, the whole set in the plan", {.name = "d"},
	SIGNED "_25._tcp.a.d TLSA s/200 3 1 1 x32 | 2 1 1 x32",
	PLAN("d", "a.d", "secure", DHOP("a.d", "10", "secure", "dane", "names a.d d\n" EE TA, "192.0.2.1"),
	    "200")},
    {"T1 TLSA SERVFAIL: later, and counted", {.name = "d"}, SIGNED "_25._tcp.a.d TLSA f",
	NO_TLSA("a.d", "a.d", "SERVFAIL", "lookup-failed")},
    {"T2 TLSA bogus: its data unused", {.name = "d"}, SIGNED "_25._tcp.a.d TLSA b 3 1 1 x32",
	NO_TLSA("a.d", "a.d", "bad\\x20signature", "validation-failed")},
    {"T128 nobody to ask for TLSA: no attempt, nothing counted", {.name = "d"}, SIGNED "_25._tcp.a.d TLSA u",
	"later 4.4.3 unable\\x20to\\x20look\\x20up\\x20TLSA\\x20of\\x20_25._tcp.a.d:\\x20SERVFAIL\nnetwork "
	"no\nttl "
	"60\nend\n"},
    {"T1 T25 one host's TLSA fails: the other one is used, and why is told", {.name = "d"},
	"d MX s 10 a.d | 20 b.d\na.d A s 192.0.2.1\nb.d A s 192.0.2.2\n_25._tcp.a.d TLSA f",
	PLAN("d", "b.d", "secure",
	    "partial yes\n" DHOP("b.d", "20", "secure", "may", "names b.d d\n",
		"192.0.2.2") "note a.d is left out: unable to look up TLSA of "
			     "_25._tcp.a.d: SERVFAIL\n"
			     "tls tlsa a.d dnssec-invalid for=d mx=a.d reason=lookup-failed\n",
	    "300")},
    {"T25 the other one may be unsigned and of equal preference", {.name = "d"},
	"d MX s 10 a.d | 10 b.e\na.d A s 192.0.2.1\nb.e A i 192.0.2.2\n_25._tcp.a.d TLSA b 3 1 1 x32",
	PLAN("d", "b.e", "secure",
	    "partial yes\n" DHOP("b.e", "10", "insecure", "may", "names b.e d\n",
		"192.0.2.2") "tls tlsa a.d dnssec-invalid for=d mx=a.d "
			     "reason=validation-failed\n",
	    "300")},
    {"T3 addresses insecure: TLSA is not asked for", {.name = "d"}, "d MX s 10 a.e\na.e A i 192.0.2.1",
	PLAN(
	    "d", "a.e", "secure", DHOP("a.e", "10", "insecure", "may", "names a.e d\n", "192.0.2.1"), "300")},
    {"T4 AAAA bogus: DANE for A", {.name = "d"},
	SIGNED "a.d AAAA b 2001:db8::1\n_25._tcp.a.d TLSA s 3 1 1 x32",
	PLAN("d", "a.d", "secure", DHOP("a.d", "10", "secure", "dane", "names a.d d\n" EE, "192.0.2.1"),
	    "300")},
    {"T4 A fails: DANE for AAAA", {.name = "d"},
	"d MX s 10 a.d\na.d A f\na.d AAAA s 2001:db8::1\n_25._tcp.a.d TLSA s 3 1 1 x32",
	PLAN("d", "a.d", "secure", DHOP("a.d", "10", "secure", "dane", "names a.d d\n" EE, "2001:db8::1"),
	    "300")},
    {"T4 AAAA insecure: left out where DANE speaks for A", {.name = "d"},
	SIGNED "a.d AAAA i 2001:db8::1\n_25._tcp.a.d TLSA s 3 1 1 x32",
	PLAN("d", "a.d", "secure", DHOP("a.d", "10", "secure", "dane", "names a.d d\n" EE, "192.0.2.1"),
	    "300")},
    {"T4 and kept where there are no records", {.name = "d"}, SIGNED "a.d AAAA i 2001:db8::1",
	PLAN("d", "a.d", "secure",
	    DHOP("a.d", "10", "insecure", "may", "names a.d d\n", "2001:db8::1\naddr 192.0.2.1"), "300")},
    {"T4 T96 DANE speaks for A, where no mail can go: AAAA does not stand in for it", {.name = "d"},
	"d MX s 10 a.d\na.d A s 127.0.0.1\na.d AAAA i 2001:db8::1\n_25._tcp.a.d TLSA s 3 1 1 x32",
	NEVER("5.4.4", "d\\x20names\\x20only\\x20addresses\\x20where\\x20no\\x20mail\\x20can\\x20go,"
		       "\\x20such\\x20as\\x20this\\x20machine's\\x20own\\x20loopback")},
    {"T25 a plan without a host that failed does not last long", {.name = "d"},
	"d MX s/3000 10 a.d | 20 b.e\na.d A s/3000 192.0.2.1\nb.e A i/3000 192.0.2.2\n_25._tcp.a.d TLSA f",
	PLAN("d", "b.e", "secure",
	    "partial yes\n" DHOP("b.e", "20", "insecure", "may", "names b.e d\n",
		"192.0.2.2") "tls tlsa a.d dnssec-invalid for=d mx=a.d reason=lookup-failed\n",
	    "300")},
    {"T5 TLSA NXDOMAIN, proved", {.name = "d"}, SIGNED "_25._tcp.a.d TLSA s !",
	PLAN("d", "a.d", "secure", DHOP("a.d", "10", "secure", "may", "names a.d d\n", "192.0.2.1"), "300")},
    {"T5 TLSA NODATA from a zone below that is not signed", {.name = "d"}, SIGNED "_25._tcp.a.d TLSA i -",
	PLAN("d", "a.d", "secure", DHOP("a.d", "10", "secure", "may", "names a.d d\n", "192.0.2.1"), "300")},
    {"T5 TLSA denied without proof", {.name = "d"}, SIGNED "_25._tcp.a.d TLSA b -",
	NO_TLSA("a.d", "a.d", "bad\\x20signature", "validation-failed")},
    {"T6 host is an alias, chain secure: records of the final name", {.name = "d"},
	"d MX s 10 a.d\na.d A s > a.e | 192.0.2.1\n_25._tcp.a.e TLSA s 3 1 1 x32",
	PLAN("d", "a.d", "secure",
	    DHOP("a.d", "10", "secure", "dane base=a.e", "names a.e a.d d\n" EE, "192.0.2.1"), "300")},
    {"T6 none there: of the original name", {.name = "d"},
	"d MX s 10 a.d\na.d A s > a.e | 192.0.2.1\n_25._tcp.a.e TLSA s -\n_25._tcp.a.d TLSA s 3 1 1 x32",
	PLAN("d", "a.d", "secure", DHOP("a.d", "10", "secure", "dane", "names a.d a.e d\n" EE, "192.0.2.1"),
	    "300")},
    {"T6 a failure at the final name is not passed over", {.name = "d"},
	"d MX s 10 a.d\na.d A s > a.e | 192.0.2.1\n_25._tcp.a.e TLSA f\n_25._tcp.a.d TLSA s 3 1 1 x32",
	NO_TLSA("a.e", "a.d", "SERVFAIL", "lookup-failed")},
    {"T6 chain insecure, its first link secure: of the original name alone", {.name = "d"},
	"d MX s 10 a.d\na.d A i > a.e | 192.0.2.1\na.d CNAME s a.e\n_25._tcp.a.d TLSA s 3 1 1 x32",
	PLAN("d", "a.d", "secure", DHOP("a.d", "10", "insecure", "dane", "names a.d d\n" EE, "192.0.2.1"),
	    "300")},
    {"T6 and no records there", {.name = "d"},
	"d MX s 10 a.d\na.d A i > a.e | 192.0.2.1\na.d CNAME s a.e\n_25._tcp.a.d TLSA s -",
	PLAN(
	    "d", "a.d", "secure", DHOP("a.d", "10", "insecure", "may", "names a.d d\n", "192.0.2.1"), "300")},
    {"T6 first link insecure too: none are asked for", {.name = "d"},
	"d MX s 10 a.d\na.d A i > a.e | 192.0.2.1\na.d CNAME i a.e",
	PLAN(
	    "d", "a.d", "secure", DHOP("a.d", "10", "insecure", "may", "names a.d d\n", "192.0.2.1"), "300")},
    {"T6 the first link cannot be looked up by itself: later", {.name = "d"},
	"d MX s 10 a.d\na.d A i > a.e | 192.0.2.1\na.d CNAME b a.e",
	LATER_COUNT("CNAME\\x20of\\x20a.d:\\x20bad\\x20signature",
	    "tlsa a.d dnssec-invalid for=d mx=a.d reason=validation-failed")},
    {"T7 TLSA owner is an alias, secure throughout", {.name = "d"},
	SIGNED "_25._tcp.a.d TLSA s > tlsa.e | 3 1 1 x32",
	PLAN("d", "a.d", "secure", DHOP("a.d", "10", "secure", "dane", "names a.d d\n" EE, "192.0.2.1"),
	    "300")},
    {"T7 TLSA owner is an alias into what is unsigned: no records", {.name = "d"},
	SIGNED "_25._tcp.a.d TLSA i > tlsa.e | 3 1 1 x32",
	PLAN("d", "a.d", "secure", DHOP("a.d", "10", "secure", "may", "names a.d d\n", "192.0.2.1"), "300")},
    {"T8 MX insecure, host secure: DANE, shown as such", {.name = "d"},
	"d MX i 10 a.e\na.e A s 192.0.2.1\n_25._tcp.a.e TLSA s 3 1 1 x32",
	PLAN("d", "a.e", "insecure", DHOP("a.e", "10", "secure", "dane", "names a.e\n" EE, "192.0.2.1"),
	    "300")},
    {"T8 but never for REQUIRETLS", {.name = "d", .need = NEED_SECURE},
	"d MX i 10 a.e\na.e A s 192.0.2.1\n_25._tcp.a.e TLSA s 3 1 1 x32",
	NEVER("5.7.30",
	    "the\\x20message\\x20requires\\x20TLS\\x20that\\x20is\\x20proved,\\x20and\\x20neither\\x20DANE"
	    "\\x20nor\\x20MTA-STS\\x20proves\\x20a\\x20mail\\x20host\\x20of\\x20d")},
    {"T9 no MX, denied securely: the domain's own records", {.name = "d"},
	"d MX s -\nd A s 192.0.2.1\n_25._tcp.d TLSA s 3 1 1 x32",
	PLAN("d", "d", "secure", DHOP("d", "0", "secure", "dane", "names d\n" EE, "192.0.2.1"), "300")},
    {"T9 no MX, denial insecure: none are asked for", {.name = "d"},
	"d MX i -\nd A s 192.0.2.1\n_25._tcp.d TLSA f",
	PLAN("d", "d", "insecure", DHOP("d", "0", "secure", "may", "names d\n", "192.0.2.1"), "300")},
    {"T9 T10 no MX behind an alias: records of the domain when its target has none", {.name = "d"},
	"d MX s > e | -\nd CNAME s e\ne MX s -\ne A s 192.0.2.1\n_25._tcp.e TLSA s -\n_25._tcp.d TLSA s 3 1 "
	"1 x32",
	PLAN("d", "e", "secure", DHOP("e", "0", "secure", "dane base=d", "names d e\n" EE, "192.0.2.1"),
	    "300")},
    {"T10 alias of the domain: base, host, domain before and behind", {.name = "d"},
	"d MX s > e | 10 a.e\nd CNAME s e\ne MX s 10 a.e\na.e A s > b.f | 192.0.2.1\n_25._tcp.b.f TLSA s 2 1 "
	"1 x32",
	PLAN("d", "a.e", "secure",
	    DHOP("a.e", "10", "secure", "dane base=b.f", "names b.f a.e d e\n" TA, "192.0.2.1"), "300")},
    {"T15 usages 0 and 1 alone: TLS with anybody", {.name = "d"},
	SIGNED "_25._tcp.a.d TLSA s 0 1 1 x32 | 1 1 1 x32",
	PLAN("d", "a.d", "secure",
	    DHOP("a.d", "10", "secure", "dane-unusable",
		"names a.d d\ntlsa 0 1 1 " X32 "\ntlsa 1 1 1 " X32 "\n", "192.0.2.1"),
	    "300")},
    {"T16 T18 unknown selector, matching type, usage, a digest of the wrong length", {.name = "d"},
	SIGNED "_25._tcp.a.d TLSA s 3 2 1 x32 | 3 1 3 x32 | 4 1 1 x32 | 3 1 1 x2 | 3 1 2 x32",
	PLAN("d", "a.d", "secure",
	    DHOP("a.d", "10", "secure", "dane-unusable",
		"names a.d d\ntlsa 3 2 1 " X32 "\ntlsa 3 1 3 " X32 "\ntlsa 4 1 1 " X32
		"\ntlsa 3 1 1 1111\ntlsa 3 1 2 " X32 "\n",
		"192.0.2.1"),
	    "300")},
    {"T16 records that are none at all", {.name = "d"}, SIGNED "_25._tcp.a.d TLSA s 3 1",
	PLAN("d", "a.d", "secure", DHOP("a.d", "10", "secure", "dane-unusable", "names a.d d\n", "192.0.2.1"),
	    "300")},
    {"T17 one usable among others is enough", {.name = "d"},
	SIGNED "_25._tcp.a.d TLSA s 1 1 1 x32 | 3 1 1 x32",
	PLAN("d", "a.d", "secure",
	    DHOP("a.d", "10", "secure", "dane", "names a.d d\ntlsa 1 1 1 " X32 "\n" EE, "192.0.2.1"), "300")},
    {"T21 a relay: its port stands in the owner name", {.name = "r", .host = true, .port = 587},
	"r A s 192.0.2.1\n_587._tcp.r TLSA s 3 1 1 x32",
	"plan r\nsite r:587\ndnssec secure\nhop r pref=0 port=587 dnssec=secure tls=dane\nnames r\n" EE
	"addr 192.0.2.1\nttl 300\nend\n"},
    {"T21 a relay whose addresses are insecure", {.name = "r", .host = true, .port = 587}, "r A i 192.0.2.1",
	"plan r\nsite r:587\ndnssec secure\nhop r pref=0 port=587 dnssec=insecure tls=may\nnames r\n"
	"addr 192.0.2.1\nttl 300\nend\n"},
    {"T21 a relay by DANE satisfies REQUIRETLS", {.name = "r", .host = true, .need = NEED_SECURE},
	"r A s 192.0.2.1\n_25._tcp.r TLSA s 3 1 1 x32",
	"plan r\nsite r:25\ndnssec secure\nhop r pref=0 port=25 dnssec=secure tls=dane\nnames r\n" EE
	"addr 192.0.2.1\nttl 300\nend\n"},
    {"T68 a relay that nothing proves does not, for good", {.name = "r", .host = true, .need = NEED_SECURE},
	"r A s 192.0.2.1",
	NEVER("5.7.30",
	    "the\\x20message\\x20requires\\x20TLS\\x20that\\x20is\\x20proved,\\x20and\\x20neither\\x20DANE"
	    "\\x20nor\\x20MTA-STS\\x20proves\\x20a\\x20mail\\x20host\\x20of\\x20r")},
    {"T22 a literal: no questions at all", {.name = "[192.0.2.7]"}, "",
	"plan [192.0.2.7]\nsite [192.0.2.7]\ndnssec insecure\nhop [192.0.2.7] pref=0 port=25 dnssec=insecure "
	"tls=may\naddr 192.0.2.7\nttl 3600\nend\n"},
    {"T22 T62 a literal does not satisfy REQUIRETLS", {.name = "[192.0.2.7]", .need = NEED_SECURE}, "",
	NEVER("5.7.30", "[192.0.2.7]\\x20is\\x20an\\x20address,\\x20whose\\x20owner\\x20nothing\\x20proves,"
			"\\x20and\\x20the\\x20message\\x20requires\\x20TLS\\x20that\\x20is\\x20proved")},
    {"T26 an IDN host: TLSA at the A-label", {.name = "d"},
	"d MX s 10 xn--bcher-kva.d\nxn--bcher-kva.d A s 192.0.2.1\n_25._tcp.xn--bcher-kva.d TLSA s 3 1 1 x32",
	PLAN("d", "xn--bcher-kva.d", "secure",
	    DHOP("xn--bcher-kva.d", "10", "secure", "dane", "names xn--bcher-kva.d d\n" EE, "192.0.2.1"),
	    "300")},

    {"T62 REQUIRETLS: only hosts that are proved stay", {.name = "d", .need = NEED_SECURE},
	"d MX s 10 a.d | 20 b.d\na.d A s 192.0.2.1\nb.d A s 192.0.2.2\n_25._tcp.b.d TLSA s 3 1 1 x32",
	PLAN("d", "b.d", "secure",
	    DHOP("b.d", "20", "secure", "dane", "names b.d d\n" EE,
		"192.0.2.2") "note a.d is left out: neither DANE nor MTA-STS proves it, which the message "
			     "needs\n",
	    "300")},
    {"T62 REQUIRETLS: none proved, one not looked up: later", {.name = "d", .need = NEED_SECURE},
	"d MX s 10 a.d | 20 b.d\na.d A s 192.0.2.1\nb.d A f",
	LATER("4.4.3", "unable\\x20to\\x20look\\x20up\\x20an"
		       "\\x20address\\x20of\\x20b.d:\\x20SERVFAIL")},
    {"T63 REQUIRETLS: unusable records do not satisfy it", {.name = "d", .need = NEED_SECURE},
	SIGNED "_25._tcp.a.d TLSA s 1 1 1 x32",
	NEVER("5.7.30",
	    "the\\x20message\\x20requires\\x20TLS\\x20that\\x20is\\x20proved,\\x20and\\x20neither\\x20DANE"
	    "\\x20nor\\x20MTA-STS\\x20proves\\x20a\\x20mail\\x20host\\x20of\\x20d")},
    {"T66 TLS-Required: No: records stay for counting", {.name = "d", .need = NEED_LENIENT},
	SIGNED "_25._tcp.a.d TLSA s 3 1 1 x32",
	PLAN("d", "a.d", "secure", DHOP("a.d", "10", "secure", "may", "names a.d d\n" EE, "192.0.2.1"),
	    "300")},
    {"T66 TLS-Required: No: a failed TLSA lookup is counted and no more", {.name = "d", .need = NEED_LENIENT},
	SIGNED "_25._tcp.a.d TLSA b 3 1 1 x32",
	PLAN("d", "a.d", "secure",
	    DHOP("a.d", "10", "secure", "may", "names a.d d\n",
		"192.0.2.1") "tls tlsa a.d dnssec-invalid for=d mx=a.d reason=validation-failed\n",
	    "300")},
    {"configuration never: TLSA is not asked for", {.name = "d", .tls = PLAN_TLS_NONE},
	SIGNED "_25._tcp.a.d TLSA f",
	PLAN("d", "a.d", "secure", DHOP("a.d", "10", "secure", "none", "names a.d d\n", "192.0.2.1"), "300")},
    {"configuration must: likewise", {.name = "d", .tls = PLAN_TLS_MUST}, SIGNED "_25._tcp.a.d TLSA f",
	PLAN("d", "a.d", "secure", DHOP("a.d", "10", "secure", "must", "names a.d d\n", "192.0.2.1"), "300")},
};

/* The plan of d in this world, where every TLSA answer has the n records `add` puts there. */
static void
plan_full(struct plan *p, const char *world, size_t n, void (*add)(struct dns_answer *a, size_t i))
{
	struct plan_request r = {.name = "d", .port = 25, .ipv4 = true, .ipv6 = true};
	struct lookups l = {0};
	size_t done = 0;

	while (!plan_make(p, &r, &l))
		for (; done < l.n; done++) {
			struct lookup *k = &l.v[done];

			if (k->kind == LOOKUP_STS) {
				k->reply = world_ask_sts("", k);
				continue;
			}
			k->answer =
			    k->type == DNS_TLSA ? dns_answer_new(DNS_DATA, true, 300) : world_ask(world, k);
			for (size_t i = 0; k->type == DNS_TLSA && i < n; i++)
				add(k->answer, i);
		}
	lookups_free(&l);
}

static void
add_mixed(struct dns_answer *a, size_t i)
{
	static const unsigned char usable[35] = {3, 1, 1}, data[5000] = {1, 1, 1};

	if (i < 5)
		dns_answer_add(a, usable, sizeof usable);
	else
		dns_answer_add(a, data, i % 3 ? 35 : i % 2 ? 4100 : 4099);
}

static void
add_last(struct dns_answer *a, size_t i)
{
	static const unsigned char usable[35] = {3, 1, 1}, data[35] = {1, 1, 1};

	dns_answer_add(a, i < 40 ? data : usable, 35);
}

static void
add_some(struct dns_answer *a, size_t i)
{
	static const unsigned char data[600] = {1, 1, 0};

	dns_answer_add(a, data, sizeof data - i);
}

/* As many records, and as large ones, as a name can have: what is kept is what a record of plans can hold. */
static void
bounded(void)
{
	struct plan p = {0}, back = {0};
	struct str out = {0};

	plan_full(&p, SIGNED, 60, add_mixed);
	OK(p.nhop == 1 && p.hop[0].tlsa.n == PLAN_TLSA_MAX, "at most so many records");
	plan_write(&out, &p);
	OK(out.len < 40000, "and so many bytes of them");
	STR_EQ(plan_parse(&back, out.s, out.len), NULL, "the record is one that is read");
	INT_EQ(back.hop[0].tls, PLAN_TLS_DANE, "and the demand stands");
	plan_free(&p);
	plan_free(&back);
	str_free(&out);
}

/* What mox-runq and the socket of a worker can hold is all that a plan may be. */
static void
refused(void)
{
	struct plan p = {0};

	plan_full(&p, SIGNED, 41, add_last);
	OK(p.kind == PLAN_LATER && p.count.n == 1 &&
		!strcmp(p.count.v[0], "tlsa a.d tlsa-invalid for=d mx=a.d reason=too-many-records"),
	    "T16 no DANE that is not there: a record that counts and does not fit is a failure");
	STR_EQ(p.text, "unable to look up TLSA of _25._tcp.a.d: more records than can be used", "and why");
	plan_free(&p);
	plan_full(&p, "d MX s 10 a.d | 20 b.d\na.d A s 192.0.2.1\nb.d A s 192.0.2.2\n", 25, add_some);
	INT_EQ(p.nhop, 0, "a plan of more than 48 kB has no hops");
	OK(p.kind == PLAN_LATER && !strcmp(p.code, "4.3.0"), "it is later");
	plan_free(&p);
	plan_full(&p, "d MX s 10 a.d | 20 b.d\na.d A s 192.0.2.1\nb.d A s 192.0.2.2\n", 15, add_some);
	INT_EQ(p.nhop, 2, "less than that is a plan");
	plan_free(&p);
}

int
main(void)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		world_run(&rows[i]);
	bounded();
	refused();
	DONE();
}
