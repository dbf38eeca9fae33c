/* mox-dkim: signs messages, makes keys and their records, checks signatures. */
#include "base.h"

#include "addr.h"
#include "addrlist.h"
#include "child.h"
#include "clock.h"
#include "die.h"
#include "dkim.h"
#include "dkim_message.h"
#include "fdio.h"
#include "file.h"
#include "header.h"
#include "rec.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/x509.h>
#include <unistd.h>

#define USAGE                                                                                                \
	"mox-dkim sign [-c header/body] [-d domain] selector:keyfile ... <message\n"                         \
	"       mox-dkim verify [-k record] <message\n"                                                      \
	"       mox-dkim genkey [-t rsa | ed25519] [-b bits] keyfile\n"                                      \
	"       mox-dkim txt [-d domain] [-s selector] keyfile"

#define SIGS_MAX DKIM_BODIES_MAX /* of one message; more are left out */
#define KEY_FILE_MAX 65536
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
	struct str pem = {0};
	const char *why;

	if (file_read(AT_FDCWD, file, &pem, KEY_FILE_MAX)) {
		if (errno == ENOENT || errno == EFBIG)
			die_perm("unable to read the key %s: %m", file);
		die_temp("unable to read the key %s: %m", file);
	}
	why = dkim_key_load(k, pem.s, pem.len);
	if (pem.s)
		explicit_bzero(pem.s, pem.len);
	str_free(&pem);
	if (why)
		die_perm("unable to use the key %s: %s", file, why);
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

/* The domain of the only address in From:, or the end. */
static char *
from_domain(const char *header, size_t n)
{
	const char *p = header, *at = NULL;
	struct header_field f;
	char *domain = NULL;

	while (header_next(&p, header + n, &f)) {
		struct addrlist l = {.p = f.value, .end = f.value + f.len};

		if (!header_is(&f, "From"))
			continue;
		while (!domain && addrlist_next(&l) == ADDRLIST_ITEM)
			if ((at = addr_domain(str_cstr(&l.addr))))
				domain = mem_dup(at);
		addrlist_free(&l);
	}
	if (!domain)
		die_perm("unable to sign: there is no address with a domain in From:");
	str_lower(domain);
	return domain;
}

