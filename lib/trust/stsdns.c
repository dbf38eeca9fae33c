#include "base.h"

#include "child.h"
#include "die.h"
#include "fdio.h"
#include "rec.h"
#include "stsdns.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <unistd.h>

#define OUTPUT_MAX (1 << 20)

void
sts_dns_start(struct sts_dns *q, const char *conf, unsigned type, const char *name)
{
	char command[] = "mox-nexthop", query[] = "-q", option[] = "-C";
	char *file = conf ? mem_dup(conf) : NULL, *type_name = mem_dup(dns_type_name(type)),
	     *domain = mem_dup(name);
	char *with[] = {command, option, file, query, type_name, domain, NULL};
	char *without[] = {command, query, type_name, domain, NULL};
	int p[2];

	if (pipe2(p, O_CLOEXEC))
		die_temp("unable to make a pipe: %m");
	q->type = type;
	q->fd = p[0];
	q->pid = child_spawn(conf ? with : without, &(struct child_fd){p[1], 1}, 1);
	if (q->pid < 0)
		die_temp("unable to run mox-nexthop: %m");
	close(p[1]);
	free(file);
	free(type_name);
	free(domain);
}

static int
digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : -1;
}

/* One character of a quoted string, perhaps \DDD or \C. */
static unsigned char
quoted_char(const char **s)
{
	const char *p = *s;
	int a, b, c;

	if (*p != '\\' || !p[1]) {
		(*s)++;
		return (unsigned char)*p;
	}
	a = digit(p[1]);
	b = a < 0 ? -1 : digit(p[2]);
	c = b < 0 ? -1 : digit(p[3]);
	if (c < 0) {
		*s += 2;
		return (unsigned char)p[1];
	}
	*s += 4;
	return (unsigned char)(a * 100 + b * 10 + c);
}

/* "one" " two" */
static void
txt_add(struct dns_answer *a, const char *s)
{
	struct str wire = {0}, one = {0};

	while ((s = strchr(s, '"'))) {
		str_reset(&one);
		for (s++; *s && *s != '"';)
			str_addc(&one, (char)quoted_char(&s));
		str_addc(&wire, (char)(one.len < 255 ? one.len : 255));
		str_add(&wire, str_cstr(&one), one.len < 255 ? one.len : 255);
		if (*s)
			s++;
	}
	dns_answer_add(a, str_cstr(&wire), wire.len);
	str_free(&wire);
	str_free(&one);
}

static void
data_add(struct dns_answer *a, unsigned type, const char *text)
{
	unsigned char b[16];

	if (type == DNS_TXT)
		txt_add(a, text);
	else if (inet_pton(type == DNS_A ? AF_INET : AF_INET6, text, b) == 1)
		dns_answer_add(a, b, type == DNS_A ? 4 : 16);
}

struct dns_answer *
sts_dns_parse(unsigned type, char *buf, size_t n)
{
	static const char *const words[] = {"data", "nodata", "nxdomain", "bogus", "fail"};
	struct rec_in in = {buf, buf + n};
	struct dns_answer *a = dns_answer_new(DNS_FAIL, false, 60);
	bool known = false;
	char *key, *value;
	enum rec_got got;

	while ((got = rec_next(&in, &key, &value)) == REC_LINE) {
		if (!(value = rec_text(value)))
			continue;
		if (!strcmp(key, "answer")) {
			for (unsigned i = 0; i < ARRAY_LEN(words); i++)
				if (!strcmp(value, words[i])) {
					a->status = (enum dns_status)i;
					known = true;
				}
		} else if (!strcmp(key, "dnssec")) {
			a->secure = !strcmp(value, "secure");
		} else if (!strcmp(key, "why") && !a->why) {
			a->why = mem_dup(value);
		} else if (!strcmp(key, "data")) {
			data_add(a, type, value);
		}
	}
	if (got == REC_END && known)
		return a;
	dns_answer_free(a);
	return dns_answer_fail("mox-nexthop gives no answer");
}

struct dns_answer *
sts_dns_finish(struct sts_dns *q)
{
	struct str out = {0};
	struct dns_answer *a;
	ssize_t n;

	do {
		str_reserve(&out, 4096);
		n = fd_read(q->fd, out.s + out.len, 4096);
		if (n > 0)
			out.len += (size_t)n;
	} while (n > 0 && out.len < OUTPUT_MAX);
	close(q->fd);
	child_wait(q->pid);
	a = sts_dns_parse(q->type, out.s, out.len);
	str_free(&out);
	return a;
}
