/* What is wrong in a configuration, and the whole sentence that says so: FILE:LINE, what was found, what was
 * expected. */
#include "base.h"

#include "clock.h"
#include "conf.h"
#include "conf_value.h"
#include "log.h"
#include "unit.h"

#include <sys/stat.h>
#include <unistd.h>

static char path[] = "/tmp/moxq-conf.XXXXXX";

static struct conf *
try(const char *text, size_t n, struct str *why)
{
	FILE *f = fopen(path, "w");

	if (!f || fwrite(text, 1, n, f) != n || fclose(f))
		abort();
	return conf_try(path, why);
}

static void
refused(void)
{
	static const struct {
		const char *text, *why;
	} t[] = {
	    /* text */
	    {"received = true\n\x01", ":2: found the byte 0x01, expected text"},
	    {"# caf\xe9\n", ":1: found the byte 0xe9, expected text"},
	    {"smtp-port = 25;\n",
		":1: found a semicolon, expected the end of the value: there are none here"},
	    {"spool = \"/a\";\n",
		":1: found a semicolon, expected the end of the value: there are none here"},
	    {"hostname = \"${HOME}\"\n", ":1: found ${, expected \\${: the environment is not looked at"},
	    {"hostname = ${HOME}\n", ":1: found $, expected quotes around a value that has one"},
	    {"site *.google.com { connections = 2 }\n",
		":1: found *, expected quotes around a value that has one"},
	    {"spool = \"/a\\n\"\n", ":1: found \\n, expected one of \\\\, \\\" and \\$"},
	    {"spool = '/a\\n'\n", ":1: found a backslash in single quotes, expected double quotes"},
	    {"\n\nspool = \"/a\nhostname = b.example\n",
		":3: found a string without its end, expected \" on the same line"},
	    {"received = true\n/* no\nend\n", ":2: found a comment without its end, expected */"},
	    {"local-domains += { a.example }\n", ":1: found +, expected ="},
	    {"local-domains+= { a.example }\n", ":1: found +, expected ="},
	    {"include(\"/etc/passwd\")\n", ":1: found (, expected quotes around a value that has one"},
	    /* structure */
	    {"}\n", ":1: found }, expected it behind a {"},
	    {"retry {\n give-up = 1d\n", ":1: found a section retry without its end, expected }"},
	    {"= 5\n", ":1: found no key, expected one"},
	    {"\"hostname\" = a.example\n", ":1: found no key, expected one"},
	    {"Hostname = a.example\n", ":1: found Hostname, expected a key"},
	    {"received\n", ":1: found received alone, expected = and a value, or { for a section"},
	    {"received true\n", ":1: found received alone, expected = and a value, or { for a section"},
	    {"received =\nsmtp-port = 25\n",
		":1: found nothing behind received =, expected a value on the same line"},
	    {"received = = true\n", ":1: found nothing behind received =, expected a value on the same line"},
	    {"local-domains = { \"a.example\" \"b.example\" }\n",
		":1: found no comma between two values of a list, expected { \"a\", \"b\" }"},
	    {"local-domains = { \"a.example\",\n", ":1: found a list without its end, expected }"},
	    {"received = true\n\nreceived = false\n",
		":3: found received a second time, expected it once: it stands on line 1"},
	    {"route { transport = a\n to = { a.example }\n transport = b\n}\n",
		":3: found transport a second time, expected it once: it stands on line 1"},
	    {"retry { jitter = no }\nretry { give-up = 1d }\n",
		":2: found retry a second time, expected it once"},
	    /* keys, as libconfuse sees them */
	    {"received = true\nfoo = 1\n",
		":2: no such option 'foo', expected a key that mox.conf(5) lists for this section"},
	    {"/* one\n   two */ # three\n// four\nretry {\n # five\n foo = 1\n}\n",
		":6: no such option 'foo', expected a key that mox.conf(5) lists for this section"},
	    {"retry = 5\n", ":1: missing opening brace for section 'retry'"},
	    {"retry \"x\" { }\n", ":1: missing opening brace for section 'retry'"},
	    {"transport { type = direct }\n", ":1: missing title for section 'transport'"},
	    {"spool { a = 1 }\n", ":1: missing equal sign after option 'spool'"},
	    {"hostname = { \"a.example\", \"b.example\" }\n", ":1: unexpected token '{', expected one value"},
	    {"transport \"a\" { type = direct }\n\ntransport \"a\" { type = direct }\n",
		":3: found duplicate title 'a', expected titles that differ"},
	    /* values */
	    {"smtp-port = 0\n", ":1: smtp-port = \"0\": expected a number from 1 to 65535"},
	    {"smtp-port = 65536\n", ":1: smtp-port = \"65536\": expected a number from 1 to 65535"},
	    {"smtp-port = 0x19\n", ":1: smtp-port = \"0x19\": expected a number from 1 to 65535"},
	    {"smtp-port = -25\n", ":1: smtp-port = \"-25\": expected a number from 1 to 65535"},
	    {"smtp-port = 99999999999999999999999\n",
		":1: smtp-port = \"99999999999999999999999\": expected a number from 1 to 65535"},
	    {"max-message-size = 5T\n",
		":1: max-message-size = \"5T\": expected a size such as 64k, 100M or 2G, from 1k to 1024G"},
	    {"max-message-size = 1\n",
		":1: max-message-size = \"1\": expected a size such as 64k, 100M or 2G, from 1k to 1024G"},
	    {"\nidle = 5x\n", ":2: idle = \"5x\": expected a duration such as 90s, 15m or 2h, from 0d to 1d"},
	    {"received = maybe\n", ":1: received = \"maybe\": expected true or false"},
	    {"log-level = loud\n", ":1: log-level = \"loud\": expected one of: " LOG_LEVELS},
	    {"log-level = \"debug info\"\n", ":1: log-level = \"debug info\": expected one of: " LOG_LEVELS},
	    {"hostname = \"a b\"\n",
		":1: hostname = \"a b\": expected a domain name in ASCII such as mail.example.org"},
	    {"hostname = a..b\n",
		":1: hostname = \"a..b\": expected a domain name in ASCII such as mail.example.org"},
	    {"hostname = \"b\xc3\xbc"
	     "cher.example\"\n",
		":1: hostname = \"b\xc3\xbc"
		"cher.example\": expected a domain name in ASCII such as mail.example.org"},
	    {"hostname = \"\"\n",
		":1: hostname = \"\": expected a domain name in ASCII such as mail.example.org"},
	    {"postmaster = root\n",
		":1: postmaster = \"root\": expected a mail address such as postmaster@example.org"},
	    {"spool = var/spool\n", ":1: spool = \"var/spool\": expected a path that begins with /"},
	    {"local-domains = {\n \"a.example\",\n \"b@example\"\n}\n",
		":1: local-domains = \"b@example\": expected a domain name in ASCII such as "
		"mail.example.org"},
	    {"dns { forward = { \"127.0.0.1@0\" } }\n",
		":1: forward = \"127.0.0.1@0\": expected an IP address, perhaps with @port"},
	    {"dns { known-good = \"a..b\" }\n", ":1: known-good = \"a..b\": expected a domain name in ASCII "
						"such as mail.example.org, or \"\""},
	    {"dns { forward = { localhost } }\n",
		":1: forward = \"localhost\": expected an IP address, perhaps with @port"},
	    {"retry {\n intervals = { }\n}\n", ":2: intervals = \"{}\": expected at least one duration"},
	    {"retry {\n intervals = { 1m, 0s }\n}\n",
		":2: intervals = \"0s\": expected a duration such as 90s, 15m or 2h, from 1s to 365d"},
	    {"timeouts {\n\n\n dot = 0\n}\n",
		":4: dot = \"0\": expected a duration such as 90s, 15m or 2h, from 1s to 1d"},
	    /* sections as a whole */
	    {"\ntransport \"a\" {\n host = mx.example\n}\n",
		":2: transport without type: expected one of: direct smtp submission submissions socks "
		"local discard fail"},
	    {"transport \"a\" { type = smtp }\n",
		":1: transport without host: expected the name or address of the server"},
	    {"transport \"a\" { type = smtp host = 127.0.0.300 }\n",
		":1: host = \"127.0.0.300\": expected a host name in ASCII or an IP address"},
	    {"transport \"a\" {\n type = direct\n ipv4 = no\n ipv6 = no\n}\n",
		":4: ipv6 = \"false\": expected at least one of ipv4 and ipv6 to be true"},
	    {"transport \"a\" { type = direct }\ntransport \"b\" {\n type = fail\n code = 250\n}\n",
		":4: code = \"250\": expected a number from 400 to 599"},
	    {"transport \"a\" {\n type = direct\n host = b.example\n}\n",
		":3: found host in the transport a, expected it with type smtp, submission or submissions"},
	    {"transport \"a\" { type = submission }\n",
		":1: transport without host: expected the name or address of the server"},
	    {"transport \"a\" { type = submission host = b.example srv = b.example }\n",
		":1: srv = \"b.example\": expected either host or srv"},
	    {"transport \"a\" { type = submissions srv = b.example\n port = 466 }\n",
		":1: srv = \"b.example\": expected no port: the SRV records name it"},
	    {"transport \"a\" { type = submission host = b.example\n starttls = may }\n",
		":2: starttls = \"may\": expected must, or type smtp: submission is never without TLS"},
	    {"transport \"a\" { type = submissions host = b.example\n starttls = must }\n",
		":2: found starttls in the transport a, expected it with a type that may do without TLS"},
	    {"transport \"a\" { type = smtp host = b.example starttls = never tls-verify = pkix }\n",
		":1: starttls = \"never\": expected may or must, for what is to be verified in TLS"},
	    {"transport \"a\" { type = smtp host = b.example tls-verify = yes }\n",
		":1: tls-verify = \"yes\": expected one of: auto pkix dane none"},
	    {"transport \"a\" { type = submissions host = b.example username = u\n password-file = /p\n"
	     " token-command = t\n}\n",
		":3: token-command = \"t\": expected one of password-file, password-command and "
		"token-command"},
	    {"transport \"a\" { type = submissions host = b.example password-file = /p }\n",
		":1: transport without username: expected the name to log in with"},
	    {"transport \"a\" { type = submissions host = b.example username = u }\n",
		":1: username = \"u\": expected password-file, password-command or token-command beside it"},
	    {"transport \"a\" {\n type = smtp host = b.example username = u\n password-file = /p\n}\n",
		":3: password-file = \"/p\": expected tls-verify = pkix or dane, or allow-plaintext-auth = "
		"true: "
		"a secret goes to nobody who is not proved"},
	    {"transport \"a\" { type = submissions host = b.example tls-verify = none username = u\n"
	     " password-command = p\n}\n",
		":2: password-command = \"p\": expected tls-verify = pkix or dane, or allow-plaintext-auth = "
		"true: a secret goes to nobody who is not proved"},
	    {"transport \"a\" { type = submissions host = b.example username = u password-file = /p\n"
	     " mechanisms = { \"PLAIN\", \"DIGEST-MD5\" }\n}\n",
		":2: mechanisms = \"DIGEST-MD5\": expected one of: SCRAM-SHA-256-PLUS SCRAM-SHA-256 "
		"SCRAM-SHA-1-PLUS SCRAM-SHA-1 CRAM-MD5 PLAIN LOGIN EXTERNAL OAUTHBEARER XOAUTH2"},
	    {"transport \"a\" { type = submissions host = b.example username = u password-file = /p\n"
	     " mechanisms = { \"XOAUTH2\" }\n}\n",
		":2: mechanisms = \"XOAUTH2\": expected a token-command for it"},
	    {"transport \"a\" { type = submissions host = b.example username = u token-command = p\n"
	     " mechanisms = { \"PLAIN\" }\n}\n",
		":2: mechanisms = \"PLAIN\": expected password-file or password-command for it"},
	    {"transport \"a\" { type = submissions host = b.example username = u password-file = /p\n"
	     " mechanisms = { \"EXTERNAL\" }\n}\n",
		":2: mechanisms = \"EXTERNAL\": expected a client-certificate for it"},
	    {"transport \"a\" { type = submissions host = b.example client-key = /k }\n",
		":1: client-key = \"/k\": expected a client-certificate beside it"},
	    {"transport \"a\" { type = socks }\n",
		":1: transport without address: expected address and port of the proxy: 192.0.2.1:1080"},
	    {"transport \"a\" { type = socks address = \"proxy.example:1080\" }\n",
		":1: address = \"proxy.example:1080\": expected an IP address with a port: 192.0.2.1:1080, "
		"[2001:db8::1]:1080"},
	    {"transport \"a\" { type = socks address = \"::1:1080\" }\n",
		":1: address = \"::1:1080\": expected an IP address with a port: 192.0.2.1:1080, "
		"[2001:db8::1]:1080"},
	    {"transport \"a\" { type = direct source-ipv4 = \"::1\" }\n",
		":1: source-ipv4 = \"::1\": expected an IPv4 address"},
	    {"transport \"a\" { type = direct source-ipv6 = 192.0.2.1 }\n",
		":1: source-ipv6 = \"192.0.2.1\": expected an IPv6 address"},
	    {"transport \"a\" { type = discard code = 550 }\n",
		":1: found code in the transport a, expected it with type fail"},
	    {"transport \"\" { type = direct }\n", ":1: title = \"\": expected a name for the transport"},
	    {"route { to = { \"*.example\" } transport = a }\n",
		":1: to = \"*.example\": expected a domain name in ASCII, or one behind a dot: .example.org"},
	    {"transport \"a\" { type = direct }\nroute {\n transport = b\n}\n",
		":3: transport = \"b\": expected the title of a transport section"},
	    {"rewrite \"root\" { }\n",
		":1: rewrite without to: expected a mail address such as ops@example.org, or @example.org"},
	    {"rewrite \"root\" { to = \"ops\" }\n",
		":1: to = \"ops\": expected a mail address such as ops@example.org, or @example.org"},
	    {"\nrewrite \"a@\" { to = \"@x.example\" }\n",
		":2: title = \"a@\": expected name, name@domain, @domain, @.domain or *"},
	    {"rewrite \"@.\" { to = \"@x.example\" }\n",
		":1: title = \"@.\": expected name, name@domain, @domain, @.domain or *"},
	    {"rewrite \"\" { to = \"@x.example\" }\n",
		":1: title = \"\": expected name, name@domain, @domain, @.domain or *"},
	    {"rewrite \"a\" { to = \"@x.example\" }\nrewrite \"a\" { to = \"@y.example\" }\n",
		":2: found duplicate title 'a', expected titles that differ"},
	    {"account \"a\" {\n rewrite \"b c\" { to = \"@y.example\" } }\n",
		":2: title = \"b c\": expected name, name@domain, @domain, @.domain or *"},
	    {"route { }\n", ":1: route without transport: expected some text"},
	    {"domain \"a.example\" {\n dkim \"s\" { key = /k\n  canonicalization = simple\n }\n}\n",
		":3: canonicalization = \"simple\": expected one of: relaxed/relaxed relaxed/simple "
		"simple/relaxed simple/simple"},
	    {"domain \"a.example\" { }\ndomain \"b.example\" {\n dkim \"s\" { }\n}\n",
		":3: dkim without key: expected a path that begins with /"},
	    {"domain \"a.example\" { dkim \"s\" { key = /a } }\n"
	     "domain \"b.example\" { dkim \"s\" { key = /b\n key = /c } }\n",
		":3: found key a second time, expected it once: it stands on line 2"},
	    {"domain \"a.example\" {\n dkim \"s t\" { key = /a }\n}\n",
		":2: title = \"s t\": expected a selector such as 2026a"},
	    {"domain \"a.example\" { }\ndomain \"A.example.\" { }\n",
		":2: title = \"a.example\": expected domains that differ"},
	    {"domain \"a b\" { }\n", ":1: title = \"a b\": expected a domain name in ASCII"},
	    {"route { transport = \"x\" }\ntransport \"x\" { type = direct }\n"
	     "account \"www\" { }\naccount \"root\" {\n route { transport = \"x\" }\n"
	     " route { transport = \"y\" }\n}\n",
		":6: transport = \"y\": expected the title of a transport section"},
	    {"account \"\" { }\n", ":1: title = \"\": expected a login name"},
	    {"domain \"a.example\" {\n dkim \"s\" {\n key = /k\n",
		":2: found a section dkim without its end, expected }"},
	    {"site \"mx*.example\" { }\n", ":1: title = \"mx*.example\": expected a host name, *.NAME or *"},
	    {"site \"a.example\" { recipients-per-transaction = 101 }\n",
		":1: recipients-per-transaction = \"101\": expected a number from 0 to 100"},
	};
	struct str why = {0}, want = {0};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct conf *c = try(t[i].text, strlen(t[i].text), &why);

		OK(!c, t[i].why);
		str_reset(&want);
		str_addf(&want, "%s%s", path, t[i].why);
		STR_EQ(str_cstr(&why), want.s, "the whole sentence");
		conf_free(c);
	}
	OK(!try("a\0b", 3, &why), "a NUL is refused");
	str_reset(&want);
	str_addf(&want, "%s:1: found the byte 0x00, expected text", path);
	STR_EQ(why.s, want.s, "and named");
	str_free(&why);
	str_free(&want);
}

