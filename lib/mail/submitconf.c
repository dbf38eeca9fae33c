#include "base.h"

#include "addr.h"
#include "domain.h"
#include "submitconf.h"

#include <stddef.h>

enum kind { TEXT, NUMBER, BOOLEAN };

static const struct key {
	const char *name;
	enum kind kind;
	bool required;
	size_t at;
	const char *comment;
} keys[] = {
    {"LocalHostname", TEXT, true, offsetof(struct submitconf, hostname),
	"What this machine calls itself in EHLO: a full domain name."},
    {"Host", TEXT, true, offsetof(struct submitconf, host),
	"The submission server, by name; TLS is checked against it."},
    {"Port", NUMBER, true, offsetof(struct submitconf, port),
	"465 goes with TLS, 587 (or 25) with STARTTLS."},
    {"TLS", BOOLEAN, true, offsetof(struct submitconf, tls), "TLS from the first byte."},
    {"TLSInsecureSkipVerify", BOOLEAN, false, offsetof(struct submitconf, insecure),
	"Take any certificate. Whoever stands in between then gets the mail, and a password sent as it is."},
    {"STARTTLS", BOOLEAN, true, offsetof(struct submitconf, starttls),
	"Begin in the clear, then TLS or nothing."},
    {"Username", TEXT, true, offsetof(struct submitconf, username), "Who logs in. Empty: nobody does."},
    {"Password", TEXT, false, offsetof(struct submitconf, password), "His password."},
    {"ClientAuthEd25519PrivateKey", TEXT, false, offsetof(struct submitconf, client_key),
	"Instead of a password: an Ed25519 private key in base64 (URL alphabet, without padding). A "
	"certificate is made of it, "
	"and the server knows the public key."},
    {"ClientAuthCertPrivateKeyPEMFile", TEXT, false, offsetof(struct submitconf, client_file),
	"The same with a PEM file of private key (PKCS#8) and certificate; its whole path."},
    {"AuthMethod", TEXT, false, offsetof(struct submitconf, mechanism),
	"This mechanism and no other: SCRAM-SHA-256-PLUS, SCRAM-SHA-256, SCRAM-SHA-1-PLUS, SCRAM-SHA-1, "
	"CRAM-MD5, PLAIN, or EXTERNAL "
	"with a certificate. Empty: the strongest that the server offers. Naming the one it has keeps others "
	"from talking us down."},
    {"From", TEXT, true, offsetof(struct submitconf, from),
	"The address that all mail is from, in MAIL FROM and in the From field."},
    {"DefaultDestination", TEXT, false, offsetof(struct submitconf, destination),
	"Where mail to names without a domain goes, as root's does."},
    {"RequireTLS", TEXT, false, offsetof(struct submitconf, requiretls),
	"yes: every server on the way must use verified TLS (RFC 8689), or the mail comes back. no: the mail "
	"may go in the clear, "
	"whatever the policies of the recipient's domain say."},
};

static const struct key *
key_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (!strcmp(keys[i].name, name))
			return &keys[i];
	return NULL;
}

static void *
member(struct submitconf *c, const struct key *k)
{
	return (char *)c + k->at;
}

/* NULL, or half a sentence. */
static const char *
value_set(struct submitconf *c, const struct key *k, const char *value)
{
	char **text = member(c, k);

	switch (k->kind) {
	case TEXT:
		free(*text);
		*text = mem_dup(value);
		return NULL;
	case NUMBER:
		return str_number(value, 65535, member(c, k)) ? NULL : "expected a number from 1 to 65535";
	case BOOLEAN:
		*(bool *)member(c, k) = !strcmp(value, "true");
		return !strcmp(value, "true") || !strcmp(value, "false") ? NULL : "expected true or false";
	}
	return NULL;
}

/* The value of a line, which is cut at its key; NULL and half a sentence in *wrong. */
static char *
line_split(char *line, const char **wrong)
{
	char *colon = strchr(line, ':');

	*wrong = NULL;
	if (*line == ' ' || *line == '\t')
		*wrong = "a key must not be indented here";
	else if (!colon || colon == line)
		*wrong = "expected Key: value";
	else if (colon[1] && colon[1] != ' ')
		*wrong = "expected a space behind the colon";
	if (*wrong || !colon)
		return NULL;
	*colon++ = 0;
	return colon + (*colon == ' ');
}

