#include "base.h"

#include "clock.h"
#include "conf.h"
#include "die.h"
#include "file.h"
#include "log.h"

#include <confuse.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/utsname.h>
#include <unistd.h>

/* libconfuse's error callback has no user pointer: the first complaint of the load under way. */
static struct str complaint;

static void
complain(cfg_t *cfg, const char *fmt, va_list ap)
{
	char text[1024];

	if (complaint.len)
		return;
	vsnprintf(text, sizeof text, fmt, ap);
	if (cfg && cfg->filename)
		str_addf(&complaint, "%s:%d: ", cfg->filename, cfg->line);
	str_adds(&complaint, text);
}

/* Values are checked after the parse: options remember no line, so the section and key name the place. */
static void
wrong(struct str *why, const char *file, const char *section, const char *key, const char *value,
    const char *expected)
{
	if (!why->len)
		str_addf(why, "%s: %s%s%s = \"%s\": expected %s", file, section ? section : "",
		    section ? ": " : "", key, value, expected);
}

/* libconfuse wants these writable. */
static char list_none[] = "{}";
static char list_intervals[] = "{7m30s, 15m, 30m, 1h, 2h, 4h, 8h, 16h}";

static cfg_opt_t site_opts[] = {
    CFG_INT("connections", 0, CFGF_NONE),
    CFG_INT("messages-per-connection", 0, CFGF_NONE),
    CFG_INT("recipients-per-transaction", 0, CFGF_NONE),
    CFG_INT("messages-per-minute", 0, CFGF_NONE),
    CFG_END(),
};
static cfg_opt_t transport_opts[] = {
    CFG_STR("type", NULL, CFGF_NODEFAULT),
    CFG_STR("host", NULL, CFGF_NODEFAULT),
    CFG_INT("port", 0, CFGF_NONE),
    CFG_STR("starttls", "may", CFGF_NONE),
    CFG_BOOL("loopback", cfg_false, CFGF_NODEFAULT),
    CFG_BOOL("ipv4", cfg_true, CFGF_NONE),
    CFG_BOOL("ipv6", cfg_true, CFGF_NONE),
    CFG_INT("code", 554, CFGF_NONE),
    CFG_STR("message", "mail to this destination is not accepted here", CFGF_NONE),
    CFG_END(),
};
static cfg_opt_t route_opts[] = {
    CFG_STR_LIST("from", list_none, CFGF_NONE),
    CFG_STR_LIST("to", list_none, CFGF_NONE),
    CFG_INT("minimum-attempts", 0, CFGF_NONE),
    CFG_STR("transport", NULL, CFGF_NODEFAULT),
    CFG_END(),
};
static cfg_opt_t retry_opts[] = {
    CFG_STR_LIST("intervals", list_intervals, CFGF_NONE),
    CFG_STR("give-up", "5d", CFGF_NONE),
    CFG_STR("delay-notice", "2h", CFGF_NONE),
    CFG_INT("max-attempts", 0, CFGF_NONE),
    CFG_BOOL("jitter", cfg_true, CFGF_NONE),
    CFG_END(),
};
static cfg_opt_t timeout_opts[] = {
    CFG_STR("connect", "30s", CFGF_NONE),
    CFG_STR("greeting", "5m", CFGF_NONE),
    CFG_STR("ehlo", "5m", CFGF_NONE),
    CFG_STR("starttls", "2m", CFGF_NONE),
    CFG_STR("mail", "5m", CFGF_NONE),
    CFG_STR("rcpt", "5m", CFGF_NONE),
    CFG_STR("data", "2m", CFGF_NONE),
    CFG_STR("block", "3m", CFGF_NONE),
    CFG_STR("dot", "10m", CFGF_NONE),
    CFG_STR("quit", "5s", CFGF_NONE),
    CFG_STR("session", "2h", CFGF_NONE),
    CFG_END(),
};
static cfg_opt_t dns_opts[] = {
    CFG_STR_LIST("forward", list_none, CFGF_NONE),
    CFG_STR("trust-anchor", NULL, CFGF_NODEFAULT),
    CFG_BOOL("root-hints", cfg_false, CFGF_NONE),
    CFG_END(),
};
static cfg_opt_t opts[] = {
    CFG_STR("hostname", NULL, CFGF_NODEFAULT),
    CFG_STR("mailname", NULL, CFGF_NODEFAULT),
    CFG_STR("postmaster", NULL, CFGF_NODEFAULT),
    CFG_STR("spool", SPOOL_DEFAULT, CFGF_NONE),
    CFG_STR_LIST("local-domains", list_none, CFGF_NONE),
    CFG_STR("local-maildir", "%h/Maildir", CFGF_NONE),
    CFG_BOOL("received", cfg_true, CFGF_NONE),
    CFG_STR("max-message-size", "100M", CFGF_NONE),
    CFG_INT("max-recipients", 10000, CFGF_NONE),
    CFG_STR("min-free", "32M", CFGF_NONE),
    CFG_INT("min-free-inodes", 500, CFGF_NONE),
    CFG_STR("reserve", "24M", CFGF_NONE),
    CFG_INT("max-loaded", 20000, CFGF_NONE),
    CFG_INT("workers", 100, CFGF_NONE),
    CFG_STR("idle", "5s", CFGF_NONE),
    CFG_INT("smtp-port", 25, CFGF_NONE),
    CFG_STR("ca-file", "/etc/ssl/certs/ca-certificates.crt", CFGF_NONE),
    CFG_STR("log-level", "info", CFGF_NONE),
    CFG_SEC("retry", retry_opts, CFGF_NONE),
    CFG_SEC("timeouts", timeout_opts, CFGF_NONE),
    CFG_SEC("dns", dns_opts, CFGF_NONE),
    CFG_SEC("site", site_opts, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES),
    CFG_SEC("transport", transport_opts, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES),
    CFG_SEC("route", route_opts, CFGF_MULTI),
    CFG_END(),
};

