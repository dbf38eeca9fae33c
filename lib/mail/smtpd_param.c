#include "base.h"

#include "addr.h"
#include "clock.h"
#include "domain.h"
#include "smtpd.h"

#include <ctype.h>

#define ENVID_MAX 100 /* RFC 3461 4.4 */
#define ORCPT_MAX 500 /* RFC 3461 4.2 */

/* Cuts the path out of "<...> parameters": answers it without <>, *rest the parameters. A `>` within quotes
 * is part of the path. */
static char *
cut_path(char *s, char **rest)
{
	bool quoted = false;
	char *p;

	while (*s == ' ')
		s++;
	if (*s++ != '<')
		return NULL;
	for (p = s; *p && (quoted || *p != '>'); p++) {
		if (*p == '"')
			quoted = !quoted;
		else if (*p == '\\' && quoted && p[1])
			p++;
	}
	if (*p != '>' || (p[1] && p[1] != ' '))
		return NULL;
	*p++ = 0;
	while (*p == ' ')
		p++;
	*rest = p;
	return addr_unwrap(s);
}

/* The address with a domain; the caller frees. NULL: not an address. *bad_domain tells what was wrong with
 * it. */
static char *
read_address(const struct smtpd *s, const char *path, bool *bad_domain)
{
	struct str a = {0};
	const char *domain, *why;
	char *ascii;

	*bad_domain = false;
	if (addr_check(path, strlen(path), true))
		return NULL;
	str_adds(&a, path);
	if (!addr_domain(path))
		str_addf(&a, "@%s", s->setup->mailname);
	domain = addr_domain(a.s);
	ascii = domain ? domain_ascii(domain, &why) : NULL;
	if (!ascii) {
		*bad_domain = true;
		str_free(&a);
		return NULL;
	}
	free(ascii);
	return str_take(&a);
}

/* The next "KEY" or "KEY=VALUE" of *p; *value NULL without "=". false at the end. */
static bool
next_param(char **p, char **key, char **value)
{
	while (**p == ' ')
		++*p;
	if (!**p)
		return false;
	*key = *p;
	*p += strcspn(*p, " ");
	if (**p)
		*(*p)++ = 0;
	if ((*value = strchr(*key, '=')))
		*(*value)++ = 0;
	return true;
}

/* RFC 3461 4: printable ASCII without + and =, or +HH in upper-case. */
static bool
is_xtext(const char *s)
{
	for (; *s; s++) {
		if (*s == '+') {
			if (!isxdigit((unsigned char)s[1]) || !isxdigit((unsigned char)s[2]) ||
			    islower((unsigned char)s[1]) || islower((unsigned char)s[2]))
				return false;
			s += 2;
		} else if (*s < '!' || *s > '~' || *s == '=')
			return false;
	}
	return true;
}

/* "rfc822;xtext"; the utf-8 type (RFC 6533 3) may hold UTF-8 and \x{HEX} as well. */
static bool
is_orcpt(const char *s)
{
	const char *semi = strchr(s, ';');

	if (!semi || semi == s || !semi[1] || strlen(s) > ORCPT_MAX)
		return false;
	for (const char *p = s; p < semi; p++)
		if (!isalnum((unsigned char)*p) && *p != '-')
			return false;
	if (!str_istarts(s, "utf-8;"))
		return is_xtext(semi + 1);
	for (const char *p = semi + 1; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 127)
			return false;
	return true;
}

static bool
is_notify(char *s)
{
	char *p = s;

	str_lower(s);
	if (!strcmp(s, "never"))
		return true;
	for (;;) {
		size_t n = strcspn(p, ",");

		if (!(n == 7 && !memcmp(p, "success", n)) && !(n == 7 && !memcmp(p, "failure", n)) &&
		    !(n == 5 && !memcmp(p, "delay", n)))
			return false;
		if (!p[n])
			return true;
		p += n + 1;
	}
}

/* RFC 3339 5.6, all of it: clock_parse takes shorter forms too, and no fractions of seconds. */
static bool
read_date_time(const char *v, int64_t *us)
{
	static const char form[] = "0000-00-00T00:00:00";
	char text[40];
	size_t n = sizeof form - 1, zone;

	if (strlen(v) >= sizeof text)
		return false;
	for (size_t i = 0; i < n; i++)
		if (form[i] == '0' ? v[i] < '0' || v[i] > '9' : toupper((unsigned char)v[i]) != form[i])
			return false;
	memcpy(text, v, n);
	text[10] = 'T';
	zone = n;
	if (v[zone] == '.') {
		size_t digits = strspn(v + zone + 1, "0123456789");

		if (!digits)
			return false;
		zone += 1 + digits;
	}
	if (str_ieq(v + zone, "Z"))
		memcpy(text + n, "Z", 2);
	else if ((v[zone] == '+' || v[zone] == '-') && strlen(v + zone) == 6 && v[zone + 3] == ':')
		memcpy(text + n, v + zone, 7);
	else
		return false;
	return clock_parse(text, us);
}

static const char bad_param[] = "501 5.5.4 parameter with a bad value, or given twice";
static const char no_param[] = "555 5.5.4 parameter not known here";

