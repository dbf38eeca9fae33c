/* What the two SMTP servers of the tests share: fake-mx (plays a script) and fake-sink (takes everything,
 * fast). */
#ifndef FAKE_H
#define FAKE_H

#include "base.h"

#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "die.h"

/* Listens on an IPv4 or IPv6 address; *port 0 takes any free one and is set to it. rcvbuf 0 leaves the
 * kernel's. */
static inline int
fake_listen(const char *addr, int *port, int rcvbuf)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)*port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)*port)};
	struct sockaddr *sa = (struct sockaddr *)&v4;
	socklen_t n = sizeof v4;
	int fd, one = 1;

	if (inet_pton(AF_INET, addr, &v4.sin_addr) != 1) {
		if (inet_pton(AF_INET6, addr, &v6.sin6_addr) != 1)
			die_perm("unable to listen on %s: not an address", addr);
		sa = (struct sockaddr *)&v6;
		n = sizeof v6;
	}
	if ((fd = socket(sa->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0)) < 0)
		die_temp("unable to make a socket: %m");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (rcvbuf) {
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &rcvbuf, sizeof rcvbuf);
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &rcvbuf, sizeof rcvbuf);
	}
	if (bind(fd, sa, n) || listen(fd, 1024) || getsockname(fd, sa, &n))
		die_temp("unable to listen on %s port %d: %m", addr, *port);
	*port = ntohs(sa->sa_family == AF_INET ? v4.sin_port : v6.sin6_port);
	return fd;
}

/* Credentials with a certificate for name, signed by itself, made anew in memory. */
static inline gnutls_certificate_credentials_t
fake_certificate(const char *name)
{
	gnutls_certificate_credentials_t cred;
	gnutls_x509_crt_t crt;
	gnutls_x509_privkey_t key;
	time_t now = time(NULL);

	if (gnutls_certificate_allocate_credentials(&cred) || gnutls_x509_crt_init(&crt) ||
	    gnutls_x509_privkey_init(&key) ||
	    gnutls_x509_privkey_generate(
		key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0) ||
	    gnutls_x509_crt_set_version(crt, 3) || gnutls_x509_crt_set_serial(crt, "\1", 1) ||
	    gnutls_x509_crt_set_activation_time(crt, now - 3600) ||
	    gnutls_x509_crt_set_expiration_time(crt, now + 86400) ||
	    gnutls_x509_crt_set_dn_by_oid(
		crt, GNUTLS_OID_X520_COMMON_NAME, 0, name, (unsigned)strlen(name)) ||
	    gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, name, (unsigned)strlen(name), 0) ||
	    gnutls_x509_crt_set_key(crt, key) || gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0) ||
	    gnutls_certificate_set_x509_key(cred, &crt, 1, key))
		die_temp("unable to make a certificate for %s", name);
	gnutls_x509_crt_deinit(crt);
	gnutls_x509_privkey_deinit(key);
	return cred;
}

/* Credentials from BASE.pem (the chain, leaf first) and BASE.key, as t/world/certs writes them. */
static inline gnutls_certificate_credentials_t
fake_certificate_file(const char *base)
{
	gnutls_certificate_credentials_t cred;
	char pem[4096], key[4096];

	snprintf(pem, sizeof pem, "%s.pem", base);
	snprintf(key, sizeof key, "%s.key", base);
	if (gnutls_certificate_allocate_credentials(&cred) ||
	    gnutls_certificate_set_x509_key_file(cred, pem, key, GNUTLS_X509_FMT_PEM) < 0)
		die_temp("unable to use the certificate %s", pem);
	return cred;
}

static inline gnutls_session_t
fake_tls(gnutls_certificate_credentials_t cred, const char *priority, int fd, unsigned flags)
{
	gnutls_session_t tls;

	if (gnutls_init(&tls, GNUTLS_SERVER | GNUTLS_NO_SIGNAL | flags) ||
	    gnutls_priority_set_direct(tls, priority ? priority : "NORMAL", NULL) ||
	    gnutls_credentials_set(tls, GNUTLS_CRD_CERTIFICATE, cred))
		die_temp("unable to set TLS up");
	gnutls_transport_set_int(tls, fd);
	return tls;
}

#endif