static void
taken(void)
{
	static const char text[] =
	    "# a comment; with ${ANYTHING}\r\n"
	    "hostname = \"Mail.Example.ORG.\" # behind a value\n"
	    "postmaster = 'root@example.org'\n"
	    "local-domains = { a.example, # the first\n  \"B.example\", }\n"
	    "local-maildir = \"/m/\\${x}\\\\\\\"\"\n"
	    "received = no\n"
	    "smtp-port = 010\n"
	    "max-message-size = 2M\n"
	    "retry { intervals = { 1s, 1m30s } give-up = 90 jitter = off }\n"
	    "timeouts { dot = 3s }\n"
	    "dns { forward = { \"127.0.0.1@5353\", \"::1\" } root-hints = on known-bad = \"\" }\n"
	    "site \"*.Google.com\" { connections = 20 }\n"
	    "site \"*\" { messages-per-minute = 5 }\n"
	    "transport \"lab\" { type = smtp host = \"127.0.0.1\" port = 2525 starttls = never }\n"
	    "transport \"far\" { type = smtp host = mx.example loopback = false }\n"
	    "transport \"v4\" { type = direct ipv6 = false }\n"
	    "route { from = { \".example.org\" } minimum-attempts = 3 transport = \"lab\" }\n"
	    "/* and\n   that */ route { transport = v4 }\n";
	struct str why = {0};
	struct conf *c = try(text, sizeof text - 1, &why);

	STR_EQ(str_cstr(&why), "", "nothing to complain of");
	OK(c, "a whole file is taken");
	if (!c)
		return;
	STR_EQ(c->hostname, "mail.example.org", "names in lower case, no dot at the end");
	STR_EQ(c->postmaster, "root@example.org", "single quotes");
	INT_EQ(c->local_domains.n, 2, "a list over two lines, a comma at its end");
	STR_EQ(c->local_domains.v[1], "b.example", "its second value");
	STR_EQ(c->local_maildir, "/m/${x}\\\"", "escapes");
	OK(!c->received, "no is false");
	INT_EQ(c->smtp_port, 10, "numbers are decimal");
	INT_EQ(c->max_message_size, 2 << 20, "a size");
	INT_EQ(c->max_recipients, 10000, "a default");
	INT_EQ(c->log_level, LOG_INFO, "a word's default");
	INT_EQ(c->retry.n, 2, "intervals");
	INT_EQ(c->retry.interval[1], 90 * SECOND, "a duration of two parts");
	INT_EQ(c->retry.give_up, 90 * SECOND, "a bare number is seconds");
	OK(!c->retry.jitter && c->retry.delay_notice == 2 * HOUR, "the rest of retry");
	INT_EQ(c->timeouts.dot, 3 * SECOND, "one timeout");
	INT_EQ(c->timeouts.session, 2 * HOUR, "the others at their defaults");
	INT_EQ(c->dns.forward.n, 2, "two servers");
	OK(c->dns.root_hints && !c->dns.trust_anchor, "dns");
	STR_EQ(c->dns.known_good, "ietf.org", "a name's default");
	STR_EQ(c->dns.known_bad, "", "a name that may be empty");
	INT_EQ(c->nsite, 2, "two sites");
	STR_EQ(c->site[0].pattern, "*.google.com", "a site's pattern");
	INT_EQ(c->site[0].connections, 20, "its connections");
	INT_EQ(c->site[1].messages_per_minute, 5, "the default site");
	INT_EQ(c->ntransport, 3, "three transports");
	OK(c->transport[0].type == TRANSPORT_SMTP && c->transport[0].port == 2525 &&
		c->transport[0].starttls == STARTTLS_NEVER,
	    "a relay");
	OK(c->transport[0].loopback && !c->transport[1].loopback && !c->transport[2].loopback,
	    "loopback: allowed for smtp unless it says no, not for direct");
	OK(c->transport[2].type == TRANSPORT_DIRECT && c->transport[2].ipv4 && !c->transport[2].ipv6,
	    "IPv4 alone");
	INT_EQ(c->transport[2].port, 25, "a transport's port by default");
	INT_EQ(c->nroute, 2, "two routes");
	STR_EQ(c->route[0].from.v[0], ".example.org", "a pattern");
	INT_EQ(c->route[0].minimum_attempts, 3, "minimum-attempts");
	STR_EQ(c->route[1].transport, "v4", "the second route");
	OK(conf_transport(c, "lab") == &c->transport[0] && !conf_transport(c, "Lab"),
	    "a transport by its name");
	OK(conf_list_has(&c->local_domains, "B.EXAMPLE") && !conf_list_has(&c->local_domains, "c.example"),
	    "a list is searched without case");
	conf_free(c);
	str_free(&why);
}

