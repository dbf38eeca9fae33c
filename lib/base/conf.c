#include "base.h"

#include "clock.h"
#include "conf.h"
#include "conf_parser.h"
#include "conf_reader.h"
#include "conf_schema.h"
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

/* ---- reading ---- */

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

void
conf_wrong(struct conf_reader *r, const char *section, unsigned nth, const char *key, const char *v,
    const char *expected)
{
	int line = conf_place_line(&r->places, section, nth, key);

	if (r->why->len)
		return;
	str_addf(r->why, "%s:%d: ", r->file, line);
	if (v)
		str_addf(r->why, "%s = \"%s\": expected %s", key, v, expected);
	else
		str_addf(r->why, "%s without %s: expected %s",
		    strrchr(section, ' ') ? strrchr(section, ' ') + 1 : section, key, expected);
}

static uint64_t
check(struct conf_reader *r, const struct conf_key *k, const char *section, unsigned nth, const char *v)
{
	uint64_t n = 0;
	struct str expected = {0};

	if (v && conf_value_ok(&k->rule, v, &n))
		return n;
	conf_value_expected(&expected, &k->rule);
	conf_wrong(r, section, nth, k->name, v, expected.s);
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

	if (kind == VALUE_NAME || kind == VALUE_NAMES || kind == VALUE_PATTERNS || kind == VALUE_HOSTS ||
	    kind == VALUE_HOST_PATTERNS) {
		str_lower(s);
		if (n && s[n - 1] == '.')
			s[n - 1] = 0;
	}
	return s;
}

/* The values of a list: those of the section, else of its default, which is written {a, b}. The caller frees them and *v. */
static size_t
list_values(const struct conf_reader *r, const struct conf_key *k, cfg_t *s, char ***v)
{
	const char *p = k->def ? k->def : "{}";
	size_t n = 0;

	if (s && conf_stands(k->name, r->text)) {
		*v = mem_zalloc((cfg_size(s, k->name) + 1) * sizeof **v);
		for (; n < cfg_size(s, k->name); n++)
			(*v)[n] = mem_dup(cfg_getnstr(s, k->name, (unsigned)n));
		return n;
	}
	*v = NULL;
	for (p++; *p && *p != '}'; p += strspn(p, ", ")) {
		size_t len = strcspn(p, ",}");

		*v = mem_grow(*v, n + 1, sizeof **v);
		(*v)[n++] = mem_dupn(p, len);
		p += len;
	}
	return n;
}

static void
read_list(
    struct conf_reader *r, const struct conf_key *k, cfg_t *s, const char *section, unsigned nth, void *to)
{
	struct conf_list *l = to;
	char **v;
	size_t n = list_values(r, k, s, &v);

	l->v = mem_zalloc((n + 1) * sizeof *l->v);
	for (l->n = 0; l->n < n; l->n++) {
		check(r, k, section, nth, v[l->n]);
		l->v[l->n] = keep(k->rule.kind, v[l->n]);
		free(v[l->n]);
	}
	free(v);
}

static void
read_intervals(struct conf_reader *r, const struct conf_key *k, cfg_t *s, struct conf_retry *to)
{
	char **v;

	to->n = list_values(r, k, s, &v);
	to->interval = mem_zalloc((to->n + 1) * sizeof *to->interval);
	for (size_t i = 0; i < to->n; i++) {
		to->interval[i] = (int64_t)check(r, k, "retry", 0, v[i]);
		free(v[i]);
	}
	free(v);
	if (!to->n)
		conf_wrong(r, "retry", 0, k->name, "{}", "at least one duration");
}

/* s: NULL: the file has no such section, all is as by default. */
static void
read_keys(
    struct conf_reader *r, const struct conf_key *k, cfg_t *s, const char *section, unsigned nth, void *base)
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
		if (!s || !conf_stands(k->name, r->text))
			v = k->def;
		else
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

static void read_sections(struct conf_reader *r, const struct conf_section *s, cfg_t *cfg, const char *outer,
    unsigned nth, void *base);

static void
read_list_section(
    struct conf_reader *r, const struct conf_section *s, cfg_t *cfg, const char *name, void *base)
{
	unsigned n = conf_stands(s->name, r->text) ? cfg_size(cfg, s->name) : 0;
	char *to = mem_zalloc((n + 1) * s->size);

	*(void **)((char *)base + s->at) = to;
	*(size_t *)((char *)base + s->count_at) = n;
	for (unsigned i = 0; i < n; i++, to += s->size) {
		cfg_t *one = cfg_getnsec(cfg, s->name, i);

		if (s->form == CONF_TITLED)
			*(char **)(to + s->title_at) = mem_dup(cfg_title(one));
		read_keys(r, s->keys, one, name, i, to);
		read_sections(r, s->sub, one, name, i, to);
	}
}

/* Those within the nth section `outer`; of the file: "", 0. base: the struct of what is around them. */
static void
read_sections(struct conf_reader *r, const struct conf_section *s, cfg_t *cfg, const char *outer,
    unsigned nth, void *base)
{
	struct str name = {0};

	for (; s && s->name; s++) {
		int line;

		str_reset(&name);
		conf_place_name(&name, outer, nth, s->name);
		if (s->form != CONF_ONCE) {
			read_list_section(r, s, cfg, name.s, base);
			continue;
		}
		line = conf_place_line(&r->places, name.s, 1, "");
		if (line && !r->why->len)
			str_addf(r->why, "%s:%d: found %s a second time, expected it once", r->file, line,
			    s->name);
		read_keys(r, s->keys, conf_stands(s->name, r->text) ? cfg_getsec(cfg, s->name) : NULL, name.s,
		    0, (char *)base + s->at);
	}
	str_free(&name);
}