/* ---- one value each ---- */

struct reader {
	const char *file;
	struct str *why;
};

static char *
get_str(cfg_t *s, const char *key)
{
	const char *v = cfg_getstr(s, key);

	return v ? mem_dup(v) : NULL;
}

static struct conf_list
get_list(cfg_t *s, const char *key)
{
	struct conf_list l = {0};

	l.n = cfg_size(s, key);
	l.v = mem_zalloc((l.n + 1) * sizeof *l.v);
	for (size_t i = 0; i < l.n; i++)
		l.v[i] = mem_dup(cfg_getnstr(s, key, (unsigned)i));
	return l;
}

static uint64_t
get_int(struct reader *r, cfg_t *s, const char *section, const char *key, long min, long max)
{
	long v = cfg_getint(s, key);
	char value[32], expected[96];

	if (v < min || v > max) {
		snprintf(value, sizeof value, "%ld", v);
		snprintf(expected, sizeof expected, "a number from %ld to %ld", min, max);
		wrong(r->why, r->file, section, key, value, expected);
		return (uint64_t)min;
	}
	return (uint64_t)v;
}

static int64_t
get_duration(struct reader *r, cfg_t *s, const char *section, const char *key)
{
	int64_t us = 0;

	if (!str_duration(cfg_getstr(s, key), &us))
		wrong(r->why, r->file, section, key, cfg_getstr(s, key),
		    "a duration such as 90s, 15m, 2h or 5d");
	return us;
}

static uint64_t
get_size(struct reader *r, cfg_t *s, const char *key)
{
	uint64_t n = 0;

	if (!str_size(cfg_getstr(s, key), &n))
		wrong(r->why, r->file, NULL, key, cfg_getstr(s, key), "a size such as 4096, 64k, 100M or 2G");
	return n;
}

/* Index of the value among the words, -1 (and a complaint) when it is none of them. */
static int
get_word(struct reader *r, cfg_t *s, const char *section, const char *key, const char *const *words)
{
	const char *v = cfg_getstr(s, key);
	struct str list = {0};

	for (int i = 0; words[i]; i++) {
		if (v && !strcmp(v, words[i]))
			return i;
		str_addf(&list, "%s%s", i ? ", " : "one of ", words[i]);
	}
	wrong(r->why, r->file, section, key, v ? v : "", list.s);
	str_free(&list);
	return -1;
}

/* ---- sections ---- */

static void
read_retry(struct reader *r, struct conf_retry *c, cfg_t *s)
{
	c->n = cfg_size(s, "intervals");
	c->interval = mem_zalloc((c->n + 1) * sizeof *c->interval);
	if (!c->n)
		wrong(r->why, r->file, "retry", "intervals", "", "at least one duration");
	for (size_t i = 0; i < c->n; i++) {
		const char *v = cfg_getnstr(s, "intervals", (unsigned)i);
		if (!str_duration(v, &c->interval[i]) || !c->interval[i])
			wrong(r->why, r->file, "retry", "intervals", v,
			    "durations above 0 such as 90s, 15m or 2h");
	}
	c->give_up = get_duration(r, s, "retry", "give-up");
	c->delay_notice = get_duration(r, s, "retry", "delay-notice");
	c->max_attempts = (unsigned)get_int(r, s, "retry", "max-attempts", 0, 1000000);
	c->jitter = cfg_getbool(s, "jitter");
}

