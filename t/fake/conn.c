#include "base.h"

#include "conn.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "clock.h"
#include "die.h"

static FILE *
open_transcript(const struct conn *c, const char *end, int mode)
{
	char *name = NULL;
	FILE *f;

	if (asprintf(&name, "%s/%d.%s", c->dir, c->number, end) < 0 || !(f = fopen(name, "we")))
		die_temp("unable to open %s: %m", name);
	setvbuf(f, NULL, mode, 0);
	free(name);
	return f;
}

void
conn_open(struct conn *c)
{
	if (!c->dir)
		return;
	c->raw = open_transcript(c, "in", _IONBF);
	c->log = open_transcript(c, "log", _IOLBF);
}

void
conn_fail(struct conn *c, const char *why, const char *detail)
{
	fprintf(stderr, "%s:%d: connection %d: %s%s%s\n", c->script, c->line, c->number, why,
	    detail ? ": " : "", detail ? detail : "");
	if (c->log)
		fprintf(c->log, "BAD %s %s\n", why, detail ? detail : "");
	exit(1);
}

void
conn_say_raw(struct conn *c, const char *p)
{
	for (; *p; p++) {
		unsigned byte = 0;
		int len = 0;

		if (*p != '\\')
			str_addc(&c->out, *p);
		else if (sscanf(p, "\\x%2x%n", &byte, &len) == 1 && len == 4) {
			str_addc(&c->out, (char)byte);
			p += 3;
		} else if (*++p)
			str_addc(&c->out, *p == 'r' ? '\r' : *p == 'n' ? '\n' : *p == 't' ? '\t' : *p);
		else
			break;
	}
}

void
conn_write(struct conn *c, const char *p, size_t n)
{
	while (n) {
		ssize_t did = c->tls ? gnutls_record_send(c->tls, p, n) : send(c->fd, p, n, MSG_NOSIGNAL);

		if (did == GNUTLS_E_AGAIN || did == GNUTLS_E_INTERRUPTED ||
		    (!c->tls && did < 0 && errno == EINTR))
			continue;
		if (did <= 0)
			return; /* the client is gone: what it should have said next will be missed */
		p += did;
		n -= (size_t)did;
	}
}

void
conn_flush(struct conn *c)
{
	struct timespec gap = {.tv_sec = c->drip_ms / 1000, .tv_nsec = c->drip_ms % 1000 * 1000000};

	if (!c->drip)
		conn_write(c, c->out.s, c->out.len);
	for (size_t at = 0; c->drip && at < c->out.len; at += (size_t)c->drip) {
		size_t n = c->out.len - at;

		conn_write(c, c->out.s + at, n < (size_t)c->drip ? n : (size_t)c->drip);
		nanosleep(&gap, NULL);
	}
	str_reset(&c->out);
}

void
conn_say(struct conn *c, const char *line)
{
	if (c->log)
		fprintf(c->log, "S: %s\n", line);
	conn_say_raw(c, line);
	str_adds(&c->out, "\r\n");
}

int
conn_fill(struct conn *c, int64_t deadline)
{
	char buf[65536];
	ssize_t n;

	for (;;) {
		struct pollfd p = {.fd = c->fd, .events = POLLIN};

		if (!c->tls || !gnutls_record_check_pending(c->tls))
			if (poll(&p, 1, clock_timeout(deadline)) == 0)
				return -2;
		n = c->tls ? gnutls_record_recv(c->tls, buf, sizeof buf) : recv(c->fd, buf, sizeof buf, 0);
		if (c->tls && (n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED))
			continue;
		if (c->tls && n == GNUTLS_E_PREMATURE_TERMINATION)
			n = 0;
		if (n <= 0)
			return n ? -1 : 0;
		str_add(&c->in, buf, (size_t)n);
		if (c->raw)
			fwrite(buf, 1, (size_t)n, c->raw);
		return 1;
	}
}

char *
conn_line(struct conn *c)
{
	int64_t deadline = clock_mono() + c->patience;
	char *lf, *line;

	while (!c->in.len || !(lf = memchr(c->in.s, '\n', c->in.len))) {
		int got = conn_fill(c, deadline);

		if (got == -2)
			conn_fail(c, "the client stays silent", NULL);
		if (got <= 0)
			return NULL;
	}
	line = mem_dupn(c->in.s, (size_t)(lf - c->in.s));
	if (lf == c->in.s || lf[-1] != '\r')
		conn_fail(c, "a bare LF", line);
	line[lf - c->in.s - 1] = 0;
	str_shift(&c->in, (size_t)(lf - c->in.s) + 1);
	if (c->log)
		fprintf(c->log, "C: %s\n", line);
	return line;
}

static void
keep_message(struct conn *c, const char *end, const char *p, size_t n)
{
	char *name = NULL;
	FILE *f;

	if (!c->dir)
		return;
	if (asprintf(&name, "%s/%d.%d.%s", c->dir, c->number, c->messages, end) < 0 ||
	    !(f = fopen(name, "we")))
		die_temp("unable to open %s: %m", name);
	fwrite(p, 1, n, f);
	fclose(f);
	free(name);
}

