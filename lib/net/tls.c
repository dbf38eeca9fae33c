#include "base.h"

#include "clock.h"
#include "tls.h"

#include <errno.h>
#include <gnutls/crypto.h>
#ifdef __aarch64__
#include <sys/auxv.h>
#endif
#include <sys/socket.h>

/* Warning alerts and wishes to negotiate anew that are passed over in a session: one who sends them without end must not
 * hold us beyond all deadlines. */
#define NOISE_MAX 16
/* X25519 costs a seventh less of a handshake than P-256; the rest stays, each server its own. */
#define GROUPS ":-GROUP-ALL:+GROUP-X25519:+GROUP-ALL"
#define SEAL 32 /* bytes of SHA-256 */

struct tls {
	gnutls_session_t s;
	int fd;
	unsigned noise;
	bool heard;
	char why[200];
};

static gnutls_certificate_credentials_t cred;
static gnutls_x509_trust_list_t trusted;
static bool some_trusted;
static gnutls_priority_t usual, brief;

static time_t
now(time_t *t)
{
	time_t s = (time_t)(clock_now() / SECOND);

	if (t)
		*t = s;
	return s;
}

/* Whether the processor does AES by itself; in plain code ChaCha20 is several times faster. */
static bool
has_aes(void)
{
#if defined __x86_64__ || defined __i386__
	return __builtin_cpu_supports("aes");
#elif defined __aarch64__
	return getauxval(AT_HWCAP) & HWCAP_AES;
#else
	return false;
#endif
}

static int
priority(gnutls_priority_t *to, int minimum, const char *more)
{
	static const char *const versions[] = {"+VERS-TLS1.0:", "+VERS-TLS1.1:", "+VERS-TLS1.2:", ""};
	char text[200] = "NORMAL:-VERS-ALL:";

	for (int i = minimum; i < (int)ARRAY_LEN(versions); i++)
		strncat(text, versions[i], sizeof text - strlen(text) - 1);
	strncat(text, "+VERS-TLS1.3", sizeof text - strlen(text) - 1);
	strncat(text, more, sizeof text - strlen(text) - 1);
	return gnutls_priority_init(to, text, NULL);
}

/* In place of those that were there; a file without any changes nothing. */
static int
authorities_read(const char *file)
{
	gnutls_x509_trust_list_t list;
	int r = gnutls_x509_trust_list_init(&list, 0), old = r;

	if (!r)
		r = gnutls_x509_trust_list_add_trust_file(list, file, NULL, GNUTLS_X509_FMT_PEM, 0, 0);
	if (r > 0) {
		gnutls_x509_trust_list_deinit(trusted, 1);
		trusted = list;
		some_trusted = true;
	} else if (!old) {
		gnutls_x509_trust_list_deinit(list, 1);
	}
	return r;
}

int
tls_prepare(const struct conf *conf, bool authorities, const char **why)
{
	int r = 0;

	if (!cred) {
		gnutls_global_set_time_function(now);
		r = gnutls_certificate_allocate_credentials(&cred);
		if (!r)
			r = gnutls_x509_trust_list_init(&trusted, 0);
		if (!r)
			r = priority(&usual, conf->tls_minimum,
			    has_aes() ? GROUPS : GROUPS ":-CIPHER-ALL:+CHACHA20-POLY1305:+CIPHER-ALL");
		if (!r)
			r = priority(&brief, conf->tls_minimum,
			    ":-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1"
			    ":-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM");
	}
	if (!r && authorities)
		r = authorities_read(conf->ca_file);
	if (r >= 0)
		return r;
	*why = gnutls_strerror(r);
	return -1;
}

int
tls_identity(const char *certificate, const char *key, const char **why)
{
	int r = gnutls_certificate_set_x509_key_file(cred, certificate, key, GNUTLS_X509_FMT_PEM);

	*why = r < 0 ? gnutls_strerror(r) : NULL;
	return r < 0 ? -1 : 0;
}

static ssize_t
pull(gnutls_transport_ptr_t arg, void *p, size_t n)
{
	struct tls *t = arg;
	ssize_t r = recv(t->fd, p, n, 0);

	if (r > 0)
		t->heard = true;
	return r;
}

