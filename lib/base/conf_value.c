#include "base.h"

#include "conf_value.h"
#include "network.h"

#include <arpa/inet.h>
#include <inttypes.h>

bool
conf_kind_is_list(enum conf_kind k)
{
	return k >= VALUE_TEXTS;
}

bool
conf_name_ok(const char *s)
{
	size_t label = 0, n = 0;

	for (; s[n]; n++) {
		char c = s[n];

		if (c == '.') {
			if (!label)
				return false;
			label = 0;
		} else if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			   c == '-' || c == '_') {
			if (++label > 63)
				return false;
		} else {
			return false;
		}
	}
	return n && n <= 253;
}

static bool
address_ok(const char *s)
{
	unsigned char to[16];

	return inet_pton(AF_INET, s, to) == 1 || inet_pton(AF_INET6, s, to) == 1;
}

static bool
ip_ok(const struct conf_rule *r, const char *s)
{
	return address_ok(s) && (strchr(s, ':') ? r->max == 6 : r->min == 4);
}

bool
conf_socket_parse(const char *s, char ip[64], uint16_t *port)
{
	const char *colon = strrchr(s, ':');
	size_t n = colon ? (size_t)(colon - s) : 0;
	bool six = n > 2 && *s == '[' && s[n - 1] == ']';
	char host[64];
	uint64_t number;

	if (six) {
		s++;
		n -= 2;
	}
	if (!n || n >= sizeof host || !str_number(colon + 1, 65535, &number) || !number)
		return false;
	memcpy(host, s, n);
	host[n] = 0;
	if (!address_ok(host) || six != !!strchr(host, ':'))
		return false;
	if (ip)
		memcpy(ip, host, n + 1);
	if (port)
		*port = (uint16_t)number;
	return true;
}

/* A name of digits and dots alone is a mistyped address. */
static bool
host_ok(const char *s)
{
	return address_ok(s) || (conf_name_ok(s) && strspn(s, "0123456789.") != strlen(s));
}

static bool
server_ok(const char *s)
{
	const char *at = strchr(s, '@');
	size_t n = at ? (size_t)(at - s) : strlen(s);
	char host[64];
	uint64_t port;

	if (n >= sizeof host)
		return false;
	memcpy(host, s, n);
	host[n] = 0;
	return address_ok(host) && (!at || (str_number(at + 1, 65535, &port) && port));
}

/* lib/mail knows addresses; here only what keeps a typing error out. */
static bool
mail_address_ok(const char *s)
{
	const char *at = strrchr(s, '@');

	return at && at > s && conf_name_ok(at + 1) && !strpbrk(s, " <>\t\r\n");
}

/* "Name: pattern" */
static bool
field_ok(const char *s)
{
	size_t n = strcspn(s, ":");

	for (size_t i = 0; i < n; i++)
		if (s[i] <= ' ' || s[i] > '~')
			return false;
	return n && s[n] && s[n + 1 + strspn(s + n + 1, " ")];
}

static bool
who_ok(const char *s)
{
	if (*s == '@')
		return conf_name_ok(s + 1 + (s[1] == '.'));
	return strchr(s, '@') ? mail_address_ok(s) : *s && !strpbrk(s, " <>\t\r\n");
}

static bool
word_ok(const char *words, const char *v, uint64_t *n)
{
	size_t len = strlen(v);

	*n = 0;
	for (const char *w = words; len; (*n)++) {
		const char *e = strchrnul(w, ' ');

		if ((size_t)(e - w) == len && !memcmp(w, v, len))
			return true;
		if (!*e)
			break;
		w = e + 1;
	}
	return false;
}

static bool
bool_ok(const char *v, uint64_t *n)
{
	static const char words[] = "false true no yes off on";
	bool ok = word_ok(words, v, n);

	*n &= 1;
	return ok;
}

