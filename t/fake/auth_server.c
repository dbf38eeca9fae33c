#include "base.h"

#include "auth_server.h"
#include "clock.h"

#include <gnutls/crypto.h>

#include <setjmp.h>

static jmp_buf called_off; /* the client said `*` */

struct auth {
	struct conn *c;
	char mechanism[40], user[200], secret[2000], flag[60];
	unsigned iterations, hush;
};

/* Whatever a login needs lives as long as the connection's process: a client may end it anywhere. */
static void
hold(void *p)
{
	static void *held[1000];
	static size_t n;

	if (n < ARRAY_LEN(held))
		held[n++] = p;
}

static bool
has(const struct auth *a, const char *flag)
{
	return !strcmp(a->flag, flag);
}

static char *
encoded(const void *p, size_t n)
{
	gnutls_datum_t in = {(unsigned char *)(uintptr_t)p, (unsigned)n}, out;
	char *s;

	if (gnutls_base64_encode2(&in, &out))
		die_temp("unable to encode base64");
	s = mem_dupn(out.data, out.size);
	gnutls_free(out.data);
	hold(s);
	return s;
}

static struct str
decoded(struct auth *a, const char *s)
{
	gnutls_datum_t in = {(unsigned char *)(uintptr_t)s, (unsigned)strlen(s ? s : "")}, out;
	struct str got = {0};

	if (!s || !*s || !strcmp(s, "="))
		return got;
	if (gnutls_base64_decode2(&in, &out))
		conn_fail(a->c, "the client's answer is no base64", s);
	str_add(&got, out.data, out.size);
	hold(got.s);
	gnutls_free(out.data);
	return got;
}

/* It is this one that is not said. */
static void
perhaps_hush(struct auth *a)
{
	if (!a->hush || --a->hush)
		return;
	while (conn_fill(a->c, clock_mono() + a->c->patience) > 0)
		;
	exit(0);
}

/* 334 and what the client answers. */
static struct str
ask(struct auth *a, const void *p, size_t n)
{
	char *text = encoded(p, n), *line = NULL;
	struct str got;

	perhaps_hush(a);
	if (asprintf(&line, "334 %s", text) < 0)
		die_temp("out of memory");
	conn_say(a->c, line);
	conn_flush(a->c);
	free(line);
	line = conn_line(a->c);
	if (!line)
		conn_fail(a->c, "the client leaves in the middle of AUTH", NULL);
	hold(line);
	if (!strcmp(line, "*")) {
		conn_say(a->c, "501 5.7.0 off");
		conn_flush(a->c);
		longjmp(called_off, 1);
	}
	got = decoded(a, line);
	return got;
}

static void
end(struct auth *a, bool good)
{
	perhaps_hush(a);
	conn_say(a->c, good ? "235 2.7.0 welcome" : "535 5.7.8 name or password are wrong");
	conn_flush(a->c);
}

/* ---- SCRAM ---- */

struct scram {
	gnutls_mac_algorithm_t mac;
	size_t n;
	struct str first, bare, server_first;
	char gs2[40];
	unsigned char salted[32];
};

static const char salt[] = "salt of the test";

static bool
binding_fits(struct auth *a, const struct scram *s, const char *c64)
{
	struct str got = decoded(a, c64), want = {0};
	gnutls_datum_t cb = {0};
	bool same;

	str_adds(&want, s->gs2);
	if (*s->gs2 == 'p') {
		bool new = !strncmp(s->gs2, "p=tls-exporter,", 15);

		if (!a->c->tls || (!new &&strncmp(s->gs2, "p=tls-unique,", 13) != 0) ||
		    new != (gnutls_protocol_get_version(a->c->tls) == GNUTLS_TLS1_3) ||
		    gnutls_session_channel_binding(
			a->c->tls, new ? GNUTLS_CB_TLS_EXPORTER : GNUTLS_CB_TLS_UNIQUE, &cb))
			conn_fail(a->c, "a channel binding that does not fit the session", s->gs2);
		str_add(&want, cb.data, cb.size);
		gnutls_free(cb.data);
	}
	hold(want.s);
	same = got.len == want.len && !memcmp(str_cstr(&got), str_cstr(&want), got.len);
	return same;
}

