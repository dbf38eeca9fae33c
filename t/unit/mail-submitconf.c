#include "base.h"

#include "submitconf.h"
#include "unit.h"

#define LEAST                                                                                                \
	"LocalHostname: me.example\nHost: mail.example\nPort: 465\nTLS: true\nSTARTTLS: false\nUsername: "   \
	"u\nFrom: a@b.example\n"

static const char *
fault(const char *text)
{
	static char said[300];
	struct submitconf c;
	struct str why = {0};
	char *copy = mem_dup(text);

	snprintf(said, sizeof said, "%s", submitconf_parse(&c, "f", copy, &why) ? "good" : why.s);
	submitconf_free(&c);
	str_free(&why);
	free(copy);
	return said;
}

static void
faults(void)
{
	static const struct {
		const char *text, *said;
	} t[] = {
	    {LEAST, "good"},
	    {LEAST "\n# comment: x\n\t# indented comment\nPassword: p\nAuthMethod:\nDefaultDestination: "
		   "x@y.example\nRequireTLS: yes\n",
		"good"},
	    {LEAST "Password:\n", "good"},
	    {LEAST "Nonsense: 1\n", "f:8: expected one of the keys that mox-submit --describe lists"},
	    {LEAST "Host: x\n", "f:8: found this key a second time"},
	    {LEAST " Password: x\n", "f:8: a key must not be indented here"},
	    {LEAST "Password:x\n", "f:8: expected a space behind the colon"},
	    {LEAST "Password\n", "f:8: expected Key: value"},
	    {LEAST ": x\n", "f:8: expected Key: value"},
	    {LEAST "TLSInsecureSkipVerify: yes\n", "f:8: expected true or false"},
	    {LEAST "TLSInsecureSkipVerify: true\nRequireTLS: yes\n",
		"f: expected verified TLS to the server, which RequireTLS: yes needs"},
	    {LEAST "RequireTLS: maybe\n", "f: expected yes or no for RequireTLS"},
	    {LEAST "DefaultDestination: root\n", "f: expected a mail address for DefaultDestination"},
	    {LEAST "ClientAuthEd25519PrivateKey: x\nClientAuthCertPrivateKeyPEMFile: /x\n",
		"f: expected only one of ClientAuthEd25519PrivateKey and ClientAuthCertPrivateKeyPEMFile"},
	    {"Host: x\nPort: 70000\n", "f:2: expected a number from 1 to 65535"},
	    {"Host: x\nTLS:\n", "f:2: expected true or false"},
	    {"LocalHostname: me_.example\nHost: 2001:db8::1\nPort: 25\nTLS: false\nSTARTTLS: "
	     "false\nUsername:\nFrom: a@b\n",
		"good"},
	    {"LocalHostname: a b\nHost: 192.0.2.1\nPort: 25\nTLS: false\nSTARTTLS: false\nUsername:\nFrom: "
	     "a@b\n",
		"f: expected a domain name for LocalHostname"},
	    {"LocalHostname: me\nHost: a b\nPort: 25\nTLS: false\nSTARTTLS: false\nUsername:\nFrom: a@b\n",
		"f: expected a name or an address for Host"},
	    {"", "f: expected the key LocalHostname, which is missing"},
	    {"LocalHostname: x\nHost: x\nPort: 25\nTLS: true\nSTARTTLS: true\nUsername:\nFrom: a@b\n",
		"f: expected only one of TLS and STARTTLS to be true"},
	    {"LocalHostname: x\nHost: x\nPort: 25\nTLS: true\nSTARTTLS: false\nUsername:\nFrom: root\n",
		"f: expected a mail address for From"},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		STR_EQ(fault(t[i].text), t[i].said, t[i].said);
}

/* A file as mox's own `mox config describe-sendmail` has its keys, in its order, with names as a person writes them. */
static void
names(void)
{
	static char text[] =
	    "# Hosts have names.\nLocalHostname: b\303\274cher.example\n\nHost: M\303\234LLER.example\nPort: "
	    "587\n"
	    "TLS: false\nSTARTTLS: true\nUsername: u\nPassword: p\nAuthMethod: SCRAM-SHA-256-PLUS\n"
	    "From: a@b.example\n\n# (optional)\nDefaultDestination: c@d.example\nRequireTLS: no\n";
	struct submitconf c;
	struct str why = {0};

	OK(submitconf_parse(&c, "f", text, &why), "the keys of mox");
	STR_EQ(c.hostname, "xn--bcher-kva.example", "LocalHostname for the wire");
	STR_EQ(c.host, "xn--mller-kva.example", "Host for the wire");
	submitconf_free(&c);
	str_free(&why);
}

/* All that `mox config describe-sendmail` lists (mox of 2024-12 on), in its order and layout, filled in. */
static void
whole(void)
{
	static char text[] =
	    "# Of the machine.\nLocalHostname: h.example\n\n# Of the server.\nHost: s.example\n\n"
	    "Port: 465\n\nTLS: true\n\nSTARTTLS: false\n\n# Unsafe. (optional)\n"
	    "TLSInsecureSkipVerify: false\n\nUsername: u@b.example\n\n# (optional)\nPassword: \n\n# "
	    "(optional)\n"
	    "ClientAuthEd25519PrivateKey: AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA\n\n# (optional)\n"
	    "ClientAuthCertPrivateKeyPEMFile: \n\nAuthMethod: EXTERNAL\n\nFrom: a@b.example\n\n# (optional)\n"
	    "DefaultDestination: root@b.example\n\n# (optional)\nRequireTLS: yes\n";
	struct submitconf c;
	struct str why = {0};

	OK(submitconf_parse(&c, "f", text, &why), "every key of mox's");
	STR_EQ(c.client_key, "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA", "a seed of 32 bytes");
	STR_EQ(c.client_file, "", "no file");
	STR_EQ(c.password, "", "no password");
	STR_EQ(c.mechanism, "EXTERNAL", "the mechanism");
	STR_EQ(c.requiretls, "yes", "RequireTLS");
	OK(c.tls && !c.insecure, "verified TLS");
	submitconf_free(&c);
	str_free(&why);
}

int
main(void)
{
	static char text[] = LEAST "Password:  p: # 1 \r\nTLSInsecureSkipVerify: true\n";
	struct submitconf c;
	struct str why = {0}, described = {0};
	char *p;

	faults();
	whole();
	OK(submitconf_parse(&c, "f", text, &why), "a whole file");
	STR_EQ(c.password, " p: # 1 ", "a value is all of the line but one space, and CR");
	STR_EQ(c.from, "a@b.example", "text");
	STR_EQ(c.mechanism, "", "what is not said is empty");
	INT_EQ((long long)c.port, 465, "number");
	OK(c.tls && !c.starttls && c.insecure, "booleans");
	submitconf_free(&c);
	names();
	submitconf_describe(&described);
	p = described.s;
	OK(!submitconf_parse(&c, "f", p, &why), "the description wants to be filled in");
	STR_EQ(why.s, "f: expected Host and Port of a server", "... and has every key");
	str_free(&why);
	str_free(&described);
	DONE();
}