static void
signing_header(struct dkim_message *r)
{
	struct signing *s = r->arg;

	if (!s->domain)
		s->domain = s->from = from_domain(r->header.s ? r->header.s : "", r->header.len);
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

	while ((c = getopt(argc, argv, "+c:d:")) >= 0) {
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

struct checking {
	struct dkim_sig sig[SIGS_MAX];
	const char *why[SIGS_MAX]; /* it cannot be read */
	size_t n, body[SIGS_MAX];  /* whose body */
};

static void
checking_header(struct dkim_message *r)
{
	struct checking *c = r->arg;
	const char *p = r->header.s, *end = p + r->header.len;
	struct header_field f;

	while (p && c->n < SIGS_MAX && header_next(&p, end, &f)) {
		struct dkim_sig *s = &c->sig[c->n];

		if (!header_is(&f, "DKIM-Signature"))
			continue;
		c->why[c->n] = dkim_sig_parse(s, f.start, (size_t)(f.end - f.start));
		c->body[c->n] = r->nbody;
		if (!c->why[c->n])
			dkim_message_hash(r, s->body, s->has_length ? s->length : UINT64_MAX);
		c->n++;
	}
}

/* The strings of a TXT record from the form that mox-nexthop prints, "..." "...", joined. */
static void
txt_join(struct str *out, const char *s)
{
	bool in = false;

	for (; *s; s++) {
		if (*s == '"') {
			in = !in;
		} else if (in && *s == '\\' && s[1] >= '0' && s[1] <= '9' && s[2] && s[3]) {
			str_addc(out, (char)((s[1] - '0') * 100 + (s[2] - '0') * 10 + (s[3] - '0')));
			s += 3;
		} else if (in) {
			s += *s == '\\' && s[1];
			str_addc(out, *s);
		}
	}
}

/* DNS's answer: 1 a record in out, 0 there is none, -1 no answer. */
static int
key_ask(struct str *out, const struct dkim_sig *s)
{
	char arg0[] = "mox-nexthop", q[] = "-q", type[] = "TXT";
	struct str name = {0}, text = {0};
	struct rec_in in;
	char *key, *value;
	int to[2], code;
	ssize_t n;
	pid_t pid;

	str_addf(&name, "%s._domainkey.%s", s->selector, s->domain);
	if (pipe2(to, O_CLOEXEC))
		die_temp("unable to make a pipe: %m");
	pid = child_spawn((char *[]){arg0, q, type, name.s, NULL}, &(struct child_fd){to[1], 1}, 1);
	if (pid < 0)
		die_temp("unable to start mox-nexthop: %m");
	close(to[1]);
	do {
		str_reserve(&text, 4096);
		n = fd_read(to[0], text.s + text.len, 4096);
		text.len += n > 0 ? (size_t)n : 0;
	} while (n > 0 && text.len < REC_MAX);
	close(to[0]);
	code = child_wait(pid);
	in = (struct rec_in){text.s, text.s + text.len};
	while (!code && rec_next(&in, &key, &value) == REC_LINE)
		if (!strcmp(key, "data") && (value = rec_text(value)) && !out->len)
			txt_join(out, value);
	str_free(&name);
	str_free(&text);
	return code == EXIT_TEMP ? -1 : code || !out->len ? 0 : code < 0 || code > EXIT_TEMP ? -1 : 1;
}

/* One row: RESULT, domain, selector, algorithm, why not. */
static void
result_print(const char *result, const struct dkim_sig *s, const char *why)
{
	struct str out = {0};

	str_addf(&out, "%s d=%s s=%s a=%s%s%s\n", result, s->domain ? s->domain : "-",
	    s->selector ? s->selector : "-", s->algo == DKIM_RSA ? "rsa-sha256" : "ed25519-sha256",
	    why ? " " : "", why ? why : "");
	print(&out);
	str_free(&out);
}

/* 0 passed, EXIT_PERM not, EXIT_TEMP not known. */
static int
signature_check(struct dkim_message *r, struct checking *c, size_t i, const char *given)
{
	static const char *const words[] = {
	    [DKIM_PASS] = "pass", [DKIM_FAIL] = "fail", [DKIM_PERMERROR] = "permerror"};
	unsigned char digest[DKIM_HASH_SIZE];
	struct dkim_sig *s = &c->sig[i];
	struct dkim_body *b = &r->body[c->body[i]];
	struct str record = {0};
	enum dkim_result got;
	const char *why = c->why[i];
	int asked;

	if (why) {
		result_print("permerror", s, why);
		return EXIT_PERM;
	}
	dkim_body_end(b, digest);
	if (s->has_length && s->length > b->total) {
		result_print("permerror", s, "l= is longer than the body");
		return EXIT_PERM;
	}
	if (given)
		str_adds(&record, given);
	asked = given ? 1 : key_ask(&record, s);
	if (asked <= 0) {
		result_print(asked ? "temperror" : "permerror", s,
		    asked ? "the key could not be looked up" : "there is no key in DNS");
		str_free(&record);
		return asked ? EXIT_TEMP : EXIT_PERM;
	}
	got = dkim_verify(s, &r->header, digest, str_cstr(&record), clock_now() / SECOND, &why);
	result_print(words[got], s, why);
	str_free(&record);
	return got == DKIM_PASS ? 0 : EXIT_PERM;
}

static int
run_verify(int argc, char **argv)
{
	static struct dkim_message r;
	static struct checking c;
	const char *record = NULL;
	bool passed = false, unknown = false;
	int o;

	while ((o = getopt(argc, argv, "+k:")) >= 0) {
		if (o != 'k')
			die_usage(USAGE);
		record = optarg;
	}
	if (optind != argc)
		die_usage(USAGE);
	r.header_done = checking_header;
	r.arg = &c;
	dkim_message_read(&r, 0);
	for (size_t i = 0; i < c.n; i++) {
		int code = signature_check(&r, &c, i, record);

		passed = passed || !code;
		unknown = unknown || code == EXIT_TEMP;
		dkim_sig_free(&c.sig[i]);
	}
	str_free(&r.header);
	if (!c.n && fd_write_all(1, "none\n", 5))
		die_temp("unable to write: %m");
	return passed ? 0 : unknown ? EXIT_TEMP : EXIT_PERM;
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

	while ((c = getopt(argc, argv, "+t:b:")) >= 0) {
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

	while ((c = getopt(argc, argv, "+d:s:")) >= 0) {
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
	int c;

	prog_start("mox-dkim");
	fd_sanitise();
	opterr = 0;
	while ((c = getopt(argc, argv, "+hV")) >= 0) {
		switch (c) {
		case 'h': print_usage(USAGE);
		case 'V': print_version();
		default: die_usage(USAGE);
		}
	}
	argc -= optind;
	argv += optind;
	optind = 1;
	for (size_t i = 0; argc && i < ARRAY_LEN(verbs); i++)
		if (!strcmp(argv[0], verbs[i].name))
			return verbs[i].run(argc, argv);
	die_usage(USAGE);
}