/* RFC 4865 4.2: one of the two at most, and no longer than announced. What is past is released at once. */
static const char *
read_hold(struct smtpd *s, const char *value, bool until)
{
	const struct smtpd_setup *c = s->setup;
	int64_t now = c->clock(), at;
	uint64_t n;

	if (s->hold || !value)
		return bad_param;
	if (until) {
		if (!read_date_time(value, &at))
			return bad_param;
	} else {
		if (!str_number(value, 999999999, &n) || !n)
			return bad_param;
		at = now + (int64_t)n * SECOND;
	}
	if (at - now > c->max_hold)
		return "501 5.5.4 message may not be held for so long";
	s->hold = true;
	s->hold_until = at > now ? at : 0;
	return NULL;
}

static const char *
read_mail_param(struct smtpd *s, const char *key, char *value)
{
	unsigned offer = s->setup->offer;
	uint64_t n;

	if (offer & OFFER_SIZE && str_ieq(key, "SIZE")) {
		if (!value || !str_number(value, UINT64_MAX, &n))
			return bad_param;
		if (s->setup->max_size && n > s->setup->max_size)
			return "552 5.3.4 message too big";
	} else if (offer & OFFER_8BITMIME && str_ieq(key, "BODY")) {
		if (!value || (!str_ieq(value, "7BIT") && !str_ieq(value, "8BITMIME")))
			return bad_param;
	} else if (offer & OFFER_SMTPUTF8 && str_ieq(key, "SMTPUTF8")) {
		if (value || s->smtputf8)
			return bad_param;
		s->smtputf8 = true;
	} else if (offer & OFFER_DSN && str_ieq(key, "RET")) {
		if (s->ret || !value || (!str_ieq(value, "FULL") && !str_ieq(value, "HDRS")))
			return bad_param;
		str_lower(value);
		s->ret = mem_dup(value);
	} else if (offer & OFFER_DSN && str_ieq(key, "ENVID")) {
		if (s->envid || !value || !*value || strlen(value) > ENVID_MAX || !is_xtext(value))
			return bad_param;
		s->envid = mem_dup(value);
	} else if (offer & OFFER_REQUIRETLS && str_ieq(key, "REQUIRETLS")) {
		if (value || s->requiretls)
			return bad_param;
		s->requiretls = true;
	} else if (offer & OFFER_FUTURERELEASE && (str_ieq(key, "HOLDFOR") || str_ieq(key, "HOLDUNTIL"))) {
		return read_hold(s, value, str_ieq(key, "HOLDUNTIL"));
	} else
		return no_param;
	return NULL;
}

const char *
smtpd_read_mail(struct smtpd *s, char *args)
{
	char *rest, *key, *value, *path = cut_path(args, &rest);
	const char *wrong;
	bool bad_domain = false;

	if (!path)
		return "501 5.1.7 expected MAIL FROM:<address>";
	while (next_param(&rest, &key, &value))
		if ((wrong = read_mail_param(s, key, value)))
			return wrong;
	if (!s->smtputf8 && !text_is_ascii(path, strlen(path)))
		return "553 5.6.7 address needs SMTPUTF8";
	s->sender = *path ? read_address(s, path, &bad_domain) : mem_dup("");
	if (!s->sender)
		return bad_domain ? "501 5.1.8 sender's domain is not a domain name"
		                  : "501 5.1.7 sender is not an address";
	return NULL;
}

const char *
smtpd_read_rcpt(struct smtpd *s, char *args)
{
	char *rest, *key, *value, *path = cut_path(args, &rest);
	struct smtpd_rcpt r = {0};
	const char *wrong = NULL;
	bool bad_domain = false;

	if (!path)
		return "501 5.1.3 expected RCPT TO:<address>";
	if (!s->smtputf8 && !text_is_ascii(path, strlen(path)))
		return "553 5.6.7 address needs SMTPUTF8";
	while (!wrong && next_param(&rest, &key, &value)) {
		bool dsn = s->setup->offer & OFFER_DSN;

		if (dsn && str_ieq(key, "NOTIFY")) {
			if (r.notify || !value || !is_notify(value))
				wrong = bad_param;
			else
				r.notify = mem_dup(value);
		} else if (dsn && str_ieq(key, "ORCPT")) {
			if (r.orcpt || !value || !is_orcpt(value))
				wrong = bad_param;
			else
				r.orcpt = mem_dup(value);
		} else
			wrong = no_param;
	}
	r.bare = !addr_domain(path);
	if (!wrong && !(r.address = read_address(s, path, &bad_domain)))
		wrong = bad_domain ? "501 5.1.2 recipient's domain is not a domain name"
		                   : "501 5.1.3 recipient is not an address";
	s->rcpt = mem_grow(s->rcpt, s->nrcpt + 1, sizeof *s->rcpt);
	s->rcpt[s->nrcpt++] = r;
	if (wrong)
		smtpd_pop_rcpt(s);
	return wrong;
}

void
smtpd_pop_rcpt(struct smtpd *s)
{
	struct smtpd_rcpt *r = &s->rcpt[--s->nrcpt];

	free(r->address);
	free(r->notify);
	free(r->orcpt);
}