/* The client's first message: gs2 header, name, nonce. */
static void
first_read(struct auth *a, struct scram *s)
{
	const char *p = str_cstr(&s->first), *bare = strchr(p, ',');
	struct str want = {0};

	bare = bare ? strchr(bare + 1, ',') : NULL;
	if (!bare || (size_t)(bare + 1 - p) >= sizeof s->gs2)
		conn_fail(a->c, "no SCRAM", p);
	bare++;
	snprintf(s->gs2, sizeof s->gs2, "%.*s", (int)(bare - p), p);
	if (!strncmp(a->flag, "gs2=", 4) && a->flag[4] != *p)
		conn_fail(a->c, "another gs2 flag was expected", p);
	if ((*p == 'p') != (strstr(a->mechanism, "-PLUS") != NULL))
		conn_fail(a->c, "flag and mechanism do not fit", p);
	str_adds(&s->bare, bare);
	str_addf(&want, "n=%s,r=", a->user);
	if (strncmp(bare, want.s, want.len) != 0)
		conn_fail(a->c, "another name was expected", bare);
	str_addf(&s->server_first, "r=%sTHESERVERS,s=", bare + want.len);
	hold(want.s);
	hold(s->bare.s);
}

static bool
proof_fits(struct auth *a, struct scram *s, const char *final, struct str *message)
{
	const char *p = strstr(final, ",p=");
	unsigned char client[32], stored[32], signature[32];
	struct str proof;
	bool same;

	if (!p || strncmp(final, "c=", 2) != 0)
		conn_fail(a->c, "no SCRAM", final);
	str_addf(message, "%s,%s,%.*s", s->bare.s, s->server_first.s, (int)(p - final), final);
	proof = decoded(a, p + 3);
	gnutls_hmac_fast(s->mac, s->salted, s->n, "Client Key", 10, client);
	gnutls_hash_fast((gnutls_digest_algorithm_t)s->mac, client, s->n, stored);
	gnutls_hmac_fast(s->mac, stored, s->n, message->s, message->len, signature);
	for (size_t i = 0; i < s->n; i++)
		signature[i] ^= client[i];
	same = proof.len == s->n && !memcmp(str_cstr(&proof), signature, s->n);
	return same;
}

static void
scram(struct auth *a, struct str first)
{
	bool sha1 = !strncmp(a->mechanism, "SCRAM-SHA-1", 11);
	struct scram s = {
	    .mac = sha1 ? GNUTLS_MAC_SHA1 : GNUTLS_MAC_SHA256, .n = sha1 ? 20 : 32, .first = first};
	gnutls_datum_t password = {(unsigned char *)a->secret, (unsigned)strlen(a->secret)};
	gnutls_datum_t salted = {(unsigned char *)(uintptr_t)salt, sizeof salt - 1};
	char *salt64 = encoded(salt, sizeof salt - 1), *comma;
	unsigned char key[32], signature[32];
	struct str final, message = {0}, last = {0};
	bool good;

	first_read(a, &s);
	str_addf(&s.server_first, "%s,i=%u", salt64, a->iterations);
	hold(s.server_first.s);
	gnutls_pbkdf2(s.mac, &password, &salted, a->iterations, s.salted, s.n);
	final = ask(a, s.server_first.s, s.server_first.len);
	good = proof_fits(a, &s, str_cstr(&final), &message);
	comma = final.len ? memchr(final.s, ',', final.len) : NULL;
	if (comma)
		*comma = 0;
	good = binding_fits(a, &s, final.s + 2) && good;
	gnutls_hmac_fast(s.mac, s.salted, s.n, "Server Key", 10, key);
	gnutls_hmac_fast(s.mac, key, s.n, message.s, message.len, signature);
	signature[0] ^= has(a, "bad-proof");
	salt64 = encoded(signature, s.n);
	str_addf(&last, "v=%s", salt64);
	hold(last.s);
	hold(message.s);
	if (good && !has(a, "no-proof"))
		ask(a, last.s, last.len);
	end(a, good);
}

