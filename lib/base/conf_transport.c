#include "base.h"

#include "conf_reader.h"

#define T(type) (1u << TRANSPORT_##type)
#define SUBMIT (T(SUBMISSION) | T(SUBMISSIONS))
#define RELAY (T(SMTP) | SUBMIT)
#define DIALS (RELAY | T(DIRECT) | T(SOCKS))

/* Keys that mean something to some types alone. */
static const struct {
	const char *key;
	unsigned types;
	const char *expected;
} places[] = {
    {"host", RELAY, "type smtp, submission or submissions"},
    {"srv", SUBMIT, "type submission or submissions"},
    {"port", RELAY, "type smtp, submission or submissions"},
    {"starttls", T(DIRECT) | T(SOCKS) | T(SMTP) | T(SUBMISSION), "a type that may do without TLS"},
    {"tls-verify", RELAY, "type smtp, submission or submissions"},
    {"loopback", DIALS, "a type that goes over the network"},
    {"ipv4", DIALS, "a type that goes over the network"},
    {"ipv6", DIALS, "a type that goes over the network"},
    {"source-ipv4", DIALS, "a type that goes over the network"},
    {"source-ipv6", DIALS, "a type that goes over the network"},
    {"hostname", DIALS, "a type that goes over the network"},
    {"username", RELAY | T(SOCKS), "type smtp, submission, submissions or socks"},
    {"password-file", RELAY | T(SOCKS), "type smtp, submission, submissions or socks"},
    {"password-command", RELAY | T(SOCKS), "type smtp, submission, submissions or socks"},
    {"token-command", RELAY, "type smtp, submission or submissions"},
    {"mechanisms", RELAY, "type smtp, submission or submissions"},
    {"allow-plaintext-auth", RELAY, "type smtp, submission or submissions"},
    {"client-certificate", RELAY, "type smtp, submission or submissions"},
    {"client-key", RELAY, "type smtp, submission or submissions"},
    {"address", T(SOCKS), "type socks"},
    {"remote-ips", T(SOCKS), "type socks"},
    {"code", T(FAIL), "type fail"},
    {"message", T(FAIL), "type fail"},
};

/* The nth transport, being checked. */
struct check {
	struct conf_reader *r;
	struct conf_transport *t;
	unsigned nth;
};

static bool
is_set(const struct check *c, const char *key)
{
	return conf_place_set(&c->r->places, "transport", c->nth, key);
}

static void
wrong(const struct check *c, const char *key, const char *v, const char *expected)
{
	conf_wrong(c->r, "transport", c->nth, key, v, expected);
}

static void
check_places(const struct check *c)
{
	for (size_t i = 0; i < ARRAY_LEN(places); i++)
		if (!(places[i].types & 1u << c->t->type) && is_set(c, places[i].key) && !c->r->why->len)
			str_addf(c->r->why, "%s:%d: found %s in the transport %s, expected it with %s",
			    c->r->file, conf_place_line(&c->r->places, "transport", c->nth, places[i].key),
			    places[i].key, c->t->name, places[i].expected);
}

static void
check_target(const struct check *c)
{
	const struct conf_transport *t = c->t;

	if (t->type == TRANSPORT_SOCKS && !t->proxy)
		wrong(c, "address", NULL, "address and port of the proxy: 192.0.2.1:1080");
	if (!conf_is_relay(t))
		return;
	if (t->host.n && t->srv)
		wrong(c, "srv", t->srv, "either host or srv");
	else if (!t->host.n && !t->srv)
		wrong(c, "host", NULL, "the name or address of the server");
	else if (t->srv && is_set(c, "port"))
		wrong(c, "srv", t->srv, "no port: the SRV records name it");
}

/* What nobody proved must not get a password, unless it is asked for. */
static bool
is_proved(const struct conf_transport *t)
{
	return t->verify == VERIFY_PKIX || t->verify == VERIFY_DANE;
}

