#include "base.h"

#include "clock.h"
#include "conf.h"
#include "dns.h"
#include "hosts.h"
#include "unit.h"
#include "upstream.h"

#include <poll.h>

#define BYTES(s) (const unsigned char *)(s), sizeof(s) - 1

static void
names(void)
{
	static const struct {
		const unsigned char *p;
		size_t n;
		const char *want; /* NULL: refused */
	} t[] = {
	    {BYTES("\3Mx1\7eXample\3com\0"), "mx1.example.com"},
	    {BYTES("\0"), ""},
	    {BYTES("\4_dmx\2a-\0"), "_dmx.a-"},
	    {BYTES(""), NULL},
	    {BYTES("\3mx1"), NULL},
	    {BYTES("\5mx1\0"), NULL},
	    {BYTES("\3mx1\0x"), NULL},
	    {BYTES("\300\014"), NULL},
	    {BYTES("\3m.x\0"), NULL},
	    {BYTES("\3m x\0"), NULL},
	    {BYTES("\3m\nx\0"), NULL},
	    {BYTES("\3m\0x\0"), NULL},
	    {BYTES("\2\303\274\0"), NULL},
	};
	unsigned char big[400];
	char out[DNS_NAME_SIZE];
	unsigned pref = 0;
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		bool good = rdata_name(out, t[i].p, t[i].n);

		STR_EQ(good ? out : NULL, t[i].want, t[i].want ? t[i].want : "a name that is none");
	}
	for (int i = 0; i < 5; i++) {
		big[n++] = 63;
		memset(big + n, 'a', 63);
		n += 63;
	}
	big[n++] = 0;
	OK(!rdata_name(out, big, n), "a name of more than 255 bytes");
	OK(rdata_mx(&pref, out, BYTES("\1\2\1a\0")) && pref == 258 && !strcmp(out, "a"), "an MX record");
	OK(!rdata_mx(&pref, out, BYTES("\1\2")), "half an MX record");
	OK(!rdata_addr(out, DNS_A, BYTES("\1\2\3")), "three bytes are no IPv4 address");
	OK(!rdata_addr(out, DNS_AAAA, BYTES("\1\2\3\4")), "four bytes are no IPv6 address");
}

static void
texts(void)
{
	static const struct {
		unsigned type;
		const unsigned char *p;
		size_t n;
		const char *want;
	} t[] = {
	    {DNS_A, BYTES("\300\0\2\1"), "192.0.2.1"},
	    {DNS_A, BYTES("\300\0"), "\\# 2 c000"},
	    {DNS_MX, BYTES("\0\12\2mx\0"), "10 mx."},
	    {DNS_TXT, BYTES("\3a\"b\2\1\377"), "\"a\\\"b\" \"\\001\\255\""},
	    {DNS_TXT, BYTES("\5ab"), "\\# 3 056162"},
	    {DNS_TLSA, BYTES("\3\1\1\253\315"), "3 1 1 abcd"},
	    {99, BYTES("\1\2"), "\\# 2 0102"},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct str s = {0};

		rdata_text(&s, t[i].type, t[i].p, t[i].n);
		STR_EQ(str_cstr(&s), t[i].want, t[i].want);
		str_free(&s);
	}
	INT_EQ(dns_type_parse("aaaa"), DNS_AAAA, "type by name");
	INT_EQ(dns_type_parse("TYPE257"), 257, "type by number");
	INT_EQ(dns_type_parse("TYPE65536"), 0, "no such type");
	STR_EQ(dns_type_name(999), "TYPE999", "name of an unknown type");
}

static void
servers(void)
{
	struct upstreams u = {0};

	upstream_parse(&u,
	    "# nameserver 9.9.9.9\nsearch example\nnameserver 192.0.2.53\nnameserver\t2001:db8::53  \r\n"
	    "nameserver evil@1\noptions edns0\nnameserverx 192.0.2.1\nnameserver ::1");
	INT_EQ((long long)u.n, 3, "name servers of a resolv.conf");
	STR_EQ(u.v[0].text, "192.0.2.53@53", "the first");
	STR_EQ(u.v[1].text, "2001:db8::53@53", "the second");
	STR_EQ(u.v[2].text, "::1@53", "one in a line without end");
	OK(upstream_add(&u, "127.0.0.1@5300") && !strcmp(u.v[3].text, "127.0.0.1@5300"), "address with port");
	OK(!upstream_add(&u, "localhost"), "a name is no address");
	OK(!upstream_add(&u, "127.0.0.1@"), "no port behind @");
	OK(!upstream_add(&u, ""), "nothing is no address");
}

static void
hosts_file(void)
{
	struct hosts h = {0};

	hosts_parse(&h, "127.0.0.1 localhost\n# 192.0.2.1 no\n\n192.0.2.2\tRelay.Example relay # c\nx "
			"y\n2001:db8::2 relay");
	INT_EQ((long long)h.n, 4, "names of a hosts file");
	OK(hosts_has(&h, "relay.example") && hosts_has(&h, "relay"), "both names of a line");
	OK(!hosts_has(&h, "no") && !hosts_has(&h, "y"), "no comment, no broken line");
	INT_EQ((long long)h.v[3].len, 16, "an IPv6 line");
	hosts_free(&h);
	OK(host_is_localhost("localhost") && host_is_localhost("a.localhost"), "localhost and below");
	OK(!host_is_localhost("xlocalhost") && !host_is_localhost("localhost.example"), "but nothing else");
}

static void
keep(void *arg, struct dns_answer *a)
{
	*(struct dns_answer **)arg = a;
}

static struct dns_answer *
ask(struct dns *d, const char *name, unsigned type)
{
	struct dns_answer *a = NULL;

	dns_ask(d, name, type, true, keep, &a);
	OK(!a, "never answered from within dns_ask");
	while (!a) {
		struct pollfd pfd = {.fd = dns_fd(d), .events = POLLIN};

		poll(&pfd, 1, clock_timeout(dns_deadline(d)));
		dns_process(d);
	}
	return a;
}

/* Port 1 of loopback: nobody is there, and the kernel says so. */
static void
nobody(void)
{
	struct conf c = {0};
	char server[] = "127.0.0.1@1", none[] = "none", *list[] = {server};
	struct dns_answer *a;
	struct dns *d;

	c.dns.forward = (struct conf_list){list, 1};
	c.dns.trust_anchor = none;
	d = dns_open(&c);
	a = ask(d, "localhost", DNS_AAAA);
	OK(a->status == DNS_DATA && a->n == 1 && a->data[0].n == 16 && a->data[0].p[15] == 1,
	    "localhost needs no DNS");
	dns_answer_free(a);
	a = ask(d, "localhost", DNS_MX);
	INT_EQ(a->status, DNS_NODATA, "and has no MX");
	dns_answer_free(a);
	a = ask(d, "example.com", DNS_MX);
	OK(a->status == DNS_FAIL && a->unreachable, "T128 nobody answers: known as such");
	dns_answer_free(a);
	INT_EQ((long long)dns_outstanding(d), 0, "nothing is left over");
	dns_close(d);
}

int
main(void)
{
	names();
	texts();
	servers();
	hosts_file();
	nobody();
	DONE();
}