static ssize_t
push(gnutls_transport_ptr_t arg, const void *p, size_t n)
{
	struct tls *t = arg;

	return send(t->fd, p, n, MSG_NOSIGNAL);
}

/* GnuTLS does not survive session data that was cut or garbled on its way (3.7.9): a digest goes before it. */
static bool
seal(unsigned char out[SEAL], const void *p, size_t n)
{
	return !gnutls_hash_fast(GNUTLS_DIG_SHA256, p, n, out);
}

static bool
take_ticket(struct tls *t, const unsigned char *p, size_t n)
{
	unsigned char own[SEAL];

	return n > SEAL && seal(own, p + SEAL, n - SEAL) && !memcmp(own, p, SEAL) &&
	       !gnutls_session_set_data(t->s, p + SEAL, n - SEAL);
}

static bool
set_up(struct tls *t, const struct tls_how *how)
{
	unsigned flags = GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL |
	                 (how->tickets ? 0 : GNUTLS_NO_TICKETS) | (how->small ? GNUTLS_KEY_SHARE_TOP : 0);

	if (gnutls_init(&t->s, flags)) {
		t->s = NULL;
		return false;
	}
	gnutls_transport_set_ptr(t->s, t);
	gnutls_transport_set_pull_function(t->s, pull);
	gnutls_transport_set_push_function(t->s, push);
	return !gnutls_priority_set(t->s, how->small ? brief : usual) &&
	       !gnutls_credentials_set(t->s, GNUTLS_CRD_CERTIFICATE, cred) &&
	       (!how->name || !gnutls_server_name_set(t->s, GNUTLS_NAME_DNS, how->name, strlen(how->name)));
}

/* What is no ticket spoils the session that was to take it. */
struct tls *
tls_new(int fd, const struct tls_how *how)
{
	struct tls *t = calloc(1, sizeof *t);
	bool good;

	if (!t)
		return NULL;
	t->fd = fd;
	good = set_up(t, how);
	if (good && how->ticket && !take_ticket(t, how->ticket, how->nticket)) {
		gnutls_deinit(t->s);
		good = set_up(t, how);
	}
	if (good)
		return t;
	tls_free(t);
	return NULL;
}

void
tls_free(struct tls *t)
{
	if (t && t->s)
		gnutls_deinit(t->s);
	free(t);
}

static void
failure(struct tls *t, int r)
{
	const char *alert = NULL;

	if (r == GNUTLS_E_FATAL_ALERT_RECEIVED)
		alert = gnutls_alert_get_name(gnutls_alert_get(t->s));
	if (r == GNUTLS_E_PREMATURE_TERMINATION && !t->heard)
		snprintf(t->why, sizeof t->why, "the peer closed the connection");
	else
		snprintf(t->why, sizeof t->why, "%s%s%s%s", gnutls_strerror(r), alert ? " (" : "",
		    alert ? alert : "", alert ? ")" : "");
}

static bool
is_noise(struct tls *t, ssize_t r)
{
	return (r == GNUTLS_E_WARNING_ALERT_RECEIVED || r == GNUTLS_E_REHANDSHAKE) && ++t->noise <= NOISE_MAX;
}

enum tls_got
tls_handshake(struct tls *t)
{
	int r;

	do
		r = gnutls_handshake(t->s);
	while (r == GNUTLS_E_INTERRUPTED || is_noise(t, r));
	if (r == GNUTLS_E_SUCCESS)
		return TLS_DONE;
	if (r == GNUTLS_E_AGAIN)
		return TLS_AGAIN;
	failure(t, r);
	return TLS_FAILED;
}

bool
tls_wants_write(const struct tls *t)
{
	return gnutls_record_get_direction(t->s) == 1;
}

bool
tls_heard(const struct tls *t)
{
	return t->heard;
}

const char *
tls_why(const struct tls *t)
{
	return t->why;
}

/* What GnuTLS answered, told as send and recv would. A peer that closes without close_notify has closed
 * (T102): SMTP's own replies tell whether anything is missing. */
