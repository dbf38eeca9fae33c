/* For table tests of plans: a world of DNS answers written as text, and what plan_make makes of it. */
#ifndef PLANNER_WORLD_H
#define PLANNER_WORLD_H

#include "planner.h"
#include "rec.h"
#include "unit.h"

#include <arpa/inet.h>

/* A world is text: a line each of `NAME TYPE SECURITY/TTL data | data`, SECURITY s(ecure), i(nsecure),
 * b(ogus), f(ailed), u(nreachable); data `-` is NODATA, `!` NXDOMAIN, `> canon | data` an answer behind
 * aliases. `x32` in TLSA data is 32 bytes 0x11. AAAA
 * that stand nowhere are NODATA, and so, proved, are TLSA records of a host with secure answers; any other question
 * that stands nowhere fails the test. `NAME STS1 LINE | LINE` is mox-mtasts' answer (stsrec.h), STS2 the one to the question
 * with addresses; with neither, and without TXT at _mta-sts.NAME, there is no policy. Notes are compared where some are wanted. */
struct row {
	const char *what;
	struct plan_request r;
	const char *world, *want;
};

static size_t
wire_name(unsigned char *out, const char *s)
{
	size_t o = 0;

	while (*s && strcmp(s, ".")) {
		size_t l = strcspn(s, ".");

		out[o++] = (unsigned char)l;
		memcpy(out + o, s, l);
		o += l;
		s += l;
		s += *s == '.';
	}
	out[o++] = 0;
	return o;
}

static size_t
wire_tlsa(unsigned char *out, const char *s)
{
	int skip = 0;

	for (size_t i = 0; i < 3; i++, s += skip)
		if (sscanf(s, "%hhu %n", &out[i], &skip) != 1)
			return i;
	memset(out + 3, 0x11, 297);
	return 3 + strtoul(s + 1, NULL, 10);
}

static void
add_data(struct dns_answer *a, unsigned type, char *s)
{
	unsigned char b[300];
	size_t n = 0;
	unsigned pref;
	char host[256];

	if (type == DNS_A || type == DNS_AAAA) {
		n = type == DNS_A ? 4 : 16;
		if (inet_pton(type == DNS_A ? AF_INET : AF_INET6, s, b) != 1)
			abort();
	} else if (type == DNS_MX) {
		if (sscanf(s, "%u %255s", &pref, host) != 2)
			abort();
		b[0] = (unsigned char)(pref >> 8);
		b[1] = (unsigned char)pref;
		n = 2 + wire_name(b + 2, host);
	} else if (type == DNS_SRV) {
		unsigned v[3];

		if (sscanf(s, "%u %u %u %255s", &v[0], &v[1], &v[2], host) != 4)
			abort();
		for (; n < 6; n++)
			b[n] = (unsigned char)(n % 2 ? v[n / 2] : v[n / 2] >> 8);
		n += wire_name(b + n, host);
	} else if (type == DNS_TLSA) {
		n = wire_tlsa(b, s);
	} else if (type == DNS_TXT) {
		n = 1 + (b[0] = (unsigned char)strlen(s));
		memcpy(b + 1, s, n - 1);
	} else {
		n = wire_name(b, s);
	}
	dns_answer_add(a, b, n);
}

static char *
word(char **s)
{
	char *w = *s + strspn(*s, " ");

	*s = w + strcspn(w, " ");
	if (**s)
		*(*s)++ = 0;
	return w;
}

static struct dns_answer *
answer_parse(char *line, unsigned type)
{
	char *kind = word(&line), *save, *d = line;
	struct dns_answer *a =
	    dns_answer_new(DNS_DATA, *kind == 's', kind[1] ? (unsigned)strtoul(kind + 2, NULL, 10) : 300);

	if (*kind == 'b' || *kind == 'f' || *kind == 'u') {
		a->status = *kind == 'b' ? DNS_BOGUS : DNS_FAIL;
		a->unreachable = *kind == 'u';
		a->why = mem_dup(*kind == 'b' ? "bad signature" : "SERVFAIL");
		/* A bogus answer comes with its data: it must not be looked at. */
		if (*kind != 'b')
			return a;
	}
	d = strtok_r(d, "|", &save);
	for (; d; d = strtok_r(NULL, "|", &save)) {
		d += strspn(d, " ");
		d[strcspn(d, "\n")] = 0;
		while (*d && d[strlen(d) - 1] == ' ')
			d[strlen(d) - 1] = 0;
		if (*d == '>')
			a->canon = mem_dup(d + 2);
		else if (*d == '-' || *d == '!')
			a->status = *kind == 'b' ? DNS_BOGUS : *d == '-' ? DNS_NODATA : DNS_NXDOMAIN;
		else
			add_data(a, type, d);
	}
	return a;
}

