#include "base.h"

#include "clock.h"
#include "conf.h"
#include "conf_text.h"
#include "conf_value.h"
#include "die.h"
#include "file.h"
#include "log.h"

#include <confuse.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/utsname.h>
#include <unistd.h>

#define FILE_MAX (1 << 20)
#define YEAR (365 * DAY)

/* ---- every key: name, default (as it would stand in the file; NULL: unset), where it goes, what it may be
 * ---- */

struct key {
	const char *name;
	const char *def;
	size_t at, size; /* of the member of the section's struct */
	struct conf_rule rule;
	bool required;
};

#define AT(type, member) offsetof(struct type, member), sizeof(((struct type *)0)->member)
#define TEXT {VALUE_TEXT, 0, 0, NULL}, false
#define PATH {VALUE_PATH, 0, 0, NULL}, false
#define PATH_OR(words) {VALUE_PATH, 0, 0, words}, false
#define NAME {VALUE_NAME, 0, 0, NULL}, false
#define NAME_OR_NONE {VALUE_NAME, 0, 0, ""}, false
#define HOSTNAME {VALUE_HOST, 0, 0, NULL}, false
#define ADDRESS {VALUE_ADDRESS, 0, 0, NULL}, false
#define BOOL {VALUE_BOOL, 0, 0, NULL}, false
#define NAMES {VALUE_NAMES, 0, 0, NULL}, false
#define PATTERNS {VALUE_PATTERNS, 0, 0, NULL}, false
#define SERVERS {VALUE_SERVERS, 0, 0, NULL}, false
#define NUMBER(min, max) {VALUE_NUMBER, min, max, NULL}, false
#define SIZE(min, max) {VALUE_SIZE, min, max, NULL}, false
#define SPAN(min, max) {VALUE_DURATION, min, max, NULL}, false
#define SPANS(min, max) {VALUE_DURATIONS, min, max, NULL}, false
#define WORD(words) {VALUE_WORD, 0, 0, words}, false
#define REQUIRED_WORD(words) {VALUE_WORD, 0, 0, words}, true
#define REQUIRED_TEXT {VALUE_TEXT, 0, 0, NULL}, true