static void
read_timeouts(struct reader *r, struct conf_timeouts *t, cfg_t *s)
{
	struct {
		const char *key;
		int64_t *to;
	} all[] = {{"connect", &t->connect}, {"greeting", &t->greeting}, {"ehlo", &t->ehlo},
	    {"starttls", &t->starttls}, {"mail", &t->mail}, {"rcpt", &t->rcpt}, {"data", &t->data},
	    {"block", &t->block}, {"dot", &t->dot}, {"quit", &t->quit}, {"session", &t->session}};

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		*all[i].to = get_duration(r, s, "timeouts", all[i].key);
		if (!*all[i].to)
			wrong(r->why, r->file, "timeouts", all[i].key, cfg_getstr(s, all[i].key),
			    "more than 0s");
	}
}

static void
read_transport(struct reader *r, struct conf_transport *t, cfg_t *s)
{
	static const char *const types[] = {"direct", "smtp", "fail", NULL};
	static const char *const tls[] = {"may", "never", "must", NULL};
	char place[128];
	int type;

	t->name = mem_dup(cfg_title(s));
	snprintf(place, sizeof place, "transport \"%.100s\"", t->name);
	type = get_word(r, s, place, "type", types);
	t->type = type < 0 ? TRANSPORT_FAIL : (enum transport_type)type;
	t->host = get_str(s, "host");
	if (type == TRANSPORT_SMTP && (!t->host || !*t->host))
		wrong(r->why, r->file, place, "host", "", "the name or address of the server");
	t->port = (uint16_t)get_int(r, s, place, "port", 0, 65535);
	if (!t->port)
		t->port = 25;
	type = get_word(r, s, place, "starttls", tls);
	t->starttls = type < 0 ? STARTTLS_MAY : (enum starttls_use)type;
	t->loopback = cfg_size(s, "loopback") ? cfg_getbool(s, "loopback") : t->type == TRANSPORT_SMTP;
	t->ipv4 = cfg_getbool(s, "ipv4");
	t->ipv6 = cfg_getbool(s, "ipv6");
	if (!t->ipv4 && !t->ipv6)
		wrong(r->why, r->file, place, "ipv6", "false", "at least one of ipv4 and ipv6 to be on");
	t->code = (int)get_int(r, s, place, "code", 400, 599);
	t->message = get_str(s, "message");
}

static void
read_sections(struct reader *r, struct conf *c, cfg_t *cfg)
{
	c->nsite = cfg_size(cfg, "site");
	c->site = mem_zalloc((c->nsite + 1) * sizeof *c->site);
	for (size_t i = 0; i < c->nsite; i++) {
		cfg_t *s = cfg_getnsec(cfg, "site", (unsigned)i);
		struct conf_site *to = &c->site[i];
		to->pattern = mem_dup(cfg_title(s));
		str_lower(to->pattern);
		to->connections = (unsigned)get_int(r, s, to->pattern, "connections", 0, 10000);
		to->messages_per_connection =
		    (unsigned)get_int(r, s, to->pattern, "messages-per-connection", 0, 1000000);
		to->recipients_per_transaction =
		    (unsigned)get_int(r, s, to->pattern, "recipients-per-transaction", 0, 100);
		to->messages_per_minute =
		    (unsigned)get_int(r, s, to->pattern, "messages-per-minute", 0, 1000000);
	}
	c->ntransport = cfg_size(cfg, "transport");
	c->transport = mem_zalloc((c->ntransport + 1) * sizeof *c->transport);
	for (size_t i = 0; i < c->ntransport; i++)
		read_transport(r, &c->transport[i], cfg_getnsec(cfg, "transport", (unsigned)i));
	c->nroute = cfg_size(cfg, "route");
	c->route = mem_zalloc((c->nroute + 1) * sizeof *c->route);
	for (size_t i = 0; i < c->nroute; i++) {
		cfg_t *s = cfg_getnsec(cfg, "route", (unsigned)i);
		struct conf_route *to = &c->route[i];
		to->from = get_list(s, "from");
		to->to = get_list(s, "to");
		to->minimum_attempts = (unsigned)get_int(r, s, "route", "minimum-attempts", 0, 1000);
		to->transport = get_str(s, "transport");
		if (!to->transport || !conf_transport(c, to->transport))
			wrong(r->why, r->file, "route", "transport", to->transport ? to->transport : "",
			    "the title of a transport section");
	}
}

static char *
default_hostname(void)
{
	struct utsname u;

	return mem_dup(uname(&u) || !u.nodename[0] ? "localhost" : u.nodename);
}

