#include "base.h"

#include "planner-world.h"

static const struct row rows[] = {
    {"MX, best preference first, both families, the least ttl", {.name = "d"},
	"d MX i/500 20 b.d | 10 a.d\na.d A i/400 192.0.2.1\na.d AAAA i/300 2001:db8::1\nb.d A i/3000 "
	"192.0.2.2",
	PLAN("d", "a.d", "insecure",
	    HOP("a.d", "10", "insecure", "a.d", "2001:db8::1\naddr 192.0.2.1")
		HOP("b.d", "20", "insecure", "b.d", "192.0.2.2"),
	    "300")},
    {"the site is the sorted set of the best preference", {.name = "D."},
	"d MX i 10 b.d | 10 a.d | 20 c.d\na.d A i 192.0.2.1\nb.d A i 192.0.2.2\nc.d A i 192.0.2.3",
	PLAN("d", "a.d,b.d", "insecure",
	    HOP("a.d", "10", "insecure", "a.d", "192.0.2.1") HOP("b.d", "10", "insecure", "b.d", "192.0.2.2")
		HOP("c.d", "20", "insecure", "c.d", "192.0.2.3"),
	    "300")},
    {"T10 secure MX: the domain is a reference name too", {.name = "d"}, "d MX s 10 a.d\na.d A s 192.0.2.1",
	PLAN("d", "a.d", "secure", HOP("a.d", "10", "secure", "a.d d", "192.0.2.1"), "300")},
    {"T3 an insecure host behind a secure MX is insecure", {.name = "d"}, "d MX s 10 a.e\na.e A i 192.0.2.1",
	PLAN("d", "a.e", "secure", HOP("a.e", "10", "insecure", "a.e d", "192.0.2.1"), "300")},
    {"T8 a secure host behind an insecure MX stays secure", {.name = "d"}, "d MX i 10 a.e\na.e A s 192.0.2.1",
	PLAN("d", "a.e", "insecure", HOP("a.e", "10", "secure", "a.e", "192.0.2.1"), "300")},
    {"T4 AAAA bogus: A is used, and is secure", {.name = "d"},
	"d MX s 10 a.d\na.d A s 192.0.2.1\na.d AAAA b 2001:db8::1",
	PLAN("d", "a.d", "secure", HOP("a.d", "10", "secure", "a.d d", "192.0.2.1"), "300")},
    {"T4 A fails: AAAA is used", {.name = "d"}, "d MX s 10 a.d\na.d A f\na.d AAAA s 2001:db8::1",
	PLAN("d", "a.d", "secure", HOP("a.d", "10", "secure", "a.d d", "2001:db8::1"), "300")},
    {"T6 MX host is an alias, chain secure: the final name is a reference name", {.name = "d"},
	"d MX s 10 a.d\na.d A s > a.e | 192.0.2.1",
	PLAN("d", "a.d", "secure", HOP("a.d", "10", "secure", "a.d a.e d", "192.0.2.1"), "300")},
    {"T6 chain insecure: it is not", {.name = "d"},
	"d MX s 10 a.d\na.d A i > a.e | 192.0.2.1\na.d CNAME i a.e",
	PLAN("d", "a.d", "secure", HOP("a.d", "10", "insecure", "a.d d", "192.0.2.1"), "300")},
    {"T9 no MX, denied securely: the domain is its own host", {.name = "d"}, "d MX s -\nd A s 192.0.2.1",
	PLAN("d", "d", "secure", HOP("d", "0", "secure", "d", "192.0.2.1"), "300")},
    {"T9 no MX, denial insecure", {.name = "d"}, "d MX i -\nd A i 192.0.2.1",
	PLAN("d", "d", "insecure", HOP("d", "0", "insecure", "d", "192.0.2.1"), "300")},
    {"T10 alias of the domain, all secure: both names", {.name = "d"},
	"d MX s > e | 10 a.e\nd CNAME s/200 e\ne MX s 10 a.e\na.e A s 192.0.2.1",
	PLAN("d", "a.e", "secure", HOP("a.e", "10", "secure", "a.e d e", "192.0.2.1"), "200")},
    {"T10 alias insecure, MX behind it secure: no more is secure than the first link", {.name = "d"},
	"d MX i > e | 10 a.e\nd CNAME i e\ne MX s 10 a.e\na.e A s 192.0.2.1",
	PLAN("d", "a.e", "insecure", HOP("a.e", "10", "secure", "a.e", "192.0.2.1"), "300")},
    {"T10 second link insecure", {.name = "d"},
	"d MX i > f | 10 a.f\nd CNAME s e\ne MX i > f | 10 a.f\ne CNAME i f\nf MX s 10 a.f\na.f A s "
	"192.0.2.1",
	PLAN("d", "a.f", "insecure", HOP("a.f", "10", "secure", "a.f", "192.0.2.1"), "300")},
    {"alias to a name without MX: its address", {.name = "d"},
	"d MX i > e | -\nd CNAME i e\ne MX i -\ne A i 192.0.2.1",
	PLAN("d", "e", "insecure", HOP("e", "0", "insecure", "e", "192.0.2.1"), "300")},
    {"alias to nothing", {.name = "d"}, "d MX i > e | !\nd CNAME i e\ne MX i !",
	NEVER("5.1.2", "the\\x20domain\\x20e\\x20does\\x20not\\x20exist")},
    {"alias without end", {.name = "d"}, "d MX i > e | 10 a\nd CNAME i e\ne MX i > d | 10 a\ne CNAME i d",
	LATER("4.4.3", "unable\\x20to\\x20look\\x20up\\x20MX\\x20of\\x20d:"
		       "\\x20more\\x20than\\x208\\x20aliases\\x20in\\x20a\\x20row")},
    {"alias whose own record is bogus", {.name = "d"}, "d MX i > e | 10 a\nd CNAME b e",
	LATER("4.4.3", "unable\\x20to\\x20look\\x20up\\x20CNAME\\x20of\\x20d:\\x20bad\\x20signature")},
    {"NXDOMAIN", {.name = "d"}, "d MX s !",
	NEVER("5.1.2", "the\\x20domain\\x20d\\x20does\\x20not\\x20exist")},
    {"null MX", {.name = "d"}, "d MX s 0 .",
	NEVER("5.1.10", "d\\x20takes\\x20no\\x20mail\\x20(null\\x20MX)")},
    {"null MX beside another is not counted", {.name = "d"}, "d MX s 0 . | 10 a.d\na.d A s 192.0.2.1",
	PLAN("d", "a.d", "secure", HOP("a.d", "10", "secure", "a.d d", "192.0.2.1"), "300")},
    {"neither MX nor address", {.name = "d"}, "d MX i -\nd A i -",
	NEVER("5.4.4", "d\\x20has\\x20neither\\x20a\\x20mail\\x20host\\x20nor\\x20an\\x20address")},
    {"MX hosts without address", {.name = "d"}, "d MX i 10 a.d | 20 b.d\na.d A i -\nb.d A i !",
	NEVER("5.4.4", "d\\x20has\\x20no\\x20mail\\x20host\\x20with\\x20an\\x20address")},
    {"MX bogus is later, its data unused", {.name = "d"}, "d MX b 10 a.d",
	LATER("4.4.3", "unable\\x20to\\x20look\\x20up\\x20MX\\x20of\\x20d:\\x20bad\\x20signature")},
    {"MX SERVFAIL is later", {.name = "d"}, "d MX f",
	LATER("4.4.3", "unable\\x20to\\x20look\\x20up\\x20MX\\x20of\\x20d:\\x20SERVFAIL")},
    {"T128 nobody to ask is no attempt", {.name = "d"}, "d MX u",
	"later 4.4.3 unable\\x20to\\x20look\\x20up\\x20MX\\x20of\\x20d:\\x20SERVFAIL\nnetwork no\nttl "
	"60\nend\n"},
    {"a host that fails is skipped", {.name = "d"},
	"d MX i 10 a.d | 20 b.d\na.d A b 192.0.2.1\nb.d A i 192.0.2.2",
	PLAN(
	    "d", "b.d", "insecure", "partial yes\n" HOP("b.d", "20", "insecure", "b.d", "192.0.2.2"), "300")},
    {"one host fails, the other has no address: later", {.name = "d"},
	"d MX i 10 a.d | 20 b.d\na.d A f\nb.d A i -",
	LATER("4.4.3", "unable\\x20to\\x20look\\x20up\\x20an\\x20address\\x20of\\x20a.d:\\x20SERVFAIL")},
    {"A denied, AAAA fails: later, not never", {.name = "d"}, "d MX i 10 a.d\na.d A i -\na.d AAAA f",
	LATER("4.4.3", "unable\\x20to\\x20look\\x20up\\x20an\\x20address\\x20of\\x20a.d:\\x20SERVFAIL")},
    {"T96 our own host cuts itself and what is not better", {.name = "d"},
	"d MX i 10 a.d | 20 me.example | 20 b.d | 30 c.d\na.d A i 192.0.2.1",
	PLAN("d", "a.d", "insecure", HOP("a.d", "10", "insecure", "a.d", "192.0.2.1"), "300")},
    {"T96 nothing better than ourselves: a loop", {.name = "d"}, "d MX i 10 ME.example | 10 b.d",
	NEVER("5.4.6", "d\\x20says\\x20that\\x20this\\x20machine,\\x20me.example,\\x20takes\\x20its\\x20mail,"
		       "\\x20but\\x20it\\x20is\\x20not\\x20local\\x20here")},
    {"T96 our own name without MX: a loop", {.name = "me.example"}, "me.example MX i -",
	NEVER("5.4.6", "me.example\\x20says\\x20that\\x20this\\x20machine,\\x20me.example,"
		       "\\x20takes\\x20its\\x20mail,\\x20but\\x20it\\x20is\\x20not\\x20local\\x20here")},
    {"T96 loopback and unspecified addresses are refused", {.name = "d"},
	"d MX i 10 a.d | 20 b.d | 30 c.d | 40 e.d\na.d A i 127.9.9.9\na.d AAAA i ::1\nb.d A i 0.0.0.0\nb.d "
	"AAAA i ::\n"
	"c.d A i -\nc.d AAAA i ::ffff:127.0.0.1\ne.d A i 224.0.0.1 | 255.255.255.255\ne.d AAAA i ff02::1",
	NEVER("5.4.4", "d\\x20names\\x20only\\x20addresses\\x20where\\x20no\\x20mail\\x20can\\x20go,"
		       "\\x20such\\x20as\\x20this\\x20machine's\\x20own\\x20loopback")},
    {"T96 a good address beside a refused one is used", {.name = "d"},
	"d MX i 10 a.d\na.d A i 127.0.0.1 | 192.0.2.1",
	PLAN("d", "a.d", "insecure", HOP("a.d", "10", "insecure", "a.d", "192.0.2.1"), "300")},
    {"loopback when allowed", {.name = "d", .loopback = true}, "d MX i 10 a.d\na.d A i 127.0.0.1",
	PLAN("d", "a.d", "insecure", HOP("a.d", "10", "insecure", "a.d", "127.0.0.1"), "300")},
    {"T22 address literal", {.name = "[192.0.2.7]"}, "",
	"plan [192.0.2.7]\nsite [192.0.2.7]\ndnssec insecure\nhop [192.0.2.7] pref=0 port=25 dnssec=insecure "
	"tls=may\naddr 192.0.2.7\n"
	"ttl 3600\nend\n"},
    {"T22 IPv6 literal", {.name = "[ipv6:2001:DB8:0::7]"}, "",
	"plan [IPv6:2001:db8::7]\nsite [IPv6:2001:db8::7]\ndnssec insecure\n"
	"hop [IPv6:2001:db8::7] pref=0 port=25 dnssec=insecure tls=may\naddr 2001:db8::7\nttl 3600\nend\n"},
    {"T96 loopback literal", {.name = "[127.0.0.1]"}, "",
	NEVER("5.4.4", "no\\x20mail\\x20can\\x20go\\x20to\\x20[127.0.0.1]\\x20from\\x20here")},
    {"a broken literal", {.name = "[192.0.2]"}, "",
	NEVER("5.1.2", "unable\\x20to\\x20use\\x20\"[192.0.2]\":\\x20not\\x20an\\x20address\\x20literal")},
    {"no domain name", {.name = "a b"}, "",
	NEVER("5.1.2", "unable\\x20to\\x20use\\x20\"a\\x20b\":"
		       "\\x20character\\x20in\\x20the\\x20domain\\x20that\\x20no\\x20domain\\x20has")},
    {"T26 IDN domain and host are A-labels",
	{.name = "B\xc3\xbc"
		 "cher.example"},
	"xn--bcher-kva.example MX i 10 xn--bcher-kva.example\nxn--bcher-kva.example A i 192.0.2.1",
	PLAN("xn--bcher-kva.example", "xn--bcher-kva.example", "insecure",
	    HOP("xn--bcher-kva.example", "10", "insecure", "xn--bcher-kva.example", "192.0.2.1"), "300")},
    {"an MX host that is no host name is left out", {.name = "d"},
	"d MX i 5 x!y.d | 10 a.d\na.d A i 192.0.2.1",
	PLAN("d", "a.d", "insecure", HOP("a.d", "10", "insecure", "a.d", "192.0.2.1"), "300")},
    {"a host named twice counts once, at its best", {.name = "d"},
	"d MX i 20 a.d | 10 a.d\na.d A i 192.0.2.1",
	PLAN("d", "a.d", "insecure", HOP("a.d", "10", "insecure", "a.d", "192.0.2.1"), "300")},
    {"ttl is at least 30 s", {.name = "d"}, "d MX i/1 10 a.d\na.d A i/0 192.0.2.1",
	PLAN("d", "a.d", "insecure", HOP("a.d", "10", "insecure", "a.d", "192.0.2.1"), "30")},
    {"ttl is at most an hour", {.name = "d"}, "d MX i/90000 10 a.d\na.d A i/86400 192.0.2.1",
	PLAN("d", "a.d", "insecure", HOP("a.d", "10", "insecure", "a.d", "192.0.2.1"), "3600")},
    {"IPv4 alone", {.name = "d", .ipv4 = true}, "d MX i 10 a.d\na.d A i 192.0.2.1\na.d AAAA i 2001:db8::1",
	PLAN("d", "a.d", "insecure", HOP("a.d", "10", "insecure", "a.d", "192.0.2.1"), "300")},
    {"a configured host: no MX, site with port",
	{.name = "R.example", .host = true, .port = 587, .tls = PLAN_TLS_MUST}, "r.example A s 192.0.2.1",
	"plan r.example\nsite r.example:587\ndnssec secure\nhop r.example pref=0 port=587 dnssec=secure "
	"tls=must\nnames r.example\n"
	"addr 192.0.2.1\nttl 300\nend\n"},
    {"a configured address", {.name = "127.0.0.1", .host = true, .loopback = true, .tls = PLAN_TLS_NONE}, "",
	"plan 127.0.0.1\nsite 127.0.0.1:25\ndnssec insecure\nhop 127.0.0.1 pref=0 port=25 dnssec=insecure "
	"tls=none\nnames 127.0.0.1\n"
	"addr 127.0.0.1\nttl 3600\nend\n"},
    {"a configured IPv6 address, in brackets", {.name = "[::1]", .host = true, .loopback = true}, "",
	"plan ::1\nsite [::1]:25\ndnssec insecure\nhop ::1 pref=0 port=25 dnssec=insecure tls=may\nnames "
	"::1\naddr ::1\nttl 3600\nend\n"},
    {"a configured host that does not exist is a mistake that can be mended", {.name = "r", .host = true},
	"r A i !\nr AAAA i !", LATER("4.3.5", "r\\x20has\\x20no\\x20address")},
    {"a configured loopback target without leave", {.name = "127.0.0.1", .host = true}, "",
	LATER("4.3.5", "no\\x20mail\\x20can\\x20go\\x20to\\x20127.0.0.1\\x20from\\x20here")},
    {"several hosts, in their order, an address among them",
	{.name = "a.r 192.0.2.9 b.r", .host = true, .port = 587, .tls = PLAN_TLS_PKIX},
	"a.r A s 192.0.2.1\nb.r A i > c.r | 192.0.2.2",
	"plan a.r 192.0.2.9 b.r\nsite a.r:587,192.0.2.9:587,b.r:587\ndnssec secure\n"
	"hop a.r pref=0 port=587 dnssec=secure tls=pkix\nnames a.r\naddr 192.0.2.1\n"
	"hop 192.0.2.9 pref=1 port=587 dnssec=insecure tls=pkix\nnames 192.0.2.9\naddr 192.0.2.9\n"
	"hop b.r pref=2 port=587 dnssec=insecure tls=pkix\nnames b.r\naddr 192.0.2.2\nttl 300\nend\n"},
    {"several hosts, one that cannot be looked up", {.name = "a.r b.r", .host = true, .tls = PLAN_TLS_MUST},
	"a.r A f\nb.r A i 192.0.2.2",
	"plan a.r b.r\nsite a.r:25,b.r:25\ndnssec secure\npartial yes\n"
	"hop b.r pref=1 port=25 dnssec=insecure tls=must\nnames b.r\naddr 192.0.2.2\nttl 300\nend\n"},
    {"several hosts, none with an address", {.name = "a.r b.r", .host = true}, "a.r A i -\nb.r A i !",
	LATER("4.3.5", "a.r\\x20b.r\\x20has\\x20no\\x20address")},
    {"T62 REQUIRETLS by a relay that proves its name",
	{.name = "r", .host = true, .tls = PLAN_TLS_PKIX, .need = NEED_SECURE}, "r A i 192.0.2.1",
	"plan r\nsite r:25\ndnssec secure\nhop r pref=0 port=25 dnssec=insecure tls=pkix\nnames r\naddr "
	"192.0.2.1\n"
	"ttl 300\nend\n"},
    {"T21 DANE of a relay, by its port, is asked for and there",
	{.name = "r", .host = true, .port = 587, .tls = PLAN_TLS_DANE},
	"r A s 192.0.2.1\n_587._tcp.r TLSA s 3 1 1 x32",
	"plan r\nsite r:587\ndnssec secure\nhop r pref=0 port=587 dnssec=secure tls=dane\nnames r\n"
	"tlsa 3 1 1 1111111111111111111111111111111111111111111111111111111111111111\naddr 192.0.2.1\nttl "
	"300\nend\n"},
    {"T21 and not there", {.name = "r", .host = true, .port = 587, .tls = PLAN_TLS_DANE}, "r A s 192.0.2.1",
	LATER("4.7.5",
	    "r\\x20has\\x20no\\x20signed\\x20TLSA\\x20record\\x20that\\x20can\\x20be\\x20used,\\x20"
	    "which\\x20the\\x20configuration\\x20asks\\x20for")},
    {"SRV: priorities, ports; an insecure answer proves nobody but the domain and what is below it",
	{.name = "_submissions._tcp.d", .host = true, .srv = true, .tls = PLAN_TLS_PKIX},
	"_submissions._tcp.d SRV i/200 20 0 465 b.e | 10 5 4465 a.d | 30 0 465 .\na.d A i 192.0.2.1\nb.e A i "
	"192.0.2.2",
	"plan d\nsite _submissions._tcp.d\ndnssec insecure\n"
	"hop a.d pref=10 port=4465 dnssec=insecure tls=pkix\nnames a.d d\naddr 192.0.2.1\n"
	"hop b.e pref=20 port=465 dnssec=insecure tls=pkix\nnames d\naddr 192.0.2.2\nttl 200\nend\n"},
    {"SRV, secure: the host's own name does, too",
	{.name = "_submissions._tcp.d", .host = true, .srv = true, .tls = PLAN_TLS_PKIX},
	"_submissions._tcp.d SRV s 10 0 465 b.e\nb.e A i 192.0.2.2",
	"plan d\nsite _submissions._tcp.d\ndnssec secure\n"
	"hop b.e pref=10 port=465 dnssec=insecure tls=pkix\nnames b.e d\naddr 192.0.2.2\nttl 300\nend\n"},
    {"SRV: no such service", {.name = "_submissions._tcp.d", .host = true, .srv = true},
	"_submissions._tcp.d SRV s 0 0 0 .",
	LATER("4.3.5",
	    "_submissions._tcp.d\\x20has\\x20no\\x20SRV\\x20record\\x20that\\x20names\\x20a\\x20server")},
    {"SRV: there are none", {.name = "_submissions._tcp.d", .host = true, .srv = true},
	"_submissions._tcp.d SRV i !",
	LATER("4.3.5",
	    "_submissions._tcp.d\\x20has\\x20no\\x20SRV\\x20record\\x20that\\x20names\\x20a\\x20server")},
    {"SRV: the lookup fails", {.name = "_submissions._tcp.d", .host = true, .srv = true},
	"_submissions._tcp.d SRV f",
	LATER("4.4.3", "unable\\x20to\\x20look\\x20up\\x20SRV\\x20of\\x20_submissions._tcp.d:\\x20SERVFAIL")},
};