static const struct key top_keys[] = {
    {"hostname", NULL, AT(conf, hostname), NAME},
    {"mailname", NULL, AT(conf, mailname), NAME},
    {"postmaster", NULL, AT(conf, postmaster), ADDRESS},
    {"spool", SPOOL_DEFAULT, AT(conf, spool), PATH},
    {"local-domains", "{}", AT(conf, local_domains), NAMES},
    {"aliases", "/etc/aliases", AT(conf, aliases), PATH_OR("none")},
    {"default-destination", NULL, AT(conf, default_destination), ADDRESS},
    {"local-maildir", "%h/Maildir", AT(conf, local_maildir), TEXT},
    {"convert-8bit", "false", AT(conf, convert_8bit), BOOL},
    {"received", "true", AT(conf, received), BOOL},
    {"tlsrpt-results", "true", AT(conf, tlsrpt_results), BOOL},
    {"max-message-size", "100M", AT(conf, max_message_size), SIZE(1024, INT64_C(1) << 40)},
    {"max-recipients", "10000", AT(conf, max_recipients), NUMBER(1, 10000)},
    {"min-free", "32M", AT(conf, min_free), SIZE(0, INT64_C(1) << 50)},
    {"min-free-inodes", "500", AT(conf, min_free_inodes), NUMBER(0, 1000000000)},
    {"reserve", "24M", AT(conf, reserve), SIZE(0, INT64_C(1) << 40)},
    {"max-loaded", "20000", AT(conf, max_loaded), NUMBER(10, 10000000)},
    {"workers", "100", AT(conf, workers), NUMBER(1, 10000)},
    {"idle", "5s", AT(conf, idle), SPAN(0, DAY)},
    {"stop-wait", "30s", AT(conf, stop_wait), SPAN(0, DAY)},
    {"smtp-port", "25", AT(conf, smtp_port), NUMBER(1, 65535)},
    {"ca-file", "/etc/ssl/certs/ca-certificates.crt", AT(conf, ca_file), PATH},
    {"tls-minimum", "1.2", AT(conf, tls_minimum), WORD("1.0 1.1 1.2 1.3")},
    {"log-level", "info", AT(conf, log_level), WORD("debug info warn alert")},
    {0},
};
static const struct key retry_keys[] = {
    {"intervals", "{7m30s, 15m, 30m, 1h, 2h, 4h, 8h, 16h}", AT(conf_retry, interval), SPANS(SECOND, YEAR)},
    {"give-up", "5d", AT(conf_retry, give_up), SPAN(0, YEAR)},
    {"delay-notice", "2h", AT(conf_retry, delay_notice), SPAN(0, YEAR)},
    {"max-attempts", "0", AT(conf_retry, max_attempts), NUMBER(0, 1000000)},
    {"jitter", "true", AT(conf_retry, jitter), BOOL},
    {0},
};
static const struct key timeouts_keys[] = {
    {"connect", "30s", AT(conf_timeouts, connect), SPAN(SECOND, DAY)},
    {"greeting", "5m", AT(conf_timeouts, greeting), SPAN(SECOND, DAY)},
    {"ehlo", "5m", AT(conf_timeouts, ehlo), SPAN(SECOND, DAY)},
    {"starttls", "2m", AT(conf_timeouts, starttls), SPAN(SECOND, DAY)},
    {"mail", "5m", AT(conf_timeouts, mail), SPAN(SECOND, DAY)},
    {"rcpt", "5m", AT(conf_timeouts, rcpt), SPAN(SECOND, DAY)},
    {"data", "2m", AT(conf_timeouts, data), SPAN(SECOND, DAY)},
    {"block", "3m", AT(conf_timeouts, block), SPAN(SECOND, DAY)},
    {"dot", "10m", AT(conf_timeouts, dot), SPAN(SECOND, DAY)},
    {"quit", "5s", AT(conf_timeouts, quit), SPAN(SECOND, DAY)},
    {"session", "2h", AT(conf_timeouts, session), SPAN(SECOND, 7 * DAY)},
    {0},
};
static const struct key dns_keys[] = {
    {"forward", "{}", AT(conf_dns, forward), SERVERS},
    {"trust-anchor", NULL, AT(conf_dns, trust_anchor), PATH_OR("none")},
    {"root-hints", "false", AT(conf_dns, root_hints), BOOL},
    {"known-good", "ietf.org", AT(conf_dns, known_good), NAME_OR_NONE},
    {"known-bad", "dnssec-failed.org", AT(conf_dns, known_bad), NAME_OR_NONE},
    {0},
};
static const struct key sts_keys[] = {
    {"port", "443", AT(conf_sts, port), NUMBER(1, 65535)},
    {"ca-file", NULL, AT(conf_sts, ca_file), PATH},
    {"timeout", "60s", AT(conf_sts, timeout), SPAN(SECOND, 60 * SECOND)},
    {"loopback", "false", AT(conf_sts, loopback), BOOL},
    {0},
};
static const struct key dsn_keys[] = {
    {"return-size", "64k", AT(conf_dsn, return_size), SIZE(0, 10 << 20)},
    {"template-dir", NULL, AT(conf_dsn, template_dir), PATH},
    {0},
};
static const struct key site_keys[] = {
    {"connections", "0", AT(conf_site, connections), NUMBER(0, 10000)},
    {"messages-per-connection", "0", AT(conf_site, messages_per_connection), NUMBER(0, 1000000)},
    {"recipients-per-transaction", "0", AT(conf_site, recipients_per_transaction), NUMBER(0, 100)},
    {"messages-per-minute", "0", AT(conf_site, messages_per_minute), NUMBER(0, 1000000)},
    {0},
};
static const struct key transport_keys[] = {
    {"type", NULL, AT(conf_transport, type), REQUIRED_WORD("direct smtp fail")},
    {"host", NULL, AT(conf_transport, host), HOSTNAME},
    {"port", "25", AT(conf_transport, port), NUMBER(1, 65535)},
    {"starttls", "may", AT(conf_transport, starttls), WORD("may never must")},
    {"loopback", NULL, AT(conf_transport, loopback), BOOL},
    {"ipv4", "true", AT(conf_transport, ipv4), BOOL},
    {"ipv6", "true", AT(conf_transport, ipv6), BOOL},
    {"code", "554", AT(conf_transport, code), NUMBER(400, 599)},
    {"message", "mail to this destination is not accepted here", AT(conf_transport, message), TEXT},
    {0},
};
static const struct key route_keys[] = {
    {"from", "{}", AT(conf_route, from), PATTERNS},
    {"to", "{}", AT(conf_route, to), PATTERNS},
    {"minimum-attempts", "0", AT(conf_route, minimum_attempts), NUMBER(0, 1000)},
    {"transport", NULL, AT(conf_route, transport), REQUIRED_TEXT},
    {0},
};

