/* TLS by GnuTLS, client side, over a non-blocking socket; 1.2 and later unless the configuration says
 * otherwise (tls-minimum).
 *
 * tls_prepare once, before the first fork and before the sandbox: it is all that reads files. A session:
 * tls_new, tls_handshake until it is done, tls_send and tls_recv, tls_free. The handshake takes any certificate:
 * whoever called it judges afterwards, each time (T101), by tls_is_for or what tls_chain shows, a resumed session too:
 * what was shown in the first one stands in its ticket. */
#ifndef TLS_H
#define TLS_H

#include "base.h"

#include "cert.h"
#include "conf.h"
#include "scram.h"

#include <gnutls/gnutls.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct tls;

/* authorities: loads those of ca-file, too; may be called again for them alone, and then they replace the old ones. Answers how many were loaded,
 * or -1 and half a sentence in *why (static). Without them nobody is trusted. */
int tls_prepare(const struct conf *conf, bool authorities, const char **why) MUST_USE;
bool tls_has_authorities(void); /* some were loaded */

/* The certificate that this process shows to servers who ask for one; read now. 0, or -1 and half a sentence in *why (static). */
int tls_identity(const char *certificate, const char *key, const char **why) MUST_USE;

struct tls_how {
	const char *name; /* for SNI; NULL: none */
	bool
	    small; /* a ClientHello as short as it can be, for peers that drop what is longer than one packet (T103) */
	bool tickets; /* are welcome (RFC 5077, RFC 8446 4.6.1) */
	const void *
	    ticket; /* of an earlier session, to be resumed; one that is no good is passed over. NULL: none */
	size_t nticket;
};

/* A new session. NULL: out of memory. */
struct tls *tls_new(int fd, const struct tls_how *how) MUST_USE;
void tls_free(struct tls *t);

enum tls_got { TLS_DONE, TLS_AGAIN, TLS_FAILED };
enum tls_got tls_handshake(struct tls *t);
bool tls_wants_write(const struct tls *t); /* TLS_AGAIN: for what to poll */
bool tls_heard(const struct tls *t);       /* the peer has said anything since tls_new */
const char *tls_why(const struct tls *t);  /* TLS_FAILED, or -1 with EPROTO: half a sentence */

/* As send and recv: EAGAIN, EPROTO (tls_why), or 0 at the peer's close. After EAGAIN tls_send must be called
 * with the same bytes again. */
ssize_t tls_send(struct tls *t, const void *p, size_t n) MUST_USE;
ssize_t tls_recv(struct tls *t, void *p, size_t n) MUST_USE;
size_t tls_pending(const struct tls *t); /* bytes that tls_recv has without the socket */
void tls_bye(struct tls *t);             /* close_notify, once, without waiting */

/* For SASL (T112): tls-exporter with TLS 1.3; tls-unique below, where the session has an extended master secret, without which
 * it would not tell two sessions apart (RFC 7627); else none. */
void tls_binding(const struct tls *t, struct sasl_binding *b);

const char *tls_version(const struct tls *t); /* "TLS1.3" */
bool tls_is_resumed(const struct tls *t);
/* What resumes this session, if the server has given a ticket by now and it fits: its length, or 0. It is a secret. With TLS 1.2 only
 * of sessions with an extended master secret (RFC 7627 5.3). */
size_t tls_ticket(const struct tls *t, unsigned char *out, size_t cap) MUST_USE;
unsigned tls_trips(const struct tls *t);     /* round trips that the handshake took before we might speak */
const char *tls_cipher(const struct tls *t); /* "AES-256-GCM" */

/* Behind TLS_DONE: what the peer has shown, DER, leaf first; it is the session's. */
const gnutls_datum_t *tls_chain(const struct tls *t, unsigned *n) MUST_USE;
/* Whether authorities of ca-file speak for the peer as host (cert_check). */
bool tls_is_for(const struct tls *t, const char *host, struct cert_fault *fault) MUST_USE;

#endif