static void
transports(void)
{
	static const char text[] =
	    "transport \"a\" { type = submission host = { \"S1.example.\", \"192.0.2.1\" } username = \"u\"\n"
	    " password-command = \"pass show mail\" mechanisms = { \"SCRAM-SHA-256\", \"PLAIN\" }\n"
	    " users = { \"alerts\" } }\n"
	    "transport \"b\" { type = submissions srv = example.net client-certificate = /c tls-verify = "
	    "dane }\n"
	    "transport \"c\" { type = smtp host = r.example username = u password-file = /p\n"
	    " allow-plaintext-auth = true loopback = no }\n"
	    "transport \"d\" { type = socks address = \"[::1]:1080\" hostname = out.example\n"
	    " remote-ips = { \"192.0.2.7\", \"2001:db8::7\" } username = u password-file = /p }\n"
	    "transport \"e\" { type = direct source-ipv4 = 192.0.2.8 source-ipv6 = \"2001:db8::8\" }\n"
	    "transport \"f\" { type = local }\ntransport \"g\" { type = discard users = { } }\n";
	struct str why = {0};
	struct conf *c = try(text, sizeof text - 1, &why);
	const struct conf_transport *t;
	char ip[64];
	uint16_t port;

	STR_EQ(str_cstr(&why), "", "every type of transport is taken");
	if (!c)
		return;
	t = c->transport;
	OK(t->host.n == 2 && t->port == 587 && t->starttls == STARTTLS_MUST && t->verify == VERIFY_PKIX &&
		t->loopback,
	    "submission: STARTTLS must, a certificate for its name");
	STR_EQ(t->host.v[0], "s1.example", "hosts in lower case");
	INT_EQ(t->mechanisms.n, 2, "mechanisms");
	OK(conf_is_relay(t) && conf_logs_in(t), "it logs in");
	OK(conf_transport_allows(t, "alerts") && !conf_transport_allows(t, "www"), "users");
	t++;
	OK(t->port == 465 && t->verify == VERIFY_DANE && !t->host.n && !conf_logs_in(t),
	    "submissions by SRV");
	STR_EQ(t->client_key, "/c", "the key is in the certificate's file");
	t++;
	OK(t->port == 25 && t->verify == VERIFY_AUTO && t->starttls == STARTTLS_MAY && !t->loopback,
	    "smtp that hands its password to anybody");
	t++;
	OK(!conf_is_relay(t) && conf_logs_in(t) && !t->loopback, "socks");
	OK(conf_socket_parse(t->proxy, ip, &port) && !strcmp(ip, "::1") && port == 1080, "its address");
	t++;
	STR_EQ(t->source_ipv6, "2001:db8::8", "a source address");
	OK(t[1].type == TRANSPORT_LOCAL && t[2].type == TRANSPORT_DISCARD &&
		conf_transport_allows(&t[2], "x"),
	    "local, discard");
	conf_free(c);
	str_free(&why);
}

