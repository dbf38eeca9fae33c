#include "base.h"

#include "base64.h"
#include "sasl.h"
#include "unit.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <gsasl.h>

#define B(name) SASL_BIT(SASL_##name)
#define ALL ((1u << SASL_MECHANISMS) - 1)

static const struct sasl_binding none, exporter = {"tls-exporter", {1, 2, 3}, 3};

static const char *
start(struct sasl *s, enum sasl_mechanism m, unsigned offered, const struct sasl_who *who,
    const struct sasl_binding *b, struct str *out)
{
	const struct sasl_peer peer = {offered, *b};
	bool first;
	const char *why = sasl_start(s, m, who, &peer, out, &first);

	OK(why || first == (m != SASL_LOGIN && m != SASL_CRAM_MD5), "who begins");
	return why;
}

/* ---- which ---- */

static void
choices(void)
{
	static const struct sasl_who
	    password = {.username = "u", .secret = "p"},
	    weak = {.username = "u", .secret = "p", .plain = true},
	    plain = {.username = "u", .secret = "p", .named = B(PLAIN)},
	    no_plus = {.username = "u", .secret = "p", .named = B(SCRAM_SHA256)},
	    login = {.username = "u", .secret = "p", .named = B(LOGIN)},
	    token = {.username = "u", .secret = "t", .token = true},
	    old = {.username = "u", .secret = "t", .token = true, .named = B(XOAUTH2)},
	    cert = {.certificate = true}, both = {.username = "u", .secret = "p", .certificate = true},
	    external = {.username = "u", .secret = "p", .certificate = true, .named = B(EXTERNAL)};
	static const struct {
		const struct sasl_who *who;
		const struct sasl_binding *b;
		unsigned offered;
		enum sasl_mechanism want;
		const char *what;
	} t[] = {
	    {&password, &exporter, ALL, SASL_SCRAM_SHA256_PLUS, "the strongest first"},
	    {&password, &none, ALL, SASL_SCRAM_SHA256, "T112 T113 without binding data no -PLUS"},
	    {&password, &exporter, B(SCRAM_SHA1_PLUS) | B(SCRAM_SHA1) | B(PLAIN), SASL_SCRAM_SHA1_PLUS,
		"SHA-1"},
	    {&password, &exporter, B(PLAIN) | B(CRAM_MD5), SASL_CRAM_MD5, "CRAM-MD5 beside PLAIN"},
	    {&password, &exporter, B(PLAIN), SASL_MECHANISMS, "PLAIN only when named"},
	    {&weak, &exporter, B(PLAIN) | B(LOGIN), SASL_PLAIN, "or where the configuration is mox's"},
	    {&weak, &exporter, B(PLAIN) | B(CRAM_MD5), SASL_CRAM_MD5, "as the last"},
	    {&weak, &exporter, B(LOGIN), SASL_MECHANISMS, "LOGIN not even there"},
	    {&password, &exporter, B(LOGIN), SASL_MECHANISMS, "LOGIN only when named"},
	    {&login, &exporter, ALL, SASL_LOGIN, "and named it is"},
	    {&plain, &exporter, ALL, SASL_PLAIN, "T119 pinned"},
	    {&plain, &exporter, ALL & ~B(PLAIN), SASL_MECHANISMS, "T119 pinned and not offered: no other"},
	    {&no_plus, &exporter, ALL, SASL_SCRAM_SHA256, "T119 pinned without -PLUS"},
	    {&password, &exporter, B(XOAUTH2) | B(OAUTHBEARER) | B(EXTERNAL), SASL_MECHANISMS,
		"a password is no token"},
	    {&token, &exporter, ALL, SASL_OAUTHBEARER, "a token"},
	    {&token, &exporter, B(XOAUTH2) | B(PLAIN), SASL_XOAUTH2, "the older way"},
	    {&old, &exporter, ALL, SASL_XOAUTH2, "the older way, pinned"},
	    {&token, &exporter, B(PLAIN) | B(LOGIN), SASL_MECHANISMS, "a token is no password"},
	    {&cert, &none, ALL, SASL_EXTERNAL, "a certificate"},
	    {&cert, &none, ALL & ~B(EXTERNAL), SASL_MECHANISMS, "a certificate is no password"},
	    {&both, &none, ALL, SASL_SCRAM_SHA256, "a password beside a certificate"},
	    {&both, &none, B(EXTERNAL), SASL_MECHANISMS, "EXTERNAL then only when named"},
	    {&external, &none, ALL, SASL_EXTERNAL, "as here"},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		INT_EQ(
		    sasl_choose(t[i].who, &(struct sasl_peer){t[i].offered, *t[i].b}), t[i].want, t[i].what);
	INT_EQ(sasl_bit("scram-sha-256-plus", 18), B(SCRAM_SHA256_PLUS), "names in any case");
	INT_EQ(sasl_bit("SCRAM-SHA-256-PLUSX", 19) | sasl_bit("DIGEST-MD5", 10) | sasl_bit("", 0), 0,
	    "whole names");
}

/* ---- SCRAM ---- */

/* One exchange of RFC 5802 5, RFC 7677 3. */
static void
vectors(void)
{
	static const struct {
		enum scram_hash hash;
		const char *nonce, *first, *challenge, *answer, *final;
	} t[] = {
	    {SCRAM_SHA1, "fyko+d2lbbFgONRv9qkxdawL", "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
		"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
		"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
		"v=rmF9pqV8S7suAoZWja4dJRkFsKQ="},
	    {SCRAM_SHA256, "rOprNGfwEbeRWgbNEkqO", "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
		"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
		"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+"
		"Ute9ytag9zjfMHgsqmmiz7AndVQ=",
		"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct scram s = {0};
		struct str out = {0};

		STR_EQ(
		    scram_start(&s, t[i].hash, SCRAM_CANNOT, &none, t[i].nonce), NULL, "a vector of the RFC");
		STR_EQ(scram_first(&s, "user", "pencil", &out), NULL, "its first message");
		STR_EQ(str_cstr(&out), t[i].first, "byte for byte");
		str_reset(&out);
		STR_EQ(scram_step(&s, t[i].challenge, strlen(t[i].challenge), &out), NULL, "its challenge");
		STR_EQ(str_cstr(&out), t[i].answer, "the proof");
		OK(!scram_is_proved(&s), "T115 the server has proved nothing yet");
		str_reset(&out);
		STR_EQ(scram_step(&s, t[i].final, strlen(t[i].final), &out), NULL, "its last message");
		OK(scram_is_proved(&s) && !out.len, "T115 now it has");
		OK(scram_step(&s, "v=", 2, &out) != NULL, "and nothing may follow");
		scram_free(&s);
		str_free(&out);
	}
}

#define NONCE "fyko+d2lbbFgONRv9qkxdawL"
#define FIRST "r=" NONCE "3rfcNHYJY1ZVvWVs7j,"

/* What a server may say instead, and half a sentence of ours. */
static void
refusals(void)
{
	static const struct {
		const char *challenge, *final, *want;
	} t[] = {
	    {"r=fyko+d2lbbFgONRv9qkxdawM3rfc,s=QSXCR+Q6sek8bf92,i=4096", NULL,
		"nonce does not begin with ours"},
	    {"r=" NONCE ",s=QSXCR+Q6sek8bf92,i=4096", NULL, "nonce does not begin with ours"},
	    {"r=" NONCE "\x01,s=QSXCR+Q6sek8bf92,i=4096", NULL, "nonce is not one"},
	    {FIRST "s=QSXCR+Q6sek8bf92,i=4095", NULL, "fewer than 4096"},
	    {FIRST "s=QSXCR+Q6sek8bf92,i=1", NULL, "fewer than 4096"},
	    {FIRST "s=QSXCR+Q6sek8bf92,i=10000001", NULL, "more than 10000000"},
	    {FIRST "s=QSXCR+Q6sek8bf92,i=99999999999999999999", NULL, "not SCRAM's"},
	    {FIRST "s=QSXCR+Q6sek8bf92,i=-1", NULL, "not SCRAM's"},
	    {FIRST "s=QSXCR+Q6sek8bf92,i=", NULL, "not SCRAM's"},
	    {FIRST "s=QSXCR+Q6sek8bf92", NULL, "not SCRAM's"},
	    {FIRST "s=,i=4096", NULL, "not SCRAM's"},
	    {FIRST "s=QSX,i=4096", NULL, "not SCRAM's"},
	    {"s=QSXCR+Q6sek8bf92," FIRST "i=4096", NULL, "not SCRAM's"},
	    {"m=x," FIRST "s=QSXCR+Q6sek8bf92,i=4096", NULL, "demands an extension"},
	    {"e=unknown-user", NULL, "the server says: unknown-user"},
	    {"", NULL, "not SCRAM's"},
	    {FIRST "s=QSXCR+Q6sek8bf92,i=4096",
		"v=rmF9pqV8S7suAoZWja4dJRkFsKR=", "does not know the password"},
	    {FIRST "s=QSXCR+Q6sek8bf92,i=4096", "v=rmF9pqV8S7suAoZWja4dJRkF", "does not know the password"},
	    {FIRST "s=QSXCR+Q6sek8bf92,i=4096", "v=", "does not know the password"},
	    {FIRST "s=QSXCR+Q6sek8bf92,i=4096", "", "does not know the password"},
	    {FIRST "s=QSXCR+Q6sek8bf92,i=4096", "e=channel-bindings-dont-match\x1b[",
		"the server says: channel-bindings-dont-match\\x1b["},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct scram s = {0};
		struct str out = {0};
		const char *why = scram_start(&s, SCRAM_SHA1, SCRAM_CANNOT, &none, NONCE);

		if (!why)
			why = scram_first(&s, "user", "pencil", &out);
		if (!why)
			why = scram_step(&s, t[i].challenge, strlen(t[i].challenge), &out);
		if (!why && t[i].final)
			why = scram_step(&s, t[i].final, strlen(t[i].final), &out);
		OK(why && strstr(why, t[i].want) && !scram_is_proved(&s), "T115");
		if (!why || !strstr(why, t[i].want))
			printf("# %s: got %s\n", t[i].want, why ? why : "nothing");
		scram_free(&s);
		str_free(&out);
	}
}

static void
first_messages(void)
{
	static const struct sasl_who who = {.username = "us,er=", .secret = "p"},
				     no_plus = {
					 .username = "us,er=", .secret = "p", .named = B(SCRAM_SHA256)};
	static const struct {
		enum sasl_mechanism m;
		unsigned offered;
		const struct sasl_who *who;
		const struct sasl_binding *b;
		const char *want, *what;
	} t[] = {
	    {SASL_SCRAM_SHA256_PLUS, ALL, &who, &exporter, "p=tls-exporter,,n=us=2Cer=3D,r=", "T114 T116 p"},
	    {SASL_SCRAM_SHA256, B(SCRAM_SHA256), &who, &exporter,
		"y,,n=us=2Cer=3D,r=", "T114 y: we could, none is offered"},
	    {SASL_SCRAM_SHA256, B(SCRAM_SHA256), &who, &none, "n,,n=us=2Cer=3D,r=", "T114 n: we cannot"},
	    {SASL_SCRAM_SHA256, ALL, &no_plus, &exporter,
		"n,,n=us=2Cer=3D,r=", "T114 n: the configuration does not want to"},
	    {SASL_SCRAM_SHA256, B(SCRAM_SHA256) | B(SCRAM_SHA1_PLUS), &who, &exporter,
		"n,,n=us=2Cer=3D,r=", "T114 n: -PLUS of another hash is offered"},
	};
	struct sasl s = {0};
	struct str out = {0};
	struct scram c = {0};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		STR_EQ(start(&s, t[i].m, t[i].offered, t[i].who, t[i].b, &out), NULL, t[i].what);
		str_cut(&out, out.len - 24);
		STR_EQ(str_cstr(&out), t[i].want, "and says so");
		str_reset(&out);
		sasl_free(&s);
	}
	OK(start(&s, SASL_SCRAM_SHA256_PLUS, ALL, &who, &none, &out) != NULL,
	    "T113 missing binding data is an error");
	sasl_free(&s);
	str_reset(&out);
	STR_EQ(scram_start(&c, SCRAM_SHA256, SCRAM_CANNOT, &none, "x"), NULL, "T116 SASLprep");
	STR_EQ(scram_first(&c, "I\xc2\xadX\xe2\x85\xa8", "p", &out), NULL, "of a name");
	STR_EQ(str_cstr(&out), "n,,n=IXIX,r=x", "a soft hyphen goes, a Roman nine is IX");
	scram_free(&c);
	OK(!scram_start(&c, SCRAM_SHA256, SCRAM_CANNOT, &none, "x") && scram_first(&c, "u", "a\x07", &out),
	    "T116 what it forbids");
	scram_free(&c);
	str_free(&out);
}

/* The binding's bytes are what c= says behind the header. */
static void
bound(void)
{
	struct scram s = {0};
	struct str out = {0};

	STR_EQ(scram_start(&s, SCRAM_SHA1, SCRAM_BINDS, &exporter, NONCE), NULL, "T112 channel binding");
	STR_EQ(scram_first(&s, "user", "pencil", &out), NULL, "its first message");
	str_reset(&out);
	STR_EQ(scram_step(
		   &s, FIRST "s=QSXCR+Q6sek8bf92,i=4096", strlen(FIRST "s=QSXCR+Q6sek8bf92,i=4096"), &out),
	    NULL, "its answer");
	/* base64 of "p=tls-exporter,,\1\2\3" */
	OK(strstr(str_cstr(&out), "c=cD10bHMtZXhwb3J0ZXIsLAECAw==,r="), "header and data");
	scram_free(&s);
	str_free(&out);
}

/* ---- libgsasl's server as a referee ---- */

static const char *wrong_password;

static int
answers(Gsasl *g, Gsasl_session *s, Gsasl_property p)
{
	(void)g;
	switch (p) {
	case GSASL_PASSWORD:
		gsasl_property_set(s, p, wrong_password ? wrong_password : "pen,cil=");
		return GSASL_OK;
	case GSASL_SCRAM_ITER: gsasl_property_set(s, p, "4096"); return GSASL_OK;
	case GSASL_CB_TLS_EXPORTER: gsasl_property_set(s, p, "AQID"); return GSASL_OK; /* 1 2 3 */
	default: return GSASL_NO_CALLBACK;
	}
}

/* Whether the server is satisfied, and we are with it. */
static bool
referee(Gsasl *g, enum sasl_mechanism m, const struct sasl_peer *peer)
{
	static const struct sasl_who who = {.username = "us,er=", .secret = "pen,cil="};
	struct sasl s = {0};
	struct str out = {0};
	Gsasl_session *server = NULL;
	char *said;
	size_t n;
	bool first, good = !sasl_start(&s, m, &who, peer, &out, &first) &&
	                   !gsasl_server_start(g, sasl_name(m), &server);
	int r = GSASL_NEEDS_MORE;

	while (good && r == GSASL_NEEDS_MORE) {
		r = gsasl_step(server, out.s, out.len, &said, &n);
		if (r != GSASL_OK && r != GSASL_NEEDS_MORE)
			break;
		str_reset(&out);
		if (n)
			good = !sasl_step(&s, said, n, &out);
		gsasl_free(said);
	}
	good = good && r == GSASL_OK && sasl_is_complete(&s);
	if (server)
		gsasl_finish(server);
	sasl_free(&s);
	str_free(&out);
	return good;
}

static void
referees(void)
{
	const struct sasl_peer bound = {ALL, exporter}, other = {ALL, {"tls-exporter", {1, 2, 4}, 3}},
			       bare = {B(SCRAM_SHA256), none};
	Gsasl *g;

	OK(!gsasl_init(&g), "libgsasl");
	gsasl_callback_set(g, answers);
	OK(referee(g, SASL_SCRAM_SHA256_PLUS, &bound),
	    "T112 its server takes SCRAM-SHA-256-PLUS by tls-exporter");
	OK(referee(g, SASL_SCRAM_SHA1_PLUS, &bound), "T112 and SCRAM-SHA-1-PLUS");
	OK(!referee(g, SASL_SCRAM_SHA256_PLUS, &other), "T112 bound to another session: not");
	OK(referee(g, SASL_SCRAM_SHA256, &bare), "SCRAM-SHA-256");
	wrong_password = "another";
	OK(!referee(g, SASL_SCRAM_SHA256, &bare), "by another password: not");
	gsasl_done(g);
}

/* ---- the others ---- */

static void
others(void)
{
	static const struct sasl_who p = {.username = "tim", .secret = "tanstaaftanstaaf"},
				     t = {.username = "u@x.test",
					 .secret = "tok",
					 .token = true,
					 .host = "smtp.x.test",
					 .port = 587},
				     c = {.certificate = true};
	static const char plain[] = "\0tim\0tanstaaftanstaaf",
			  ch[] = "<1896.697170952@postoffice.reston.mci.net>";
	struct sasl s = {0};
	struct str out = {0};

	STR_EQ(start(&s, SASL_PLAIN, ALL, &p, &none, &out), NULL, "PLAIN");
	OK(out.len == sizeof plain - 1 && !memcmp(out.s, plain, out.len), "RFC 4616");
	OK(sasl_is_complete(&s) && sasl_step(&s, "", 0, &out), "it has one message");
	sasl_free(&s);
	str_reset(&out);
	STR_EQ(start(&s, SASL_CRAM_MD5, ALL, &p, &none, &out), NULL, "CRAM-MD5");
	OK(!sasl_is_complete(&s), "the server begins");
	STR_EQ(sasl_step(&s, ch, strlen(ch), &out), NULL, "its challenge");
	STR_EQ(str_cstr(&out), "tim b913a602c7eda7a495b4e6e7334d3890", "RFC 2195's example");
	OK(sasl_is_complete(&s) && sasl_step(&s, ch, strlen(ch), &out), "once");
	sasl_free(&s);
	str_reset(&out);
	STR_EQ(start(&s, SASL_LOGIN, ALL, &p, &none, &out), NULL, "LOGIN");
	OK(!sasl_step(&s, "Username:", 9, &out) && !sasl_is_complete(&s), "a name");
	STR_EQ(str_cstr(&out), "tim", "is told");
	str_reset(&out);
	OK(!sasl_step(&s, "Password:", 9, &out) && sasl_is_complete(&s), "a password");
	STR_EQ(str_cstr(&out), "tanstaaftanstaaf", "is told");
	OK(sasl_step(&s, "?", 1, &out), "and nothing else");
	sasl_free(&s);
	str_reset(&out);
	STR_EQ(start(&s, SASL_XOAUTH2, ALL, &t, &none, &out), NULL, "XOAUTH2");
	STR_EQ(str_cstr(&out), "user=u@x.test\1auth=Bearer tok\1\1", "its message");
	str_reset(&out);
	OK(sasl_is_complete(&s) && !sasl_step(&s, "{}", 2, &out) && !out.len && !sasl_is_complete(&s),
	    "T120 an error is answered with an empty line");
	OK(sasl_step(&s, "{}", 2, &out), "T120 once");
	sasl_free(&s);
	str_reset(&out);
	STR_EQ(start(&s, SASL_OAUTHBEARER, ALL, &t, &none, &out), NULL, "OAUTHBEARER");
	STR_EQ(
	    str_cstr(&out), "n,a=u@x.test,\1host=smtp.x.test\1port=587\1auth=Bearer tok\1\1", "RFC 7628 4.1");
	str_reset(&out);
	OK(!sasl_step(&s, "{}", 2, &out), "T120 an error");
	STR_EQ(str_cstr(&out), "\1", "T120 is answered with one byte");
	sasl_free(&s);
	str_reset(&out);
	STR_EQ(start(&s, SASL_EXTERNAL, ALL, &c, &none, &out), NULL, "EXTERNAL");
	OK(!out.len && sasl_is_complete(&s), "as whom the certificate says");
	sasl_free(&s);
	str_free(&out);
}

static void
base64(void)
{
	static const struct {
		const char *in, *want; /* NULL: none */
	} t[] = {{"", ""}, {"Zg==", "f"}, {"Zm8=", "fo"}, {"Zm9v", "foo"}, {"Zm9vYg==", "foob"},
	    {"Zm9", NULL}, {"Zm9v\n", NULL}, {"Zg==Zg==", NULL}, {"Z===", NULL}, {"Zm 9v", NULL}, {"=", NULL},
	    {"====", NULL}, {"Zm9v-_==", NULL}};
	struct str out = {0}, back = {0};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		bool good = base64_read(&out, t[i].in, strlen(t[i].in));

		OK(good == !!t[i].want, t[i].in);
		if (good) {
			STR_EQ(str_cstr(&out), t[i].want, "read");
			base64_add(&back, out.s, out.len);
			STR_EQ(str_cstr(&back), t[i].in, "and written");
		}
		str_reset(&out);
		str_reset(&back);
	}
	str_free(&out);
	str_free(&back);
}

int
main(void)
{
	choices();
	vectors();
	refusals();
	first_messages();
	bound();
	referees();
	others();
	base64();
	DONE();
}