/* ---- what no value tells alone ---- */

static void
check_routes(struct conf_reader *r, struct conf *c, const struct conf_route *v, size_t n, const char *section)
{
	for (unsigned i = 0; i < n; i++) {
		c->has_to_mx |= v[i].to_mx.n > 0;
		if (v[i].transport && !conf_transport(c, v[i].transport))
			conf_wrong(
			    r, section, i, "transport", v[i].transport, "the title of a transport section");
	}
}

static void
check_domains(struct conf_reader *r, struct conf *c)
{
	static const struct conf_rule name = {.kind = VALUE_NAME};
	struct str section = {0};

	for (unsigned i = 0; i < c->ndomain; i++) {
		struct conf_domain *d = &c->domain[i];
		char *title = d->name;

		if (!conf_name_ok(title))
			conf_wrong(r, "domain", i, "title", title, "a domain name in ASCII");
		d->name = keep(name.kind, title);
		free(title);
		if (conf_domain(c, d->name) != d)
			conf_wrong(r, "domain", i, "title", d->name, "domains that differ");
		for (unsigned k = 0; k < d->ndkim; k++) {
			struct conf_dkim *s = &d->dkim[k];

			s->header_simple = s->canonicalization & 2;
			s->body_simple = s->canonicalization & 1;
			str_reset(&section);
			conf_place_name(&section, "domain", i, "dkim");
			if (!conf_name_ok(s->selector))
				conf_wrong(r, section.s, k, "title", s->selector, "a selector such as 2026a");
		}
		str_reset(&section);
		conf_place_name(&section, "domain", i, "route");
		check_routes(r, c, d->route, d->nroute, section.s);
	}
	str_free(&section);
}

static void
check_rewrites(struct conf_reader *r, const struct conf_rewrite *v, size_t n, const char *section)
{
	static const struct conf_rule names = {.kind = VALUE_WHO};
	uint64_t none;

	for (unsigned i = 0; i < n; i++)
		if (!conf_value_ok(&names, v[i].pattern, &none))
			conf_wrong(r, section, i, "title", v[i].pattern,
			    "name, name@domain, @domain, @.domain or *");
}

static void
check_accounts(struct conf_reader *r, struct conf *c)
{
	struct str section = {0};

	for (unsigned i = 0; i < c->naccount; i++) {
		struct conf_account *a = &c->account[i];

		if (!*a->name)
			conf_wrong(r, "account", i, "title", "", "a login name");
		if (!conf_place_set(&r->places, "account", i, "max-messages-per-day"))
			a->max_messages = c->max_messages;
		if (!conf_place_set(&r->places, "account", i, "max-first-recipients-per-day"))
			a->max_first_recipients = c->max_first_recipients;
		str_reset(&section);
		conf_place_name(&section, "account", i, "route");
		check_routes(r, c, a->route, a->nroute, section.s);
		str_reset(&section);
		conf_place_name(&section, "account", i, "rewrite");
		check_rewrites(r, a->rewrite, a->nrewrite, section.s);
	}
	str_free(&section);
}

static void
check_together(struct conf_reader *r, struct conf *c)
{
	for (unsigned i = 0; i < c->nsite; i++) {
		char *p = c->site[i].pattern;

		str_lower(p);
		if (strcmp(p, "*") && !conf_name_ok(strncmp(p, "*.", 2) ? p : p + 2))
			conf_wrong(r, "site", i, "title", p, "a host name, *.NAME or *");
	}
	conf_check_transports(r, c);
	check_routes(r, c, c->route, c->nroute, "route");
	check_domains(r, c);
	check_accounts(r, c);
	check_rewrites(r, c->rewrite, c->nrewrite, "rewrite");
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
read_all(struct conf_reader *r, struct conf *c, cfg_t *cfg)
{
	const char *spool = secure_getenv("MOX_SPOOL");

	read_keys(r, conf_top_keys, cfg, "", 0, c);
	read_sections(r, conf_sections, cfg, "", 0, c);
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
parse(struct conf_reader *r, struct conf *c, struct str *text)
{
	cfg_t *cfg;
	FILE *f;

	str_adds(text, "\n"); /* fmemopen wants a byte */
	r->text = text->s;
	cfg = conf_parser(r->text);
	str_reset(&complaint);
	cfg_set_error_function(cfg, complain);
	reading = r->file;
	errno = 0; /* libconfuse takes an old ERANGE for its own */
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
	struct conf_reader r = {.why = why};
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
free_values(const struct conf_key *k, void *base)
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

static void
free_sections(const struct conf_section *s, void *base)
{
	for (; s && s->name; s++) {
		char *p = (char *)base + s->at;

		if (s->form == CONF_ONCE) {
			free_values(s->keys, p);
			continue;
		}
		p = *(void **)p;
		for (size_t n = *(size_t *)((char *)base + s->count_at), k = 0; k < n; k++) {
			if (s->form == CONF_TITLED)
				free(*(char **)(p + k * s->size + s->title_at));
			free_values(s->keys, p + k * s->size);
			free_sections(s->sub, p + k * s->size);
		}
		free(p);
	}
}

void
conf_free(struct conf *c)
{
	if (!c)
		return;
	free_values(conf_top_keys, c);
	free_sections(conf_sections, c);
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

const struct conf_domain *
conf_domain(const struct conf *c, const char *name)
{
	for (size_t i = 0; i < c->ndomain; i++)
		if (str_ieq(c->domain[i].name, name))
			return &c->domain[i];
	return NULL;
}

const struct conf_account *
conf_account(const struct conf *c, const char *name)
{
	for (size_t i = 0; i < c->naccount; i++)
		if (!strcmp(c->account[i].name, name))
			return &c->account[i];
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