static void
nested(void)
{
	static const char text[] =
	    "max-messages-per-day = 50\n"
	    "transport \"x\" { type = direct }\n"
	    "domain \"Example.ORG.\" {\n accounts = { \"alerts\", \"www-data\" }\n"
	    " dkim \"2026a\" { key = /k1 headers = { \"From\" } }\n"
	    " dkim \"2026b\" { key = /k2 canonicalization = relaxed/simple }\n}\n"
	    "domain \"b.example\" { dkim \"2026a\" { key = /k3 canonicalization = simple/relaxed }\n"
	    " route { to = { c.example } transport = x } }\n"
	    "account \"alerts\" { max-first-recipients-per-day = 0 route { transport = x }\n"
	    " rewrite \"*\" { to = \"@example.org\" } }\n"
	    "rewrite \"root\" { to = \"ops@example.org\" }\n"
	    "rewrite \"@.internal\" { to = \"@example.org\" }\n";
	struct str why = {0};
	struct conf *c = try(text, sizeof text - 1, &why);
	const struct conf_domain *d;
	const struct conf_account *a;

	STR_EQ(str_cstr(&why), "", "nested sections are taken");
	if (!c)
		return;
	d = conf_domain(c, "EXAMPLE.org");
	OK(d && !conf_domain(c, "example.com"), "a domain by its name");
	INT_EQ(d->accounts.n, 2, "its accounts");
	INT_EQ(d->ndkim, 2, "its keys");
	STR_EQ(d->dkim[1].selector, "2026b", "a selector");
	STR_EQ(d->dkim[0].headers.v[0], "From", "fields to sign");
	OK(!d->dkim[0].header_simple && !d->dkim[0].body_simple, "relaxed both by default");
	OK(!d->dkim[1].header_simple && d->dkim[1].body_simple, "relaxed/simple");
	d = conf_domain(c, "b.example");
	STR_EQ(d->dkim[0].key, "/k3", "the same selector in another domain");
	OK(d->dkim[0].header_simple && !d->dkim[0].body_simple, "simple/relaxed");
	INT_EQ(d->nroute, 1, "a route of a domain");
	a = conf_account(c, "alerts");
	OK(a && !conf_account(c, "Alerts"), "an account by its name");
	INT_EQ(a->max_messages, 50, "what it does not say holds for it as for all");
	INT_EQ(a->max_first_recipients, 0, "its own");
	STR_EQ(a->route[0].transport, "x", "a route of an account");
	INT_EQ(c->nrewrite, 2, "rewrite rules of all");
	STR_EQ(c->rewrite[0].to, "ops@example.org", "what one makes of it");
	STR_EQ(c->rewrite[1].pattern, "@.internal", "whom one means");
	INT_EQ(a->nrewrite, 1, "a rewrite rule of an account");
	STR_EQ(a->rewrite[0].to, "@example.org", "what it makes of it");
	conf_free(c);
	str_free(&why);
}