static const struct section {
	const char *name;
	const struct key *keys;
	size_t at, size; /* the struct itself, or of a list: the pointer, and the size of one element */
	size_t count_at; /* of a list */
	size_t title_at;
	enum { ONCE, LIST, TITLED } form;
} sections[] = {
    {"retry", retry_keys, offsetof(struct conf, retry), 0, 0, 0, ONCE},
    {"timeouts", timeouts_keys, offsetof(struct conf, timeouts), 0, 0, 0, ONCE},
    {"dns", dns_keys, offsetof(struct conf, dns), 0, 0, 0, ONCE},
    {"sts", sts_keys, offsetof(struct conf, sts), 0, 0, 0, ONCE},
    {"dsn", dsn_keys, offsetof(struct conf, dsn), 0, 0, 0, ONCE},
    {"site", site_keys, offsetof(struct conf, site), sizeof(struct conf_site), offsetof(struct conf, nsite),
	offsetof(struct conf_site, pattern), TITLED},
    {"transport", transport_keys, offsetof(struct conf, transport), sizeof(struct conf_transport),
	offsetof(struct conf, ntransport), offsetof(struct conf_transport, name), TITLED},
    {"route", route_keys, offsetof(struct conf, route), sizeof(struct conf_route),
	offsetof(struct conf, nroute), 0, LIST},
};

/* ---- the same for libconfuse, which reads every value as text: its own numbers take 010 for 8 ---- */

static size_t
fill_keys(cfg_opt_t *to, const struct key *k)
{
	size_t n = 0;

	for (; k->name; k++, n++) {
		char *def = k->def ? mem_dup(k->def) : NULL;
		cfg_opt_t one = CFG_STR(k->name, def, def ? CFGF_NONE : CFGF_NODEFAULT);
		cfg_opt_t list = CFG_STR_LIST(k->name, def, CFGF_NONE);

		to[n] = conf_kind_is_list(k->rule.kind) ? list : one;
	}
	return n;
}

static void
free_keys(cfg_opt_t *o)
{
	for (size_t i = 0; o[i].name; i++) {
		free(o[i].def.parsed);
		free((void *)(uintptr_t)o[i].def.string);
	}
}

#define KEYS_MAX 32

static cfg_t *
make_parser(void)
{
	static const cfg_flag_t flags[] = {
	    CFGF_NONE, CFGF_MULTI, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES};
	cfg_opt_t top[KEYS_MAX + ARRAY_LEN(sections)], sub[ARRAY_LEN(sections)][KEYS_MAX];
	cfg_opt_t end = CFG_END();
	size_t n = fill_keys(top, top_keys);
	cfg_t *cfg;

	for (size_t i = 0; i < ARRAY_LEN(sections); i++) {
		cfg_opt_t o = CFG_SEC(sections[i].name, sub[i], flags[sections[i].form]);

		sub[i][fill_keys(sub[i], sections[i].keys)] = end;
		top[n++] = o;
	}
	top[n] = end;
	cfg = cfg_init(top, CFGF_NONE); /* copies them all */
	if (!cfg)
		die_temp("out of memory");
	top[n - ARRAY_LEN(sections)] = end;
	free_keys(top);
	for (size_t i = 0; i < ARRAY_LEN(sections); i++)
		free_keys(sub[i]);
	return cfg;
}

