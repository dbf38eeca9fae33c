#include "base.h"

#include "tls.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <sys/socket.h>

struct tls {
	gnutls_session_t s;
	int fd;
	bool heard;
	char why[200];
};

#define VERSIONS "-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

static gnutls_certificate_credentials_t cred;
static gnutls_priority_t usual, brief;

int
tls_prepare(const char *ca_file, const char **why)
{
	int r = 0;

	if (!cred) {
		r = gnutls_certificate_allocate_credentials(&cred);
		if (!r)
			r = gnutls_priority_init(&usual, "NORMAL:" VERSIONS, NULL);
		if (!r)
			r = gnutls_priority_init(&brief,
			    "NORMAL:" VERSIONS ":-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1"
			    ":-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM",
			    NULL);
	}
	if (!r && ca_file)
		r = gnutls_certificate_set_x509_trust_file(cred, ca_file, GNUTLS_X509_FMT_PEM);
	if (r >= 0)
		return r;
	*why = gnutls_strerror(r);
	return -1;
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

struct tls *
tls_new(int fd, const char *name, bool small)
{
	struct tls *t = calloc(1, sizeof *t);
	unsigned flags = GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL | GNUTLS_NO_TICKETS;

	if (!t || gnutls_init(&t->s, flags | (small ? GNUTLS_KEY_SHARE_TOP : 0)))
		goto fail;
	t->fd = fd;
	gnutls_transport_set_ptr(t->s, t);
	gnutls_transport_set_pull_function(t->s, pull);
	gnutls_transport_set_push_function(t->s, push);
	if (gnutls_priority_set(t->s, small ? brief : usual) ||
	    gnutls_credentials_set(t->s, GNUTLS_CRD_CERTIFICATE, cred) ||
	    (name && gnutls_server_name_set(t->s, GNUTLS_NAME_DNS, name, strlen(name))))
		goto fail;
	return t;
fail:
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

enum tls_got
tls_handshake(struct tls *t)
{
	int r;

	do
		r = gnutls_handshake(t->s);
	while (r == GNUTLS_E_INTERRUPTED || r == GNUTLS_E_WARNING_ALERT_RECEIVED);
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
	while (r == GNUTLS_E_WARNING_ALERT_RECEIVED);
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

const char *
tls_version(const struct tls *t)
{
	return gnutls_protocol_get_name(gnutls_protocol_get_version(t->s));
}

const char *
tls_cipher(const struct tls *t)
{
	return gnutls_cipher_get_name(gnutls_cipher_get(t->s));
}
