#include "base.h"

#include "sasl.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

static const char *const names[SASL_MECHANISMS] = {
    [SASL_SCRAM_SHA256_PLUS] = "SCRAM-SHA-256-PLUS",
    [SASL_SCRAM_SHA256] = "SCRAM-SHA-256",
    [SASL_SCRAM_SHA1_PLUS] = "SCRAM-SHA-1-PLUS",
    [SASL_SCRAM_SHA1] = "SCRAM-SHA-1",
    [SASL_OAUTHBEARER] = "OAUTHBEARER",
    [SASL_XOAUTH2] = "XOAUTH2",
    [SASL_CRAM_MD5] = "CRAM-MD5",
    [SASL_PLAIN] = "PLAIN",
    [SASL_LOGIN] = "LOGIN",
    [SASL_EXTERNAL] = "EXTERNAL",
};

#define PLUS (SASL_BIT(SASL_SCRAM_SHA256_PLUS) | SASL_BIT(SASL_SCRAM_SHA1_PLUS))
#define SCRAM (PLUS | SASL_BIT(SASL_SCRAM_SHA256) | SASL_BIT(SASL_SCRAM_SHA1))
#define TOKEN (SASL_BIT(SASL_OAUTHBEARER) | SASL_BIT(SASL_XOAUTH2))

const char *
sasl_name(enum sasl_mechanism m)
{
	return names[m];
}

unsigned
sasl_bit(const char *name, size_t n)
{
	for (unsigned m = 0; m < SASL_MECHANISMS; m++)
		if (strlen(names[m]) == n && !strncasecmp(names[m], name, n))
			return SASL_BIT(m);
	return 0;
}

/* ---- which ---- */

unsigned
sasl_usable(const struct sasl_who *who, const struct sasl_binding *b)
{
	unsigned bits = 0;

	if (who->secret)
		bits = who->token
		           ? TOKEN
		           : SCRAM | SASL_BIT(SASL_CRAM_MD5) | SASL_BIT(SASL_PLAIN) | SASL_BIT(SASL_LOGIN);
	/* With a password beside it the certificate is for the handshake alone, unless somebody says so. */
	if (who->certificate && (!who->secret || who->named & SASL_BIT(SASL_EXTERNAL)))
		bits |= SASL_BIT(SASL_EXTERNAL);
	if (!b->n)
		bits &= ~PLUS;
	if (who->named)
		return bits & who->named;
	return bits & ~(SASL_BIT(SASL_LOGIN) | (who->plain ? 0 : SASL_BIT(SASL_PLAIN)));
}

const char *
sasl_lacks(const struct sasl_who *who, const struct sasl_peer *peer)
{
	if (!peer->offered)
		return "the server offers no login that is known here";
	if (!sasl_usable(who, &peer->binding))
		return "no mechanism that the configuration names can be used on this connection";
	if (who->named || !who->secret || who->token)
		return "the server offers no mechanism that may be used";
	if (peer->offered & SASL_BIT(SASL_PLAIN) && !who->plain)
		return "the server offers nothing better than PLAIN, which tells it the password: mechanisms "
		       "= { "
		       "\"PLAIN\" } in the transport would allow that";
	if (peer->offered & SASL_BIT(SASL_LOGIN))
		return "the server offers nothing better than LOGIN, which tells it the password: mechanisms "
		       "= { "
		       "\"LOGIN\" } in the transport would allow that";
	return "the server offers no mechanism that may be used";
}

enum sasl_mechanism
sasl_choose(const struct sasl_who *who, const struct sasl_peer *peer)
{
	unsigned bits = peer->offered & sasl_usable(who, &peer->binding), m = 0;

	while (m < SASL_MECHANISMS && !(bits & SASL_BIT(m)))
		m++;
	return (enum sasl_mechanism)m;
}

/* T114. When the configuration names no -PLUS, or one is offered of another hash only, the server does not think that we
 * could: y would make it refuse. */
static enum scram_flag
flag_of(enum sasl_mechanism m, const struct sasl_who *who, const struct sasl_peer *peer)
{
	if (SASL_BIT(m) & PLUS)
		return SCRAM_BINDS;
	return peer->binding.n && !(peer->offered & PLUS) && (!who->named || who->named & PLUS)
	           ? SCRAM_THINKS
	           : SCRAM_CANNOT;
}

/* ---- what is said ---- */