/* ---- reading ---- */

struct reader {
	const char *file;
	struct conf_places places;
	struct str *why;
};

/* libconfuse's error callback has no user pointer: the file being read, and the first complaint about it. */
static const char *reading;
static struct str complaint;

static void
complain(cfg_t *cfg, const char *fmt, va_list ap)
{
	char text[512];

	if (complaint.len)
		return;
	vsnprintf(text, sizeof text, fmt, ap);
	str_addf(&complaint, "%s:%d: %s", reading, cfg->line, text);
	if (strstr(text, "no such option"))
		str_adds(&complaint, ", expected a key that mox.conf(5) lists for this section");
	else if (strstr(text, "duplicate title"))
		str_adds(&complaint, ", expected titles that differ");
	else if (strstr(text, "unexpected token"))
		str_adds(&complaint, ", expected one value");
}

/* FILE:LINE: key = "value": expected X. Only the first complaint is kept. */
static void
wrong(
    struct reader *r, const char *section, unsigned nth, const char *key, const char *v, const char *expected)
{
	int line = conf_place_line(&r->places, section, nth, key);

	if (r->why->len)
		return;
	str_addf(r->why, "%s:%d: ", r->file, line);
	if (v)
		str_addf(r->why, "%s = \"%s\": expected %s", key, v, expected);
	else
		str_addf(r->why, "%s without %s: expected %s", section, key, expected);
}

static uint64_t
check(struct reader *r, const struct key *k, const char *section, unsigned nth, const char *v)
{
	uint64_t n = 0;
	struct str expected = {0};

	if (v && conf_value_ok(&k->rule, v, &n))
		return n;
	conf_value_expected(&expected, &k->rule);
	wrong(r, section, nth, k->name, v, expected.s);
	str_free(&expected);
	return 0;
}

static void
store(void *to, size_t size, uint64_t n)
{
	switch (size) {
	case 1: *(bool *)to = n; return;
	case 2: *(uint16_t *)to = (uint16_t)n; return;
	case 4: *(uint32_t *)to = (uint32_t)n; return;
	case 8: *(uint64_t *)to = n; return;
	default: bug("a configuration value of %zu bytes", size);
	}
}

/* Names are compared in lower case and without the dot at the end. */
static char *
keep(enum conf_kind kind, const char *v)
{
	char *s = mem_dup(v);
	size_t n = strlen(s);

	if (kind == VALUE_NAME || kind == VALUE_NAMES || kind == VALUE_PATTERNS || kind == VALUE_HOST) {
		str_lower(s);
		if (n && s[n - 1] == '.')
			s[n - 1] = 0;
	}
	return s;
}

static void
read_list(struct reader *r, const struct key *k, cfg_t *s, const char *section, unsigned nth, void *to)
{
	struct conf_list *l = to;
	size_t n = cfg_size(s, k->name);

	l->v = mem_zalloc((n + 1) * sizeof *l->v);
	for (l->n = 0; l->n < n; l->n++) {
		const char *v = cfg_getnstr(s, k->name, (unsigned)l->n);

		check(r, k, section, nth, v);
		l->v[l->n] = keep(k->rule.kind, v);
	}
}

static void
read_intervals(struct reader *r, const struct key *k, cfg_t *s, struct conf_retry *to)
{
	to->n = cfg_size(s, k->name);
	to->interval = mem_zalloc((to->n + 1) * sizeof *to->interval);
	for (size_t i = 0; i < to->n; i++)
		to->interval[i] = (int64_t)check(r, k, "retry", 0, cfg_getnstr(s, k->name, (unsigned)i));
	if (!to->n)
		wrong(r, "retry", 0, k->name, "{}", "at least one duration");
}

