#include "base.h"

#include "ehlo.h"
#include "sasl.h"
#include "str.h"

#include <ctype.h>

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

static void
line_parse(struct ehlo *e, char *word)
{
	char *args = strchr(word, ' ');
	struct {
		const char *name;
		bool *flag;
	} flags[] = {
	    {"PIPELINING", &e->pipelining},
	    {"CHUNKING", &e->chunking},
	    {"8BITMIME", &e->eightbit},
	    {"SMTPUTF8", &e->smtputf8},
	    {"DSN", &e->dsn},
	    {"STARTTLS", &e->starttls},
	    {"REQUIRETLS", &e->requiretls},
	};

	if (args)
		*args++ = 0;
	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		if (str_ieq(word, flags[i].name))
			*flags[i].flag = true;
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
