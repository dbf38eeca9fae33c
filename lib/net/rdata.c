#include "base.h"

#include "rdata.h"

#include <arpa/inet.h>

static const struct {
	const char *name;
	unsigned type;
} types[] = {
    {"A", DNS_A},
    {"NS", DNS_NS},
    {"CNAME", DNS_CNAME},
    {"SOA", 6},
    {"PTR", DNS_PTR},
    {"MX", DNS_MX},
    {"TXT", DNS_TXT},
    {"AAAA", DNS_AAAA},
    {"SRV", DNS_SRV},
    {"DS", 43},
    {"RRSIG", 46},
    {"DNSKEY", 48},
    {"TLSA", DNS_TLSA},
    {"HTTPS", 65},
    {"CAA", 257},
};

unsigned
dns_type_parse(const char *s)
{
	uint64_t n;

	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (str_ieq(s, types[i].name))
			return types[i].type;
	return str_istarts(s, "TYPE") && str_number(s + 4, 65535, &n) ? (unsigned)n : 0;
}

const char *
dns_type_name(unsigned type)
{
	static char buf[16];

	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (types[i].type == type)
			return types[i].name;
	snprintf(buf, sizeof buf, "TYPE%u", type);
	return buf;
}

static bool
label_ok(const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = p[i] | 32;

		if (!((c >= 'a' && c <= 'z') || (p[i] >= '0' && p[i] <= '9') || p[i] == '-' || p[i] == '_'))
			return false;
	}
	return true;
}

bool
rdata_name(char out[DNS_NAME_SIZE], const unsigned char *p, size_t n)
{
	size_t o = 0;

	for (size_t i = 0; i < n;) {
		size_t l = p[i++];

		if (!l) {
			out[o] = 0;
			str_lower(out);
			return i == n;
		}
		if (l > 63 || l > n - i || o + l + 2 > DNS_NAME_SIZE || !label_ok(p + i, l))
			return false;
		if (o)
			out[o++] = '.';
		memcpy(out + o, p + i, l);
		o += l;
		i += l;
	}
	return false;
}

bool
rdata_mx(unsigned *pref, char host[DNS_NAME_SIZE], const unsigned char *p, size_t n)
{
	if (n < 3)
		return false;
	*pref = (unsigned)p[0] << 8 | p[1];
	return rdata_name(host, p + 2, n - 2);
}

bool
rdata_srv(
    unsigned *priority, unsigned *weight, uint16_t *port, char host[DNS_NAME_SIZE], const struct dns_rdata *d)
{
	const unsigned char *p = d->p;

	if (d->n < 7)
		return false;
	*priority = (unsigned)p[0] << 8 | p[1];
	*weight = (unsigned)p[2] << 8 | p[3];
	*port = (uint16_t)(p[4] << 8 | p[5]);
	return rdata_name(host, p + 6, d->n - 6);
}

bool
rdata_addr(char out[INET6_ADDRSTRLEN], unsigned type, const unsigned char *p, size_t n)
{
	bool six = type == DNS_AAAA;

	return n == (six ? 16 : 4) && inet_ntop(six ? AF_INET6 : AF_INET, p, out, INET6_ADDRSTRLEN);
}

static void
hex_text(struct str *out, const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		str_addf(out, "%02x", p[i]);
}

static bool
txt_text(struct str *out, const unsigned char *p, size_t n)
{
	for (size_t i = 0, l; i < n; i += l) {
		l = p[i++];
		if (l > n - i)
			return false;
		str_adds(out, i > 1 ? " \"" : "\"");
		for (size_t k = i; k < i + l; k++) {
			if (p[k] == '"' || p[k] == '\\')
				str_addc(out, '\\');
			if (p[k] < 32 || p[k] > 126)
				str_addf(out, "\\%03u", p[k]);
			else
				str_addc(out, (char)p[k]);
		}
		str_addc(out, '"');
	}
	return n > 0;
}

static bool
known_text(struct str *out, unsigned type, const unsigned char *p, size_t n)
{
	char name[DNS_NAME_SIZE];
	unsigned pref, weight;
	uint16_t port;

	switch (type) {
	case DNS_A:
	case DNS_AAAA: return rdata_addr(name, type, p, n) && (str_adds(out, name), true);
	case DNS_NS:
	case DNS_CNAME:
	case DNS_PTR: return rdata_name(name, p, n) && (str_addf(out, "%s.", name), true);
	case DNS_MX: return rdata_mx(&pref, name, p, n) && (str_addf(out, "%u %s.", pref, name), true);
	case DNS_SRV:
		return rdata_srv(&pref, &weight, &port, name,
			   &(struct dns_rdata){(unsigned char *)(uintptr_t)p, n}) &&
		       (str_addf(out, "%u %u %u %s.", pref, weight, port, *name ? name : ""), true);
	case DNS_TXT: return txt_text(out, p, n);
	case DNS_TLSA:
		if (n < 4)
			return false;
		str_addf(out, "%u %u %u ", p[0], p[1], p[2]);
		hex_text(out, p + 3, n - 3);
		return true;
	default: return false;
	}
}

void
rdata_text(struct str *out, unsigned type, const unsigned char *p, size_t n)
{
	size_t start = out->len;

	if (known_text(out, type, p, n))
		return;
	str_cut(out, start);
	str_addf(out, "\\# %zu ", n);
	hex_text(out, p, n);
}