/* RFC 2782: about one in four of the draws begins with a host that weighs a quarter. */
static void
weighed(void)
{
	struct plan p = {0};
	unsigned first[3] = {0};

	for (unsigned i = 0; i < 3; i++) {
		struct plan_hop *h = plan_hop_add(&p, (const char *[]){"a", "b", "c"}[i]);

		h->weight = (const unsigned[]){30, 10, 0}[i];
	}
	for (uint64_t seed = 0; seed < 1000; seed++) {
		plan_shuffle(&p, seed * 2654435761u);
		first[*p.hop[0].host - 'a']++;
	}
	OK(first[0] > 650 && first[0] < 820 && first[1] > 180 && first[1] < 320 && first[2] < 60,
	    "weights of SRV records");
	plan_free(&p);
}

/* No answer makes more hops or addresses than a record may have. */
static void
bounded(void)
{
	struct plan_request r = {.name = "d", .port = 25, .ipv4 = true, .ipv6 = true};
	struct lookups l = {0};
	struct plan p = {0}, back = {0};
	struct str out = {0}, mx = {0};
	size_t done = 0;

	str_adds(&mx, "d MX i 1 h0");
	for (int i = 1; i < 300; i++)
		str_addf(&mx, " | 1 h%d", i);
	while (!plan_make(&p, &r, &l))
		for (; done < l.n; done++) {
			struct lookup *k = &l.v[done];

			if (k->kind == LOOKUP_STS) {
				k->reply = world_ask_sts("", k);
				continue;
			}
			if (k->type == DNS_MX) {
				k->answer = world_ask(str_cstr(&mx), k);
				continue;
			}
			k->answer = dns_answer_new(DNS_DATA, false, 300);
			for (unsigned char i = 0; i < 200; i++)
				dns_answer_add(
				    k->answer, (unsigned char[16]){192, 0, 2, i}, k->type == DNS_A ? 4 : 16);
		}
	INT_EQ((long long)p.nhop, PLAN_HOP_MAX, "at most so many hops");
	INT_EQ((long long)p.hop[0].addr.n, PLAN_ADDR_MAX, "at most so many addresses");
	plan_write(&out, &p);
	STR_EQ(plan_parse(&back, out.s, out.len), NULL, "and the record is one that is read");
	plan_free(&p);
	plan_free(&back);
	lookups_free(&l);
	str_free(&out);
	str_free(&mx);
}

int
main(void)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		world_run(&rows[i]);
	bounded();
	weighed();
	DONE();
}