static void
plain(const struct sasl_who *who, struct str *out)
{
	str_addc(out, 0);
	str_adds(out, who->username);
	str_addc(out, 0);
	str_adds(out, who->secret);
}

/* RFC 7628 3.1; XOAUTH2 is what Google and Microsoft made before it. */
static void
bearer(const struct sasl_who *who, bool old, struct str *out)
{
	if (old) {
		str_addf(out, "user=%s\1auth=Bearer ", who->username);
	} else {
		str_adds(out, "n,a=");
		for (const char *p = who->username; *p; p++)
			if (*p == '=' || *p == ',')
				str_adds(out, *p == '=' ? "=3D" : "=2C");
			else
				str_addc(out, *p);
		str_addf(out, ",\1host=%s\1port=%u\1auth=Bearer ", who->host, who->port);
	}
	str_adds(out, who->secret);
	str_adds(out, "\1\1");
}

const char *
sasl_start(struct sasl *s, enum sasl_mechanism m, const struct sasl_who *who, const struct sasl_peer *peer,
    struct str *out, bool *first)
{
	bool sha1 = m == SASL_SCRAM_SHA1 || m == SASL_SCRAM_SHA1_PLUS;
	const char *why;

	s->mechanism = m;
	s->who = who;
	*first = true;
	switch (m) {
	case SASL_SCRAM_SHA256_PLUS:
	case SASL_SCRAM_SHA256:
	case SASL_SCRAM_SHA1_PLUS:
	case SASL_SCRAM_SHA1:
		why = scram_start(
		    &s->scram, sha1 ? SCRAM_SHA1 : SCRAM_SHA256, flag_of(m, who, peer), &peer->binding, NULL);
		return why ? why : scram_first(&s->scram, who->username, who->secret, out);
	case SASL_PLAIN: plain(who, out); break;
	case SASL_EXTERNAL: str_adds(out, who->username ? who->username : ""); break;
	case SASL_OAUTHBEARER:
	case SASL_XOAUTH2: bearer(who, m == SASL_XOAUTH2, out); break;
	case SASL_CRAM_MD5:
	case SASL_LOGIN:
	case SASL_MECHANISMS: *first = false;
	}
	return NULL;
}

/* RFC 2195. */
static const char *
cram_md5(const struct sasl_who *who, const char *p, size_t n, struct str *out)
{
	unsigned char digest[16];

	if (gnutls_hmac_fast(GNUTLS_MAC_MD5, who->secret, strlen(who->secret), p, n, digest))
		return "HMAC-MD5 cannot be computed here";
	str_addf(out, "%s ", who->username);
	for (size_t i = 0; i < sizeof digest; i++)
		str_addf(out, "%02x", digest[i]);
	return NULL;
}

const char *
sasl_step(struct sasl *s, const char *p, size_t n, struct str *out)
{
	unsigned step = s->steps++;

	switch (s->mechanism) {
	case SASL_SCRAM_SHA256_PLUS:
	case SASL_SCRAM_SHA256:
	case SASL_SCRAM_SHA1_PLUS:
	case SASL_SCRAM_SHA1: return scram_step(&s->scram, p, n, out);
	case SASL_CRAM_MD5:
		if (step)
			break;
		return cram_md5(s->who, p, n, out);
	case SASL_LOGIN:
		if (step > 1)
			break;
		str_adds(out, step ? s->who->secret : s->who->username);
		return NULL;
	case SASL_OAUTHBEARER:
	case SASL_XOAUTH2:
		if (step)
			break;
		/* T120: what is wrong, as JSON; the refusal itself comes behind our answer (RFC 7628 3.2.3). */
		s->refused = true;
		if (s->mechanism == SASL_OAUTHBEARER)
			str_addc(out, 1);
		return NULL;
	case SASL_PLAIN:
	case SASL_EXTERNAL:
	case SASL_MECHANISMS: break;
	}
	return "the server goes on where the mechanism has ended";
}

bool
sasl_is_complete(const struct sasl *s)
{
	if (SASL_BIT(s->mechanism) & SCRAM)
		return scram_is_proved(&s->scram);
	switch (s->mechanism) {
	case SASL_CRAM_MD5: return s->steps == 1;
	case SASL_LOGIN: return s->steps == 2;
	case SASL_OAUTHBEARER:
	case SASL_XOAUTH2: return !s->refused;
	default: return true;
	}
}

void
sasl_free(struct sasl *s)
{
	scram_free(&s->scram);
	*s = (struct sasl){0};
}