/* owner: _25._tcp.HOST. Whether HOST stands in a secure answer, or at the end of its aliases. */
static bool
is_signed(const char *world, const char *owner)
{
	const char *host = strstr(owner, "_tcp.") + 5;
	char *copy = mem_dup(world), *save, *line;
	bool found = false;
	char at[300];

	snprintf(at, sizeof at, "> %s ", host);
	for (line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		bool mine = strstr(line, at) != NULL;
		char *name = word(&line), *type = word(&line), *kind = word(&line);

		found = found || (*type == 'A' && *kind == 's' && (mine || !strcmp(name, host)));
	}
	free(copy);
	return found;
}

static inline struct dns_answer *
world_ask(const char *world, const struct lookup *l)
{
	char *copy = mem_dup(world), *save, *line;
	struct dns_answer *a = NULL;

	for (line = strtok_r(copy, "\n", &save); line && !a; line = strtok_r(NULL, "\n", &save)) {
		char *name = word(&line), *type = word(&line);

		if (!strcmp(name, l->name) && dns_type_parse(type) == l->type)
			a = answer_parse(line, l->type);
	}
	free(copy);
	if (!a && l->type == DNS_AAAA)
		a = dns_answer_new(DNS_NODATA, false, 1);
	if (!a && l->type == DNS_TXT)
		a = dns_answer_new(DNS_NODATA, false, 86400);
	if (!a && l->type == DNS_TLSA && is_signed(world, l->name))
		a = dns_answer_new(DNS_NODATA, true, 1);
	if (!a) {
		printf("# nobody expected a question for %s %s\n", l->name, dns_type_name(l->type));
		a = dns_answer_new(DNS_FAIL, false, 1);
		a->why = mem_dup("not in the test's world");
	}
	return a;
}

/* The answer of mox-mtasts. */
static inline struct sts_reply *
world_ask_sts(const char *world, const struct lookup *l)
{
	char *copy = mem_dup(world), *save, *line;
	struct sts_reply *r = mem_zalloc(sizeof *r);
	struct str rec = {0};

	str_adds(&rec, "ask 1\n");
	for (line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *name = word(&line), *type = word(&line), *part, *more;

		if (strcmp(name, l->name) != 0 || strncmp(type, "STS", 3) != 0 ||
		    strtoul(type + 3, NULL, 10) != l->type)
			continue;
		for (part = strtok_r(line, "|", &more); part; part = strtok_r(NULL, "|", &more)) {
			str_adds(&rec, part + strspn(part, " "));
			while (rec.s[rec.len - 1] == ' ')
				str_cut(&rec, rec.len - 1);
			str_addc(&rec, '\n');
		}
	}
	free(copy);
	if (rec.len == strlen("ask 1\n"))
		str_adds(&rec, "answer none\nttl 86400\n");
	rec_end(&rec);
	if (!sts_reply_parse(r, rec.s, rec.len))
		*r = (struct sts_reply){
		    .kind = STS_REPLY_FAILED, .why = mem_dup("mox-mtasts died"), .ttl = 60};
	str_free(&rec);
	return r;
}

static inline void
world_run(const struct row *t)
{
	struct plan_request r = t->r;
	struct lookups l = {0};
	struct plan p = {0};
	struct str out = {0};
	size_t done = 0;

	if (!r.port)
		r.port = 25;
	if (!r.ipv4 && !r.ipv6)
		r.ipv4 = r.ipv6 = true;
	r.self = "me.example";
	while (!plan_make(&p, &r, &l))
		for (; done < l.n; done++)
			if (l.v[done].kind == LOOKUP_STS)
				l.v[done].reply = world_ask_sts(t->world, &l.v[done]);
			else
				l.v[done].answer = world_ask(t->world, &l.v[done]);
	if (!strstr(t->want, "\nnote "))
		plan_list_free(&p.note);
	plan_write(&out, &p);
	STR_EQ(str_cstr(&out), t->want, t->what);
	str_free(&out);
	plan_free(&p);
	lookups_free(&l);
}

#define LATER(code, text) "later " code " " text "\nttl 60\nend\n"
#define NEVER(code, text) "never " code " " text "\nttl 60\nend\n"
#define HOP(host, pref, sec, names, addr)                                                                    \
	"hop " host " pref=" pref " port=25 dnssec=" sec " tls=may\nnames " names "\naddr " addr "\n"
#define PLAN(name, site, sec, hops, ttl)                                                                     \
	"plan " name "\nsite " site "\ndnssec " sec "\n" hops "ttl " ttl "\nend\n"

#endif