/* ---- the others ---- */

static bool
is(const struct str *got, const char *want, size_t n)
{
	return got->len == n && (!n || !memcmp(got->s, want, n));
}

static void
cram(struct auth *a)
{
	static const char challenge[] = "<1234.5678@mx.test>";
	struct str got = ask(a, challenge, sizeof challenge - 1), want = {0};
	unsigned char digest[16];

	gnutls_hmac_fast(
	    GNUTLS_MAC_MD5, a->secret, strlen(a->secret), challenge, sizeof challenge - 1, digest);
	str_addf(&want, "%s ", a->user);
	for (size_t i = 0; i < sizeof digest; i++)
		str_addf(&want, "%02x", digest[i]);
	hold(want.s);
	end(a, is(&got, want.s, want.len));
}

static void
login(struct auth *a)
{
	struct str name = ask(a, "Username:", 9), secret = ask(a, "Password:", 9);

	end(a, is(&name, a->user, strlen(a->user)) && is(&secret, a->secret, strlen(a->secret)));
}

static void
bearer(struct auth *a, const struct str *first)
{
	struct str want = {0};
	bool old = !strcmp(a->mechanism, "XOAUTH2");

	str_addf(&want, "auth=Bearer %s\1\1", a->secret);
	hold(want.s);
	if (first->len < want.len || !strstr(str_cstr(first), a->user))
		conn_fail(a->c, "no OAuth", str_cstr(first));
	if (!has(a, "json") &&
	    is(&(struct str){first->s + first->len - want.len, want.len, 0}, want.s, want.len)) {
		end(a, true);
		return;
	}
	{
		struct str got = ask(a, "{\"status\":\"401\"}", 16);

		if (!(old ? !got.len : is(&got, "\1", 1)))
			conn_fail(a->c, "not what a reason is answered with", str_cstr(&got));
	}
	end(a, false);
}

void
fake_auth(struct conn *c, const char *arg)
{
	struct auth a = {.c = c, .iterations = 4096};
	char *line = conn_line(c), want[60];
	struct str first = {0}, plain = {0};
	size_t n;

	if (sscanf(arg, "%39s %199s %1999s %59s", a.mechanism, a.user, a.secret, a.flag) < 3)
		die_perm("unable to use: auth %s", arg);
	sscanf(a.flag, "iterations=%u", &a.iterations);
	sscanf(a.flag, "hush=%u", &a.hush);
	hold(line);
	n = (size_t)snprintf(want, sizeof want, "AUTH %s", a.mechanism);
	if (!line || strncmp(line, want, n) != 0 || (line[n] && line[n] != ' '))
		conn_fail(c, want, line);
	if (strlen(line) > 510)
		conn_fail(c, "AUTH is longer than a command may be", NULL);
	if (setjmp(called_off))
		return;
	if (line[n])
		first = decoded(&a, line + n + 1);
	else if (strcmp(a.mechanism, "CRAM-MD5") != 0 && strcmp(a.mechanism, "LOGIN") != 0)
		first = ask(&a, "", 0);
	if (!strncmp(a.mechanism, "SCRAM", 5)) {
		scram(&a, first);
	} else if (!strcmp(a.mechanism, "CRAM-MD5")) {
		cram(&a);
	} else if (!strcmp(a.mechanism, "LOGIN")) {
		login(&a);
	} else if (strstr(a.mechanism, "OAUTH")) {
		bearer(&a, &first);
	} else if (!strcmp(a.mechanism, "EXTERNAL")) {
		end(&a, is(&first, a.user, strcmp(a.user, "-") ? strlen(a.user) : 0));
	} else {
		str_addc(&plain, 0);
		str_adds(&plain, a.user);
		str_addc(&plain, 0);
		str_adds(&plain, a.secret);
		hold(plain.s);
		end(&a, is(&first, plain.s, plain.len));
	}
}