bool
conf_value_ok(const struct conf_rule *r, const char *v, uint64_t *n)
{
	int64_t us;

	*n = 0;
	switch (r->kind) {
	case VALUE_TEXT:
	case VALUE_TEXTS: return *v;
	case VALUE_PATH: return *v == '/' || (r->words && word_ok(r->words, v, n));
	case VALUE_NAME:
	case VALUE_NAMES: return conf_name_ok(v) || (r->words && !*v);
	case VALUE_PATTERNS: return conf_name_ok(v + (*v == '.'));
	case VALUE_HOST_PATTERNS: return conf_name_ok(strncmp(v, "*.", 2) ? v : v + 2);
	case VALUE_FIELD: return field_ok(v);
	case VALUE_HOSTS: return host_ok(v);
	case VALUE_IP:
	case VALUE_IPS: return ip_ok(r, v);
	case VALUE_SOCKET: return conf_socket_parse(v, NULL, NULL);
	case VALUE_ADDRESS: return mail_address_ok(v);
	case VALUE_WHO: return who_ok(v);
	case VALUE_MASK: return *v == '@' ? conf_name_ok(v + 1) : mail_address_ok(v);
	case VALUE_SERVERS: return server_ok(v);
	case VALUE_NETWORKS: return network_ok(v);
	case VALUE_NUMBER: return str_number(v, r->max, n) && *n >= r->min;
	case VALUE_SIZE: return str_size(v, n) && *n >= r->min && *n <= r->max;
	case VALUE_BOOL: return bool_ok(v, n);
	case VALUE_WORDS:
	case VALUE_WORD: return word_ok(r->words, v, n);
	case VALUE_DURATION:
	case VALUE_DURATIONS:
		if (!str_duration(v, &us))
			return false;
		*n = (uint64_t)us;
		return *n >= r->min && *n <= r->max;
	}
	return false;
}

static void
add_duration(struct str *out, uint64_t us)
{
	static const struct {
		char unit;
		uint64_t us;
	} units[] = {{'d', 86400000000}, {'h', 3600000000}, {'m', 60000000}, {'s', 1000000}};

	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		if (us % units[i].us == 0) {
			str_addf(out, "%" PRIu64 "%c", us / units[i].us, units[i].unit);
			return;
		}
}

static void
add_size(struct str *out, uint64_t n)
{
	static const char units[] = "GMk";

	for (int shift = 30, i = 0; shift; shift -= 10, i++)
		if (n && n % (UINT64_C(1) << shift) == 0) {
			str_addf(out, "%" PRIu64 "%c", n >> shift, units[i]);
			return;
		}
	str_addf(out, "%" PRIu64, n);
}

void
conf_value_expected(struct str *out, const struct conf_rule *r)
{
	switch (r->kind) {
	case VALUE_TEXT:
	case VALUE_TEXTS: str_adds(out, "some text"); return;
	case VALUE_PATH:
		str_addf(
		    out, "a path that begins with /%s%s", r->words ? ", or " : "", r->words ? r->words : "");
		return;
	case VALUE_NAME:
	case VALUE_NAMES:
		str_addf(
		    out, "a domain name in ASCII such as mail.example.org%s", r->words ? ", or \"\"" : "");
		return;
	case VALUE_PATTERNS:
		str_adds(out, "a domain name in ASCII, or one behind a dot: .example.org");
		return;
	case VALUE_HOST_PATTERNS: str_adds(out, "a host name in ASCII, or *.NAME"); return;
	case VALUE_FIELD: str_adds(out, "a header field and a pattern such as \"Precedence: bulk\""); return;
	case VALUE_HOSTS: str_adds(out, "a host name in ASCII or an IP address"); return;
	case VALUE_IP:
	case VALUE_IPS:
		str_addf(out, "an IP%s address", r->min == 6 ? "v6" : r->max == 4 ? "v4" : "");
		return;
	case VALUE_SOCKET:
		str_adds(out, "an IP address with a port: 192.0.2.1:1080, [2001:db8::1]:1080");
		return;
	case VALUE_ADDRESS: str_adds(out, "a mail address such as postmaster@example.org"); return;
	case VALUE_WHO: str_adds(out, "name, name@domain, @domain, @.domain or *"); return;
	case VALUE_MASK: str_adds(out, "a mail address such as ops@example.org, or @example.org"); return;
	case VALUE_SERVERS: str_adds(out, "an IP address, perhaps with @port"); return;
	case VALUE_NETWORKS: str_adds(out, "a network such as 192.0.2.0/24, or an IP address"); return;
	case VALUE_NUMBER: str_addf(out, "a number from %" PRIu64 " to %" PRIu64, r->min, r->max); return;
	case VALUE_BOOL: str_adds(out, "true or false"); return;
	case VALUE_WORDS:
	case VALUE_WORD: str_addf(out, "one of: %s", r->words); return;
	case VALUE_SIZE:
		str_adds(out, "a size such as 64k, 100M or 2G, from ");
		add_size(out, r->min);
		str_adds(out, " to ");
		add_size(out, r->max);
		return;
	case VALUE_DURATION:
	case VALUE_DURATIONS:
		str_adds(out, "a duration such as 90s, 15m or 2h, from ");
		add_duration(out, r->min);
		str_adds(out, " to ");
		add_duration(out, r->max);
		return;
	}
}