static void
files(void)
{
	struct str why = {0};
	struct conf *c;

	OK(!conf_try("/nonexistent/mox.conf", &why), "a file that was named must be there");
	STR_EQ(why.s, "unable to read /nonexistent/mox.conf: No such file or directory", "and the sentence");
	OK(!conf_try("/tmp", &why), "a directory is refused");
	STR_EQ(why.s, "unable to read /tmp: Is a directory", "and the sentence");
	c = try("", 0, &why);
	OK(c && !strcmp(c->spool, SPOOL_DEFAULT) && c->retry.n == 8 && c->retry.interval[0] == 450 * SECOND,
	    "an empty file: all defaults");
	conf_free(c);
	setenv("MOX_SPOOL", "/elsewhere", 1);
	c = try("spool = /here\n", 14, &why);
	OK(c && !strcmp(c->spool, "/elsewhere"), "MOX_SPOOL wins");
	conf_free(c);
	setenv("MOX_SPOOL", "elsewhere", 1);
	OK(!try("", 0, &why), "a relative MOX_SPOOL is refused");
	STR_EQ(why.s, "MOX_SPOOL = \"elsewhere\": expected a path that begins with /", "and the sentence");
	unsetenv("MOX_SPOOL");
	setenv("MOX_CONF", path, 1);
	conf_free(try("smtp-port = 2\n", 14, &why));
	c = conf_try(NULL, &why);
	OK(c && c->smtp_port == 2, "MOX_CONF names the file");
	conf_free(c);
	unsetenv("MOX_CONF");
	/* A reload: what a bad file left behind must not show in the next. */
	OK(!try("hostname = \"unfinished\n", 23, &why) && !try("x = 1\n", 6, &why), "two bad files in turn");
	c = try("smtp-port = 3\n", 14, &why);
	OK(c && c->smtp_port == 3 && !why.len, "and a good one is read as ever");
	conf_free(c);
	str_free(&why);
}

int
main(void)
{
	int fd = mkstemp(path);

	if (fd < 0)
		abort();
	close(fd);
	refused();
	taken();
	nested();
	transports();
	files();
	unlink(path);
	DONE();
}
