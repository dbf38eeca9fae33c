#include "base.h"

#include "ehlo.h"
#include "sasl.h"
#include "str.h"

#include <ctype.h>
#include <stddef.h>

#define LIMIT_NAMES 16 /* of one LIMITS line; RFC 9422 knows three */

static bool
limit_name(const char *s)
{
	const char *p = s;

	while (isalnum((unsigned char)*p) || (p > s && (*p == '-' || *p == '_')))
		p++;
	return p > s && !*p;
}

/* RFC 9422 4: values are 1 to 6 digits, from 1. */
static void
limit_set(unsigned *to, const char *value)
{
	uint64_t v;

	if (str_number(value, 999999, &v) && strlen(value) <= 6 && v)
		*to = (unsigned)v;
}

static void
limits_parse(struct ehlo *e, char *args)
{
	struct {
		char *name, *value;
	} l[LIMIT_NAMES];
	size_t n = 0;

	for (char *save = NULL, *w = strtok_r(args, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
		char *eq = strchr(w, '=');

		if (!eq || !eq[1] || n == LIMIT_NAMES)
			return;
		*eq = 0;
		if (!limit_name(w))
			return;
		for (size_t i = 0; i < n; i++)
			if (str_ieq(l[i].name, w))
				return;
		l[n].name = w;
		l[n++].value = eq + 1;
	}
	for (size_t i = 0; i < n; i++) {
		if (str_ieq(l[i].name, "RCPTMAX"))
			limit_set(&e->rcpt_max, l[i].value);
		else if (str_ieq(l[i].name, "MAILMAX"))
			limit_set(&e->mail_max, l[i].value);
		else if (str_ieq(l[i].name, "RCPTDOMAINMAX"))
			limit_set(&e->rcpt_domain_max, l[i].value);
	}
}

static const struct {
	const char *name, *word; /* no word: another name of an offer */
	size_t at;
} flags[] = {
    {"PIPELINING", "pipelining", offsetof(struct ehlo, pipelining)},
    {"CHUNKING", "chunking", offsetof(struct ehlo, chunking)},
    {"8BITMIME", "8bitmime", offsetof(struct ehlo, eightbit)},
    {"SMTPUTF8", "smtputf8", offsetof(struct ehlo, smtputf8)},
    {"DSN", "dsn", offsetof(struct ehlo, dsn)},
    {"STARTTLS", "starttls", offsetof(struct ehlo, starttls)},
    {"REQUIRETLS", "requiretls", offsetof(struct ehlo, requiretls)},
    {"PIPECONNECT", "pipeconnect", offsetof(struct ehlo, pipeconnect)},
    {"X_PIPE_CONNECT", NULL, offsetof(struct ehlo, pipeconnect)},
};

static bool *
flag_of(struct ehlo *e, size_t i)
{
	return (bool *)((char *)e + flags[i].at);
}

static void
line_parse(struct ehlo *e, char *word)
{
	char *args = strchr(word, ' ');

	if (args)
		*args++ = 0;
	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		if (str_ieq(word, flags[i].name))
			*flag_of(e, i) = true;
	if (str_ieq(word, "SIZE")) {
		e->size = true;
		if (!args || !str_number(args, INT64_MAX, &e->size_max))
			e->size_max = 0;
	} else if (str_ieq(word, "AUTH") && args) {
		for (char *save = NULL, *m = strtok_r(args, " ", &save); m; m = strtok_r(NULL, " ", &save))
			e->auth |= sasl_bit(m, strlen(m));
	} else if (str_ieq(word, "LIMITS") && args) {
		limits_parse(e, args);
	}
}

void
ehlo_parse(struct ehlo *e, const char *text, size_t n)
{
	const char *end = text + n, *nl = memchr(text, '\n', n);
	char line[512];

	*e = (struct ehlo){0};
	while (nl) {
		const char *s = nl + 1;
		size_t len;

		nl = memchr(s, '\n', (size_t)(end - s));
		len = (size_t)((nl ? nl : end) - s);
		/* A line longer than RFC 5321 4.5.3.1.5 allows is none we know. */
		if (len >= sizeof line)
			continue;
		memcpy(line, s, len);
		while (len && line[len - 1] == ' ')
			len--;
		line[len] = 0;
		line_parse(e, line);
	}
}

/* ---- as a word ---- */

void
ehlo_write(char out[EHLO_WORD], const struct ehlo *e)
{
	struct ehlo copy = *e;
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		if (flags[i].word && *flag_of(&copy, i))
			n += (size_t)snprintf(out + n, EHLO_WORD - n, "%s,", flags[i].word);
	if (e->size)
		n += (size_t)snprintf(out + n, EHLO_WORD - n, "size=%ju,", (uintmax_t)e->size_max);
	snprintf(out + n, EHLO_WORD - n, "limits=%u/%u/%u,auth=%u", e->rcpt_max, e->mail_max,
	    e->rcpt_domain_max, e->auth);
}

static bool
number_read(const char *s, unsigned *to)
{
	uint64_t v;

	if (!str_number(s, UINT32_MAX, &v))
		return false;
	*to = (unsigned)v;
	return true;
}

static bool
limits_read(struct ehlo *e, char *s)
{
	char *mail = strchr(s, '/'), *domain = mail ? strchr(mail + 1, '/') : NULL;

	if (!domain)
		return false;
	*mail = *domain = 0;
	return number_read(s, &e->rcpt_max) && number_read(mail + 1, &e->mail_max) &&
	       number_read(domain + 1, &e->rcpt_domain_max);
}

static bool
offer_read(struct ehlo *e, char *s)
{
	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		if (flags[i].word && !strcmp(s, flags[i].word)) {
			*flag_of(e, i) = true;
			return true;
		}
	if (!strncmp(s, "size=", 5)) {
		e->size = true;
		return str_number(s + 5, INT64_MAX, &e->size_max);
	}
	if (!strncmp(s, "limits=", 7))
		return limits_read(e, s + 7);
	return !strncmp(s, "auth=", 5) && number_read(s + 5, &e->auth);
}

bool
ehlo_read(struct ehlo *e, const char *word)
{
	char buf[EHLO_WORD];
	size_t n = strlen(word);

	*e = (struct ehlo){0};
	if (n >= sizeof buf)
		return false;
	memcpy(buf, word, n + 1);
	for (char *save = NULL, *s = strtok_r(buf, ",", &save); s; s = strtok_r(NULL, ",", &save))
		if (!offer_read(e, s))
			return false;
	return true;
}

bool
ehlo_same(const struct ehlo *a, const struct ehlo *b)
{
	char x[EHLO_WORD], y[EHLO_WORD];

	ehlo_write(x, a);
	ehlo_write(y, b);
	return !strcmp(x, y);
}