/* A message up to its final dot: as it came in N.M.wire, without dot-stuffing in N.M.msg. */
void
conn_read_dotted(struct conn *c)
{
	struct str msg = {0};
	char *end;

	while (!(c->in.len >= 3 && !memcmp(c->in.s, ".\r\n", 3)) &&
	       !(c->in.len && memmem(c->in.s, c->in.len, "\r\n.\r\n", 5))) {
		int got = conn_fill(c, clock_mono() + c->patience);

		if (got <= 0)
			conn_fail(c, "the message breaks off before its final dot", NULL);
	}
	end = memcmp(c->in.s, ".\r\n", 3) ? (char *)memmem(c->in.s, c->in.len, "\r\n.\r\n", 5) + 5
	                                  : c->in.s + 3;
	c->messages++;
	keep_message(c, "wire", c->in.s, (size_t)(end - c->in.s));
	for (char *p = c->in.s; p < end - 3;) {
		char *lf = memchr(p, '\n', (size_t)(end - p));

		str_add(&msg, p + (*p == '.'), (size_t)(lf + 1 - p) - (*p == '.'));
		p = lf + 1;
	}
	keep_message(c, "msg", str_cstr(&msg), msg.len);
	str_shift(&c->in, (size_t)(end - c->in.s));
	str_free(&msg);
	if (c->log)
		fprintf(c->log, "C: (message)\n");
}

void
conn_read_counted(struct conn *c, size_t n)
{
	while (c->in.len < n)
		if (conn_fill(c, clock_mono() + c->patience) <= 0)
			conn_fail(c, "the counted bytes break off", NULL);
	c->messages++;
	keep_message(c, "wire", str_cstr(&c->in), n);
	keep_message(c, "msg", str_cstr(&c->in), n);
	str_shift(&c->in, n);
}

void
conn_unread(struct conn *c, const char *line)
{
	struct str rest = c->in;

	c->in = (struct str){0};
	str_addf(&c->in, "%s\r\n", line);
	str_add(&c->in, str_cstr(&rest), rest.len);
	str_free(&rest);
}

static void
log_client(struct conn *c)
{
	unsigned n = 0;
	const gnutls_datum_t *chain = gnutls_certificate_get_peers(c->tls, &n);
	gnutls_x509_crt_t crt;
	char name[256] = "-";
	size_t len = sizeof name;

	if (n && !gnutls_x509_crt_init(&crt)) {
		if (gnutls_x509_crt_import(crt, chain, GNUTLS_X509_FMT_DER) ||
		    gnutls_x509_crt_get_dn(crt, name, &len))
			snprintf(name, sizeof name, "?");
		gnutls_x509_crt_deinit(crt);
	}
	fprintf(c->log, "CLIENT %s\n", name);
}

static void
log_tls(struct conn *c)
{
	char name[256] = "";
	size_t n = sizeof name;
	unsigned type;

	if (!c->log)
		return;
	if (gnutls_server_name_get(c->tls, name, &n, &type, 0))
		snprintf(name, sizeof name, "-");
	if (c->ask_certificate)
		log_client(c);
	fprintf(c->log, "TLS %s %s%s\n", gnutls_protocol_get_name(gnutls_protocol_get_version(c->tls)), name,
	    gnutls_session_is_resumed(c->tls) ? " resumed" : "");
}

void
conn_starttls(struct conn *c, const char *how)
{
	static const char garbage[] = "this is no TLS server\r\n";
	int rc;

	if (c->in.len)
		conn_fail(c, "bytes came in behind STARTTLS", NULL);
	if (!strcmp(how, "broken")) {
		char first;

		/* Behind the ClientHello, or it would be what T97 forbids: more behind the 220. */
		if (recv(c->fd, &first, 1, MSG_PEEK) != 1)
			conn_fail(c, "no ClientHello", NULL);
		conn_write(c, garbage, sizeof garbage - 1);
		return;
	}
	c->tls = fake_tls(c->cred,
	    strcmp(how, "alert") ? (*how ? how : NULL)
				 : "NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+ARCFOUR-128",
	    c->fd, 0);
	if (c->ticket_key.data && gnutls_session_ticket_enable_server(c->tls, &c->ticket_key))
		conn_fail(c, "no tickets", NULL);
	if (c->ask_certificate)
		gnutls_certificate_server_set_request(c->tls, GNUTLS_CERT_REQUEST);
	while ((rc = gnutls_handshake(c->tls)) < 0 && !gnutls_error_is_fatal(rc))
		;
	if (rc < 0 && !strcmp(how, "alert"))
		gnutls_alert_send_appropriate(c->tls, rc);
	if (rc < 0 && strcmp(how, "alert"))
		conn_fail(c, "the handshake fails", gnutls_strerror(rc));
	if (rc < 0) {
		gnutls_deinit(c->tls);
		c->tls = NULL;
	} else {
		log_tls(c);
	}
}

void
conn_tickets(struct conn *c, const char *key)
{
	static unsigned char bytes[64];

	memset(bytes, *key, sizeof bytes);
	c->ticket_key = (gnutls_datum_t){bytes, sizeof bytes};
}

long
conn_hello_size(struct conn *c)
{
	unsigned char head[5];

	if (recv(c->fd, head, sizeof head, MSG_PEEK | MSG_WAITALL) != sizeof head || head[0] != 22)
		conn_fail(c, "no ClientHello", NULL);
	if (c->log)
		fprintf(c->log, "HELLO %d\n", head[3] << 8 | head[4]);
	return head[3] << 8 | head[4];
}

void
conn_close(struct conn *c)
{
	shutdown(c->fd, SHUT_WR);
	gnutls_deinit(c->tls);
	c->tls = NULL;
	while (conn_fill(c, clock_mono() + c->patience) > 0)
		;
	close(c->fd);
	exit(0);
}

void
conn_reset(struct conn *c)
{
	struct linger now = {.l_onoff = 1};

	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	close(c->fd);
	exit(0);
}