static char *
default_mailname(const char *hostname)
{
	struct str s = {0};
	char *nl;

	if (file_read(AT_FDCWD, "/etc/mailname", &s, 1024) || !s.len) {
		str_free(&s);
		return mem_dup(hostname);
	}
	if ((nl = strpbrk(s.s, " \t\r\n")))
		*nl = 0;
	if (!*s.s) {
		str_free(&s);
		return mem_dup(hostname);
	}
	return str_take(&s);
}

static void
read_all(struct reader *r, struct conf *c, cfg_t *cfg)
{
	static const char *const levels[] = {"debug", "info", "warn", "alert", NULL};
	const char *spool = secure_getenv("MOX_SPOOL");

	c->hostname = get_str(cfg, "hostname");
	if (!c->hostname)
		c->hostname = default_hostname();
	c->mailname = get_str(cfg, "mailname");
	if (!c->mailname)
		c->mailname = default_mailname(c->hostname);
	c->postmaster = get_str(cfg, "postmaster");
	c->spool = spool && *spool ? mem_dup(spool) : get_str(cfg, "spool");
	c->local_domains = get_list(cfg, "local-domains");
	c->local_maildir = get_str(cfg, "local-maildir");
	c->received = cfg_getbool(cfg, "received");
	c->max_message_size = get_size(r, cfg, "max-message-size");
	c->max_recipients = (unsigned)get_int(r, cfg, NULL, "max-recipients", 1, 10000);
	c->min_free = get_size(r, cfg, "min-free");
	c->min_free_inodes = get_int(r, cfg, NULL, "min-free-inodes", 0, 1000000000);
	c->reserve = get_size(r, cfg, "reserve");
	c->max_loaded = (unsigned)get_int(r, cfg, NULL, "max-loaded", 10, 10000000);
	c->workers = (unsigned)get_int(r, cfg, NULL, "workers", 1, 10000);
	c->idle = get_duration(r, cfg, NULL, "idle");
	c->smtp_port = (uint16_t)get_int(r, cfg, NULL, "smtp-port", 1, 65535);
	c->ca_file = get_str(cfg, "ca-file");
	c->log_level = get_word(r, cfg, NULL, "log-level", levels);
	read_retry(r, &c->retry, cfg_getsec(cfg, "retry"));
	read_timeouts(r, &c->timeouts, cfg_getsec(cfg, "timeouts"));
	c->dns.forward = get_list(cfg_getsec(cfg, "dns"), "forward");
	c->dns.trust_anchor = get_str(cfg_getsec(cfg, "dns"), "trust-anchor");
	c->dns.root_hints = cfg_getbool(cfg_getsec(cfg, "dns"), "root-hints");
	read_sections(r, c, cfg);
}

struct conf *
conf_try(const char *file, struct str *why)
{
	struct conf *c = mem_zalloc(sizeof *c);
	struct reader r = {NULL, why};
	cfg_t *cfg;
	int got;
	bool named = true;

	if (!file && (file = secure_getenv("MOX_CONF")) && !*file)
		file = NULL;
	if (!file) {
		file = CONF_DEFAULT;
		named = false;
	}
	c->file = mem_dup(file);
	r.file = c->file;
	cfg = cfg_init(opts, CFGF_NONE);
	if (!cfg)
		die_temp("out of memory");
	cfg_set_error_function(cfg, complain);
	str_reset(&complaint);
	errno = 0;
	got = !named && access(file, F_OK) && errno == ENOENT ? cfg_parse_buf(cfg, "") : cfg_parse(cfg, file);
	if (got == CFG_FILE_ERROR)
		str_addf(why, "unable to read %s: %s", file, strerror(errno ? errno : EIO));
	else if (got != CFG_SUCCESS)
		str_adds(why, complaint.len ? complaint.s : "the configuration cannot be parsed");
	else
		read_all(&r, c, cfg);
	cfg_free(cfg);
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

static void
list_free(struct conf_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i]);
	free(l->v);
}

void
conf_free(struct conf *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->nsite; i++)
		free(c->site[i].pattern);
	for (size_t i = 0; i < c->ntransport; i++) {
		free(c->transport[i].name);
		free(c->transport[i].host);
		free(c->transport[i].message);
	}
	for (size_t i = 0; i < c->nroute; i++) {
		list_free(&c->route[i].from);
		list_free(&c->route[i].to);
		free(c->route[i].transport);
	}
	free(c->site);
	free(c->transport);
	free(c->route);
	free(c->retry.interval);
	list_free(&c->local_domains);
	list_free(&c->dns.forward);
	free(c->dns.trust_anchor);
	free(c->file);
	free(c->hostname);
	free(c->mailname);
	free(c->postmaster);
	free(c->spool);
	free(c->local_maildir);
	free(c->ca_file);
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