static void
read_keys(struct reader *r, const struct key *k, cfg_t *s, const char *section, unsigned nth, void *base)
{
	for (; k->name; k++) {
		void *to = (char *)base + k->at;
		const char *v;

		if (k->rule.kind == VALUE_DURATIONS) {
			read_intervals(r, k, s, base);
			continue;
		}
		if (conf_kind_is_list(k->rule.kind)) {
			read_list(r, k, s, section, nth, to);
			continue;
		}
		v = cfg_size(s, k->name) ? cfg_getstr(s, k->name) : NULL;
		if (!v && !k->required)
			continue;
		if (k->rule.kind <= VALUE_ADDRESS) {
			check(r, k, section, nth, v);
			*(char **)to = v ? keep(k->rule.kind, v) : NULL;
		} else {
			store(to, k->size, check(r, k, section, nth, v));
		}
	}
}

static void
read_section(struct reader *r, struct conf *c, cfg_t *cfg, const struct section *s)
{
	char *to = (char *)c + s->at;
	unsigned n = cfg_size(cfg, s->name);

	if (s->form == ONCE) {
		int line = conf_place_line(&r->places, s->name, 1, "");

		if (line && !r->why->len)
			str_addf(r->why, "%s:%d: found %s a second time, expected it once", r->file, line,
			    s->name);
		read_keys(r, s->keys, cfg_getsec(cfg, s->name), s->name, 0, to);
		return;
	}
	*(void **)to = mem_zalloc((n + 1) * s->size);
	*(size_t *)((char *)c + s->count_at) = n;
	to = *(void **)to;
	for (unsigned i = 0; i < n; i++, to += s->size) {
		cfg_t *one = cfg_getnsec(cfg, s->name, i);

		if (s->form == TITLED)
			*(char **)(to + s->title_at) = mem_dup(cfg_title(one));
		read_keys(r, s->keys, one, s->name, i, to);
	}
}

/* What no value tells alone. */
static void
check_together(struct reader *r, struct conf *c)
{
	for (unsigned i = 0; i < c->nsite; i++) {
		char *p = c->site[i].pattern;

		str_lower(p);
		if (strcmp(p, "*") && !conf_name_ok(strncmp(p, "*.", 2) ? p : p + 2))
			wrong(r, "site", i, "title", p, "a host name, *.NAME or *");
	}
	for (unsigned i = 0; i < c->ntransport; i++) {
		struct conf_transport *t = &c->transport[i];

		if (!*t->name)
			wrong(r, "transport", i, "title", "", "a name for the transport");
		if (t->type == TRANSPORT_SMTP && !t->host)
			wrong(r, "transport", i, "host", NULL, "the name or address of the server");
		if (!t->ipv4 && !t->ipv6)
			wrong(r, "transport", i, "ipv6", "false", "at least one of ipv4 and ipv6 to be true");
		if (t->type == TRANSPORT_SMTP && !conf_place_set(&r->places, "transport", i, "loopback"))
			t->loopback = true;
	}
	for (unsigned i = 0; i < c->nroute; i++)
		if (c->route[i].transport && !conf_transport(c, c->route[i].transport))
			wrong(r, "route", i, "transport", c->route[i].transport,
			    "the title of a transport section");
}

static char *
default_hostname(void)
{
	struct utsname u;

	return mem_dup(uname(&u) || !conf_name_ok(u.nodename) ? "localhost" : u.nodename);
}

static char *
default_mailname(const char *hostname)
{
	struct str s = {0};
	char *name;

	if (file_read(AT_FDCWD, "/etc/mailname", &s, 1024))
		return mem_dup(hostname);
	str_reserve(&s, 0);
	s.s[strcspn(s.s, " \t\r\n")] = 0;
	name = mem_dup(conf_name_ok(s.s) ? s.s : hostname);
	str_free(&s);
	return name;
}

static void
read_all(struct reader *r, struct conf *c, cfg_t *cfg)
{
	const char *spool = secure_getenv("MOX_SPOOL");

	read_keys(r, top_keys, cfg, "", 0, c);
	for (size_t i = 0; i < ARRAY_LEN(sections); i++)
		read_section(r, c, cfg, &sections[i]);
	check_together(r, c);
	if (r->why->len)
		return;
	if (!c->hostname)
		c->hostname = default_hostname();
	if (!c->sts.ca_file)
		c->sts.ca_file = mem_dup(c->ca_file);
	if (!c->mailname)
		c->mailname = default_mailname(c->hostname);
	if (spool && *spool) {
		if (*spool != '/')
			str_addf(r->why, "MOX_SPOOL = \"%s\": expected a path that begins with /", spool);
		free(c->spool);
		c->spool = mem_dup(spool);
	}
}