static void
check_tls(const struct check *c)
{
	struct conf_transport *t = c->t;

	if (t->type == TRANSPORT_SUBMISSION && is_set(c, "starttls") && t->starttls != STARTTLS_MUST)
		wrong(c, "starttls", t->starttls == STARTTLS_MAY ? "may" : "never",
		    "must, or type smtp: submission is never without TLS");
	if (t->starttls == STARTTLS_NEVER && (is_proved(t) || t->client_certificate))
		wrong(c, "starttls", "never", "may or must, for what is to be verified in TLS");
	if ((1u << t->type) & SUBMIT) {
		t->starttls = STARTTLS_MUST;
		if (t->verify == VERIFY_AUTO)
			t->verify = VERIFY_PKIX;
	}
	if (t->client_key && !t->client_certificate)
		wrong(c, "client-key", t->client_key, "a client-certificate beside it");
}

static void
check_secret(const struct check *c)
{
	const struct conf_transport *t = c->t;
	const char *key = t->token_command      ? "token-command"
	                  : t->password_command ? "password-command"
	                                        : "password-file";
	const char *v = t->token_command      ? t->token_command
	                : t->password_command ? t->password_command
	                                      : t->password_file;

	if (!!t->password_file + !!t->password_command + !!t->token_command > 1)
		wrong(c, key, v, "one of password-file, password-command and token-command");
	if (v && !t->username)
		wrong(c, "username", NULL, "the name to log in with");
	if (t->username && !v && !t->client_certificate)
		wrong(
		    c, "username", t->username, "password-file, password-command or token-command beside it");
	if (v && conf_is_relay(t) && !is_proved(t) && !t->allow_plaintext_auth)
		wrong(c, key, v,
		    "tls-verify = pkix or dane, or allow-plaintext-auth = true: a secret goes to nobody who "
		    "is not proved");
}

/* A mechanism that can never be used with what is there to log in with. */
static void
check_mechanisms(const struct check *c)
{
	const struct conf_transport *t = c->t;

	for (size_t i = 0; i < t->mechanisms.n; i++) {
		const char *m = t->mechanisms.v[i];
		bool token = !strcmp(m, "OAUTHBEARER") || !strcmp(m, "XOAUTH2");

		if (!strcmp(m, "EXTERNAL")) {
			if (!t->client_certificate)
				wrong(c, "mechanisms", m, "a client-certificate for it");
		} else if (token && !t->token_command) {
			wrong(c, "mechanisms", m, "a token-command for it");
		} else if (!token && !t->password_file && !t->password_command) {
			wrong(c, "mechanisms", m, "password-file or password-command for it");
		}
	}
}

void
conf_check_transports(struct conf_reader *r, struct conf *conf)
{
	static const uint16_t ports[] = {
	    [TRANSPORT_SUBMISSION] = 587, [TRANSPORT_SUBMISSIONS] = 465, [TRANSPORT_FAIL] = 0};

	for (unsigned i = 0; i < conf->ntransport; i++) {
		struct conf_transport *t = &conf->transport[i];
		const struct check c = {r, t, i};

		if (!*t->name)
			wrong(&c, "title", "", "a name for the transport");
		if (r->why->len)
			return;
		check_places(&c);
		check_target(&c);
		if (!t->ipv4 && !t->ipv6)
			wrong(&c, "ipv6", "false", "at least one of ipv4 and ipv6 to be true");
		check_tls(&c);
		check_secret(&c);
		check_mechanisms(&c);
		if (conf_is_relay(t) && !is_set(&c, "loopback"))
			t->loopback = true;
		if (!t->port)
			t->port = ports[t->type] ? ports[t->type] : 25;
		if (t->client_certificate && !t->client_key)
			t->client_key = mem_dup(t->client_certificate);
	}
}

bool
conf_is_relay(const struct conf_transport *t)
{
	return (1u << t->type) & RELAY;
}

bool
conf_logs_in(const struct conf_transport *t)
{
	return t->password_file || t->password_command || t->token_command;
}

bool
conf_transport_allows(const struct conf_transport *t, const char *account)
{
	for (size_t i = 0; i < t->users.n; i++)
		if (!strcmp(t->users.v[i], account))
			return true;
	return !t->users.n;
}