static ssize_t
as_errno(struct tls *t, ssize_t r)
{
	if (r >= 0)
		return r;
	switch (r) {
	case GNUTLS_E_AGAIN:
	case GNUTLS_E_INTERRUPTED: errno = EAGAIN; return -1;
	case GNUTLS_E_PREMATURE_TERMINATION: return 0;
	case GNUTLS_E_PUSH_ERROR: errno = EPIPE; return -1;
	case GNUTLS_E_PULL_ERROR: errno = ECONNRESET; return -1;
	}
	failure(t, (int)r);
	errno = EPROTO;
	return -1;
}

ssize_t
tls_send(struct tls *t, const void *p, size_t n)
{
	return as_errno(t, gnutls_record_send(t->s, p, n));
}

ssize_t
tls_recv(struct tls *t, void *p, size_t n)
{
	ssize_t r;

	/* A HelloRequest or a ticket may stand before the data; renegotiation is never taken up. */
	do
		r = gnutls_record_recv(t->s, p, n);
	while (is_noise(t, r));
	return as_errno(t, r);
}

size_t
tls_pending(const struct tls *t)
{
	return gnutls_record_check_pending(t->s);
}

void
tls_bye(struct tls *t)
{
	gnutls_bye(t->s, GNUTLS_SHUT_WR);
}

void
tls_binding(const struct tls *t, struct sasl_binding *b)
{
	bool new = gnutls_protocol_get_version(t->s) == GNUTLS_TLS1_3;
	gnutls_datum_t d = {0};

	*b = (struct sasl_binding){0};
	if (!new && (!gnutls_session_ext_master_secret_status(t->s) || gnutls_session_is_resumed(t->s)))
		return;
	if (!gnutls_session_channel_binding(t->s, new ? GNUTLS_CB_TLS_EXPORTER : GNUTLS_CB_TLS_UNIQUE, &d) &&
	    d.size && d.size <= sizeof b->data) {
		b->type = new ? "tls-exporter" : "tls-unique";
		b->n = d.size;
		memcpy(b->data, d.data, d.size);
	}
	gnutls_free(d.data);
}

const char *
tls_version(const struct tls *t)
{
	return gnutls_protocol_get_name(gnutls_protocol_get_version(t->s));
}

bool
tls_is_resumed(const struct tls *t)
{
	return gnutls_session_is_resumed(t->s);
}

size_t
tls_ticket(const struct tls *t, unsigned char *out, size_t cap)
{
	bool new = gnutls_protocol_get_version(t->s) == GNUTLS_TLS1_3;
	bool given = gnutls_session_get_flags(t->s) & GNUTLS_SFLAGS_SESSION_TICKET;
	gnutls_datum_t d = {0};
	size_t n = 0;

	/* Below 1.3 a ticket that was taken and not replaced goes on. */
	if ((!given && (new || !tls_is_resumed(t))) ||
	    (!new && !gnutls_session_ext_master_secret_status(t->s)) || gnutls_session_get_data2(t->s, &d))
		return 0;
	if (d.size + SEAL <= cap && seal(out, d.data, d.size)) {
		memcpy(out + SEAL, d.data, d.size);
		n = d.size + SEAL;
	}
	gnutls_memset(d.data, 0, d.size);
	gnutls_free(d.data);
	return n;
}

unsigned
tls_trips(const struct tls *t)
{
	return gnutls_protocol_get_version(t->s) == GNUTLS_TLS1_3 || tls_is_resumed(t) ? 1 : 2;
}

const char *
tls_cipher(const struct tls *t)
{
	return gnutls_cipher_get_name(gnutls_cipher_get(t->s));
}

const gnutls_datum_t *
tls_chain(const struct tls *t, unsigned *n)
{
	*n = 0;
	return gnutls_certificate_get_peers(t->s, n);
}

bool
tls_has_authorities(void)
{
	return some_trusted;
}

bool
tls_is_for(const struct tls *t, const char *host, struct cert_fault *fault)
{
	unsigned n;
	const gnutls_datum_t *chain = tls_chain(t, &n);

	return cert_check(trusted, chain, n, host, fault);
}