static void
parse(struct reader *r, struct conf *c, struct str *text)
{
	cfg_t *cfg = make_parser();
	FILE *f;

	str_reset(&complaint);
	cfg_set_error_function(cfg, complain);
	reading = r->file;
	str_adds(text, "\n"); /* fmemopen wants a byte */
	errno = 0;            /* libconfuse takes an old ERANGE for its own */
	f = fmemopen(text->s, text->len, "r");
	if (!f)
		die_temp("out of memory");
	if (cfg_parse_fp(cfg, f) != CFG_SUCCESS)
		str_adds(r->why, complaint.len ? complaint.s : "the configuration cannot be parsed");
	else
		read_all(r, c, cfg);
	fclose(f);
	cfg_free(cfg);
}

struct conf *
conf_try(const char *file, struct str *why)
{
	struct conf *c = mem_zalloc(sizeof *c);
	struct reader r = {.why = why};
	struct str text = {0}, fault = {0};
	int line;
	bool named = true;

	str_reset(why);
	if (!file && (file = secure_getenv("MOX_CONF")) && !*file)
		file = NULL;
	if (!file) {
		file = CONF_DEFAULT;
		named = false;
	}
	r.file = c->file = mem_dup(file);
	if (file_read(AT_FDCWD, file, &text, FILE_MAX) && (named || errno != ENOENT))
		str_addf(why, "unable to read %s: %s", file, strerror(errno));
	else if (!conf_text_check(&text, &r.places, &line, &fault))
		str_addf(why, "%s:%d: %s", file, line, fault.s);
	else
		parse(&r, c, &text);
	str_free(&fault);
	str_free(&text);
	conf_places_free(&r.places);
	if (!why->len)
		return c;
	conf_free(c);
	return NULL;
}

struct conf *
conf_load(const char *file)
{
	struct str why = {0};
	struct conf *c = conf_try(file, &why);

	if (!c)
		die_perm("%s", why.s);
	str_free(&why);
	return c;
}

/* ---- freeing ---- */

static void
free_values(const struct key *k, void *base)
{
	for (; k->name; k++) {
		char **p = (void *)((char *)base + k->at);

		if (k->rule.kind == VALUE_DURATIONS || k->rule.kind <= VALUE_ADDRESS) {
			free(*p);
		} else if (conf_kind_is_list(k->rule.kind)) {
			struct conf_list *l = (void *)p;

			for (size_t i = 0; i < l->n; i++)
				free(l->v[i]);
			free(l->v);
		}
	}
}

void
conf_free(struct conf *c)
{
	if (!c)
		return;
	free_values(top_keys, c);
	for (size_t i = 0; i < ARRAY_LEN(sections); i++) {
		const struct section *s = &sections[i];
		char *p = (char *)c + s->at;

		if (s->form == ONCE) {
			free_values(s->keys, p);
			continue;
		}
		p = *(void **)p;
		for (size_t n = *(size_t *)((char *)c + s->count_at), k = 0; k < n; k++) {
			if (s->form == TITLED)
				free(*(char **)(p + k * s->size + s->title_at));
			free_values(s->keys, p + k * s->size);
		}
		free(p);
	}
	free(c->file);
	free(c);
}

const struct conf_transport *
conf_transport(const struct conf *c, const char *name)
{
	for (size_t i = 0; i < c->ntransport; i++)
		if (!strcmp(c->transport[i].name, name))
			return &c->transport[i];
	return NULL;
}

bool
conf_list_has(const struct conf_list *l, const char *s)
{
	for (size_t i = 0; i < l->n; i++)
		if (str_ieq(l->v[i], s))
			return true;
	return false;
}
