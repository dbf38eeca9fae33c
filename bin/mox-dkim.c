/* mox-dkim: signs messages, makes keys and their records, checks signatures. */
#include "base.h"

#include "clock.h"
#include "conf.h"
#include "die.h"
#include "dkim.h"
#include "dkim_author.h"
#include "dkim_check.h"
#include "dkim_message.h"
#include "dkim_work.h"
#include "fdio.h"
#include "file.h"
#include "keyring.h"
#include "option.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/x509.h>
#include <unistd.h>

#define USAGE                                                                                                \
	"mox-dkim sign [-c header/body] [-d domain] selector:keyfile ... <message\n"                         \
	"       mox-dkim verify [-k record] <message\n"                                                      \
	"       mox-dkim genkey [-t rsa | ed25519] [-b bits] keyfile\n"                                      \
	"       mox-dkim txt [-d domain] [-s selector] keyfile\n"                                            \
	"       mox-dkim [-C file] -t\n"                                                                     \
	"       mox-dkim [-C file] -w"

#define KEY_BITS 2048

static void
print(const struct str *s)
{
	if (fd_write_all(1, str_cstr(s), s->len))
		die_temp("unable to write: %m");
}

/* ---- keys ---- */

static void
key_read(struct dkim_key *k, const char *file)
{
	struct str why = {0};
	bool passes;

	if (!keyring_read(k, file, &why, &passes))
		return;
	if (passes)
		die_temp("%s", why.s);
	die_perm("%s", why.s);
}

static void
name_check(const char *what, const char *s)
{
	if (!*s || strlen(s) > 253 || *s == '.' || strstr(s, "..") ||
	    strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") != strlen(s))
		die_perm("unable to use \"%s\" as a %s: it is no domain name in ASCII", s, what);
}

/* ---- sign ---- */

struct signing {
	enum dkim_canon header, body;
	const char *domain;
	char *from;
};

static void
signing_header(struct dkim_message *r)
{
	struct signing *s = r->arg;
	const char *why;

	if (!s->domain && !(s->from = dkim_author(str_cstr(&r->header), r->header.len, &why)))
		die_perm("unable to sign: %s", why);
	if (!s->domain)
		s->domain = s->from;
	name_check("signing domain", s->domain);
	dkim_message_hash(r, s->body, UINT64_MAX);
}

static void
canon_read(struct signing *s, const char *arg)
{
	static const struct {
		const char *word;
		enum dkim_canon header, body;
	} t[] = {
	    {"simple/simple", DKIM_SIMPLE, DKIM_SIMPLE},
	    {"simple/relaxed", DKIM_SIMPLE, DKIM_RELAXED},
	    {"relaxed/simple", DKIM_RELAXED, DKIM_SIMPLE},
	    {"relaxed/relaxed", DKIM_RELAXED, DKIM_RELAXED},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		if (!strcmp(arg, t[i].word)) {
			s->header = t[i].header;
			s->body = t[i].body;
			return;
		}
	die_perm("unable to use \"%s\" as canonicalisation: expected simple or relaxed, a slash, simple or "
		 "relaxed",
	    arg);
}

static int
run_sign(int argc, char **argv)
{
	struct signing s = {.header = DKIM_RELAXED, .body = DKIM_RELAXED};
	static struct dkim_message r;
	unsigned char digest[DKIM_HASH_SIZE];
	struct str out = {0};
	struct dkim_key *key;
	int c;

	while ((c = option_next(argc, argv, "+c:d:", NULL)) >= 0) {
		switch (c) {
		case 'c': canon_read(&s, optarg); break;
		case 'd': s.domain = optarg; break;
		default: die_usage(USAGE);
		}
	}
	if (optind == argc)
		die_usage(USAGE);
	key = mem_zalloc((size_t)(argc - optind) * sizeof *key);
	for (int i = optind; i < argc; i++) {
		char *colon = strchr(argv[i], ':');

		if (!colon)
			die_perm("unable to use \"%s\": expected SELECTOR:KEYFILE", argv[i]);
		*colon = 0;
		name_check("selector", argv[i]);
		key_read(&key[i - optind], colon + 1);
	}
	r.header_done = signing_header;
	r.arg = &s;
	dkim_message_read(&r, 0);
	dkim_body_end(&r.body[0], digest);
	for (int i = optind; i < argc; i++) {
		struct dkim_signer signer = {.key = &key[i - optind],
		    .domain = s.domain,
		    .selector = argv[i],
		    .header = s.header,
		    .body = s.body,
		    .time = clock_now() / SECOND};
		const char *why =
		    dkim_sign(&out, &signer, r.header.s ? r.header.s : "", r.header.len, digest);

		if (why)
			die_perm("unable to sign: %s", why);
		dkim_key_free(&key[i - optind]);
	}
	print(&out);
	str_free(&out);
	str_free(&r.header);
	free(s.from);
	free(key);
	return 0;
}

/* ---- verify ---- */

static int
run_verify(int argc, char **argv)
{
	const char *record = NULL;
	int o;

	while ((o = option_next(argc, argv, "+k:", NULL)) >= 0) {
		if (o != 'k')
			die_usage(USAGE);
		record = optarg;
	}
	if (optind != argc)
		die_usage(USAGE);
	return dkim_check(record);
}

/* ---- genkey, txt ---- */

static void
record_print(const struct dkim_key *k, const char *selector, const char *domain)
{
	struct str record = {0}, out = {0};
	const char *why = dkim_key_record(&record, k);

	if (why)
		die_temp("unable to write the record: %s", why);
	if (selector)
		str_addf(&out, "%s._domainkey%s%s%s IN TXT ", selector, domain ? "." : "",
		    domain ? domain : "", domain ? "." : "");
	str_adds(&out, "(");
	for (size_t at = 0; at < record.len; at += 255)
		str_addf(&out, " \"%.255s\"", record.s + at);
	str_adds(&out, " )\n");
	print(&out);
	str_free(&out);
	str_free(&record);
}

/* The file appears whole or not at all, and never over another. */
static void
key_write(const char *file, const gnutls_datum_t *pem)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0400), err = errno;

	if (fd >= 0) {
		if (!fd_write_all(fd, pem->data, pem->size) && !file_sync(fd) && !close(fd))
			return;
		err = errno;
		unlink(file);
	}
	errno = err;
	if (err == EEXIST)
		die_perm("unable to write the key %s: %m", file);
	die_temp("unable to write the key %s: %m", file);
}