static const char *
line_take(struct submitconf *c, char *line, unsigned *seen)
{
	const struct key *k;
	const char *wrong;
	char *value = line_split(line, &wrong);

	if (!value)
		return wrong;
	if (!(k = key_find(line)))
		return "expected one of the keys that mox-submit --describe lists";
	if (*seen & 1u << (k - keys))
		return "found this key a second time";
	*seen |= 1u << (k - keys);
	return value_set(c, k, value);
}

/* mox takes names in any script, the wire does not. false: it is no domain name. */
static bool
name_use(char **name)
{
	const char *why;
	char *ascii = domain_ascii(*name, &why);

	if (!ascii)
		return false;
	free(*name);
	*name = ascii;
	return true;
}

/* What no line tells alone; "" when all is well. */
static void
check(struct submitconf *c, unsigned seen, const char *name, struct str *why)
{
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (keys[i].required && !(seen & 1u << i)) {
			str_addf(why, "%s: expected the key %s, which is missing", name, keys[i].name);
			return;
		}
	if (!*c->host || !c->port)
		str_addf(why, "%s: expected Host and Port of a server", name);
	else if (!strchr(c->host, ':') && !name_use(&c->host)) /* a colon: an IPv6 address */
		str_addf(why, "%s: expected a name or an address for Host", name);
	else if (!name_use(&c->hostname))
		str_addf(why, "%s: expected a domain name for LocalHostname", name);
	else if (addr_check(c->from, strlen(c->from), true) || !addr_domain(c->from))
		str_addf(why, "%s: expected a mail address for From", name);
	else if (*c->destination &&
		 (addr_check(c->destination, strlen(c->destination), true) || !addr_domain(c->destination)))
		str_addf(why, "%s: expected a mail address for DefaultDestination", name);
	else if (*c->requiretls && strcmp(c->requiretls, "yes") && strcmp(c->requiretls, "no"))
		str_addf(why, "%s: expected yes or no for RequireTLS", name);
	else if (c->tls && c->starttls)
		str_addf(why, "%s: expected only one of TLS and STARTTLS to be true", name);
	else if (!strcmp(c->requiretls, "yes") && ((!c->tls && !c->starttls) || c->insecure))
		str_addf(why, "%s: expected verified TLS to the server, which RequireTLS: yes needs", name);
	else if (*c->client_key && *c->client_file)
		str_addf(why,
		    "%s: expected only one of ClientAuthEd25519PrivateKey and "
		    "ClientAuthCertPrivateKeyPEMFile",
		    name);
}

bool
submitconf_parse(struct submitconf *c, const char *name, char *text, struct str *why)
{
	unsigned seen = 0;
	int n = 0;

	*c = (struct submitconf){0};
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (keys[i].kind == TEXT)
			*(char **)member(c, &keys[i]) = mem_dup("");
	for (char *line = text, *next; line && !why->len; line = next) {
		const char *wrong;

		n++;
		if ((next = strchr(line, '\n')))
			*next++ = 0;
		if (*line && line[strlen(line) - 1] == '\r')
			line[strlen(line) - 1] = 0;
		if (!*line || line[strspn(line, " \t")] == '#')
			continue;
		if ((wrong = line_take(c, line, &seen)))
			str_addf(why, "%s:%d: %s", name, n, wrong);
	}
	if (!why->len)
		check(c, seen, name, why);
	if (why->len)
		submitconf_free(c);
	return !why->len;
}

void
submitconf_free(struct submitconf *c)
{
	if (c->password)
		explicit_bzero(c->password, strlen(c->password));
	if (c->client_key)
		explicit_bzero(c->client_key, strlen(c->client_key));
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (keys[i].kind == TEXT)
			free(*(char **)member(c, &keys[i]));
	*c = (struct submitconf){0};
}

/* Words in lines of at most 100 columns, each behind "# ". */
static void
comment_write(struct str *out, const char *words)
{
	size_t column = 0;

	while (*words) {
		size_t n = strcspn(words, " ");

		if (column && column + 1 + n > 100) {
			str_addc(out, '\n');
			column = 0;
		}
		str_adds(out, column ? " " : "# ");
		str_add(out, words, n);
		column += n + (column ? 1 : 2);
		words += n + (words[n] == ' ');
	}
	str_addc(out, '\n');
}

void
submitconf_describe(struct str *out)
{
	static const char *const empty[] = {"", " 0", " false"};

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		struct str words = {0};

		str_addf(&words, "%s%s", keys[i].comment, keys[i].required ? "" : " (optional)");
		if (i)
			str_addc(out, '\n');
		comment_write(out, words.s);
		str_addf(out, "%s%s:%s\n", "", keys[i].name, empty[keys[i].kind]);
		str_free(&words);
	}
}