static int
run_genkey(int argc, char **argv)
{
	gnutls_x509_privkey_t x;
	bool ed25519 = false;
	uint64_t bits = KEY_BITS;
	gnutls_datum_t pem;
	struct dkim_key k;
	const char *why;
	int c;

	while ((c = option_next(argc, argv, "+t:b:", NULL)) >= 0) {
		if (c == 't' && (!strcmp(optarg, "rsa") || !strcmp(optarg, "ed25519")))
			ed25519 = *optarg == 'e';
		else if (c != 'b' || !str_number(optarg, 8192, &bits) || bits < KEY_BITS)
			die_usage(USAGE);
	}
	if (optind + 1 != argc)
		die_usage(USAGE);
	if (gnutls_x509_privkey_init(&x) ||
	    gnutls_x509_privkey_generate(
		x, ed25519 ? GNUTLS_PK_EDDSA_ED25519 : GNUTLS_PK_RSA, ed25519 ? 256 : (unsigned)bits, 0) ||
	    gnutls_x509_privkey_export2_pkcs8(x, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, &pem))
		die_temp("unable to make a key: GnuTLS refuses");
	key_write(argv[optind], &pem);
	why = dkim_key_load(&k, (const char *)pem.data, pem.size);
	if (why)
		bug("a key of our own: %s", why);
	record_print(&k, NULL, NULL);
	dkim_key_free(&k);
	explicit_bzero(pem.data, pem.size);
	gnutls_free(pem.data);
	gnutls_x509_privkey_deinit(x);
	return 0;
}

static int
run_txt(int argc, char **argv)
{
	const char *domain = NULL, *selector = NULL;
	struct dkim_key k;
	int c;

	while ((c = option_next(argc, argv, "+d:s:", NULL)) >= 0) {
		switch (c) {
		case 'd': domain = optarg; break;
		case 's': selector = optarg; break;
		default: die_usage(USAGE);
		}
	}
	if (optind + 1 != argc || (domain && !selector))
		die_usage(USAGE);
	if (domain)
		name_check("domain", domain);
	if (selector)
		name_check("selector", selector);
	key_read(&k, argv[optind]);
	record_print(&k, selector, domain);
	dkim_key_free(&k);
	return 0;
}

int
main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(int argc, char **argv);
	} verbs[] = {{"sign", run_sign}, {"verify", run_verify}, {"genkey", run_genkey}, {"txt", run_txt}};
	const char *file = NULL;
	int (*serve)(const struct conf *) = NULL;
	int c;

	prog_start("mox-dkim");
	fd_sanitise();
	while ((c = option_next(argc, argv, "+C:htVw", NULL)) >= 0) {
		switch (c) {
		case 'C': file = optarg; break;
		case 't': serve = dkim_test; break;
		case 'w': serve = dkim_work; break;
		case 'h': print_usage(USAGE);
		case 'V': print_version();
		default: die_usage(USAGE);
		}
	}
	argc -= optind;
	argv += optind;
	optind = 1;
	if (serve && !argc)
		return serve(conf_load(file));
	for (size_t i = 0; argc && !serve && i < ARRAY_LEN(verbs); i++)
		if (!strcmp(argv[0], verbs[i].name))
			return verbs[i].run(argc, argv);
	die_usage(USAGE);
}
